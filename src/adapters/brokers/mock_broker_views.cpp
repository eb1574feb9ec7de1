// What a mock broker tells when it is asked: look-ups and its book, in our terms.

#include <string>
#include <utility>

#include "adapters/brokers/mock_broker.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

// What a broker that reports only running totals says after each execution.
struct RunningTotal {
  Quantity qty;
  Money notional;
};

RunningTotal running_total(const std::vector<LedgerExecution>& executions, std::int32_t through) {
  RunningTotal total;
  for (const LedgerExecution& execution : executions) {
    if (execution.kind != ExecutionKind::kTrade || execution.number > through) continue;
    total.qty += execution.qty;
    total.notional += execution.price * execution.qty;
  }
  return total;
}

// The total names what it grew by: there is one execution for each of its values.
std::string derived_id(const std::string& ext_order_id, const RunningTotal& total) {
  return ext_order_id + "-at-" + total.qty.to_string();
}

}  // namespace

// Counts a question; throws when the fault script leaves it without an answer.
void MockBroker::ask(Moment moment) {
  const auto fault = request_faults_.next(moment);
  if (!fault) return;
  if (const auto why = request_faults_.silence(*fault)) {
    throw Error(ErrorCode::kBrokerInDoubt, capabilities_.name + " did not answer: " + *why);
  }
}

LookUp MockBroker::look_up(const std::string& client_order_id) {
  LookUp answer;
  const auto fault = request_faults_.next(Moment::kLookUp);
  if (const auto silence = fault ? request_faults_.silence(*fault) : std::nullopt) {
    answer.reason = *silence;
    return answer;
  }
  try {
    const Timestamp now = clock_.now();
    const auto from = personality_->book_from(now);
    std::vector<LedgerOrder> found;
    ledger_->read([&](LedgerReader& ledger) { found = ledger.find_by_client_order_id(client_order_id); });
    std::erase_if(found, [&](const LedgerOrder& order) {
      const bool lags = fault && now < order.placed_at + *fault->duration;
      return lags || (from && order.placed_at < *from);
    });
    if (found.empty()) {
      answer.kind = LookUp::Kind::kNotFound;
      return answer;
    }
    answer.kind = LookUp::Kind::kFound;
    answer.order = to_broker_order(found.front());
    if (found.size() > 1) {
      answer.reason =
          std::to_string(found.size()) + " orders carry " + client_order_id + "; the oldest is shown";
    }
  } catch (const Error& error) {
    answer.reason = error.what();
  }
  return answer;
}

BrokerConnector::Book MockBroker::book() {
  ask(Moment::kBook);
  Book book;
  try {
    ledger_->read([&](LedgerReader& ledger) { fill_book(ledger, book); });
  } catch (const Error& error) {
    throw Error(ErrorCode::kBrokerInDoubt, capabilities_.name + " did not answer: " + error.what());
  }
  return book;
}

void MockBroker::fill_book(LedgerReader& ledger, Book& book) const {
  const std::vector<LedgerExecution> executions = ledger.executions();
  book.from = personality_->book_from(clock_.now());
  auto execution = executions.begin();  // both lists are in order of the order numbers
  for (const LedgerOrder& order : ledger.orders()) {
    const bool listed = !book.from || order.placed_at >= *book.from;
    if (listed) book.orders.push_back(to_broker_order(order));
    for (; execution != executions.end() && execution->order_number == order.number; ++execution) {
      if (!listed) continue;
      book.executions.push_back(to_execution(ledger, order, *execution));
      book.ext_order_ids.push_back(order.ext_order_id);
    }
  }
}

BrokerOrder MockBroker::to_broker_order(const LedgerOrder& order) const {
  BrokerOrder shown;
  shown.ext_order_id = order.ext_order_id;
  shown.client_order_id = order.client_order_id;
  shown.symbol = order.symbol;
  shown.instrument_id = order.instrument_id;
  shown.side = order.side;
  if (fault_of(FaultKind::kWrongSide, order) != nullptr) {
    shown.side = order.side == Side::kBuy ? Side::kSell : Side::kBuy;
  }
  shown.qty = order.state.qty;
  shown.price_limit = order.state.price_limit;
  shown.status = personality_->status_of(order);
  shown.fill_qty = order.state.fill_qty;
  shown.fill_notional = order.state.fill_notional;
  shown.reason = order.state.reason;
  shown.updated_at = order.state.updated_at;
  return shown;
}

Execution MockBroker::to_execution(const LedgerExecution& execution) const {
  Execution shown;
  shown.broker = capabilities_.name;
  shown.account = capabilities_.account;
  shown.execution_id = execution.execution_id;
  shown.qty = execution.qty;
  shown.price = execution.price;
  shown.fees = execution.fees;
  shown.executed_at = execution.executed_at;
  shown.kind = execution.kind;
  shown.ref_execution_id = execution.ref_execution_id;
  return shown;
}

// The same for an order about which the broker tells only running totals: the execution is what the total
// grew by, exactly, under an id made of the total.
Execution MockBroker::to_execution(LedgerReader& ledger, const LedgerOrder& order,
                                   const LedgerExecution& execution) const {
  Execution shown = to_execution(execution);
  if (fault_of(FaultKind::kCumulativeFills, order) == nullptr) return shown;
  const auto executions = ledger.executions_of(order.number);
  if (execution.kind == ExecutionKind::kTrade) {
    const RunningTotal before = running_total(executions, execution.number - 1);
    const RunningTotal now = running_total(executions, execution.number);
    shown.execution_id = derived_id(order.ext_order_id, now);
    shown.qty = now.qty - before.qty;
    shown.price = average_price(now.notional - before.notional, shown.qty, Rounding::kHalfEven);
    return shown;
  }
  for (const LedgerExecution& of : executions) {
    if (of.execution_id != execution.ref_execution_id || of.kind != ExecutionKind::kTrade) continue;
    shown.ref_execution_id = derived_id(order.ext_order_id, running_total(executions, of.number));
  }
  return shown;
}

}  // namespace orchestrator::brokers
