// The doubt window: what is in doubt stays in doubt until the broker, or a person, says otherwise.
#include <doctest/doctest.h>

#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

// At most one acceptance per client order id (I1).
void check_at_most_once(const Desk& desk) {
  for (const auto& [id, accepts] : desk.broker->accepts) {
    CAPTURE(id);
    CHECK(accepts <= 1);
  }
}

}  // namespace

TEST_CASE("an answer lost after the broker accepted is unknown, then adopted (rows 33, 34)") {
  for (const BrokerClass broker_class : {BrokerClass::kEnforced, BrokerClass::kTagEcho}) {
    for (const Fate fate : {Fate::kLostAfterAccept, Fate::kThrow, Fate::kNoId}) {
      Desk desk(broker_class);
      desk.broker->fates = {fate};
      const Order order = desk.place_one();
      CHECK(order.status == OrderStatus::kUnknown);
      CHECK_FALSE(order.reason.empty());
      const RecoveryReport report = desk.oms->recover();
      CHECK(report.adopted == 1);
      CHECK(desk.at(order.id).status == OrderStatus::kAcked);
      CHECK(desk.event_words(order.id) == Words{"order.placed", "order.unknown", "order.acked"});
      check_at_most_once(desk);
    }
  }
}

TEST_CASE(
    "at an enforced broker what it denies having is sent again under the same id, after the quiet period") {
  Desk desk;
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  CHECK(order.status == OrderStatus::kUnknown);
  CHECK(desk.oms->recover().waiting == 1);
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
  desk.clock->advance(std::chrono::seconds(6));
  CHECK(desk.oms->recover().resent == 1);
  const Order resent = desk.at(order.id);
  CHECK(resent.status == OrderStatus::kAcked);
  CHECK(resent.attempt == 2);
  CHECK(resent.client_order_id == order.client_order_id);
  check_at_most_once(desk);
}

TEST_CASE("at a tag-echo broker what it does not list is parked and never sent again") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  desk.clock->advance(std::chrono::hours(1));
  CHECK(desk.oms->recover().parked == 1);
  const Order parked = desk.at(order.id);
  CHECK(parked.status == OrderStatus::kUnknown);
  CHECK(parked.parked);
  CHECK(desk.broker->sends[order.client_order_id] == 1);

  SUBCASE("recovery run again changes nothing") {
    const std::int64_t version = desk.at(order.id).version;
    const RecoveryReport again = desk.oms->recover();
    CHECK(again.parked == 0);
    CHECK(desk.at(order.id).version == version);
  }
  SUBCASE("the broker's late report still settles it") {
    desk.oms->apply(desk.broker->report(BrokerReport::Kind::kAck, order.client_order_id));
    CHECK(desk.at(order.id).status == OrderStatus::kAcked);
    CHECK_FALSE(desk.at(order.id).parked);
  }
  SUBCASE("a person may say that it was never placed, and it is sent") {
    desk.oms->resolve(order.id,
                      {.kind = Resolution::Kind::kNotPlaced, .by = "asha", .reason = "not in the book"});
    CHECK(desk.at(order.id).status == OrderStatus::kAcked);
    CHECK(desk.event_words(order.id) == Words{"order.placed", "order.unknown", "order.parked",
                                              "order.resolved", "order.released", "order.acked"});
    check_at_most_once(desk);
  }
  SUBCASE("a decision that it was never placed outlives a stop switch") {
    desk.oms->halt(ControlScope::kAll, "", "kill switch");
    desk.oms->resolve(order.id,
                      {.kind = Resolution::Kind::kNotPlaced, .by = "asha", .reason = "not in the book"});
    CHECK(desk.at(order.id).status == OrderStatus::kPlaced);
    desk.oms->resume(ControlScope::kAll, "");
    desk.oms->recover();
    CHECK(desk.at(order.id).status == OrderStatus::kAcked);
    check_at_most_once(desk);
  }
  SUBCASE("a person may say under which id the broker has it") {
    const Order resolved = desk.oms->resolve(order.id, {.kind = Resolution::Kind::kAccepted,
                                                        .ext_order_id = "B77",
                                                        .by = "asha",
                                                        .reason = "called the desk"});
    CHECK(resolved.status == OrderStatus::kAcked);
    CHECK(resolved.ext_order_id == "B77");
  }
  SUBCASE("a person may end it") {
    const Order resolved = desk.oms->resolve(
        order.id, {.kind = Resolution::Kind::kRejected, .by = "asha", .reason = "too late"});
    CHECK(resolved.status == OrderStatus::kRejected);
    CHECK(resolved.reason.find("asha") != std::string::npos);
  }
  SUBCASE("a decision without a name or a reason is refused") {
    CHECK(code_of([&] { desk.oms->resolve(order.id, {.reason = "because"}); }) ==
          ErrorCode::kInvalidArgument);
    CHECK(code_of([&] {
            desk.oms->resolve(order.id, {.kind = Resolution::Kind::kRejected, .by = "asha"});
          }) == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("no answer from the broker is no evidence, however long it lasts") {
  Desk desk;
  desk.broker->fates = {Fate::kLostAfterAccept};
  const Order order = desk.place_one();
  desk.broker->silent = true;
  for (int day = 0; day < 3; ++day) {
    desk.clock->advance(std::chrono::hours(24));
    desk.oms->recover();
    CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
  }
  CHECK(desk.broker->sends[order.client_order_id] == 1);
  desk.broker->silent = false;
  desk.clock->advance(std::chrono::minutes(1));  // its circuit is open until then
  desk.oms->recover();
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  check_at_most_once(desk);
}

TEST_CASE(
    "a definite failure to send gives the order back, and the next attempt carries the same id (row 35)") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent};
  const Order order = desk.place_one();
  CHECK(order.status == OrderStatus::kPlaced);
  CHECK(order.reason.find("429") != std::string::npos);
  CHECK(desk.oms->dispatch().sent == 1);
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  CHECK(desk.at(order.id).attempt == 2);
  check_at_most_once(desk);
}

