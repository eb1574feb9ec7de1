// Orders that exist: fills, cancels, changes, settlement, reports, events.
#include <doctest/doctest.h>

#include <functional>
#include <utility>

#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

constexpr auto kCancelled = BrokerReport::Kind::kCancelled;

}  // namespace

TEST_CASE("an execution counts once however often it is reported (I17, I18)") {
  Desk desk;
  const Order order = desk.place_one();
  for (int i = 0; i < 3; ++i) desk.trade(order, "E1", 40, 10);
  desk.trade(order, "E2", 60, 9);
  const Order filled = desk.at(order.id);
  CHECK(filled.status == OrderStatus::kFilled);
  CHECK(filled.fill_qty == Quantity::from_int(100));
  CHECK(filled.fill_price() == Price::from_string("9.4"));
  CHECK(desk.oms->executions(order.id).size() == 2);
  CHECK(desk.event_words(order.id) ==
        Words{"order.placed", "order.acked", "order.partially_filled", "order.filled"});
}

TEST_CASE("busts and corrections take back, replace and reopen, in any order (row 43)") {
  Desk desk;
  const Order order = desk.place_one();
  BrokerReport bust = desk.broker->trade(order.client_order_id, "B1", Quantity(), Price());
  bust.execution.kind = ExecutionKind::kBust;
  bust.execution.ref_execution_id = "E1";
  SUBCASE("bust after the trade") {
    desk.trade(order, "E1", 100, 10);
    CHECK(desk.at(order.id).status == OrderStatus::kFilled);
    desk.oms->apply(bust);
  }
  SUBCASE("bust before the trade") {
    desk.oms->apply(bust);
    desk.trade(order, "E1", 100, 10);
  }
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  CHECK(desk.at(order.id).fill_qty.is_zero());
  CHECK(desk.at(order.id).busted);
  desk.trade(order, "E2", 100, 11);
  CHECK(desk.at(order.id).status == OrderStatus::kFilled);
  CHECK(desk.at(order.id).fill_notional == Money::from_int(1100));
  CHECK(desk.oms->executions(order.id).size() == 3);
}

TEST_CASE("a fill after the cancel and more than was ordered are recorded and flagged (rows 41, 42)") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->apply(desk.broker->report(kCancelled, order.client_order_id));
  desk.trade(order, "E1", 30, 10);
  CHECK(desk.at(order.id).status == OrderStatus::kCancelled);
  CHECK(desk.at(order.id).late_fill);
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(30));
  desk.trade(order, "E2", 80, 10);
  CHECK(desk.at(order.id).status == OrderStatus::kFilled);
  CHECK(desk.at(order.id).overfilled);
  CHECK(desk.at(order.id).remaining_qty().is_zero());
}

TEST_CASE("an order not sent yet is cancelled at once, one at the broker when the broker says so") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent};
  const Order waiting = desk.place_one();
  CHECK(desk.oms->cancel(waiting.id).status == OrderStatus::kCancelled);
  CHECK(desk.oms->dispatch().sent == 0);

  const Order working = desk.place_one();
  CHECK(desk.oms->cancel(working.id).status == OrderStatus::kCancelPending);
  CHECK(desk.broker->cancels == 1);
  desk.trade(working, "E1", 40, 10);
  CHECK(desk.at(working.id).status == OrderStatus::kCancelPending);
  desk.oms->apply(desk.broker->report(kCancelled, working.client_order_id));
  CHECK(desk.at(working.id).status == OrderStatus::kCancelled);
  CHECK(desk.at(working.id).fill_qty == Quantity::from_int(40));
  CHECK(code_of([&] { desk.oms->cancel(working.id); }) == ErrorCode::kInvalidState);
}

TEST_CASE("a cancel that the broker refuses gives the order back; one that was lost is asked again") {
  Desk desk;
  const Order order = desk.place_one();
  desk.broker->cancel_answer = SendResult{SendOutcome::kRejected, "", "too late"};
  CHECK(desk.oms->cancel(order.id).status == OrderStatus::kAcked);
  CHECK(desk.at(order.id).reason == "too late");
  desk.broker->cancel_answer = SendResult{SendOutcome::kInDoubt, "", "timeout"};
  CHECK(desk.oms->cancel(order.id).status == OrderStatus::kCancelPending);
  const int before = desk.broker->cancels;
  desk.oms->recover();
  CHECK(desk.broker->cancels == before);  // not again and again
  desk.clock->advance(std::chrono::seconds(6));
  desk.oms->recover();
  CHECK(desk.broker->cancels == before + 1);
  desk.broker->held[order.client_order_id].status = OrderStatus::kCancelled;
  desk.clock->advance(std::chrono::seconds(6));
  desk.oms->recover();
  CHECK(desk.at(order.id).status == OrderStatus::kCancelled);
}

