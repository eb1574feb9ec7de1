// Brokers that admit one sender: of several processes on one store one at a time calls them.
#include <doctest/doctest.h>

#include <functional>

#include "support/desk.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

const std::string kRole = "send/scripted";

// One of several processes on `book`.
struct Process {
  explicit Process(const std::shared_ptr<Store>& book) : own(std::make_unique<MovingStore>(book)) {
    desk.broker->settings().one_sender = true;
  }
  void others_hold(bool hold) {
    if (hold) store->held_by_others.insert(kRole);
    if (!hold) store->held_by_others.clear();
  }

  std::unique_ptr<MovingStore> own;
  MovingStore* store = own.get();
  Desk desk{BrokerClass::kEnforced, {}, nullptr, std::move(own)};
};

}  // namespace

TEST_CASE("an order for a broker of one sender waits for the process that is it") {
  const std::shared_ptr<Store> book = make_memory_store();
  Process holder(book);
  Process other(book);
  other.others_hold(true);
  const Order order = other.desk.place_one();
  CHECK(order.status == OrderStatus::kPlaced);
  CHECK(order.attempt == 0);
  other.desk.oms->step();
  CHECK(other.desk.at(order.id).status == OrderStatus::kPlaced);
  CHECK(other.desk.broker->sends.empty());
  holder.desk.oms->step();
  CHECK(holder.desk.at(order.id).status == OrderStatus::kAcked);
  CHECK(holder.desk.broker->sends.at(order.client_order_id) == 1);
}

TEST_CASE("when the one sender's lease is over another takes over and no order is sent twice") {
  const std::shared_ptr<Store> book = make_memory_store();
  Process first(book);
  Process second(book);
  second.others_hold(true);
  const Order sent = first.desk.place_one();
  REQUIRE(sent.status == OrderStatus::kAcked);
  first.desk.clock->advance(std::chrono::seconds(31));
  second.desk.clock->advance(std::chrono::seconds(31));
  first.others_hold(true);
  second.others_hold(false);
  const Order late = first.desk.place_one();
  CHECK(late.status == OrderStatus::kPlaced);
  second.desk.oms->step();
  first.desk.oms->step();
  CHECK(second.desk.at(late.id).status == OrderStatus::kAcked);
  CHECK(second.desk.broker->sends == std::map<std::string, int>{{late.client_order_id, 1}});
  CHECK(first.desk.broker->sends == std::map<std::string, int>{{sent.client_order_id, 1}});
}

TEST_CASE("a sender that lost its lease after the claim gives the order back unsent") {
  Process process(make_memory_store());
  process.store->before_accept = [&] {
    process.others_hold(true);
    process.desk.clock->advance(std::chrono::seconds(16));
  };
  const Order order = process.desk.place_one();
  CHECK(order.status == OrderStatus::kPlaced);
  CHECK(order.attempt == 1);
  CHECK(process.desk.broker->sends.empty());
}

TEST_CASE("the right to send that comes too late for a call is not used") {
  Process process(make_memory_store());
  std::function<void()> late = [&] {
    process.desk.clock->advance(std::chrono::seconds(16));
    process.store->during_claim_role = late;
  };
  process.store->during_claim_role = late;
  const Order order = process.desk.place_one();
  CHECK(order.attempt == 0);
  CHECK(process.desk.broker->sends.empty());
  process.store->during_claim_role = nullptr;
  process.desk.oms->step();
  CHECK(process.desk.at(order.id).status == OrderStatus::kAcked);
}

TEST_CASE("a process that is not the sender asks for the right once in a poll interval") {
  Process process(make_memory_store());
  process.others_hold(true);
  for (int i = 0; i < 3; ++i) process.desk.place_one();
  process.desk.oms->step();
  CHECK(process.store->roles_asked == 1);
  process.desk.clock->advance(std::chrono::milliseconds(200));
  process.desk.oms->step();
  CHECK(process.store->roles_asked == 2);
}

TEST_CASE("a process that becomes the sender asks at once about what waited for it") {
  const std::shared_ptr<Store> book = make_memory_store();
  Process first(book);
  Process second(book);
  second.others_hold(true);
  first.desk.broker->fates = {Fate::kLostAfterAccept};
  const Order doubtful = first.desk.place_one();
  const Order acked = first.desk.place_one();
  CHECK(second.desk.oms->cancel(acked.id).status == OrderStatus::kCancelPending);
  second.desk.oms->step();
  REQUIRE(second.desk.at(doubtful.id).status == OrderStatus::kUnknown);
  second.desk.broker->held = first.desk.broker->held;
  second.others_hold(false);
  second.desk.clock->advance(std::chrono::milliseconds(200));
  second.desk.oms->step();
  CHECK(second.desk.at(doubtful.id).status == OrderStatus::kAcked);
  CHECK(second.desk.broker->cancels == 1);
}

TEST_CASE("an audit of the broker's book names who its one sender is") {
  Process process(make_memory_store());
  process.desk.place_one();
  CHECK(process.desk.oms->audit({.brokers = true}).findings.empty());
  process.others_hold(true);
  process.desk.clock->advance(std::chrono::seconds(31));
  const AuditReport report = process.desk.oms->audit({.brokers = true});
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings.front().check == "broker.elsewhere");
  CHECK(report.findings.front().detail.find("another process is (that of meera)") != std::string::npos);
  CHECK(process.desk.broker->books == 1);
}

TEST_CASE("cancels and news of a broker of one sender are left to the process that is it") {
  const std::shared_ptr<Store> book = make_memory_store();
  Process holder(book);
  Process other(book);
  other.others_hold(true);
  const Order order = holder.desk.place_one();
  other.desk.broker->news.push_back(
      other.desk.broker->trade(order.client_order_id, "e1", Quantity::from_int(10), Price::from_int(10)));
  CHECK(other.desk.oms->cancel(order.id).status == OrderStatus::kCancelPending);
  other.desk.oms->step();
  CHECK(other.desk.broker->cancels == 0);
  CHECK(other.desk.broker->look_ups == 0);
  CHECK(other.desk.at(order.id).fill_qty.is_zero());
  CHECK(code_of([&] { static_cast<void>(other.desk.oms->broker_book("scripted")); }) ==
        ErrorCode::kBrokerInactive);
  holder.desk.oms->step();
  CHECK(holder.desk.broker->cancels == 1);
}

TEST_CASE("the one sender whose broker does not answer lets another be it") {
  Process process(make_memory_store());
  REQUIRE(process.desk.place_one().status == OrderStatus::kAcked);
  process.desk.broker->fates = std::deque<Fate>(5, Fate::kLostBeforeAccept);
  for (int i = 0; i < 5; ++i) process.desk.place_one();  // its circuit opens
  const auto asked = process.store->roles_asked;
  process.desk.clock->advance(std::chrono::seconds(16));  // less than half of the lease is left
  process.desk.oms->poll();
  process.desk.clock->advance(std::chrono::seconds(14));  // it is over
  process.desk.oms->poll();
  CHECK(process.store->roles_asked == asked);
  process.desk.clock->advance(std::chrono::seconds(1));
  process.desk.oms->poll();
  CHECK(process.store->roles_asked == asked + 1);
}

TEST_CASE("a broker of many senders asks for no lease") {
  Process process(make_memory_store());
  process.desk.broker->settings().one_sender = false;
  process.others_hold(true);
  const Order order = process.desk.place_one();
  process.desk.oms->cancel(order.id);
  process.desk.oms->step();
  CHECK(process.desk.broker->cancels == 1);
  CHECK(process.store->roles_asked == 0);
}
