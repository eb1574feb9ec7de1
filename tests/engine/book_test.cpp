// What a broker's book brings back when no report told it: executions of orders that have ended here, orders
// that it has twice, terms; and what it costs when a great many orders are in doubt.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/request_identity.hpp"
#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

using Kind = BrokerReport::Kind;

// The broker executes, and no report of it is sent.
void execute_unheard(Desk& desk, const std::string& row, const std::string& execution_id, int qty) {
  BrokerOrder& held = desk.broker->held[row];
  Execution execution;
  execution.execution_id = execution_id;
  execution.qty = Quantity::from_int(qty);
  execution.price = Price::from_int(10);
  held.fill_qty = held.fill_qty + execution.qty;
  held.fill_notional = held.fill_notional + execution.price * execution.qty;
  desk.broker->executed.emplace_back(held.ext_order_id, execution);
}

std::size_t event_rows(const Desk& desk, BatchId batch) {
  return desk.store->events({.batch_id = batch}).size();
}

std::size_t in_doubt(const Desk& desk) {
  return desk.store->orders({.statuses = {OrderStatus::kUnknown}, .limit = 10'000}).size();
}

}  // namespace

// --- executions of ended orders ---------------------------------------------------------------------

TEST_CASE("an execution that no report told is found after its order has ended (I18)") {
  Desk desk;
  const Order order = desk.place_one();
  const std::string& id = order.client_order_id;
  int executed = 40;
  OrderStatus after = OrderStatus::kCancelled;
  SUBCASE("cancelled") { desk.oms->apply(desk.broker->report(Kind::kCancelled, id)); }
  SUBCASE("expired") {
    desk.oms->apply(desk.broker->report(Kind::kExpired, id));
    after = OrderStatus::kExpired;
  }
  SUBCASE("rejected at the exchange") { desk.oms->apply(desk.broker->report(Kind::kReject, id)); }
  SUBCASE("filled, and executed further") {
    execute_unheard(desk, id, "E0", 100);
    desk.trade(order, "E0", 100, 10);
    executed = 140;
    after = OrderStatus::kFilled;
  }
  SUBCASE("settled") {
    execute_unheard(desk, id, "E0", 10);
    desk.trade(order, "E0", 10, 10);
    desk.oms->apply(desk.broker->report(Kind::kCancelled, id));
    desk.oms->settle(Date(std::chrono::floor<std::chrono::days>(desk.clock->now())) + std::chrono::days(500));
    executed = 50;
  }
  REQUIRE(is_terminal(desk.at(order.id).status));
  execute_unheard(desk, id, "E1", 40);
  desk.oms->recover();
  const Order found = desk.at(order.id);
  CHECK(found.fill_qty == Quantity::from_int(executed));
  CHECK(found.fill_notional == desk.broker->held[id].fill_notional);
  CHECK(found.status == after);
  CHECK(found.late_fill == (after != OrderStatus::kFilled));
  CHECK(found.overfilled == (executed > 100));
  CHECK_MESSAGE(desk.oms->recover().reports == 0, "the second time changes nothing");
  CHECK(desk.at(order.id).version == found.version);
}

TEST_CASE("with nothing open, lost executions are found by and by") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->apply(desk.broker->report(Kind::kCancelled, order.client_order_id));
  execute_unheard(desk, order.client_order_id, "E1", 40);
  desk.oms->step();
  CHECK(desk.at(order.id).fill_qty.is_zero());
  desk.clock->advance(std::chrono::seconds(61));
  desk.oms->step();
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(40));
}

TEST_CASE("an order that is adopted as cancelled brings its executions with it") {
  Desk desk;
  desk.broker->fates.assign(11, Fate::kLostAfterAccept);
  std::vector<OrderRequest> requests = {Desk::buy()};
  SUBCASE("looked up") {}
  SUBCASE("found in the book with many others") { requests.resize(11, Desk::buy()); }
  const auto receipt = desk.oms->place(Desk::batch(requests));
  const auto& leg = receipt.orders.front();
  execute_unheard(desk, leg.client_order_id, "E1", 40);
  desk.broker->held[leg.client_order_id].status = OrderStatus::kCancelled;
  CHECK(desk.oms->recover().adopted == requests.size());
  CHECK(desk.at(leg.id).status == OrderStatus::kCancelled);
  CHECK(desk.at(leg.id).fill_qty == Quantity::from_int(40));
}

