// When, at what price and for what fee the mock brokers execute.

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/error.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/mock_orders.hpp"

using namespace orchestrator;           // NOLINT(google-build-using-namespace): a test of one module
using namespace orchestrator::testing;  // NOLINT(google-build-using-namespace)

namespace {

std::unique_ptr<BrokerConnector> mock(Maker make, Clock& clock, const std::string& config) {
  return make({.config_json = config}, clock);
}

const std::vector<Maker> kBoth = {make_zerodha_mock, make_alpaca_mock};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("fill models execute when and at what price they say") {
  struct Case {
    const char* config;
    Side side;
    const char* qty;
    std::optional<const char*> limit;
    Texts at_place, after_poll;
  };
  const char* const partial = R"({"fill_model": "partial"})";
  const char* const slippage = R"({"fill_model": "slippage", "slippage_bps": 10})";
  const std::vector<Case> cases = {
      {"{}", Side::kBuy, "10", "100", {}, {}},
      {R"({"fill_model": "none"})", Side::kBuy, "10", "100", {}, {}},
      {R"({"fill_model": "immediate"})", Side::kBuy, "10", "99.5", {"10 @ 99.5"}, {"10 @ 99.5"}},
      {R"({"fill_model": "immediate"})", Side::kSell, "10", std::nullopt, {"10 @ 100"}, {"10 @ 100"}},
      {R"({"fill_model": "immediate", "market_price": "7.25"})",
       Side::kBuy,
       "1",
       std::nullopt,
       {"1 @ 7.25"},
       {"1 @ 7.25"}},
      {R"({"fill_model": "at_limit"})", Side::kBuy, "10", "99.5", {}, {"10 @ 99.5"}},
      {partial, Side::kBuy, "10", "100", {"5 @ 100"}, {"5 @ 100", "5 @ 100"}},
      {partial, Side::kBuy, "5", "100", {"2 @ 100"}, {"2 @ 100", "3 @ 100"}},
      {partial, Side::kBuy, "3", "100", {"1 @ 100"}, {"1 @ 100", "2 @ 100"}},
      {partial, Side::kBuy, "1.5", "100", {"1 @ 100"}, {"1 @ 100", "0.5 @ 100"}},
      {partial, Side::kBuy, "1", "100", {}, {"1 @ 100"}},
      {partial, Side::kBuy, "0.5", "100", {}, {"0.5 @ 100"}},
      {slippage, Side::kBuy, "10", "100", {}, {"10 @ 100.1"}},
      {slippage, Side::kSell, "10", "100", {}, {"10 @ 99.9"}},
      {slippage, Side::kBuy, "10", "0.000000001", {}, {"10 @ 0.000000002"}},
      {slippage, Side::kSell, "10", "0.000000001", {}, {"10 @ 0.000000001"}},
      {slippage, Side::kBuy, "1", "9223372036", {}, {"1 @ 9223372036.854775807"}},
      {R"({"fill_model": "slippage"})", Side::kBuy, "10", "100", {}, {"10 @ 100.05"}},
  };
  for (const Maker make : kBoth) {
    for (const Case& one : cases) {
      CAPTURE(one.config);
      CAPTURE(one.qty);
      FakeClock clock;
      const auto broker = mock(make, clock, one.config);
      REQUIRE(place_one(*broker, mock_order("id", one.qty, one.limit, one.side)).outcome ==
              SendOutcome::kAccepted);
      CHECK(executions_of(*broker) == one.at_place);
      const auto reports = all_reports(*broker);
      CHECK(executions_of(*broker) == one.after_poll);
      CHECK(reports.size() == 1 + one.after_poll.size());
      CHECK(reports.front().kind == BrokerReport::Kind::kAck);
      CHECK(all_reports(*broker).size() == reports.size());
      const BrokerOrder held = broker->look_up("id").order;
      CHECK(held.status == (one.after_poll.empty() ? OrderStatus::kAcked : OrderStatus::kFilled));
    }
  }
}

TEST_CASE("stop orders wait for simulate_fill under every fill model") {
  for (const char* model : {"none", "immediate", "partial", "at_limit", "slippage"}) {
    CAPTURE(model);
    FakeClock clock;
    const auto broker = mock(make_alpaca_mock, clock, R"({"fill_model": ")" + std::string(model) + "\"}");
    Order stop = mock_order("stop", "10", std::nullopt);
    stop.order_type = OrderType::kStop;
    stop.stop_price = price("90");
    Order stop_limit = mock_order("stop-limit");
    stop_limit.order_type = OrderType::kStopLimit;
    stop_limit.stop_price = price("90");
    for (const Order& order : {placed(*broker, stop), placed(*broker, stop_limit)}) {
      CHECK(all_reports(*broker).back().kind == BrokerReport::Kind::kAck);
      CHECK(broker->look_up(order.client_order_id).order.status == OrderStatus::kAcked);
    }
    const std::string id = broker->look_up("stop").order.ext_order_id;
    CHECK(broker->simulator()->simulate_fill(id, quantity("10"), price("89")).price == price("89"));
  }
}

