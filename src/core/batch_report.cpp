// Adds a batch up: counts, quantities, values, P&L, and the same per instrument.
//
// Invariants: what executed comes from the executions alone, by the same fold that the orders use; sums over
// instruments equal the batch's figures to the last unit; the input's order does not show in the result.

#include "core/batch_report.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/exact_ratio.hpp"
#include "core/executions.hpp"

namespace orchestrator {

namespace {

// What was bought, or sold. `notional` is price x quantity, the base of the average price; `matched` counts
// the multiplier in.
struct SideSums {
  Quantity qty;
  Money notional;
  MatchedSide matched;

  void add(Quantity more_qty, Money more_notional, std::int64_t multiplier) {
    qty += more_qty;
    notional += more_notional;
    matched.add(more_qty, more_notional, multiplier);
  }
};

struct TwoSides {
  SideSums buy;
  SideSums sell;

  SideSums& of(Side side) { return side == Side::kBuy ? buy : sell; }

  [[nodiscard]] std::optional<Money> pnl() const {
    if (buy.matched.units <= 0 || sell.matched.units <= 0) return std::nullopt;
    return matched_pnl(buy.matched, sell.matched);
  }
};

std::optional<Price> vwap(const SideSums& side) {
  if (!side.qty.is_positive()) return std::nullopt;
  return average_price(side.notional, side.qty, Rounding::kHalfEven);
}

struct InstrumentSums {
  std::string symbol;
  TwoSides executed;
  Money slippage;
  Money fees;
};

InstrumentReport make_instrument_report(InstrumentId id, const InstrumentSums& sums) {
  const SideSums& buy = sums.executed.buy;
  const SideSums& sell = sums.executed.sell;
  InstrumentReport report;
  report.instrument_id = id;
  report.symbol = sums.symbol;
  report.bought_qty = buy.qty;
  report.sold_qty = sell.qty;
  report.vwap_buy = vwap(buy);
  report.vwap_sell = vwap(sell);
  report.net_position_change = buy.qty - sell.qty;
  report.cash_flow = sell.matched.value - buy.matched.value;
  report.matched_pnl = sums.executed.pnl();
  report.slippage = sums.slippage;
  report.fees = sums.fees;
  return report;
}

// Positive is worse than the limit: paid more, or got less.
Money slippage_of(const Order& order, const ExecutionTotals& executed) {
  if (!order.price_limit) return Money();
  const Money worse = executed.notional - *order.price_limit * executed.qty;
  return times(order.side == Side::kBuy ? worse : -worse, order.multiplier);
}

void count(BatchReport& report, const Order& order, const ExecutionTotals& executed) {
  ++report.total_orders;
  switch (order.status) {
    case OrderStatus::kFilled:
      ++report.filled_orders;
      return;
    case OrderStatus::kSettled:
      ++(executed.qty >= order.qty ? report.filled_orders : report.cancelled_orders);
      return;
    case OrderStatus::kCancelled:
    case OrderStatus::kExpired:
      ++report.cancelled_orders;
      return;
    case OrderStatus::kRejected:
      ++report.rejected_orders;
      return;
    case OrderStatus::kPlaced:
    case OrderStatus::kSubmitting:
    case OrderStatus::kUnknown:
    case OrderStatus::kAcked:
    case OrderStatus::kPartiallyFilled:
    case OrderStatus::kCancelPending:
    case OrderStatus::kReplacePending:
      ++report.pending_orders;
      return;
  }
}

bool ended_unexecuted(const Order& order, const ExecutionTotals& executed) {
  const bool ended = order.status == OrderStatus::kRejected || order.status == OrderStatus::kCancelled ||
                     order.status == OrderStatus::kExpired;
  return ended && executed.qty.is_zero();
}

// The part of `sorted`, which is by order id, that belongs to one order.
std::span<const Execution> executions_of(std::span<const Execution> sorted, OrderId id) {
  const auto begin = std::ranges::lower_bound(sorted, id, {}, &Execution::order_id);
  const auto end = std::ranges::upper_bound(sorted, id, {}, &Execution::order_id);
  return {begin, end};
}

// Sums under way.
struct BatchSums {
  BatchReport report;
  TwoSides expected;
  TwoSides actual;
  std::map<InstrumentId, InstrumentSums> instruments;

  void add(const Order& order, const ExecutionTotals& executed) {
    count(report, order, executed);
    report.total_qty += order.qty;
    report.filled_qty += executed.qty;
    report.filled_value += times(executed.notional, order.multiplier);
    report.fees += executed.fees;
    if (order.price_limit) {
      const Money ordered = *order.price_limit * order.qty;
      report.total_value += times(ordered, order.multiplier);
      if (!ended_unexecuted(order, executed)) {
        expected.of(order.side).add(order.qty, ordered, order.multiplier);
      }
    }
    actual.of(order.side).add(executed.qty, executed.notional, order.multiplier);
    InstrumentSums& instrument = instruments[order.instrument_id];
    if (instrument.symbol.empty()) instrument.symbol = order.symbol;
    instrument.executed.of(order.side).add(executed.qty, executed.notional, order.multiplier);
    instrument.slippage += slippage_of(order, executed);
    instrument.fees += executed.fees;
  }
};

}  // namespace

BatchReport make_batch_report(const OrderBatch& batch, std::span<const Order> orders,
                              std::span<const Execution> executions) {
  std::vector<Order> by_leg(orders.begin(), orders.end());
  std::sort(by_leg.begin(), by_leg.end(),
            [](const Order& a, const Order& b) { return std::tie(a.leg, a.id) < std::tie(b.leg, b.id); });
  std::vector<Execution> by_order(executions.begin(), executions.end());
  std::ranges::sort(by_order, {}, &Execution::order_id);

  BatchSums sums;
  for (const Order& order : by_leg) sums.add(order, fold(executions_of(by_order, order.id)));
  BatchReport report = std::move(sums.report);
  report.batch_id = batch.id;
  report.status = batch.status;
  report.expected_pnl = sums.expected.pnl();
  report.actual_pnl = sums.actual.pnl();
  for (const auto& [id, instrument] : sums.instruments) {
    report.instruments.push_back(make_instrument_report(id, instrument));
  }
  report.orders = std::move(by_leg);
  return report;
}

}  // namespace orchestrator