TEST_CASE("an order in doubt cannot be cancelled; the message says what to do") {
  Desk desk;
  desk.broker->fates = {Fate::kLostAfterAccept};
  const Order order = desk.place_one();
  CHECK(code_of([&] { desk.oms->cancel(order.id); }) == ErrorCode::kInvalidState);
}

TEST_CASE("cancelling a batch leaves what has ended as it is") {
  Desk desk;
  const Receipt receipt = desk.oms->place(Desk::batch({Desk::buy(), Desk::buy()}));
  desk.trade(desk.at(receipt.orders[0].id), "E1", 100, 10);
  const auto after = desk.oms->cancel_batch(receipt.batch_id);
  REQUIRE(after.size() == 2);
  CHECK(after[0].status == OrderStatus::kFilled);
  CHECK(after[1].status == OrderStatus::kCancelPending);
}

TEST_CASE("a change is pending until the broker confirms it, under a client order id of its own") {
  Desk desk;
  const Order order = desk.place_one();
  const Order pending = desk.oms->replace(order.id, Quantity::from_int(120), Price::from_int(11));
  CHECK(pending.status == OrderStatus::kReplacePending);
  CHECK(pending.qty == Quantity::from_int(100));
  REQUIRE(desk.broker->replaces.size() == 1);
  CHECK(desk.broker->replaces[0].client_order_id != order.client_order_id);
  CHECK(desk.broker->replaces[0].client_order_id.size() == 20);
  BrokerReport replaced = desk.broker->report(BrokerReport::Kind::kReplaced, order.client_order_id);
  replaced.qty = Quantity::from_int(120);
  replaced.price_limit = Price::from_int(11);
  desk.oms->apply(replaced);
  desk.oms->apply(replaced);
  const Order after = desk.at(order.id);
  CHECK(after.status == OrderStatus::kAcked);
  CHECK(after.qty == Quantity::from_int(120));
  CHECK(after.price_limit == Price::from_int(11));
}

TEST_CASE("a broker may speak of a changed order under a new id: no incident, and what it executes counts") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->replace(order.id, Quantity::from_int(150), std::nullopt);
  BrokerReport replaced = desk.broker->report(BrokerReport::Kind::kReplaced, order.client_order_id);
  replaced.ext_order_id = "X2";
  replaced.qty = Quantity::from_int(150);
  BrokerReport acknowledged = desk.broker->report(BrokerReport::Kind::kAck, order.client_order_id);
  acknowledged.ext_order_id = "X2";
  BrokerReport trade =
      desk.broker->trade(order.client_order_id, "E1", Quantity::from_int(10), Price::from_int(10));
  trade.ext_order_id = "X2";
  acknowledged.client_order_id = desk.broker->replaces.back().client_order_id;
  SUBCASE("and under our id of the order") {}
  SUBCASE("and under our id of the change") {
    for (BrokerReport* report : {&replaced, &trade}) report->client_order_id = acknowledged.client_order_id;
  }
  for (const BrokerReport& report : {replaced, acknowledged, trade}) desk.oms->apply(report);
  const Order after = desk.at(order.id);
  CHECK_FALSE(after.incident);
  CHECK(after.qty == Quantity::from_int(150));
  CHECK(after.fill_qty == Quantity::from_int(10));
  CHECK(after.ext_order_id == order.ext_order_id);
  CHECK(desk.oms->health().halts.empty());
  CHECK(desk.oms->audit({}).findings_total == 0);
}

TEST_CASE(
    "a changed order that is acknowledged under our id of the order and a second of the broker's (row 37)") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->replace(order.id, Quantity::from_int(150), std::nullopt);
  BrokerReport second = desk.broker->report(BrokerReport::Kind::kAck, order.client_order_id);
  second.ext_order_id = "X2";
  desk.oms->apply(second);
  CHECK(desk.at(order.id).incident);
  CHECK(desk.oms->health().halts.size() == 1);
}

TEST_CASE("a change is validated like a new order and its margin is reserved at once") {
  Desk desk;
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1200)});
  const Order order = desk.place_one();
  CHECK(code_of([&] { desk.oms->replace(order.id, Quantity::from_int(130), {}); }) ==
        ErrorCode::kValidationFailed);
  CHECK(code_of([&] { desk.oms->replace(order.id, Quantity(), {}); }) == ErrorCode::kInvalidState);
  CHECK(code_of([&] { desk.oms->replace(order.id, {}, {}); }) == ErrorCode::kInvalidArgument);
  desk.oms->replace(order.id, Quantity::from_int(120), {});
  CHECK(desk.store->usage_of(1).margin_reserved == Money::from_int(1200));
  CHECK(desk.at(order.id).margin_reserved == Money::from_int(1200));
}

