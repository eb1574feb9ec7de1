// Sending again: what was true when recovery looked need not be when the request leaves, and a refusal need
// not be about the attempt that has no answer.
#include <doctest/doctest.h>

#include "support/desk.hpp"
#include "support/moving_store.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

void pause_and_recover(Desk& desk) {
  desk.clock->advance(std::chrono::minutes(2));
  desk.oms->recover();
}

}  // namespace

TEST_CASE("what is parked while recovery asks about it is not sent again (I1)") {
  Desk desk;
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  pause_and_recover(desk);
  REQUIRE(desk.broker->sends[order.client_order_id] == 2);
  desk.broker->during_look_up = [&] {
    desk.oms->apply(desk.broker->report(BrokerReport::Kind::kReject, order.client_order_id));
  };
  pause_and_recover(desk);
  CHECK(desk.at(order.id).parked);
  CHECK(desk.broker->sends[order.client_order_id] == 2);
}

TEST_CASE("nothing is sent again when the broker's window ends after recovery looked (I1)") {
  auto own_store = std::make_unique<MovingStore>(make_memory_store());
  MovingStore* store = own_store.get();
  Desk desk(BrokerClass::kWindowed, {}, nullptr, std::move(own_store));
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  // The machine is suspended for a day: what counts since its start stands still, and so do leases.
  store->before_claim = [&] {
    desk.broker->take(order);  // the first attempt arrives after all
    desk.clock->set(desk.clock->now() + std::chrono::hours(24));
  };
  desk.clock->advance(std::chrono::minutes(2));
  const RecoveryReport report = desk.oms->recover();
  CHECK(desk.broker->sends[order.client_order_id] == 1);
  CHECK(report.resent == 0);
  CHECK(report.waiting == 1);
  pause_and_recover(desk);
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  CHECK(desk.broker->accepts[order.client_order_id] == 1);
}

TEST_CASE("a refused order in the broker's list ends no order that was sent again since (I5)") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  pause_and_recover(desk);
  REQUIRE(desk.at(order.id).parked);
  desk.broker->take(order);
  BrokerOrder& listed = desk.broker->held.at(order.client_order_id);
  listed.status = OrderStatus::kRejected;  // what became of the first attempt
  desk.oms->resolve(order.id,
                    {.kind = Resolution::Kind::kNotPlaced, .by = "asha", .reason = "refused, try again"});
  pause_and_recover(desk);
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
  CHECK(desk.at(order.id).parked);
  listed.status = OrderStatus::kAcked;  // the second arrives
  pause_and_recover(desk);
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
}

TEST_CASE("a refusal told late, of another attempt, ends no order that the broker has (I5)") {
  Desk desk;
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kReject};
  const Order order = desk.place_one();
  pause_and_recover(desk);
  REQUIRE(desk.at(order.id).parked);
  desk.broker->take(order);  // the first attempt arrives after all
  pause_and_recover(desk);
  REQUIRE(desk.at(order.id).status == OrderStatus::kAcked);
  BrokerReport refusal = desk.broker->report(BrokerReport::Kind::kReject, order.client_order_id);
  const std::string id = std::exchange(refusal.ext_order_id, "");
  desk.oms->apply(refusal);
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  refusal.ext_order_id = id;  // the exchange's word about the one that the broker has
  desk.oms->apply(refusal);
  CHECK(desk.at(order.id).status == OrderStatus::kRejected);
}

TEST_CASE("a look-up that began inside the quiet period is no evidence, however late its answer") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  desk.broker->during_look_up = [&] { desk.clock->advance(std::chrono::minutes(2)); };
  CHECK(desk.oms->recover().waiting == 1);
  CHECK_FALSE(desk.at(order.id).parked);
}

TEST_CASE("the quiet period begins when the answer fails to come, however long the broker's call took") {
  for (const BrokerClass broker_class : {BrokerClass::kEnforced, BrokerClass::kTagEcho}) {
    Desk desk(broker_class);
    desk.broker->fates = {Fate::kLostBeforeAccept};
    desk.broker->during_place = [&](const Order&) { desk.clock->advance(std::chrono::seconds(10)); };
    const Order order = desk.place_one();
    CHECK(order.status == OrderStatus::kUnknown);
    CHECK(desk.oms->recover().waiting == 1);
    CHECK_FALSE(desk.at(order.id).parked);
    CHECK(desk.broker->sends[order.client_order_id] == 1);
    desk.clock->advance(std::chrono::seconds(6));
    const bool enforced = broker_class == BrokerClass::kEnforced;
    const RecoveryReport report = desk.oms->recover();
    CHECK(report.resent == (enforced ? 1U : 0U));
    CHECK(report.parked == (enforced ? 0U : 1U));
  }
}

