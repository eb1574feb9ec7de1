// A broker's book against ours: every kind of difference is found, and none is made up by an order that
// moves, waits or is older than the broker's book.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "core/request_identity.hpp"
#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

Words checks_of(const AuditReport& report) {
  Words checks;
  for (const AuditFinding& finding : report.findings) checks.push_back(finding.check);
  return checks;
}

Words audited(const Desk& desk) { return checks_of(desk.oms->audit({.brokers = true})); }

// The broker's own row of an order.
BrokerOrder& row_of(const Desk& desk, const Order& order) { return desk.broker->held[order.client_order_id]; }

// Executes at the broker, which tells us nothing of it.
void execute(const Desk& desk, const Order& order, const std::string& id, int qty, int price) {
  BrokerOrder& row = row_of(desk, order);
  row.fill_qty += Quantity::from_int(qty);
  row.fill_notional += Price::from_int(price) * Quantity::from_int(qty);
  row.status = row.fill_qty == row.qty ? OrderStatus::kFilled : OrderStatus::kPartiallyFilled;
  const BrokerReport report =
      desk.broker->trade(order.client_order_id, id, Quantity::from_int(qty), Price::from_int(price));
  desk.broker->executed.emplace_back(row.ext_order_id, report.execution);
}

// What the audit says of one acknowledged order after `change`.
Words after(const std::function<void(Desk&, const Order&)>& change) {
  Desk desk;
  const Order order = desk.place_one();
  REQUIRE(audited(desk).empty());
  change(desk, order);
  return audited(desk);
}

}  // namespace

TEST_CASE(
    "an order at the broker that no order here knows is an orphan, and one it has twice is a double (row "
    "13)") {
  Desk desk;
  const Order order = desk.place_one();
  desk.broker->held["oolost"] = {.ext_order_id = "Xlost", .client_order_id = "oolost", .qty = order.qty};
  desk.broker->held["zzother"] = {.ext_order_id = "Xother", .client_order_id = "zzother", .qty = order.qty};
  desk.broker->held["again"] = {
      .ext_order_id = "X2", .client_order_id = order.client_order_id, .qty = order.qty};
  desk.broker->held["refused"] = {.ext_order_id = "X3",
                                  .client_order_id = order.client_order_id,
                                  .qty = order.qty,
                                  .status = OrderStatus::kRejected};
  const AuditReport report = desk.oms->audit({.brokers = true});
  CHECK(checks_of(report) == Words{"broker.duplicate", "broker.orphan"});
  CHECK(report.broker_orders == 4);
}

TEST_CASE("an order that moves while the book is fetched is no finding") {
  Desk desk;
  const Order order = desk.place_one();
  desk.broker->during_book = [&] {
    execute(desk, order, "E1", 60, 10);
    desk.trade(order, "E1", 60, 10);
  };
  CHECK(audited(desk).empty());
  CHECK(desk.broker->books == 2);
}

TEST_CASE("an order that trades at both while each book is fetched is no finding") {
  Desk desk;
  const Order order = desk.place_one();
  int trades = 0;
  std::function<void()> trade = [&] {
    const std::string id = "E" + std::to_string(++trades);
    execute(desk, order, id, 1, 10);
    desk.trade(order, id, 1, 10);
    desk.broker->during_book = trade;
  };
  desk.broker->during_book = trade;
  CHECK(audited(desk).empty());
  CHECK(desk.broker->books == 2);
}

TEST_CASE("an order that stands otherwise at the broker is found") {
  CHECK(after([](Desk& desk, const Order& order) { execute(desk, order, "E1", 60, 10); }) ==
        Words{"broker.fill", "broker.execution"});
  CHECK(after([](Desk& desk, const Order& order) {
          desk.trade(order, "E1", 60, 10);
          execute(desk, order, "E1", 60, 11);
        }) == Words{"broker.fill", "broker.execution"});
  for (const OrderStatus status : {OrderStatus::kCancelled, OrderStatus::kExpired, OrderStatus::kRejected}) {
    CHECK(after([&](Desk& desk, const Order& order) { row_of(desk, order).status = status; }) ==
          Words{"broker.status"});
  }
  CHECK(after([](Desk& desk, const Order& order) { row_of(desk, order).qty = Quantity::from_int(90); }) ==
        Words{"broker.terms"});
  CHECK(after([](Desk& desk, const Order& order) {
          row_of(desk, order).price_limit = Price::from_int(11);
        }) == Words{"broker.terms"});
  CHECK(after([](Desk& desk, const Order& order) { row_of(desk, order).side = Side::kSell; }) ==
        Words{"broker.identity"});
}

TEST_CASE("terms that were asked for and are not confirmed yet are no finding") {
  CHECK(after([](Desk& desk, const Order& order) {
          desk.oms->replace(order.id, Quantity::from_int(120), std::nullopt);
          row_of(desk, order).qty = Quantity::from_int(120);
        }).empty());
}

TEST_CASE("an order that the broker shows under the client order id of its change is that order") {
  CHECK(after([](Desk& desk, const Order& order) {
          desk.oms->replace(order.id, Quantity::from_int(120), std::nullopt);
          BrokerReport replaced = desk.broker->report(BrokerReport::Kind::kReplaced, order.client_order_id);
          replaced.qty = Quantity::from_int(120);
          desk.oms->apply(replaced);
          row_of(desk, order).qty = Quantity::from_int(120);
          row_of(desk, order).client_order_id = desk.broker->replaces.back().client_order_id;
        }).empty());
}