TEST_CASE("the executions of an adopted order are fetched as soon as the broker answers again") {
  Desk desk;
  desk.oms->step();
  desk.broker->fates = {Fate::kLostAfterAccept};
  const Order order = desk.place_one();
  execute_unheard(desk, order.client_order_id, "E1", 40);
  desk.broker->held[order.client_order_id].status = OrderStatus::kCancelled;
  desk.broker->news.clear();
  desk.oms->step();
  REQUIRE(desk.at(order.id).status == OrderStatus::kCancelled);
  desk.broker->silent = true;
  desk.oms->step();
  desk.broker->silent = false;
  for (int i = 0; i < 2; ++i) {
    desk.clock->advance(std::chrono::seconds(1));
    desk.oms->step();
  }
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(40));
}

TEST_CASE("a broker that shows no ids of ours is compared by its own, within the days that its book holds") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->apply(desk.broker->report(Kind::kCancelled, order.client_order_id));
  execute_unheard(desk, order.client_order_id, "E1", 40);
  desk.broker->held[order.client_order_id].client_order_id.clear();
  SUBCASE("sent on a day that the book holds") {
    desk.oms->recover();
    CHECK(desk.at(order.id).fill_qty == Quantity::from_int(40));
  }
  SUBCASE("sent before: its id may be another's by now") {
    desk.broker->book_from = desk.clock->now() + std::chrono::hours(1);
    desk.oms->recover();
    CHECK(desk.at(order.id).fill_qty.is_zero());
  }
}

TEST_CASE("executions of a stranger's order under an id of ours are not booked") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->apply(desk.broker->report(Kind::kCancelled, order.client_order_id));
  execute_unheard(desk, order.client_order_id, "E1", 40);
  BrokerOrder& held = desk.broker->held[order.client_order_id];
  SUBCASE("another side") { held.side = Side::kSell; }
  SUBCASE("another instrument") { held.instrument_id = 77; }
  SUBCASE("another deployment's id") { held.client_order_id.replace(0, 2, "zz"); }
  desk.oms->recover();
  CHECK(desk.at(order.id).fill_qty.is_zero());
}

TEST_CASE("ended orders that agree with the book are left alone, however many they are") {
  Desk desk;
  const auto receipt = desk.oms->place(Desk::batch(std::vector(700, Desk::buy())));
  for (const auto& leg : receipt.orders) {
    execute_unheard(desk, leg.client_order_id, "E" + std::to_string(leg.id), 100);
    desk.broker->held[leg.client_order_id].status = OrderStatus::kFilled;
    desk.broker->news.push_back(desk.broker->trade(leg.client_order_id, "E" + std::to_string(leg.id),
                                                   Quantity::from_int(100), Price::from_int(10)));
  }
  desk.oms->poll();
  const std::size_t before = event_rows(desk, receipt.batch_id);
  CHECK(desk.oms->recover().reports == 0);
  CHECK(event_rows(desk, receipt.batch_id) == before);
}

TEST_CASE("what the reports of many orders failed to tell is booked in few commits") {
  Desk desk;
  const auto receipt = desk.oms->place(Desk::batch(std::vector(300, Desk::buy())));
  for (const auto& leg : receipt.orders)
    execute_unheard(desk, leg.client_order_id, "E" + std::to_string(leg.id), 40);
  const std::size_t before = event_rows(desk, receipt.batch_id);
  CHECK(desk.oms->recover().reports == 300);
  CHECK(desk.at(receipt.orders.back().id).fill_qty == Quantity::from_int(40));
  CHECK(event_rows(desk, receipt.batch_id) == before + 1);
}

// --- an order that the broker has twice ---------------------------------------------------------------

TEST_CASE("a second order under our id in the broker's book is an incident, once") {
  Desk desk;
  const Order order = desk.place_one();
  BrokerOrder second = desk.broker->held[order.client_order_id];
  second.ext_order_id = "X2";
  desk.broker->held["second"] = second;
  SUBCASE("working") {}
  SUBCASE("executed") { execute_unheard(desk, "second", "E1", 40); }
  SUBCASE("ours has ended") { desk.oms->apply(desk.broker->report(Kind::kCancelled, order.client_order_id)); }
  const Quantity executed = desk.broker->held["second"].fill_qty;
  desk.oms->recover();
  CHECK(desk.at(order.id).incident);
  CHECK(desk.at(order.id).fill_qty == executed);
  CHECK(desk.oms->health().halts.size() == 1);
  const auto events = desk.event_words(order.id);
  CHECK(desk.oms->recover().reports == 0);
  CHECK(desk.event_words(order.id) == events);
}

