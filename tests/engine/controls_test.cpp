// What keeps a desk from doing harm: switches, the circuit breaker, incidents, the latch; and
// what brings back news that was lost.
#include <doctest/doctest.h>

#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

std::vector<std::string> trail_words(const Desk& desk) {
  std::vector<std::string> words;
  for (const AuditEntry& entry : desk.oms->audit_trail()) words.push_back(entry.action + " " + entry.subject);
  return words;
}

}  // namespace

// --- switches ---------------------------------------------------------------------------------------

TEST_CASE("cancel-only lets cancels leave, and neither new orders nor changes") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->halt(ControlScope::kPortfolio, "1", "limit breach", HaltMode::kCancelOnly);
  CHECK(code_of([&] { desk.place_one(); }) == ErrorCode::kHalted);
  CHECK(code_of([&] { desk.oms->replace(order.id, Quantity::from_int(5), std::nullopt); }) ==
        ErrorCode::kHalted);
  CHECK(desk.broker->replaces.empty());
  CHECK(desk.oms->cancel(order.id).status == OrderStatus::kCancelPending);
  CHECK(desk.broker->cancels == 1);
}

TEST_CASE(
    "a halt stops cancels as well and says how to let them through; a cancel asked before waits for its "
    "end") {
  Desk desk;
  const Order first = desk.place_one();
  const Order second = desk.place_one();
  desk.oms->cancel(second.id);
  REQUIRE(desk.broker->cancels == 1);
  desk.oms->halt(ControlScope::kBroker, "scripted", "runaway");
  CHECK(code_of([&] { desk.oms->cancel(first.id); }) == ErrorCode::kHalted);
  CHECK(desk.at(first.id).status == OrderStatus::kAcked);
  desk.clock->advance(std::chrono::minutes(1));
  desk.oms->recover();
  CHECK_MESSAGE(desk.broker->cancels == 1, "nothing leaves");
  desk.oms->resume(ControlScope::kBroker, "scripted");
  desk.oms->recover();
  CHECK(desk.broker->cancels == 2);
}

TEST_CASE("an order that was never sent is cancelled under a halt, because nothing leaves for it") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent};
  const Order order = desk.place_one();
  REQUIRE(order.status == OrderStatus::kPlaced);
  desk.oms->halt(ControlScope::kAll, "", "stop");
  CHECK(desk.oms->cancel(order.id).status == OrderStatus::kCancelled);
}

TEST_CASE("switches, settings and decisions are in the trail with who did them") {
  EngineOptions options;
  options.operator_name = "asha";
  Desk desk(BrokerClass::kTagEcho, options);
  desk.oms->halt(ControlScope::kAll, "", "drill");
  desk.oms->resume(ControlScope::kAll, "");
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  desk.clock->advance(std::chrono::minutes(1));
  desk.oms->recover();
  desk.oms->resolve(order.id,
                    {.kind = Resolution::Kind::kRejected, .by = "ravi", .reason = "not in the day's list"});
  CHECK(trail_words(desk) ==
        Words{"broker.set broker/scripted", "halt all", "resume all", "order.resolve.rejected order/1"});
  const auto trail = desk.oms->audit_trail();
  CHECK(trail[1].by == "asha");
  CHECK(trail.back().by == "ravi");
  CHECK(trail.back().detail.find("not in the day's list") != std::string::npos);
}