TEST_CASE("a definite refusal rejects the order with the broker's words (I5)") {
  Desk desk;
  desk.broker->fates = {Fate::kReject};
  const Order order = desk.place_one();
  CHECK(order.status == OrderStatus::kRejected);
  CHECK(order.reason == "price too far away");
}

TEST_CASE("a sender that outlived its lease is fenced: its refusal counts for nothing (row 9, I24)") {
  Desk desk;
  desk.broker->fates = {Fate::kReject};
  desk.broker->during_place = [&](const Order&) {
    desk.clock->advance(std::chrono::minutes(1));
    desk.oms->recover();
  };
  const Order order = desk.place_one();
  CHECK(order.status != OrderStatus::kRejected);
  check_at_most_once(desk);
}

TEST_CASE("a sender that outlived its lease is fenced, and its acceptance is still evidence") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->during_place = [&](const Order&) {
    desk.clock->advance(std::chrono::minutes(1));
    CHECK(desk.oms->recover().abandoned == 1);
  };
  const Order order = desk.place_one();
  CHECK(order.status == OrderStatus::kAcked);
  CHECK(order.ext_order_id == ScriptedBroker::ext_id(order.client_order_id));
  check_at_most_once(desk);
}

TEST_CASE(
    "a claim is one request: a batch that died before its first byte leaves no more than that in doubt") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kThrow};
  const Receipt receipt = desk.oms->place(Desk::batch(std::vector<OrderRequest>(25, Desk::buy())));
  std::size_t in_doubt = 0;
  for (const Receipt::Leg& leg : receipt.orders) {
    in_doubt += desk.at(leg.id).status == OrderStatus::kUnknown ? 1U : 0U;
  }
  CHECK(in_doubt == 10);
  CHECK(desk.broker->sends.size() == 25 - 10 + 1);
}

TEST_CASE("nothing of a claim is sent once its lease is nearly over") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent};
  const Order order = desk.place_one();
  auto claimed = desk.store->claim({.owner = desk.store->owner(),
                                    .now = desk.clock->now(),
                                    .lease_until = desk.clock->now() + std::chrono::seconds(30),
                                    .limit = 1});
  REQUIRE(claimed.size() == 1);
  CHECK(desk.oms->dispatch().sent == 0);  // somebody else's claim
  CHECK(desk.broker->sends[order.client_order_id] == 1);
}

