// What the engine does for a publisher, made small: hands over again whatever is not delivered, oldest first.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/testing/event_publisher_contract.hpp"

namespace orchestrator::testing {

class Delivery {
 public:
  Delivery(EventPublisher& publisher, std::vector<Event> events)
      : publisher_(publisher), undelivered_(std::move(events)) {}

  void round() {
    taken = publisher_.send(undelivered_);
    most_taken = std::max(most_taken, taken);
    for (const DeliveryReport& report : publisher_.collect(std::chrono::milliseconds(100))) {
      if (report.parked) {
        parked.insert(report);
        continue;
      }
      parked.erase({report.log_id, report.order_id, report.seq, true});
      std::erase_if(undelivered_, [&](const Event& event) {
        return event.order_id == report.order_id && event.seq == report.seq && event.log_id == report.log_id;
      });
    }
  }
  template <class Condition>
  void until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      round();
      REQUIRE_MESSAGE(std::chrono::steady_clock::now() < give_up, "waited for a minute in vain");
    }
  }
  void until_delivered() {
    until([&] { return undelivered_.empty(); });
  }

  [[nodiscard]] std::size_t waiting() const { return undelivered_.size(); }
  std::size_t taken = 0;
  std::size_t most_taken = 0;
  std::set<DeliveryReport> parked;

 private:
  EventPublisher& publisher_;
  std::vector<Event> undelivered_;
};

}  // namespace orchestrator::testing
