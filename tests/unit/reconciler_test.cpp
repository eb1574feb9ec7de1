// The batch report: exact figures, whatever the order of the rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "orchestrator/reconciler.hpp"
#include "support/decimal_oracle.hpp"

using namespace orchestrator;

namespace {

constexpr std::uint64_t kSeed = 380'000;
constexpr Timestamp kNow{std::chrono::microseconds(1'767'604'500'000'000)};

Order make_order(OrderId id, InstrumentId instrument, Side side, const char* qty, const char* limit,
                 OrderStatus status = OrderStatus::kAcked) {
  Order order;
  order.id = id;
  order.leg = static_cast<std::int32_t>(id) - 1;
  order.client_order_id = "oo-" + std::to_string(id);
  order.ext_order_id = "X" + std::to_string(id);
  order.instrument_id = instrument;
  order.symbol = "#" + std::to_string(instrument);
  order.side = side;
  order.qty = Quantity::from_string(qty);
  if (limit != nullptr) order.price_limit = Price::from_string(limit);
  order.status = status;
  order.acked_at = kNow;
  return order;
}

Execution make_execution(OrderId order_id, std::string id, const char* qty, const char* price,
                         const char* fees = "0") {
  Execution execution;
  execution.broker = "mock";
  execution.account = "A";
  execution.execution_id = std::move(id);
  execution.order_id = order_id;
  execution.qty = Quantity::from_string(qty);
  execution.price = Price::from_string(price);
  execution.fees = Money::from_string(fees);
  execution.executed_at = kNow;
  return execution;
}

BatchReport report_of(const std::vector<Order>& orders, const std::vector<Execution>& executions) {
  OrderBatch batch;
  batch.id = 123;
  batch.status = BatchStatus::kProcessing;
  return make_reconciler()->report(batch, orders, executions);
}

std::string text(const std::optional<Money>& money) { return money ? money->to_string() : "none"; }
std::string text(const std::optional<Price>& price) { return price ? price->to_string() : "none"; }

// Everything in a report but the orders themselves.
std::string words_of(const BatchReport& report) {
  std::string words = std::to_string(report.total_orders) + " " + std::to_string(report.filled_orders) + " " +
                      std::to_string(report.pending_orders) + " " + std::to_string(report.cancelled_orders) +
                      " " + std::to_string(report.rejected_orders) + " " + report.total_qty.to_string() +
                      " " + report.filled_qty.to_string() + " " + report.total_value.to_string() + " " +
                      report.filled_value.to_string() + " " + text(report.expected_pnl) + " " +
                      text(report.actual_pnl) + " " + report.fees.to_string();
  for (const InstrumentReport& part : report.instruments) {
    words += " | " + std::to_string(part.instrument_id) + " " + part.bought_qty.to_string() + " " +
             part.sold_qty.to_string() + " " + text(part.vwap_buy) + " " + text(part.vwap_sell) + " " +
             part.net_position_change.to_string() + " " + part.cash_flow.to_string() + " " +
             text(part.matched_pnl) + " " + part.slippage.to_string() + " " + part.fees.to_string();
  }
  return words;
}

}  // namespace

TEST_CASE("the specification's sample batch gives exactly its figures") {
  const std::vector<Order> orders{make_order(1, 1, Side::kBuy, "100", "2500.0", OrderStatus::kFilled),
                                  make_order(2, 2, Side::kSell, "50", "2600.0", OrderStatus::kFilled)};
  const BatchReport report =
      report_of(orders, {make_execution(1, "E1", "100", "2500"), make_execution(2, "E2", "50", "2600")});
  CHECK(words_of(report) ==
        "2 2 0 0 0 150 150 380000 380000 5000 5000 0"
        " | 1 100 0 2500 none 100 -250000 none 0 0"
        " | 2 0 50 none 2600 -50 130000 none 0 0");
  CHECK(report.batch_id == 123);
  CHECK(report.status == BatchStatus::kProcessing);
  CHECK(report.orders.size() == 2);
}

TEST_CASE("before any execution there is an expected P&L and no actual one") {
  const BatchReport report = report_of(
      {make_order(1, 1, Side::kBuy, "100", "2500"), make_order(2, 2, Side::kSell, "50", "2600")}, {});
  CHECK(text(report.expected_pnl) == "5000");
  CHECK(text(report.actual_pnl) == "none");
  CHECK(report.pending_orders == 2);
}

TEST_CASE("one side alone has no matched P&L, rather than zero") {
  const BatchReport report = report_of({make_order(1, 1, Side::kBuy, "100", "2500", OrderStatus::kFilled)},
                                       {make_execution(1, "E1", "100", "2500")});
  CHECK(text(report.expected_pnl) == "none");
  CHECK(text(report.actual_pnl) == "none");
}

TEST_CASE("orders are counted by how they stand") {
  std::vector<Order> orders;
  for (int status = 0; status < kOrderStatusCount; ++status) {
    orders.push_back(make_order(status + 1, 1, Side::kBuy, "10", "1", static_cast<OrderStatus>(status)));
  }
  orders.push_back(make_order(20, 1, Side::kBuy, "10", "1", OrderStatus::kSettled));
  const BatchReport report =
      report_of(orders, {make_execution(12, "E1", "10", "1"), make_execution(20, "E2", "4", "1")});
  CHECK(report.total_orders == 13);
  CHECK(report.filled_orders == 2);     // filled, and settled in full
  CHECK(report.cancelled_orders == 3);  // cancelled, expired, and settled in part
  CHECK(report.rejected_orders == 1);
  CHECK(report.pending_orders == 7);
}

TEST_CASE("the expected P&L leaves out what ended without executing anything") {
  const auto expected = [](OrderStatus status, const std::vector<Execution>& executions) {
    return text(
        report_of({make_order(1, 1, Side::kBuy, "100", "10"), make_order(2, 1, Side::kSell, "100", "11"),
                   make_order(3, 1, Side::kSell, "100", "21", status)},
                  executions)
            .expected_pnl);
  };
  for (const auto status : {OrderStatus::kRejected, OrderStatus::kCancelled, OrderStatus::kExpired}) {
    CHECK(expected(status, {}) == "100");
    CHECK(expected(status, {make_execution(3, "E1", "1", "21")}) == "600");
  }
  CHECK(expected(OrderStatus::kAcked, {}) == "600");
}

TEST_CASE("orders without a limit price add no value and no expected P&L") {
  const BatchReport report =
      report_of({make_order(1, 1, Side::kBuy, "100", "10"), make_order(2, 1, Side::kSell, "100", nullptr)},
                {make_execution(2, "E1", "100", "11")});
  CHECK(report.total_value.to_string() == "1000");
  CHECK(report.filled_value.to_string() == "1100");
  CHECK(text(report.expected_pnl) == "none");
  CHECK(report.instruments[0].slippage.is_zero());
}

TEST_CASE("busts and corrections are folded, and their fees with them") {
  std::vector<Execution> executions{
      make_execution(1, "E1", "10", "100", "1"), make_execution(1, "E2", "10", "100", "1"),
      make_execution(1, "E3", "8", "101", "0.5"), make_execution(1, "E4", "0", "0")};
  executions[2].kind = ExecutionKind::kCorrect;
  executions[2].ref_execution_id = "E1";
  executions[3].kind = ExecutionKind::kBust;
  executions[3].ref_execution_id = "E2";
  const BatchReport report = report_of({make_order(1, 1, Side::kBuy, "20", "100")}, executions);
  CHECK(report.filled_qty.to_string() == "8");
  CHECK(report.filled_value.to_string() == "808");
  CHECK(report.fees.to_string() == "0.5");
}

TEST_CASE("slippage is positive when it cost something, on either side") {
  const BatchReport report =
      report_of({make_order(1, 1, Side::kBuy, "10", "100"), make_order(2, 2, Side::kSell, "10", "100")},
                {make_execution(1, "E1", "10", "100.5"), make_execution(2, "E2", "10", "99")});
  CHECK(report.instruments[0].slippage.to_string() == "5");
  CHECK(report.instruments[1].slippage.to_string() == "10");
}

TEST_CASE("the multiplier is in the values and not in the prices and quantities") {
  std::vector<Order> orders{make_order(1, 1, Side::kBuy, "2", "100"),
                            make_order(2, 1, Side::kSell, "2", "110")};
  for (Order& order : orders) order.multiplier = 50;
  const BatchReport report =
      report_of(orders, {make_execution(1, "E1", "2", "101"), make_execution(2, "E2", "2", "110")});
  CHECK(words_of(report) == "2 0 2 0 0 4 4 21000 21100 1000 900 0 | 1 2 2 101 110 0 900 900 100 0");
}

TEST_CASE("a quantity counts as often as its multiplier when two contracts are matched") {
  // One contract of fifty against fifty single ones.
  std::vector<Order> orders{make_order(1, 1, Side::kBuy, "1", "100"),
                            make_order(2, 2, Side::kSell, "50", "110")};
  orders[0].multiplier = 50;
  CHECK(text(report_of(orders, {}).expected_pnl) == "500");
}

TEST_CASE("a report does not depend on the order of its rows, and its parts add up") {
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 200; ++round) {
    std::vector<Order> orders;
    std::vector<Execution> executions;
    for (OrderId id = 1; id <= 8; ++id) {
      Order order = make_order(id, static_cast<InstrumentId>(random() % 3 + 1),
                               random() % 2 == 0 ? Side::kBuy : Side::kSell, "1", nullptr,
                               static_cast<OrderStatus>(random() % kOrderStatusCount));
      order.qty = Quantity::from_units(static_cast<std::int64_t>(random() >> 14) + 1);
      if (random() % 4 != 0) order.price_limit = Price::from_units(static_cast<std::int64_t>(random() >> 20));
      order.multiplier = static_cast<std::int64_t>(random() % 3) + 1;
      orders.push_back(order);
      for (std::uint64_t count = random() % 4; count > 0; --count) {
        Execution execution = make_execution(id, "E" + std::to_string(executions.size()), "1", "1");
        execution.qty = Quantity::from_units(static_cast<std::int64_t>(random() >> 15) + 1);
        execution.price = Price::from_units(static_cast<std::int64_t>(random() >> 20) + 1);
        execution.fees = Money::from_units(static_cast<std::int64_t>(random() >> 1));
        executions.push_back(execution);
      }
    }
    const BatchReport report = report_of(orders, executions);
    std::shuffle(orders.begin(), orders.end(), random);
    std::shuffle(executions.begin(), executions.end(), random);
    std::vector<Execution> repeated = executions;
    repeated.insert(repeated.end(), executions.begin(), executions.end());
    const BatchReport again = report_of(orders, repeated);
    INFO("round " << round);
    REQUIRE(words_of(report) == words_of(again));
    REQUIRE(std::is_sorted(again.orders.begin(), again.orders.end(),
                           [](const Order& a, const Order& b) { return a.leg < b.leg; }));

    Quantity filled;
    Money fees;
    for (const InstrumentReport& part : report.instruments) {
      filled += part.bought_qty + part.sold_qty;
      fees += part.fees;
      REQUIRE(part.net_position_change == part.bought_qty - part.sold_qty);
    }
    REQUIRE(filled == report.filled_qty);
    REQUIRE(fees == report.fees);
    REQUIRE(report.filled_orders + report.pending_orders + report.cancelled_orders + report.rejected_orders ==
            report.total_orders);
  }
}

TEST_CASE("the reported P&L equals the oracle's, computed from the rows") {
  using decimal_oracle::Big;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 300; ++round) {
    std::vector<Order> orders;
    std::vector<Execution> executions;
    Big qty[2];
    Big value[2];
    for (OrderId id = 1; id <= 6; ++id) {
      const Side side = id % 2 == 0 ? Side::kBuy : Side::kSell;
      orders.push_back(make_order(id, 1, side, "1", nullptr));
      Execution execution = make_execution(id, "E" + std::to_string(id), "1", "1");
      execution.qty = Quantity::from_units(static_cast<std::int64_t>(random() >> (10 + random() % 50)) + 1);
      execution.price = Price::from_units(static_cast<std::int64_t>(random() >> (10 + random() % 50)));
      const auto s = static_cast<std::size_t>(side);
      qty[s] = qty[s] + Big::of(execution.qty.units());
      value[s] = value[s] + Big::of(execution.qty.units()) * Big::of(execution.price.units());
      executions.push_back(execution);
    }
    const auto buy = static_cast<std::size_t>(Side::kBuy);
    const auto sell = static_cast<std::size_t>(Side::kSell);
    const Big matched = qty[buy] < qty[sell] ? qty[buy] : qty[sell];
    const Big expected = decimal_oracle::divide(matched * (value[sell] * qty[buy] - value[buy] * qty[sell]),
                                                qty[buy] * qty[sell], Rounding::kHalfEven);
    const BatchReport report = report_of(orders, executions);
    INFO("round " << round);
    REQUIRE(report.actual_pnl.has_value());
    REQUIRE(Big::of(report.actual_pnl->units()) == expected);
    REQUIRE(report.instruments.at(0).matched_pnl == report.actual_pnl);
  }
}

TEST_CASE("break types have the words of the API") {
  CHECK(to_string(BreakType::kMissingHere) == "missing_here");
  CHECK(to_string(BreakType::kMissingThere) == "missing_there");
  CHECK(to_string(BreakType::kQuantity) == "quantity");
  CHECK(to_string(BreakType::kPrice) == "price");
  CHECK(to_string(BreakType::kStatus) == "status");
  CHECK(to_string(BreakType::kDuplicate) == "duplicate");
  CHECK(to_string(BreakType::kFee) == "fee");
}