TEST_CASE("a halted portfolio's orders are held back from a request that others' orders travel in (I6)") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent, Fate::kNotSent};
  const Order mine = desk.place_one();
  BatchRequest theirs = Desk::batch({Desk::buy()});
  theirs.portfolio_id = 2;
  const Receipt other = desk.oms->place(theirs);
  desk.oms->halt(ControlScope::kPortfolio, "2", "limit breach");
  desk.oms->dispatch();
  CHECK(desk.at(mine.id).status == OrderStatus::kAcked);
  CHECK(desk.at(other.orders[0].id).status == OrderStatus::kPlaced);
}

TEST_CASE("a refusal that comes after the lease still ends an order that nobody sent again (I5)") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kReject};
  desk.broker->during_place = [&](const Order&) {
    desk.clock->advance(std::chrono::minutes(1));
    desk.oms->recover();
  };
  CHECK(desk.place_one().status == OrderStatus::kRejected);
}

TEST_CASE("what becomes of sending again says nothing of the attempt before (I4, I5)") {
  Desk desk;
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kNotSent, Fate::kReject};
  const Order order = desk.place_one();
  const auto sent_again = [&] {
    desk.clock->advance(std::chrono::minutes(2));
    return desk.oms->recover().resent == 1;
  };
  REQUIRE(sent_again());
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);  // as placed, it could be cancelled unasked
  CHECK(desk.at(order.id).reason.find("429") != std::string::npos);
  REQUIRE(sent_again());
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
  CHECK(desk.at(order.id).parked);
  CHECK(desk.at(order.id).reason.find("price too far away") != std::string::npos);
  desk.clock->advance(std::chrono::minutes(2));
  const RecoveryReport later = desk.oms->recover();
  CHECK(later.resent == 0);   // it waits for a person,
  CHECK(later.waiting == 0);  // and nobody for it
  desk.broker->take(order);   // the first attempt arrives after all
  CHECK_FALSE(sent_again());
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  check_at_most_once(desk);
}

TEST_CASE("a report of a refusal says nothing of the attempt before, either (I5)") {
  Desk desk;
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kLostBeforeAccept};
  const Order once = desk.place_one();
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kReject, once.client_order_id));
  CHECK(desk.at(once.id).status == OrderStatus::kRejected);

  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kLostBeforeAccept};
  const Order twice = desk.place_one();
  desk.clock->advance(std::chrono::minutes(2));
  REQUIRE(desk.oms->recover().resent == 1);
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kReject, twice.client_order_id));
  CHECK(desk.at(twice.id).status == OrderStatus::kUnknown);
  CHECK(desk.at(twice.id).parked);
}

TEST_CASE("once a person has said that it was never placed, a refusal ends the order") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kReject};
  const Order order = desk.place_one();
  desk.clock->advance(std::chrono::minutes(2));
  REQUIRE(desk.oms->recover().parked == 1);
  desk.oms->resolve(order.id,
                    {.kind = Resolution::Kind::kNotPlaced, .by = "asha", .reason = "not in the book"});
  CHECK(desk.at(order.id).status == OrderStatus::kRejected);
}

TEST_CASE("the decision that an order was never placed, given twice, places it once") {
  Desk desk(BrokerClass::kTagEcho);
  desk.broker->fates = {Fate::kLostBeforeAccept, Fate::kLostAfterAccept};
  const Order order = desk.place_one();
  desk.clock->advance(std::chrono::minutes(1));
  desk.oms->recover();
  const Resolution decision{.kind = Resolution::Kind::kNotPlaced, .by = "asha", .reason = "not in the book"};
  desk.oms->resolve(order.id, decision);
  CHECK(code_of([&] { desk.oms->resolve(order.id, decision); }) == ErrorCode::kInvalidState);
  check_at_most_once(desk);
}