TEST_CASE("an execution under a second broker id is an incident, unless it is booked already") {
  Desk desk;
  const Order order = desk.place_one();
  bool booked = false;
  SUBCASE("told for the first time") {}
  SUBCASE("told again") {
    desk.trade(order, "E1", 10, 10);
    booked = true;
  }
  BrokerReport trade =
      desk.broker->trade(order.client_order_id, "E1", Quantity::from_int(10), Price::from_int(10));
  trade.ext_order_id = "X2";
  desk.oms->apply(trade);
  CHECK(desk.at(order.id).incident != booked);
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(10));
}

TEST_CASE("a second order under our id that ended without an execution is no incident, with one it is") {
  Desk desk;
  const Order order = desk.place_one();
  BrokerOrder second = desk.broker->held[order.client_order_id];
  second.ext_order_id = "X2";
  desk.broker->held["second"] = second;
  bool executed = false;
  SUBCASE("cancelled") { second.status = OrderStatus::kCancelled; }
  SUBCASE("expired") { second.status = OrderStatus::kExpired; }
  SUBCASE("refused") { second.status = OrderStatus::kRejected; }
  SUBCASE("executed, then cancelled") {
    execute_unheard(desk, "second", "E1", 40);
    second = desk.broker->held["second"];
    second.status = OrderStatus::kCancelled;
    executed = true;
  }
  desk.broker->held["second"] = second;
  desk.oms->recover();
  CHECK(desk.at(order.id).incident == executed);
  CHECK(desk.at(order.id).fill_qty == second.fill_qty);
}

TEST_CASE("what a changed order executed under a new id of the broker is booked from the book") {
  Desk desk;
  const Order order = desk.place_one();
  std::string named = replace_generation(order.client_order_id, 1);
  bool asked = true;
  SUBCASE("under the client order id of the change") {}
  SUBCASE("under that of the order") { named = order.client_order_id; }
  SUBCASE("though nobody asked for a change, which is an incident") { asked = false; }
  if (asked) desk.oms->replace(order.id, Quantity::from_int(150), std::nullopt);
  BrokerOrder& fresh = desk.broker->held["fresh"] = desk.broker->held[order.client_order_id];
  fresh.ext_order_id = "X2";
  fresh.client_order_id = named;
  execute_unheard(desk, "fresh", "E1", 10);
  desk.oms->recover();
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(10));
  CHECK(desk.at(order.id).incident == !asked);
  CHECK(desk.oms->health().halts.empty() == asked);
  CHECK(desk.oms->recover().reports == 0);
}

TEST_CASE("an order that the broker refused and holds all the same is an incident, once a list cannot lag") {
  Desk desk;
  desk.broker->fates = {Fate::kReject};
  const Order order = desk.place_one();
  BrokerOrder& held = desk.broker->held[order.client_order_id];
  held.client_order_id = order.client_order_id;
  held.ext_order_id = "X1";
  held.qty = order.qty;
  SUBCASE("working") {
    desk.oms->recover();
    CHECK_FALSE_MESSAGE(desk.at(order.id).incident, "the list may be older than the refusal");
    desk.clock->advance(std::chrono::minutes(1));
    desk.oms->recover();
    CHECK(desk.at(order.id).incident);
  }
  SUBCASE("listed as refused") {
    held.status = OrderStatus::kRejected;
    desk.clock->advance(std::chrono::minutes(1));
    desk.oms->recover();
    CHECK_FALSE(desk.at(order.id).incident);
  }
}

// --- what cannot be booked ----------------------------------------------------------------------------

TEST_CASE("what cannot be booked waits for a person once, however often the book shows it") {
  Desk desk;
  const Order order = desk.place_one();
  execute_unheard(desk, order.client_order_id, "", 50);  // without an id
  execute_unheard(desk, order.client_order_id, "E1", 10);
  for (int i = 0; i < 5; ++i) desk.oms->recover();
  CHECK(desk.store->inbox("scripted").size() == 1);
  CHECK(desk.at(order.id).fill_qty == Quantity::from_int(10));
  CHECK(desk.oms->recover().reports == 0);
}

// --- terms --------------------------------------------------------------------------------------------

TEST_CASE("a change whose confirmation came after the cancel is seen in the book (I19)") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->replace(order.id, Quantity::from_int(40), std::nullopt);
  BrokerReport replaced = desk.broker->report(Kind::kReplaced, order.client_order_id);
  replaced.qty = Quantity::from_int(40);
  const BrokerReport cancelled = desk.broker->report(Kind::kCancelled, order.client_order_id);
  BrokerOrder& held = desk.broker->held[order.client_order_id];
  held.qty = Quantity::from_int(40);
  held.status = OrderStatus::kCancelled;
  desk.oms->apply(cancelled);
  desk.oms->apply(replaced);
  const auto rounds = [&] {
    desk.clock->advance(std::chrono::minutes(1));
    desk.oms->recover();
    desk.clock->advance(std::chrono::minutes(1));
    desk.oms->recover();
  };
  rounds();
  CHECK(desk.at(order.id).qty == Quantity::from_int(40));
  CHECK(desk.at(order.id).status == OrderStatus::kCancelled);
  const auto version = desk.at(order.id).version;
  rounds();
  CHECK(desk.at(order.id).version == version);
}