TEST_CASE("a change made at the broker of an order that no order here knows is an orphan under its own id") {
  Desk desk;
  const Order order = desk.place_one();
  std::string id = replace_generation(order.client_order_id, 1);
  id[5] = id[5] == 'a' ? 'b' : 'a';
  desk.broker->held["lost"] = {.ext_order_id = "Xlost", .client_order_id = id, .qty = order.qty};
  const AuditReport report = desk.oms->audit({.brokers = true});
  REQUIRE(checks_of(report) == Words{"broker.orphan"});
  CHECK(report.findings.front().detail.find(id) != std::string::npos);
}

TEST_CASE("an order that is refused or unsent here and works at the broker is found") {
  Desk desk;
  desk.broker->fates = {Fate::kReject, Fate::kNotSent};
  const Order refused = desk.place_one();
  const Order unsent = desk.place_one();
  REQUIRE(audited(desk).empty());
  for (const Order& order : {refused, unsent}) {
    BrokerOrder& row = row_of(desk, order);
    row = {.ext_order_id = "X" + order.client_order_id,
           .client_order_id = order.client_order_id,
           .qty = order.qty};
  }
  CHECK(audited(desk) == Words{"broker.status", "broker.status"});
  row_of(desk, refused).status = OrderStatus::kRejected;
  CHECK(audited(desk) == Words{"broker.status"});
}

TEST_CASE("an acknowledged order that the broker does not show is found, as far as its book goes back") {
  Desk desk;
  const Order open = desk.place_one();
  const Order ended = desk.place_one();
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kCancelled, ended.client_order_id));
  desk.broker->held.clear();
  CHECK(audited(desk) == Words{"broker.missing", "broker.missing"});
  desk.broker->book_from = desk.clock->now() + std::chrono::hours(1);
  CHECK(audited(desk) == Words{"broker.missing"});
}

TEST_CASE("an order in doubt is left to recovery, unless the broker holds it twice") {
  Desk desk;
  desk.broker->fates = {Fate::kLostAfterAccept};
  const Order order = desk.place_one();
  REQUIRE(order.status == OrderStatus::kUnknown);
  CHECK(audited(desk).empty());
  BrokerOrder again = row_of(desk, order);
  again.ext_order_id = "X2";
  desk.broker->held["again"] = again;
  CHECK(audited(desk) == Words{"broker.duplicate"});
}

TEST_CASE("a broker whose rate limit is used up is asked as soon as there is room") {
  Desk desk;
  const Order order = desk.place_one();
  execute(desk, order, "E1", 60, 10);
  desk.broker->settings().rate_limit = {.requests_max = 4, .per = std::chrono::seconds(10)};
  static_cast<void>(desk.oms->broker_book("scripted"));
  static_cast<void>(desk.oms->broker_book("scripted"));
  const Timestamp before = desk.clock->now();
  CHECK(audited(desk) == Words{"broker.fill", "broker.execution"});
  CHECK(desk.broker->books == 5);
  CHECK(desk.clock->now() - before < std::chrono::seconds(30));
}

TEST_CASE("what a broker showed before it may not be asked again is reported beside its silence") {
  Desk desk;
  const Order order = desk.place_one();
  execute(desk, order, "E1", 60, 10);
  const auto words = [&] {
    const AuditReport report = desk.oms->audit({.brokers = true});
    CHECK(report.findings.front().detail.ends_with("(it could not be read again)"));
    return checks_of(report);
  };
  const Words all = {"broker.fill", "broker.execution", "broker.silent"};
  SUBCASE("because its rate limit is used up for long") {
    desk.broker->settings().rate_limit = {.requests_max = 1, .per = std::chrono::hours(1)};
    CHECK(words() == all);
  }
  SUBCASE("because it does not answer any more") {
    desk.broker->during_book = [&] { desk.broker->silent = true; };
    CHECK(words() == all);
  }
}

TEST_CASE("a broker that does not answer, or may not be asked now, is a finding and costs no request (I7)") {
  Desk desk;
  desk.place_one();
  desk.broker->settings().rate_limit = {.requests_max = 1, .per = std::chrono::hours(1)};
  CHECK(audited(desk).empty());
  const int books = desk.broker->books;
  CHECK(audited(desk) == Words{"broker.silent"});
  CHECK(code_of([&] { static_cast<void>(desk.oms->broker_book("scripted")); }) == ErrorCode::kBrokerInactive);
  CHECK(code_of([&] { static_cast<void>(desk.oms->compare_with_broker(1)); }) == ErrorCode::kBrokerInactive);
  CHECK(desk.broker->books == books);
}

TEST_CASE("a book is not asked of a broker whose circuit is open, and failures to give one open it") {
  Desk desk;
  desk.place_one();
  desk.broker->silent = true;
  CHECK(code_of([&] { static_cast<void>(desk.oms->broker_book("scripted")); }) == ErrorCode::kBrokerInDoubt);
  for (int i = 0; i < 4; ++i) CHECK(audited(desk) == Words{"broker.silent"});
  CHECK(desk.oms->health().brokers.front().circuit == CircuitState::kOpen);
  desk.broker->silent = false;
  CHECK(audited(desk) == Words{"broker.silent"});
  try {
    static_cast<void>(desk.oms->compare_with_broker(1));
    FAIL("a book was had of a broker whose circuit is open");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kBrokerInactive);
    CHECK(error.retryable());
  }
  desk.clock->advance(std::chrono::minutes(1));
  CHECK(audited(desk).empty());
}