TEST_CASE("nobody decides that the broker has an order under the id of another one") {
  Desk desk(BrokerClass::kTagEcho);
  const Order other = desk.place_one();
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const auto decide = [&](const Order& order) {
    desk.oms->resolve(order.id, {.kind = Resolution::Kind::kAccepted,
                                 .ext_order_id = other.ext_order_id,
                                 .by = "ravi",
                                 .reason = "in the day's list"});
  };
  SUBCASE("of the same day") {
    const Order order = desk.place_one();
    SUBCASE("that works") {}
    SUBCASE("that has ended") {
      desk.oms->apply(desk.broker->report(BrokerReport::Kind::kCancelled, other.client_order_id));
    }
    try {
      decide(order);
      FAIL("taken");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kInvalidArgument);
      CHECK(std::string(error.what()).find("order " + std::to_string(other.id)) != std::string::npos);
    }
    CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
  }
  SUBCASE("of another day, that works, even where ids restart daily") {
    desk.broker->settings().ids_restart_daily = true;
    desk.clock->advance(std::chrono::hours(24));
    const Order order = desk.place_one();
    CHECK(code_of([&] { decide(order); }) == ErrorCode::kInvalidArgument);
  }
  SUBCASE("of one that ended on another day, but where ids restart daily") {
    desk.oms->apply(desk.broker->report(BrokerReport::Kind::kCancelled, other.client_order_id));
    desk.clock->advance(std::chrono::hours(24));
    const Order order = desk.place_one();
    CHECK(code_of([&] { decide(order); }) == ErrorCode::kInvalidArgument);
    CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
    desk.broker->settings().ids_restart_daily = true;
    decide(order);
    CHECK(desk.at(order.id).status == OrderStatus::kAcked);
  }
}

TEST_CASE("another order under our id is never adopted (row 44)") {
  Desk desk;
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  BrokerOrder& theirs = desk.broker->held[order.client_order_id];
  theirs.client_order_id = order.client_order_id;
  theirs.ext_order_id = "X9";
  theirs.side = Side::kSell;
  theirs.qty = Quantity::from_int(7);
  desk.clock->advance(std::chrono::minutes(1));
  CHECK(desk.oms->recover().parked == 1);
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
}

TEST_CASE("a fill that overtakes the answer to its own order is kept (row 39, I20)") {
  Desk desk;
  desk.broker->during_place = [&](const Order& order) { desk.trade(order, "E1", 40, 10); };
  const Order order = desk.place_one();
  CHECK(order.status == OrderStatus::kPartiallyFilled);
  CHECK(order.fill_qty == Quantity::from_int(40));
  CHECK(desk.event_words(order.id) == Words{"order.placed", "order.acked", "order.partially_filled"});
}

TEST_CASE("a report under an id that we do not know yet waits in the inbox and is applied then") {
  Desk desk;
  desk.broker->during_place = [&](const Order& order) {
    BrokerReport report =
        desk.broker->trade(order.client_order_id, "E1", Quantity::from_int(100), Price::from_int(9));
    report.client_order_id.clear();
    desk.oms->apply(report);
    CHECK(desk.store->inbox("scripted").size() == 1);
  };
  const Order order = desk.place_one();
  CHECK(order.status == OrderStatus::kFilled);
  CHECK(desk.store->inbox("scripted").empty());
}

TEST_CASE("at a broker that names our id, the broker's id finds an order only for a report without ours") {
  Desk desk;
  desk.broker->settings().reports_name_our_id = true;
  const Order order = desk.place_one();
  const auto filled = [&](const std::string& execution_id, const std::string& client_order_id) {
    BrokerReport report =
        desk.broker->trade(order.client_order_id, execution_id, Quantity::from_int(10), Price::from_int(9));
    report.client_order_id = client_order_id;
    desk.oms->apply(report);
    return desk.at(order.id).fill_qty;
  };
  CHECK(filled("E1", order.client_order_id + "x") == Quantity());
  CHECK(filled("E2", "") == Quantity::from_int(10));
  desk.broker->settings().reports_name_our_id = false;
  CHECK(filled("E3", order.client_order_id + "x") == Quantity::from_int(20));
}

TEST_CASE("reports of other applications at the same broker do not pile up") {
  Desk desk;
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kAck, "someone-elses-order"));
  CHECK(desk.store->inbox("scripted").empty());
}