TEST_CASE("a cancel takes back what was due at the next poll, a change reprices it") {
  for (const Maker make : kBoth) {
    FakeClock clock;
    const auto broker = mock(make, clock, R"({"fill_model": "partial"})");
    const Order cancelled = placed(*broker, mock_order("a", "10"));
    const Order changed = placed(*broker, mock_order("b", "20"));
    CHECK(broker->cancel(cancelled).outcome == SendOutcome::kAccepted);
    CHECK(broker->replace(changed, {"r", quantity("16"), price("90")}).outcome == SendOutcome::kAccepted);
    static_cast<void>(all_reports(*broker));
    CHECK(executions_of(*broker) == Texts{"5 @ 100", "10 @ 100", "6 @ 90"});
    CHECK(broker->look_up("a").order.status == OrderStatus::kCancelled);
    CHECK(broker->look_up("a").order.fill_qty == quantity("5"));
    CHECK(broker->look_up("b").order.status == OrderStatus::kFilled);
    CHECK(broker->look_up("b").order.fill_notional == Money::from_string("1540"));
  }
}

TEST_CASE("one poll executes everything that is due, page by page") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock, R"({"fill_model": "at_limit", "orders_max": 1200})");
  std::vector<Order> orders;
  for (int i = 0; i < 1200; ++i) orders.push_back(mock_order("id" + std::to_string(i)));
  static_cast<void>(broker->place(orders));
  const ReportPage first = broker->poll("");
  CHECK(first.more);
  CHECK(broker->book().executions.size() == 1200);
  CHECK(all_reports(*broker).size() == 2400);
}

TEST_CASE("fees are exact: a rate of the notional, half a cent up, and once per order a fixed part") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock, R"({"fee_per_order": "20.005", "fee_rate": 0.0005})");
  Order order = mock_order("id", "100");
  order.multiplier = 50;
  order = placed(*broker, order);
  SimulatedBroker& market = *broker->simulator();
  // 1 x 1 x 50 x 0.0005 = 0.025, a tie; the 20.005 is charged as it is written.
  CHECK(market.simulate_fill(order.ext_order_id, quantity("1"), price("1")).fees ==
        Money::from_string("20.035"));
  CHECK(market.simulate_fill(order.ext_order_id, quantity("1"), price("1")).fees ==
        Money::from_string("0.03"));
  CHECK(market.simulate_fill(order.ext_order_id, quantity("1"), price("0.999999999")).fees ==
        Money::from_string("0.02"));
  CHECK(broker->book().executions.at(0).fees == Money::from_string("20.035"));
}

TEST_CASE("an order whose promised execution could not be charged is refused") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock, R"({"fill_model": "at_limit", "fee_rate": 1})");
  Order huge = mock_order("huge", "9000000000", "9000000000");
  huge.multiplier = 1'000'000'000;
  CHECK(place_one(*broker, huge).outcome == SendOutcome::kRejected);
  Order fine = mock_order("fine");
  fine.multiplier = 1'000'000'000;
  fine = placed(*broker, fine);
  CHECK(broker->replace(fine, {"r", huge.qty, huge.price_limit}).outcome == SendOutcome::kRejected);
  static_cast<void>(all_reports(*broker));
  CHECK(executions_of(*broker) == Texts{"10 @ 100"});
}

TEST_CASE("an execution at the market's word that could not be charged changes nothing") {
  FakeClock clock;
  const auto broker = mock(make_alpaca_mock, clock, R"({"fee_rate": 1})");
  Order order = mock_order("id", "9000000000");
  order.multiplier = 1'000'000'000;
  order = placed(*broker, order);
  CHECK_THROWS_AS(broker->simulator()->simulate_fill(order.ext_order_id, order.qty, price("9000000000")),
                  Error);
  CHECK_THROWS_AS(broker->simulator()->simulate_fill(order.ext_order_id, quantity("0"), price("1")), Error);
  CHECK_THROWS_AS(broker->simulator()->simulate_fill(order.ext_order_id, quantity("1"), price("-1")), Error);
  CHECK(executions_of(*broker).empty());
  CHECK(all_reports(*broker).size() == 1);
}