TEST_CASE("what is asked of an order under a name is in the trail, in the commit of what it changes") {
  Desk desk;
  const Order first = desk.place_one();
  desk.oms->replace(first.id, Quantity::from_int(120), Price::from_int(11), "ravi");
  const Receipt batch = desk.oms->place(Desk::batch({Desk::buy(), Desk::buy()}));
  desk.oms->cancel(batch.orders[0].id, "asha");
  CHECK(desk.oms->cancel(batch.orders[0].id, "meera").status == OrderStatus::kCancelPending);
  desk.oms->cancel_batch(batch.batch_id, "meera");
  const Order done = desk.place_one();
  desk.trade(done, "E1", 100, 10);
  desk.oms->settle(*parse_date("2100-01-01"), "night");
  // A cancel of what is pending already changes nothing.
  CHECK(trail_words(desk) == Words{"broker.set broker/scripted", "order.replace order/1",
                                   "order.cancel order/2", "order.cancel order/3", "order.settle order/4"});
  const auto trail = desk.oms->audit_trail();
  CHECK(trail[1].detail == R"({"client_order_id":")" + first.client_order_id +
                               R"(","broker":"scripted","ext_order_id":")" + first.ext_order_id +
                               R"(","status":"acked","qty":120,"price_limit":11})");
  Words names;
  for (std::size_t i = 1; i < trail.size(); ++i) names.push_back(trail[i].by);
  CHECK(names == Words{"ravi", "asha", "meera", "night"});
  CHECK(desk.oms->audit().clean());
}

TEST_CASE("what is asked of an order without a name is in its events alone, and so is what was refused") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->halt(ControlScope::kAll, "", "drill");
  CHECK(code_of([&] { desk.oms->cancel(order.id, "asha"); }) == ErrorCode::kHalted);
  desk.oms->resume(ControlScope::kAll, "");
  desk.oms->cancel(order.id);
  CHECK(trail_words(desk) == Words{"broker.set broker/scripted", "halt all", "resume all"});
}

// --- circuit breaker --------------------------------------------------------------------------------

TEST_CASE("a broker that fails again and again gets no orders until a read call has found it back") {
  Desk desk;
  desk.broker->fates.assign(100, Fate::kNotSent);
  std::vector<OrderId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(desk.place_one().id);
  const auto sends = [&] {
    int all = 0;
    for (const auto& [id, count] : desk.broker->sends) all += count;
    return all;
  };
  CHECK(sends() == 5);
  CHECK(code_of([&] { desk.place_one(); }) == ErrorCode::kValidationFailed);
  desk.oms->dispatch();
  CHECK_MESSAGE(sends() == 5, "a storm of refusals is not answered by a storm of orders");
  CHECK(desk.oms->health().brokers.front().circuit == CircuitState::kOpen);
  desk.broker->fates.clear();
  desk.clock->advance(std::chrono::seconds(1));
  desk.oms->dispatch();
  CHECK_MESSAGE(sends() == 5, "orders are no probes");
  desk.oms->poll();
  desk.oms->dispatch();
  CHECK(sends() == 10);
  for (const OrderId id : ids) CHECK(desk.at(id).status == OrderStatus::kAcked);
  CHECK(desk.oms->health().brokers.front().circuit == CircuitState::kClosed);
}

TEST_CASE("cancels are tried while the circuit is open") {
  Desk desk;
  const Order order = desk.place_one();
  desk.broker->fates.assign(5, Fate::kNotSent);
  for (int i = 0; i < 5; ++i) desk.place_one();
  REQUIRE(desk.oms->health().brokers.front().circuit == CircuitState::kOpen);
  desk.oms->cancel(order.id);
  CHECK(desk.broker->cancels == 1);
}

TEST_CASE("a broker that cannot be polled shows in health") {
  Desk desk;
  desk.broker->silent = true;
  desk.oms->poll();
  CHECK(desk.oms->health().brokers.front().reason.find("no answer") != std::string::npos);
}

// --- incidents --------------------------------------------------------------------------------------

TEST_CASE(
    "a second broker id for one order is an incident once: flagged, in the trail, the account cancel-only "
    "(row 37)") {
  Desk desk;
  const Order order = desk.place_one();
  BrokerReport second = desk.broker->report(BrokerReport::Kind::kAck, order.client_order_id);
  second.ext_order_id = "X2";
  desk.oms->apply(second);
  desk.oms->apply(second);
  CHECK(desk.at(order.id).incident);
  CHECK(desk.at(order.id).ext_order_id == order.ext_order_id);
  CHECK(desk.event_words(order.id) == Words{"order.placed", "order.acked", "order.incident"});
  CHECK(trail_words(desk) == Words{"broker.set broker/scripted", "incident order/1"});
  REQUIRE(desk.oms->health().halts.size() == 1);
  CHECK(desk.oms->health().halts[0].mode == HaltMode::kCancelOnly);
  CHECK(code_of([&] { desk.place_one(); }) == ErrorCode::kValidationFailed);
  CHECK(desk.oms->cancel(order.id).status == OrderStatus::kCancelPending);
}