TEST_CASE("a stop switch holds back what is placed and what would be sent again") {
  Desk desk;
  desk.broker->fates = {Fate::kNotSent, Fate::kLostBeforeAccept};
  const Order waiting = desk.place_one();
  const Order doubtful = desk.place_one();
  desk.oms->halt(ControlScope::kBroker, "scripted", "broken");
  desk.clock->advance(std::chrono::minutes(5));
  CHECK(desk.oms->dispatch().sent == 0);
  desk.oms->recover();
  CHECK(desk.at(waiting.id).status == OrderStatus::kPlaced);
  CHECK(desk.at(doubtful.id).status == OrderStatus::kUnknown);
  desk.oms->resume(ControlScope::kBroker, "scripted");
  desk.oms->recover();
  CHECK(desk.at(waiting.id).status == OrderStatus::kAcked);
  CHECK(desk.at(doubtful.id).status == OrderStatus::kAcked);
  check_at_most_once(desk);
}

TEST_CASE("recovery with patience goes on until the quiet period is over") {
  Desk desk;
  desk.broker->fates = {Fate::kLostBeforeAccept};
  const Order order = desk.place_one();
  const RecoveryReport report = desk.oms->recover(std::chrono::seconds(10));
  CHECK(report.resent == 1);
  CHECK(report.waiting == 0);
  CHECK(desk.at(order.id).status == OrderStatus::kAcked);
}

TEST_CASE("recovery without an answer gives up when its patience is over") {
  Desk desk;
  desk.broker->fates = {Fate::kLostAfterAccept};
  const Order order = desk.place_one();
  desk.broker->silent = true;
  const Timestamp before = desk.clock->now();
  CHECK(desk.oms->recover(std::chrono::seconds(3)).waiting == 1);
  CHECK(desk.clock->now() - before >= std::chrono::seconds(3));
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
}

TEST_CASE("recovery and waiting end after the round in which they are told to stop") {
  Desk desk;
  desk.broker->fates = {Fate::kLostAfterAccept};
  const Order order = desk.place_one();
  desk.broker->silent = true;
  int rounds = 0;
  const Orchestrator::Stop at_the_third = [&rounds] { return ++rounds == 3; };
  CHECK(desk.oms->recover(std::chrono::hours(1), at_the_third).waiting == 1);
  CHECK(rounds == 3);
  rounds = 0;
  CHECK_FALSE(desk.oms->wait(order.batch_id, std::chrono::hours(1), at_the_third));
  CHECK(rounds == 3);
  CHECK(desk.at(order.id).status == OrderStatus::kUnknown);
}

TEST_CASE(
    "a windowed broker refuses a repeated id for a while: sent again inside the window, parked after it") {
  for (const bool inside : {true, false}) {
    Desk desk(BrokerClass::kWindowed);
    desk.broker->fates = {Fate::kLostBeforeAccept};
    const Order order = desk.place_one();
    desk.clock->advance(inside ? std::chrono::hours(7) : std::chrono::hours(9));
    const RecoveryReport report = desk.oms->recover();
    CHECK(report.resent == (inside ? 1U : 0U));
    CHECK(report.parked == (inside ? 0U : 1U));
    check_at_most_once(desk);
  }
}

TEST_CASE("a broker that cannot be asked leaves an order in doubt to a person") {
  Desk desk(BrokerClass::kNone);
  desk.broker->fates = {Fate::kLostAfterAccept};
  const Order order = desk.place_one();
  CHECK(desk.oms->recover().parked == 1);
  CHECK(desk.broker->look_ups == 0);
}

TEST_CASE("a report without an id or from a broker that does not exist is refused") {
  Desk desk;
  BrokerReport report = desk.broker->report(BrokerReport::Kind::kAck, "");
  report.ext_order_id.clear();
  CHECK(code_of([&] { desk.oms->apply(report); }) == ErrorCode::kInvalidArgument);
  report.broker = "nobody";
  CHECK(code_of([&] { desk.oms->apply(report); }) == ErrorCode::kUnknownBroker);
}

TEST_CASE("a stop switch that comes between two requests of a batch holds back the rest of it (I6)") {
  Desk desk;
  desk.broker->during_place = [&](const Order&) { desk.oms->halt(ControlScope::kAll, "", "kill switch"); };
  const Receipt receipt = desk.oms->place(Desk::batch(std::vector<OrderRequest>(25, Desk::buy())));
  CHECK(desk.broker->sends.size() == 10);
  CHECK(desk.at(receipt.orders.back().id).status == OrderStatus::kPlaced);
  desk.oms->resume(ControlScope::kAll, "");
  desk.oms->dispatch();
  CHECK(desk.broker->sends.size() == 25);
  check_at_most_once(desk);
}
