// The audit finds what does not add up, whoever made it so; and nothing in a book that the engine alone has
// written.
#include <doctest/doctest.h>

#include <algorithm>

#include "support/desk.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

std::vector<std::string> checks_of(const AuditReport& report) {
  std::vector<std::string> checks;
  for (const AuditFinding& finding : report.findings) checks.push_back(finding.check);
  return checks;
}

bool found(const AuditReport& report, const std::string& check) {
  const auto checks = checks_of(report);
  return std::find(checks.begin(), checks.end(), check) != checks.end();
}

// Writes an order behind the engine's back.
template <class Change>
void tamper(const Desk& desk, OrderId id, Change&& change) {
  ChangeUnit unit;
  unit.orders.push_back(desk.at(id));
  change(unit.orders.back(), unit);
  ++unit.orders.back().version;
  REQUIRE(desk.store->commit(unit) == CommitStatus::kCommitted);
}

}  // namespace

TEST_CASE("a whole day's book is clean, order by order and broker by broker") {
  Desk desk;
  desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1'000'000)});
  const Order filled = desk.place_one();
  desk.trade(filled, "E1", 60, 10);
  desk.trade(filled, "E2", 40, 9);
  const Order cancelled = desk.place_one();
  desk.oms->apply(desk.broker->report(BrokerReport::Kind::kCancelled, cancelled.client_order_id));
  desk.trade(cancelled, "E3", 10, 10);
  desk.broker->fates = {Fate::kReject, Fate::kLostAfterAccept, Fate::kLostBeforeAccept, Fate::kNotSent};
  for (int i = 0; i < 4; ++i) desk.place_one();
  desk.clock->advance(std::chrono::minutes(1));
  desk.oms->recover();
  BrokerReport bust = desk.broker->trade(filled.client_order_id, "B1", Quantity(), Price());
  bust.execution.kind = ExecutionKind::kBust;
  bust.execution.ref_execution_id = "E2";
  desk.oms->apply(bust);
  desk.oms->settle(Date{std::chrono::days(30'000)});
  const auto at_broker = [&](const Order& order, int qty, OrderStatus status,
                             const std::vector<const char*>& ids) {
    BrokerOrder& row = desk.broker->held[order.client_order_id];
    row.fill_qty = Quantity::from_int(qty);
    row.fill_notional = Price::from_int(10) * row.fill_qty;
    row.status = status;
    for (const char* id : ids) {
      desk.broker->executed.emplace_back(row.ext_order_id, *desk.store->execution("scripted", "A1", id));
    }
  };
  at_broker(filled, 60, OrderStatus::kPartiallyFilled, {"E1", "E2", "B1"});
  at_broker(cancelled, 10, OrderStatus::kCancelled, {"E3"});
  std::size_t told = 0;
  const AuditReport report =
      desk.oms->audit({.brokers = true, .progress = [&](std::size_t done, std::size_t) { told = done; }});
  INFO(doctest::toString(checks_of(report).size()), " ",
       report.findings.empty() ? std::string()
                               : report.findings.front().check + report.findings.front().detail);
  CHECK(report.clean());
  CHECK(report.orders == 6);
  CHECK(report.executions == 4);
  CHECK(report.broker_orders == 5);
  CHECK(told == 6);
}

TEST_CASE("an order whose row was changed behind its events is found (I16)") {
  Desk desk;
  const Order order = desk.place_one();
  tamper(desk, order.id, [](Order& row, ChangeUnit&) { row.status = OrderStatus::kCancelled; });
  const AuditReport report = desk.oms->audit();
  CHECK(found(report, "order.fold"));
  CHECK(found(report, "batch.counts"));
}

TEST_CASE("executions that do not add up are found (I18)") {
  Desk desk;
  const Order order = desk.place_one();
  tamper(desk, order.id, [&](Order&, ChangeUnit& unit) {
    unit.executions.push_back({.broker = "scripted",
                               .account = "A1",
                               .execution_id = "E1",
                               .order_id = order.id,
                               .qty = Quantity::from_int(1),
                               .price = Price::from_int(10)});
  });
  const AuditReport report = desk.oms->audit();
  CHECK(found(report, "executions.sum"));
  CHECK(found(report, "executions.event"));
}

TEST_CASE(
    "a hole in an order's events, an unlawful change and margin that nobody holds are found (I13, I14)") {
  Desk desk;
  const Order order = desk.place_one();
  tamper(desk, order.id, [&](Order& row, ChangeUnit& unit) {
    row.event_seq += 2;
    row.status = OrderStatus::kPlaced;
    EventRow event{.batch_id = order.batch_id, .order_id = order.id, .at = order.created_at};
    event.lines = "order.released " + std::to_string(order.id) + " " + std::to_string(row.event_seq) +
                  R"( {"client_order_id":")" + order.client_order_id +
                  R"(","status":"placed","qty":100,"fill_qty":0,"fill_notional":0,"ext_order_id":")" +
                  order.ext_order_id + "\"}\n";
    unit.events.push_back(event);
    unit.margins.push_back({1, Money::from_int(5), std::nullopt});
  });
  const AuditReport report = desk.oms->audit();
  CHECK(found(report, "events.gap"));
  CHECK(found(report, "events.transition"));
  CHECK(found(report, "events.missing"));
  CHECK(found(report, "portfolio.margin"));
}

TEST_CASE(
    "a trail that no longer holds the head that was noted is found, and every noted head that it holds is "
    "not") {
  Desk desk;
  desk.oms->halt(ControlScope::kAll, "", "drill");
  const std::string noted = desk.oms->audit().trail_head;
  desk.oms->resume(ControlScope::kAll, "");
  CHECK(desk.oms->audit({.expected_head = noted}).clean());
  CHECK(desk.oms->audit({.expected_head = desk.oms->audit().trail_head}).clean());
  CHECK(checks_of(desk.oms->audit({.expected_head = std::string(64, '0')})) == Words{"trail.head"});
}

TEST_CASE("a stop that the library made by itself is one that the trail tells of") {
  Desk desk;
  const Order order = desk.place_one();
  desk.trade(order, "E1", 101, 10);
  REQUIRE(desk.store->halts().size() == 1);
  CHECK(desk.oms->audit().clean());
  desk.oms->halt(ControlScope::kBroker, "scripted", "look at it", HaltMode::kHalt);
  CHECK(desk.oms->audit().clean());
  desk.oms->resume(ControlScope::kBroker, "scripted");
  CHECK(desk.oms->audit().clean());
}

TEST_CASE("an incident and a decision that the trail does not tell of are found") {
  Desk desk;
  const Order order = desk.place_one();
  for (const char* type : {"order.incident", "order.resolved"}) {
    tamper(desk, order.id, [&](Order& row, ChangeUnit& unit) {
      EventRow event{.batch_id = order.batch_id, .order_id = order.id, .at = order.created_at};
      event.lines = std::string(type) + " " + std::to_string(order.id) + " " +
                    std::to_string(++row.event_seq) + R"( {"status":"acked"})" + "\n";
      unit.events.push_back(event);
    });
  }
  const AuditReport report = desk.oms->audit();
  CHECK(found(report, "trail.incident"));
  CHECK(found(report, "trail.decision"));
}