TEST_CASE("what executes after the end of an order reserves no margin again") {
  Desk desk;
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1000)});
  const Order order = desk.place_one();
  desk.trade(order, "E1", 40, 10);
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kCancelled, order.client_order_id));
  CHECK(desk.at(order.id).margin_reserved == Money::from_int(400));
  desk.trade(order, "E2", 60, 10);
  CHECK(desk.at(order.id).status == OrderStatus::kFilled);
  CHECK(desk.at(order.id).margin_reserved == Money::from_int(400));
  CHECK(desk.store->usage_of(1).margin_reserved == Money::from_int(400));
}

TEST_CASE("a refused change leaves the order as it was") {
  Desk desk;
  const Order order = desk.place_one();
  desk.broker->replace_answer = SendResult{SendOutcome::kRejected, "", "not now"};
  const Order after = desk.oms->replace(order.id, {}, Price::from_int(12));
  CHECK(after.status == OrderStatus::kAcked);
  CHECK(after.price_limit == Price::from_int(10));
  CHECK(desk.event_words(order.id) ==
        Words{"order.placed", "order.acked", "order.replace_pending", "order.replace_refused"});
}

TEST_CASE(
    "a change whose request was lost is asked for again, and known to be made when the broker shows it") {
  Desk desk;
  const Order order = desk.place_one();
  desk.broker->replace_answer = SendResult{SendOutcome::kInDoubt, "", "timeout"};
  CHECK(desk.oms->replace(order.id, Quantity::from_int(80), {}).status == OrderStatus::kReplacePending);
  desk.clock->advance(std::chrono::seconds(6));
  desk.oms->recover();
  REQUIRE(desk.broker->replaces.size() == 2);
  CHECK(desk.broker->replaces[0].client_order_id == desk.broker->replaces[1].client_order_id);
  desk.broker->held[order.client_order_id].qty = Quantity::from_int(80);
  desk.clock->advance(std::chrono::seconds(6));
  desk.oms->recover();
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  CHECK(desk.at(order.id).qty == Quantity::from_int(80));
}

TEST_CASE("simulating a fill at a broker that is no mock is refused") {
  Desk desk;
  const Order order = desk.place_one();
  CHECK(code_of([&] { desk.oms->simulate_fill(order.id, Price::from_int(10), Quantity::from_int(1)); }) ==
        ErrorCode::kNotSimulated);
}

TEST_CASE("a batch's status and events follow its orders") {
  Desk desk;
  const Receipt receipt = desk.oms->place(Desk::batch({Desk::buy(), Desk::buy(), Desk::buy()}));
  const auto status = [&] { return desk.oms->get_batch(receipt.batch_id).status; };
  const auto order = [&](std::size_t leg) { return desk.at(receipt.orders[leg].id); };
  CHECK(status() == BatchStatus::kProcessing);
  desk.trade(order(0), "E1", 100, 10);
  desk.trade(order(1), "E2", 40, 10);
  desk.oms->apply(desk.broker->report(kCancelled, order(1).client_order_id));
  CHECK(status() == BatchStatus::kProcessing);
  desk.oms->apply(desk.broker->report(kCancelled, order(2).client_order_id));
  CHECK(status() == BatchStatus::kPartiallyCompleted);
  const OrderBatch batch = desk.oms->get_batch(receipt.batch_id);
  CHECK(batch.filled_orders == 1);
  CHECK(batch.executed_orders == 1);
  CHECK(batch.cancelled_orders == 1);
  CHECK(batch.open_orders == 0);
  desk.trade(order(1), "E3", 60, 10);
  desk.trade(order(2), "E4", 100, 10);
  CHECK(status() == BatchStatus::kCompleted);
  Words words;
  for (const Event& event : desk.oms->events({.batch_id = receipt.batch_id})) {
    if (event.order_id == 0) words.emplace_back(to_string(event.type));
  }
  CHECK(words == Words{"batch.placed", "batch.partially_completed", "batch.completed"});
}

TEST_CASE("a batch waits as pending until something of it is sent") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent};
  const Receipt receipt = desk.oms->place(Desk::batch({Desk::buy()}));
  CHECK(desk.oms->get_batch(receipt.batch_id).status == BatchStatus::kPending);
  CHECK(desk.oms->batches({.status = BatchStatus::kPending}).size() == 1);
  desk.oms->dispatch();
  CHECK(desk.oms->get_batch(receipt.batch_id).status == BatchStatus::kProcessing);
}