TEST_CASE("an acknowledgement of an order that the broker had refused is an incident") {
  Desk desk;
  desk.broker->fates = {Fate::kReject};
  const Order order = desk.place_one();
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kAck, order.client_order_id));
  CHECK(desk.at(order.id).status == OrderStatus::kRejected);
  CHECK(desk.at(order.id).incident);
}

TEST_CASE("an overfill stops the account for new orders, and a stop set by hand stays as it is (row 41)") {
  Desk desk;
  const Order order = desk.place_one();
  SUBCASE("nothing stopped before") {
    desk.trade(order, "E1", 101, 10);
    REQUIRE(desk.oms->health().halts.size() == 1);
    CHECK(desk.oms->health().halts[0].by == "orchestrator");
    CHECK(desk.at(order.id).overfilled);
  }
  SUBCASE("halted by hand") {
    desk.oms->halt(ControlScope::kBroker, "scripted", "by hand");
    desk.trade(order, "E1", 101, 10);
    REQUIRE(desk.oms->health().halts.size() == 1);
    CHECK(desk.oms->health().halts[0].reason == "by hand");
  }
  desk.trade(order, "E2", 1, 10);
  CHECK(desk.oms->audit_trail().back().action == "incident");
}

TEST_CASE(
    "an execution far from the limit is booked and an incident; one that is better, or a little worse, is "
    "none "
    "(row 44)") {
  Desk desk;
  const Order far = desk.place_one();
  const Order near = desk.place_one();
  const Order better = desk.place_one();
  desk.trade(near, "E1", 10, 11);
  desk.trade(better, "E2", 10, 1);
  CHECK_FALSE(desk.at(near.id).incident);
  CHECK_FALSE(desk.at(better.id).incident);
  desk.trade(far, "E3", 10, 1000);
  CHECK(desk.at(far.id).incident);
  CHECK(desk.at(far.id).fill_qty == Quantity::from_int(10));
  CHECK(desk.oms->health().halts.size() == 1);
}

TEST_CASE("an acknowledgement that comes late or again is no incident, whatever ended the order since") {
  Desk desk;
  const Order order = desk.place_one();
  const BrokerReport ack = desk.broker->report(BrokerReport::Kind::kAck, order.client_order_id);
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kReject, order.client_order_id));
  REQUIRE(desk.at(order.id).status == OrderStatus::kRejected);
  desk.oms->apply(ack);
  desk.oms->apply(ack);
  CHECK_FALSE(desk.at(order.id).incident);
  CHECK(desk.oms->health().halts.empty());
}

TEST_CASE("an acknowledgement of an order that had ended here unsent is an incident") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent};
  const Order order = desk.place_one();
  desk.oms->cancel(order.id);
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kAck, order.client_order_id));
  CHECK(desk.at(order.id).incident);
}

TEST_CASE("two orders under our id in the broker's list are parked for a person, not adopted in silence") {
  Desk desk;
  desk.broker->fates.assign(11, Fate::kLostAfterAccept);
  const auto receipt = desk.oms->place(Desk::batch(std::vector(11, Desk::buy())));
  const std::string doubled = receipt.orders[3].client_order_id;
  BrokerOrder second = desk.broker->held[doubled];
  second.ext_order_id = "X2";
  desk.broker->held["another row"] = second;
  desk.oms->recover();
  CHECK(desk.at(receipt.orders[3].id).parked);
  CHECK(desk.at(receipt.orders[4].id).status == OrderStatus::kAcked);
}