TEST_CASE("what was found about one attempt parks no order that was sent again since (I1)") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kLostBeforeAccept, Fate::kAccept};
  const Order order = desk.place_one();
  const Resolution again{.kind = Resolution::Kind::kNotPlaced, .by = "asha", .reason = "not in the list"};
  desk.clock->advance(std::chrono::minutes(2));
  desk.broker->during_look_up = [&] {
    desk.oms->recover();  // another process parks it, and a person sends it again: no answer
    desk.oms->resolve(order.id, again);
  };
  desk.oms->recover();
  CHECK_FALSE(desk.at(order.id).parked);
  CHECK(code_of([&] { desk.oms->resolve(order.id, again); }) == ErrorCode::kInvalidState);
  CHECK(desk.broker->sends[order.client_order_id] == 2);
}

namespace {

// Sent twice, and the broker works on the second, under an id of its own.
Order sent_twice(Desk& desk) {
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kAccept};
  const Order order = desk.place_one();
  pause_and_recover(desk);
  REQUIRE(desk.at(order.id).status == OrderStatus::kAcked);
  return desk.at(order.id);
}

}  // namespace

TEST_CASE("the end of another attempt ends no order that the broker works on (I5)") {
  for (const auto kind :
       {BrokerReport::Kind::kReject, BrokerReport::Kind::kCancelled, BrokerReport::Kind::kExpired}) {
    Desk desk;
    const Order order = sent_twice(desk);
    BrokerReport ending = desk.broker->report(kind, order.client_order_id);
    const std::string id = std::exchange(ending.ext_order_id, "attempt-1");
    desk.oms->apply(ending);
    CHECK(desk.at(order.id).status == OrderStatus::kAcked);
    ending.ext_order_id = id;
    desk.oms->apply(ending);
    CHECK(is_terminal(desk.at(order.id).status));
  }
}

TEST_CASE("the refused row of another attempt does not answer for a cancel (I5)") {
  Desk desk;
  const Order order = sent_twice(desk);
  BrokerOrder& listed = desk.broker->held.at(order.client_order_id);
  listed.status = OrderStatus::kRejected;
  listed.ext_order_id = "attempt-1";
  desk.broker->cancel_answer = SendResult{SendOutcome::kInDoubt, "", "timeout"};
  desk.oms->cancel(order.id);
  pause_and_recover(desk);
  CHECK(desk.at(order.id).status == OrderStatus::kCancelPending);
}

TEST_CASE("a refusal under an id ends the order whose acknowledgement brought none") {
  Desk desk;
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  pause_and_recover(desk);
  desk.broker->take(order);
  BrokerReport ack = desk.broker->report(BrokerReport::Kind::kAck, order.client_order_id);
  ack.ext_order_id.clear();
  desk.oms->apply(ack);
  REQUIRE(desk.at(order.id).status == OrderStatus::kAcked);
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kReject, order.client_order_id));
  CHECK(desk.at(order.id).status == OrderStatus::kRejected);
}

TEST_CASE("a refusal without an id, of an order that was sent twice, is looked up in the broker's book") {
  Desk desk;
  const Order order = sent_twice(desk);
  BrokerReport refusal = desk.broker->report(BrokerReport::Kind::kReject, order.client_order_id);
  refusal.ext_order_id.clear();
  desk.broker->held.at(order.client_order_id).status = OrderStatus::kRejected;
  desk.oms->apply(refusal);
  desk.oms->step();
  CHECK(desk.at(order.id).status == OrderStatus::kRejected);
}

TEST_CASE("a refusal told while the order is being sent again does not park what is on its way (I1)") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  pause_and_recover(desk);
  REQUIRE(desk.at(order.id).parked);
  const Resolution again{.kind = Resolution::Kind::kNotPlaced, .by = "asha", .reason = "not in the list"};
  desk.broker->during_place = [&](const Order&) {
    BrokerReport refusal;
    refusal.kind = BrokerReport::Kind::kReject;
    refusal.broker = order.broker;
    refusal.client_order_id = order.client_order_id;
    refusal.at = desk.clock->now();
    desk.oms->apply(refusal);  // of the first attempt
  };
  desk.oms->resolve(order.id, again);
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
  CHECK_FALSE(desk.at(order.id).parked);
  CHECK(code_of([&] { desk.oms->resolve(order.id, again); }) == ErrorCode::kInvalidState);
}
