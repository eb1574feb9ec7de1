// The contract of EventPublisher as doctest cases: run it against a publisher of your own.
//
//   #include <doctest/doctest.h>
//   #include <orchestrator/testing/event_publisher_contract.hpp>
//
//   TEST_CASE("my publisher keeps the contract") {
//     orchestrator::testing::event_publisher_contract([](const std::string& source) {
//       return orchestrator::testing::PublisherUnderTest{make_my_publisher(source), read_my_place};
//     });
//   }
//
// doctest 2.4 or later is needed, included first. `make` gives a publisher to a new, empty place that can be
// reached; `delivered` reads what is in it: to_cloud_event() of each event, those of a subject in their
// order.
#pragma once

#ifndef DOCTEST_LIBRARY_INCLUDED
#error "include <doctest/doctest.h> before orchestrator/testing/event_publisher_contract.hpp"
#endif

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/event_publisher.hpp"

namespace orchestrator::testing {

struct PublisherUnderTest {
  std::unique_ptr<EventPublisher> publisher;
  std::function<std::vector<std::string>()> delivered;
};
using MakePublisher = std::function<PublisherUnderTest(const std::string& source)>;

inline Event sample_event(std::int64_t log_id, OrderId order_id, std::int32_t seq,
                          std::string data = R"({"qty":100})") {
  Event event;
  event.log_id = log_id;
  event.type = order_id == 0 ? EventType::kBatchPlaced : EventType::kOrderAcked;
  event.order_id = order_id;
  event.batch_id = 1;
  event.seq = seq;
  event.at = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5);
  event.data = std::move(data);
  return event;
}

// Rows of several events, as the engine hands them over: `orders` orders with `events` events each, and the
// batch's own.
inline std::vector<Event> sample_events(int orders, int events) {
  std::vector<Event> made;
  for (std::int32_t seq = 1; seq <= events; ++seq) {
    made.push_back(sample_event(seq, 0, seq));
    for (OrderId order = 1; order <= orders; ++order) made.push_back(sample_event(seq, order, seq));
  }
  return made;
}

inline std::vector<DeliveryReport> reports_on(std::span<const Event> events) {
  std::vector<DeliveryReport> reports;
  for (const Event& event : events) reports.push_back({event.log_id, event.order_id, event.seq});
  std::ranges::sort(reports);
  return reports;
}

// Collects until `count` events are reported on, or nothing more comes.
inline std::vector<DeliveryReport> collect_all(EventPublisher& publisher, std::size_t count) {
  std::vector<DeliveryReport> all;
  while (all.size() < count) {
    const auto reports = publisher.collect(std::chrono::seconds(30));
    if (reports.empty()) break;
    all.insert(all.end(), reports.begin(), reports.end());
  }
  std::ranges::sort(all);
  return all;
}

// The lines about one subject, each at its first appearance: what a consumer that drops what it has seen
// keeps.
inline std::vector<std::string> first_lines(const std::vector<std::string>& delivered, const Event& about) {
  std::vector<std::string> lines;
  std::set<std::string> seen;
  const std::string mark = "\"id\":\"" + about.subject() + "/";
  for (const std::string& line : delivered) {
    if (line.find(mark) != std::string::npos && seen.insert(line).second) lines.push_back(line);
  }
  return lines;
}

// Every subject's events are there, whole, byte for byte and in order.
inline void check_delivered(const std::vector<std::string>& delivered, const std::vector<Event>& events,
                            const std::string& source) {
  std::set<std::string> subjects;
  for (const Event& event : events) {
    if (!subjects.insert(event.subject()).second) continue;
    std::vector<std::string> expected;
    for (const Event& other : events) {
      if (other.subject() == event.subject()) expected.push_back(to_cloud_event(other, source));
    }
    CHECK(first_lines(delivered, event) == expected);
  }
}

inline void event_publisher_contract(const MakePublisher& make) {
  const std::string source = "/contract";
  const auto [publisher, delivered] = make(source);

  SUBCASE("nothing was handed over, so there is nothing to wait for") {
    CHECK(publisher->send({}) == 0);
    CHECK(publisher->collect(std::chrono::hours(1)).empty());
    CHECK(delivered().empty());
  }
  SUBCASE("every event is reported once, when it is delivered, byte for byte") {
    const auto events = sample_events(3, 2);
    CHECK(publisher->send(events) == events.size());
    CHECK(collect_all(*publisher, events.size()) == reports_on(events));
    CHECK(delivered().size() == events.size());
    check_delivered(delivered(), events, source);
    CHECK(publisher->collect(std::chrono::hours(1)).empty());
  }
  SUBCASE("the events of each subject come in their order") {
    const auto events = sample_events(20, 50);
    CHECK(publisher->send(events) == events.size());
    CHECK(collect_all(*publisher, events.size()) == reports_on(events));
    check_delivered(delivered(), events, source);
  }
  SUBCASE("events that are handed over again, before or after their report, come again at most") {
    const auto events = sample_events(5, 4);
    CHECK(publisher->send(std::span(events).first(7)) == 7);
    CHECK(publisher->send(events) == events.size());
    CHECK_FALSE(collect_all(*publisher, events.size()).empty());
    CHECK(publisher->send(events) == events.size());
    const auto reports = collect_all(*publisher, events.size());
    for (const DeliveryReport& report : reports_on(events)) CHECK(std::ranges::count(reports, report) >= 1);
    check_delivered(delivered(), events, source);
  }
  SUBCASE(
      "an event that comes again with other content is another one, and reported when that is delivered") {
    const std::vector<Event> lost{sample_event(1, 1, 1, "{}"), sample_event(2, 1, 2, R"({"qty":1})"),
                                  sample_event(3, 1, 3, "{}")};
    const std::vector<Event> restored{lost[0], sample_event(2, 1, 2, R"({"qty":2})")};
    CHECK(publisher->send(lost) == lost.size());
    CHECK(publisher->send(restored) == restored.size());
    const auto second = reports_on(restored).back();
    std::vector<DeliveryReport> reports;
    while (std::ranges::count(reports, second) == 0) {
      const auto more = publisher->collect(std::chrono::seconds(30));
      REQUIRE_FALSE(more.empty());
      reports.insert(reports.end(), more.begin(), more.end());
    }
    CHECK(std::ranges::count(delivered(), to_cloud_event(restored[1], source)) == 1);
  }
  SUBCASE("any text arrives as it is") {
    const std::vector<Event> events{
        sample_event(1, 1, 1, R"({"reason":"\"\\\u0000é 漢 😀"})"), sample_event(2, 1, 2, "{}"),
        sample_event(3, 1, 3, "{\"text\":\"" + std::string(100'000, 'x') + "\"}")};
    CHECK(publisher->send(events) == events.size());
    CHECK(collect_all(*publisher, events.size()) == reports_on(events));
    check_delivered(delivered(), events, source);
  }
}

}  // namespace orchestrator::testing