TEST_CASE("parked orders do not use up what the broker's rate limit leaves to the others") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const Order parked = desk.place_one();
  desk.clock->advance(std::chrono::minutes(1));
  desk.oms->recover();
  REQUIRE(desk.at(parked.id).parked);
  const int before = desk.broker->look_ups;
  for (int i = 0; i < 50; ++i) {
    desk.clock->advance(std::chrono::milliseconds(200));
    desk.oms->step();
  }
  CHECK(desk.broker->look_ups <= before + 1);
}

TEST_CASE("a stranger's order under an id that the broker gave twice is not ours") {
  Desk desk;
  const Order order = desk.place_one();
  BrokerOrder stranger = desk.broker->held[order.client_order_id];
  stranger.client_order_id = "someone else";
  stranger.status = OrderStatus::kCancelled;
  desk.broker->held.erase(order.client_order_id);
  desk.broker->held["stranger"] = stranger;
  desk.oms->recover();
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
}

TEST_CASE("a rate limit that leaves no room for an order and a read is refused at once") {
  for (const RateLimit limit : {RateLimit{.requests_max = 2, .reserved_for_cancels = 2},
                                RateLimit{.requests_max = 2, .reserved_for_cancels = 1},
                                RateLimit{.requests_max = 1}, RateLimit{.requests_max = 5, .per = {}}}) {
    auto broker = std::make_unique<ScriptedBroker>(BrokerClass::kEnforced);
    broker->settings().rate_limit = limit;
    Parts parts;
    parts.store = make_memory_store();
    parts.brokers.push_back(std::move(broker));
    CHECK(code_of([&] { Orchestrator({}, std::move(parts)); }) == ErrorCode::kConfiguration);
  }
}

TEST_CASE(
    "cancelling a batch under a halt cancels what was never sent, and says that the rest could not be") {
  Desk desk;
  desk.broker->fates = {Fate::kAccept, Fate::kNotSent};
  const auto receipt = desk.oms->place(Desk::batch({Desk::buy(), Desk::buy()}));
  desk.oms->halt(ControlScope::kAll, "", "runaway");
  CHECK(code_of([&] { desk.oms->cancel_batch(receipt.batch_id); }) == ErrorCode::kHalted);
  CHECK(desk.at(receipt.orders[1].id).status == OrderStatus::kCancelled);
}

// --- lost news, moved clocks ------------------------------------------------------------------------

TEST_CASE("executions and ends that no report told are found in the broker's book") {
  Desk desk;
  const Order filled = desk.place_one();
  const Order cancelled = desk.place_one();
  const Order working = desk.place_one();
  const BrokerReport lost =
      desk.broker->trade(filled.client_order_id, "E1", Quantity::from_int(100), Price::from_int(9));
  desk.broker->executed.emplace_back(filled.ext_order_id, lost.execution);
  desk.broker->held[filled.client_order_id].fill_qty = Quantity::from_int(100);
  desk.broker->held[filled.client_order_id].status = OrderStatus::kFilled;
  desk.broker->held[cancelled.client_order_id].status = OrderStatus::kCancelled;
  const auto resync = [&] {
    SUBCASE("by recovery") { desk.oms->recover(); }
    SUBCASE("by and by") {
      desk.oms->step();
      CHECK(desk.at(filled.id).status == OrderStatus::kAcked);
      desk.clock->advance(std::chrono::seconds(61));
      desk.oms->step();
    }
  };
  resync();
  CHECK(desk.at(filled.id).status == OrderStatus::kFilled);
  CHECK(desk.at(filled.id).fill_price() == Price::from_int(9));
  CHECK(desk.at(cancelled.id).status == OrderStatus::kCancelled);
  CHECK(desk.at(working.id).status == OrderStatus::kAcked);
  const auto version = desk.at(filled.id).version;
  desk.oms->recover();
  CHECK_MESSAGE(desk.at(filled.id).version == version, "the second time changes nothing");
}

