// How a mock broker's orders execute: by their fill model, by simulate_fill(), and as the fault script has
// it.
//
// Invariant: what executed is in the ledger, with the order's new state, in one transaction, and reported
// there; faults that only concern the telling are in mock_reports.cpp.

#include <algorithm>
#include <utility>

#include "adapters/brokers/mock_broker.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

constexpr std::size_t kDueOrdersPerTransaction = 1000;

}  // namespace

const Fault* MockBroker::fault_of(FaultKind kind, const LedgerOrder& order) const {
  return settings_.faults.of_order(kind, order.number, order.symbol);
}

// Executes what the model executes at once and notes what it executes later.
std::vector<LedgerExecution> MockBroker::apply_fill_model(LedgerOrder& order, Timestamp now) const {
  if (settings_.fill_model == FillModel::kNone) return {};
  const Price price = model_price(settings_, order.side, order.state.price_limit);
  Quantity at_once;
  if (settings_.fill_model == FillModel::kImmediate) at_once = order.state.qty;
  if (settings_.fill_model == FillModel::kPartial) at_once = first_part(order.state.qty);
  if (at_once < order.state.qty) order.state.due_price = price;
  if (at_once.is_zero()) return {};
  return execute(order, at_once, price, now);
}

// The order as it stands after the execution and what the fault script makes of it; nothing is written yet.
std::vector<LedgerExecution> MockBroker::execute(LedgerOrder& order, Quantity qty, Price price,
                                                 Timestamp now) const {
  std::vector<LedgerExecution> done = {trade(order, qty, price, now)};
  if (!settings_.faults.about_orders()) return done;
  const LedgerExecution first = done.front();
  if (const Fault* fault = fault_of(FaultKind::kOverfill, order);
      fault != nullptr && order.state.fill_qty == order.state.qty) {
    done.push_back(trade(order, *fault->qty, price, now));
  }
  if (first.number > 1) return done;
  if (const Fault* fault = fault_of(FaultKind::kCorrect, order)) {
    done.push_back(take_back(order, first, ExecutionKind::kCorrect, fault->qty.value_or(qty),
                             fault->price.value_or(price), now));
  }
  if (fault_of(FaultKind::kBust, order) != nullptr) {
    const LedgerExecution stands = done.back().kind == ExecutionKind::kCorrect ? done.back() : first;
    done.push_back(take_back(order, stands, ExecutionKind::kBust, stands.qty, stands.price, now));
  }
  return done;
}

LedgerExecution MockBroker::next_execution(LedgerOrder& order, Timestamp now) const {
  LedgerExecution execution;
  execution.order_number = order.number;
  execution.number = ++order.state.execution_count;
  execution.execution_id = personality_->execution_id(order.ext_order_id, execution.number, settings_.seed);
  execution.executed_at = now;
  return execution;
}

LedgerExecution MockBroker::trade(LedgerOrder& order, Quantity qty, Price price, Timestamp now) const {
  LedgerOrderState& state = order.state;
  LedgerExecution execution = next_execution(order, now);
  execution.qty = qty;
  execution.price = price;
  execution.fees = execution_fees(settings_, price, qty, order.multiplier, execution.number == 1);

  state.fill_qty += qty;
  state.fill_notional += price * qty;
  restate(order, now);
  return execution;
}

// A bust or a correction of `of`: as if it had not been, or had been of this quantity at this price.
LedgerExecution MockBroker::take_back(LedgerOrder& order, const LedgerExecution& of, ExecutionKind kind,
                                      Quantity qty, Price price, Timestamp now) const {
  LedgerOrderState& state = order.state;
  LedgerExecution execution = next_execution(order, now);
  execution.kind = kind;
  execution.ref_execution_id = of.execution_id;
  execution.qty = qty;
  execution.price = price;

  state.fill_qty -= of.qty;
  state.fill_notional -= of.price * of.qty;
  if (kind == ExecutionKind::kCorrect) {
    execution.fees = execution_fees(settings_, price, qty, order.multiplier, of.number == 1);
    state.fill_qty += qty;
    state.fill_notional += price * qty;
  }
  restate(order, now);
  return execution;
}

