// Reconciler: what a batch did, and where our book and the broker's differ. Pure: reports are functions
// of the rows passed in, byte-stable for the same rows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/broker_connector.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator {

// One instrument's part of a batch. Values are in the instrument's currency and include its multiplier.
struct InstrumentReport {
  InstrumentId instrument_id = 0;
  std::string symbol;
  Quantity bought_qty;
  Quantity sold_qty;
  std::optional<Price> vwap_buy;     // nothing bought: nullopt
  std::optional<Price> vwap_sell;    // nothing sold: nullopt
  Quantity net_position_change;      // bought - sold
  Money cash_flow;                   // sold value - bought value, before fees
  std::optional<Money> matched_pnl;  // min(bought, sold) x (VWAP sell - VWAP buy); nullopt without both sides
  // Cost of the executions against the limit prices: positive is worse than the limit (paid more, or got
  // less). Executions of orders without a limit price do not count.
  Money slippage;
  Money fees;
};

// The batch report of the specification, with the per-instrument part beside it.
struct BatchReport {
  BatchId batch_id = 0;
  BatchStatus status = BatchStatus::kPending;
  std::int32_t total_orders = 0;
  std::int32_t filled_orders = 0;     // filled or settled in full
  std::int32_t pending_orders = 0;    // still open
  std::int32_t cancelled_orders = 0;  // cancelled or expired, settled ones among them
  std::int32_t rejected_orders = 0;
  Quantity total_qty;
  Quantity filled_qty;
  Money total_value;   // sum of price_limit x qty x multiplier over all orders that have a limit price
  Money filled_value;  // sum of execution price x quantity x multiplier
  // Matched-quantity P&L over the whole batch: with B bought and S sold, min(B, S) x (VWAP sell - VWAP
  // buy), where a quantity counts as often as the instrument's multiplier says. Expected: over ordered
  // quantities at limit prices, leaving out orders without a limit price and orders that ended without
  // executing anything. Actual: over the executions. Rounded half-even to 18 decimals. nullopt unless both
  // sides are there.
  std::optional<Money> expected_pnl;
  std::optional<Money> actual_pnl;
  Money fees;
  std::vector<InstrumentReport> instruments;  // by instrument_id
  std::vector<Order> orders;                  // by leg
};

enum class BreakType : std::uint8_t {
  kMissingHere,   // the broker has an order or execution under our id or our order that our book lacks
  kMissingThere,  // our book has an order the broker should hold, or an execution it lacks
  kQuantity,      // fields qty and fill_qty of an order, qty of an execution
  kPrice,         // fields price_limit and fill_notional of an order, price of an execution
  kStatus,  // where the order stands, or what it is: side, instrument_id, ext_order_id; an execution's kind
  kDuplicate,  // the broker holds more than one order under one client order id
  kFee,
};
[[nodiscard]] std::string_view to_string(BreakType type);

// One difference. Both sides in words of their own, exact.
struct Break {
  BreakType type = BreakType::kStatus;
  OrderId order_id = 0;  // 0: not ours
  std::string client_order_id = {};
  std::string ext_order_id = {};
  std::string execution_id = {};  // of an execution's break
  std::string field = {};
  std::string ours = {};
  std::string theirs = {};
};

// Differences up to these count as equal.
struct Tolerance {
  Quantity qty = {};
  Price price = {};
  Money fees = {};
};

// Called from any thread.
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  // `orders` and `executions`: all of the batch.
  [[nodiscard]] virtual BatchReport report(const OrderBatch& batch, std::span<const Order> orders,
                                           std::span<const Execution> executions) const = 0;
  // Compares orders of one broker with the broker's own book. Broker orders without one of our client
  // order ids, or of client order ids not among `orders`, are not looked at; the id of a change counts as
  // that of its order. Breaks come by order id, those of an order before those of its executions, and the
  // same for rows in any order.
  //
  // Not expected at the broker: an order that it never acknowledged (placed, submitting, unknown, refused,
  // cancelled before it was sent), a settled one, and one that ended before the book begins. When the broker
  // does show one that it never acknowledged, that is a status break, except for `submitting`, where the
  // answer may be on its way, and for a refused order that the broker lists as rejected too. Executions are
  // compared where the broker shows the order. What it refused under our id is no duplicate, and an end that
  // both sides know of (Order::ended_as) agrees, whatever had executed before it.
  [[nodiscard]] virtual std::vector<Break> compare(std::span<const Order> orders,
                                                   std::span<const Execution> executions,
                                                   const BrokerConnector::Book& book,
                                                   const Tolerance& tolerance) const = 0;
};

[[nodiscard]] std::unique_ptr<Reconciler> make_reconciler();

}  // namespace orchestrator