TEST_CASE("terms of an ended order that nobody asked to change stay, whatever the book shows") {
  Desk desk;
  const Order order = desk.place_one();
  desk.oms->apply(desk.broker->report(Kind::kCancelled, order.client_order_id));
  desk.broker->held[order.client_order_id].status = OrderStatus::kCancelled;
  desk.broker->held[order.client_order_id].qty = Quantity::from_int(40);
  for (int i = 0; i < 3; ++i) {
    desk.clock->advance(std::chrono::minutes(1));
    desk.oms->recover();
  }
  CHECK(desk.at(order.id).qty == Quantity::from_int(100));
}

// --- a great many in doubt ----------------------------------------------------------------------------

TEST_CASE("orders in doubt that the book shows are adopted in few commits") {
  Desk desk;
  desk.broker->settings().orders_max = 300;  // one lost answer, not a broker that fails
  desk.broker->fates.assign(300, Fate::kLostAfterAccept);
  const auto receipt = desk.oms->place(Desk::batch(std::vector(300, Desk::buy())));
  const std::size_t before = event_rows(desk, receipt.batch_id);
  SUBCASE("by recovery") { CHECK(desk.oms->recover().adopted == 300); }
  SUBCASE("by a step") { CHECK(desk.oms->step().resolved == 300); }
  CHECK(in_doubt(desk) == 0);
  CHECK(desk.broker->look_ups == 0);
  CHECK(event_rows(desk, receipt.batch_id) == before + 1);
}

TEST_CASE("a step asks about a bounded number of orders in doubt, and each has its turn") {
  Desk desk;
  desk.broker->settings().orders_max = 170;  // one lost answer, not a broker that fails
  desk.broker->fates.assign(170, Fate::kLostBeforeAccept);
  const auto receipt = desk.oms->place(Desk::batch(std::vector(170, Desk::buy())));
  REQUIRE(in_doubt(desk) == 170);
  SUBCASE("while none can be settled") {  // the quiet period is not over
    for (int i = 0; i < 4; ++i) {
      const int before = desk.broker->look_ups;
      desk.oms->step();
      CHECK(desk.broker->look_ups - before <= 50);
    }
    CHECK(desk.broker->look_ups == 170);
  }
  SUBCASE("until all are settled") {
    desk.clock->advance(std::chrono::minutes(1));
    CHECK(desk.oms->step().resolved == 50);
    CHECK(desk.at(receipt.orders[49].id).status == OrderStatus::kAcked);
    CHECK(desk.at(receipt.orders[50].id).status == OrderStatus::kUnknown);
    for (int i = 0; i < 3; ++i) desk.oms->step();
    CHECK(in_doubt(desk) == 0);
  }
  SUBCASE("recovery goes on until all were asked about") {
    CHECK(desk.oms->recover().waiting == 170);
    CHECK(desk.broker->look_ups == 170);
  }
}

TEST_CASE("an order in doubt that cannot be booked keeps no other in doubt") {
  Desk desk;
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1'000'000)});
  desk.broker->settings().orders_max = 12;
  desk.broker->fates.assign(12, Fate::kLostAfterAccept);
  const auto receipt = desk.oms->place(Desk::batch(std::vector(12, Desk::buy())));
  // The fifth has ended there, and the margin that its end gives back is not there to be given.
  ChangeUnit lost;
  lost.margins.push_back({1, -desk.store->usage_of(1).margin_reserved, std::nullopt});
  REQUIRE(desk.store->commit(lost) == CommitStatus::kCommitted);
  desk.broker->held[receipt.orders[4].client_order_id].status = OrderStatus::kCancelled;
  SUBCASE("by steps") {
    CHECK_THROWS_AS(desk.oms->step(), Error);
    CHECK_NOTHROW(desk.oms->step());  // goes on behind it
  }
  SUBCASE("by recovery") { CHECK_THROWS_AS(desk.oms->recover(), Error); }
  CHECK(in_doubt(desk) == 1);
  CHECK(desk.at(receipt.orders[4].id).status == OrderStatus::kUnknown);
}