// The status of an order that has not ended otherwise, by what has executed.
void MockBroker::restate(LedgerOrder& order, Timestamp now) const {
  LedgerOrderState& state = order.state;
  const StatusWords words = personality_->words();
  const bool complete = state.fill_qty >= state.qty;
  const std::string_view open = state.fill_qty.is_zero() ? words.working : words.partially_filled;
  state.status = complete ? words.filled : open;
  if (complete) state.due_price.reset();
  state.updated_at = now;
}

std::vector<LedgerExecution> MockBroker::execute_after_cancel(LedgerOrder& order, Timestamp now) const {
  const Fault* fault = fault_of(FaultKind::kFillAfterCancel, order);
  if (fault == nullptr) return {};
  const Quantity remaining = order.state.qty - order.state.fill_qty;
  const Quantity qty = std::min(fault->qty.value_or(remaining), remaining);
  return {trade(order, qty, model_price(settings_, order.side, order.state.price_limit), now)};
}

Execution MockBroker::simulate_fill(const std::string& ext_order_id, Quantity qty, Price price) {
  if (!qty.is_positive())
    throw Error(ErrorCode::kInvalidArgument, "qty must be above 0, not " + qty.to_string());
  if (!price.is_positive()) {
    throw Error(ErrorCode::kInvalidArgument, "price must be above 0, not " + price.to_string());
  }
  Execution shown;
  ledger_->write([&](LedgerTransaction& ledger) {
    auto order = ledger.find_by_ext_order_id(ext_order_id);
    if (!order) throw Error(ErrorCode::kNotFound, capabilities_.name + " has no order " + ext_order_id);
    if (!working(*order)) {
      throw Error(ErrorCode::kInvalidState,
                  "order " + ext_order_id + " is " + order->state.status + " and executes no more");
    }
    const Quantity remaining = order->state.qty - order->state.fill_qty;
    if (qty > remaining) {
      throw Error(ErrorCode::kLimitExceeded, "order " + ext_order_id + " has " + remaining.to_string() +
                                                 " left to execute; " + qty.to_string() + " is too much");
    }
    const Timestamp now = clock_.now();
    const auto executions = execute(*order, qty, price, now);
    ledger.update_order(order->number, order->state);
    record_executions(ledger, executions);
    shown = to_execution(ledger, *order, executions.front());
  });
  return shown;
}

void MockBroker::record_executions(LedgerTransaction& ledger,
                                   const std::vector<LedgerExecution>& executions) {
  for (const LedgerExecution& execution : executions) {
    ledger.add_execution(execution);
    ledger.add_report({.kind = BrokerReport::Kind::kExecution,
                       .order_number = execution.order_number,
                       .execution_number = execution.number,
                       .at = execution.executed_at});
  }
}

// What the fill models put off until somebody polls. The price was fixed when the order came in, so that all
// connectors on one ledger execute alike.
void MockBroker::execute_due() {
  bool more = false;
  ledger_->read([&](LedgerReader& ledger) { more = !ledger.due_orders(1).empty(); });
  while (more) {
    ledger_->write([&](LedgerTransaction& ledger) {
      const Timestamp now = clock_.now();
      std::vector<LedgerOrder> due = ledger.due_orders(kDueOrdersPerTransaction);
      for (LedgerOrder& order : due) {
        const Quantity remaining = order.state.qty - order.state.fill_qty;
        const auto executions = execute(order, remaining, *order.state.due_price, now);
        // Part of what executes may be taken back at once; the rest of the order then waits for others.
        order.state.due_price.reset();
        ledger.update_order(order.number, order.state);
        record_executions(ledger, executions);
      }
      more = due.size() == kDueOrdersPerTransaction;
    });
  }
}

}  // namespace orchestrator::brokers