TEST_CASE("executions settle on their broker's calendar and only once") {
  Desk desk;
  const Order order = desk.place_one();
  desk.trade(order, "E1", 100, 10);
  const Date traded = std::chrono::floor<std::chrono::days>(*desk.at(order.id).executed_at);
  CHECK(desk.oms->settle(traded).settled.empty());
  CHECK(desk.oms->settle(traded).not_due == 1);
  CHECK(desk.oms->settle(traded + std::chrono::days(7)).settled == std::vector<OrderId>{order.id});
  CHECK(desk.at(order.id).status == OrderStatus::kSettled);
  CHECK(desk.oms->settle(traded + std::chrono::days(7)).settled.empty());
  CHECK(desk.store->usage_of(1).margin_reserved.is_zero());
}

TEST_CASE("an order that is reopened while others settle keeps none of them from it") {
  struct HookedClock final : FakeClock {
    [[nodiscard]] Timestamp now() const override {
      if (hook) std::exchange(hook, nullptr)();
      return FakeClock::now();
    }
    mutable std::function<void()> hook;
  };
  auto own_clock = std::make_unique<HookedClock>();
  const HookedClock& clock = *own_clock;
  auto own_broker = std::make_unique<ScriptedBroker>(BrokerClass::kEnforced);
  const ScriptedBroker& broker = *own_broker;
  Parts parts;
  parts.store = make_memory_store();
  parts.store->put_broker({.broker_name = "scripted"});
  parts.clock = std::move(own_clock);
  parts.brokers.push_back(std::move(own_broker));
  Orchestrator oms({}, std::move(parts));
  const Receipt receipt = oms.place(Desk::batch({Desk::buy(), Desk::buy()}));
  const std::string& reopened = receipt.orders[0].client_order_id;
  for (const Receipt::Leg& leg : receipt.orders) {
    oms.apply(broker.trade(leg.client_order_id, "E" + std::to_string(leg.id), Quantity::from_int(100),
                           Price::from_int(10)));
  }
  BrokerReport bust = broker.trade(reopened, "B1", Quantity(), Price());
  bust.execution.kind = ExecutionKind::kBust;
  bust.execution.ref_execution_id = "E" + std::to_string(receipt.orders[0].id);
  clock.hook = [&] { oms.apply(bust); };
  const SettleResult result = oms.settle(Date{std::chrono::days(30'000)});
  CHECK(result.settled == std::vector{receipt.orders[1].id});
  CHECK(oms.get_order(receipt.orders[0].id).status == OrderStatus::kAcked);
}

TEST_CASE("the specification's example reconciles to its exact figures") {
  Desk desk;
  OrderRequest sell = Desk::buy(50, 2600, 2);
  sell.side = Side::kSell;
  const Receipt receipt = desk.oms->place(Desk::batch({Desk::buy(100, 2500), sell}));
  desk.trade(desk.at(receipt.orders[0].id), "E1", 100, 2500);
  desk.trade(desk.at(receipt.orders[1].id), "E2", 50, 2600);
  const BatchReport report = desk.oms->reconcile(receipt.batch_id);
  CHECK(report.total_orders == 2);
  CHECK(report.filled_orders == 2);
  CHECK(report.total_qty == Quantity::from_int(150));
  CHECK(report.filled_qty == Quantity::from_int(150));
  CHECK(report.total_value == Money::from_int(380000));
  CHECK(report.filled_value == Money::from_int(380000));
  CHECK(report.expected_pnl == Money::from_int(5000));
  CHECK(report.actual_pnl == Money::from_int(5000));
}

TEST_CASE("events reach the publisher in order and are freed by delivery only (I14, I15)") {
  std::vector<std::string> seen;
  int failures = 1;
  auto publisher = make_callback_publisher([&](const Event& event) {
    if (event.type == EventType::kOrderAcked && failures-- > 0) throw std::runtime_error("down");
    seen.push_back(to_cloud_event(event, "/test"));
  });
  Desk desk(BrokerClass::kEnforced, {}, std::move(publisher));
  desk.place_one();
  desk.oms->publish();
  CHECK(seen.size() == 2);
  CHECK(desk.oms->health().outbox.rows == 1);
  desk.oms->publish();
  CHECK(seen.size() == 3);
  CHECK(desk.oms->health().outbox.rows == 0);
  CHECK(desk.oms->publish().published == 0);
  std::vector<std::string> log;
  for (const Event& event : desk.oms->events({})) log.push_back(to_cloud_event(event, "/test"));
  CHECK(seen == log);
}

TEST_CASE("in background mode the threads send, listen and recover what an earlier process left") {
  Desk desk(BrokerClass::kEnforced,
            {.mode = Mode::kBackground, .poll_interval = std::chrono::milliseconds(1)});
  desk.broker->fates = {Fate::kLostAfterAccept};
  const Receipt receipt = desk.oms->place(Desk::batch({Desk::buy(), Desk::buy()}));
  CHECK(desk.oms->wait(receipt.batch_id, std::chrono::hours(1)));
  for (const Receipt::Leg& leg : receipt.orders) CHECK(desk.at(leg.id).status == OrderStatus::kAcked);
}

TEST_CASE("the events of one order are found behind pages that hold only those of others") {
  Desk desk;
  const Receipt receipt = desk.oms->place(Desk::batch({Desk::buy(), Desk::buy(), Desk::buy()}));
  for (int i = 0; i < 3; ++i) {
    for (const std::size_t leg : {0U, 1U}) {  // one page of news: one row that holds events of both
      desk.broker->news.push_back(desk.broker->trade(receipt.orders[leg].client_order_id,
                                                     "E" + std::to_string(i) + std::to_string(leg),
                                                     Quantity::from_int(1), Price::from_int(10)));
    }
    desk.oms->poll();
  }
  desk.trade(desk.at(receipt.orders[2].id), "L", 1, 10);
  const auto events = desk.oms->events({.order_id = receipt.orders[2].id, .after_id = 2, .limit = 1});
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == EventType::kOrderPartiallyFilled);
}

TEST_CASE("a report that cannot be booked waits for a person, and those behind it are applied") {
  Desk desk;
  const Order order = desk.place_one(Desk::buy(100, 1));
  const Quantity huge = Quantity::from_string("9000000000");
  const Price dear = Price::from_string("9000000000");
  for (const char* id : {"H1", "H2", "H3"}) {
    desk.broker->news.push_back(desk.broker->trade(order.client_order_id, id, huge, dear));
  }
  BrokerReport nameless =
      desk.broker->trade(order.client_order_id, "", Quantity::from_int(1), Price::from_int(1));
  desk.broker->news.push_back(nameless);
  const Order second = desk.place_one();
  desk.broker->news.push_back(
      desk.broker->trade(second.client_order_id, "E1", Quantity::from_int(5), Price::from_int(10)));
  desk.oms->step();
  CHECK(desk.at(second.id).fill_qty == Quantity::from_int(5));
  CHECK_FALSE(desk.store->inbox("scripted").empty());
  desk.oms->step();
  CHECK(desk.at(second.id).fill_qty == Quantity::from_int(5));
}

TEST_CASE("an execution under another account or already booked to another order is refused") {
  Desk desk;
  const Order first = desk.place_one();
  const Order second = desk.place_one();
  desk.trade(first, "E1", 5, 10);
  CHECK(code_of([&] { desk.trade(second, "E1", 5, 10); }) == ErrorCode::kInvalidArgument);
  BrokerReport other =
      desk.broker->trade(first.client_order_id, "E2", Quantity::from_int(5), Price::from_int(10));
  other.account = "B7";
  CHECK(code_of([&] { desk.oms->apply(other); }) == ErrorCode::kInvalidArgument);
  other.account.clear();
  desk.oms->apply(other);
  CHECK(desk.at(first.id).fill_qty == Quantity::from_int(10));
}

TEST_CASE("a batch whose quantities do not add up to a figure is refused") {
  Desk desk;
  OrderRequest huge = Desk::buy(1, 1);
  huge.qty = Quantity::from_string("9000000000");
  CHECK(code_of([&] { desk.oms->place(Desk::batch({huge, huge})); }) == ErrorCode::kValidationFailed);
}

TEST_CASE(
    "a cancel answers with the order as it is stored, so that a later write compares against it (I24)") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent};
  const Order waiting = desk.place_one();
  REQUIRE(waiting.status == OrderStatus::kPlaced);
  const Order cancelled = desk.oms->cancel(waiting.id);
  CHECK(cancelled.version == desk.at(waiting.id).version);
}

TEST_CASE("a broker that cannot be asked is told again of a cancel that was lost (I31)") {
  Desk desk(BrokerClass::kNone);
  const Order order = desk.place_one();
  desk.broker->cancel_answer = SendResult{SendOutcome::kInDoubt, "", "timeout"};
  desk.oms->cancel(order.id);
  REQUIRE(desk.broker->cancels == 1);
  desk.oms->step();
  CHECK(desk.broker->cancels == 1);
  desk.clock->advance(std::chrono::seconds(5));
  desk.oms->step();
  CHECK(desk.broker->cancels == 2);
}