TEST_CASE("terms that the broker's book shows and no confirmation told are taken over") {
  Desk desk;
  const Order order = desk.place_one();
  desk.broker->replace_answer = SendResult{SendOutcome::kRejected, "", "already so"};
  desk.oms->replace(order.id, Quantity::from_int(40), std::nullopt);
  REQUIRE(desk.at(order.id).qty == Quantity::from_int(100));
  desk.broker->held[order.client_order_id].qty = Quantity::from_int(40);
  desk.oms->recover();
  CHECK_MESSAGE(desk.at(order.id).qty == Quantity::from_int(100), "the book may lag");
  desk.clock->advance(std::chrono::minutes(1));
  desk.oms->recover();
  CHECK(desk.at(order.id).qty == Quantity::from_int(40));
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  CHECK(desk.event_words(order.id).back() == "order.replaced");
  desk.oms->recover();
  CHECK(desk.event_words(order.id).back() == "order.replaced");
}

TEST_CASE("an acceptance that comes after a person ended the order is an incident, not silence (I4)") {
  EngineOptions options;
  options.lease = std::chrono::seconds(1);
  Desk desk(BrokerClass::kEnforced, options);
  desk.broker->during_place =
      [&](const Order& sent) {  // the first attempt hangs: its lease ends, it is sent again and refused
        desk.clock->advance(std::chrono::seconds(20));
        desk.broker->fates = {Fate::kReject};
        desk.oms->recover();
        desk.broker->fates.clear();
        desk.oms->resolve(sent.id, {.kind = Resolution::Kind::kRejected, .by = "asha", .reason = "refused"});
      };
  const Order order = desk.place_one();
  CHECK(desk.broker->sends[order.client_order_id] == 2);
  CHECK(desk.at(order.id).status == OrderStatus::kRejected);
  CHECK(desk.at(order.id).incident);
  CHECK(desk.oms->health().halts.size() == 1);
}

TEST_CASE("a wall clock that jumps a day ends no lease and frees no rate limit (row 49)") {
  for (const auto jump : {std::chrono::hours(24), std::chrono::hours(-24)}) {
    Desk desk;
    const auto accepted = desk.clock->now();
    desk.broker->during_place = [&](const Order& order) {
      desk.clock->set(accepted + jump);
      CHECK(desk.store->orders({.abandoned_at = desk.clock->monotonic()}).empty());
      CHECK(desk.at(order.id).status == OrderStatus::kSubmitting);
    };
    CHECK(desk.place_one().status == OrderStatus::kAcked);
    CHECK(desk.broker->sends.size() == 1);
  }
}

// --- the latch --------------------------------------------------------------------------------------

TEST_CASE("a broken invariant closes the desk for new orders; reads and replays still answer") {
  Desk desk;
  const Order order = desk.place_one(Desk::buy(), "k1");
  // Another program tampers with the batch: the engine meets counts that cannot be.
  ChangeUnit unit;
  unit.margins.push_back({7, Money::from_int(-1), std::nullopt});
  CHECK_THROWS_AS(desk.store->commit(unit), Error);
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1'000'000)});
  const Order reserved = desk.place_one();
  ChangeUnit stolen;
  stolen.margins.push_back({1, -reserved.margin_reserved, std::nullopt});
  REQUIRE(desk.store->commit(stolen) == CommitStatus::kCommitted);
  ChangeUnit more;
  more.margins.push_back({1, -desk.store->usage_of(1).margin_reserved, std::nullopt});
  static_cast<void>(desk.store->commit(more));
  CHECK(code_of([&] {
          desk.broker->during_place = nullptr;
          desk.oms->settle(Date{std::chrono::days(30'000)});
          desk.oms->apply(desk.broker->report(BrokerReport::Kind::kCancelled, reserved.client_order_id));
        }) == ErrorCode::kInternal);
  CHECK_FALSE(desk.oms->health().ok);
  CHECK(code_of([&] { desk.place_one(); }) == ErrorCode::kHalted);
  CHECK(desk.oms->place(Desk::batch({Desk::buy()}, "k1")).replayed);
  CHECK(desk.at(order.id).id == order.id);
}
