// A broker in a box: the requests as its server handles them, each one transaction of the ledger, and the
// answers as a real connector would classify them.
//
// Invariants: place() answers kAccepted only for what the ledger holds; a ledger that did nothing for sure
// gives kNotSent, one that may have done something kInDoubt; every change of an order is in the report log
// of the same transaction.

#include "adapters/brokers/mock_broker.hpp"

#include <utility>

#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

constexpr std::string_view kBlockedSymbol = "REJECT";

SendResult refused(std::string reason) { return {SendOutcome::kRejected, {}, std::move(reason)}; }

// What a failure of the ledger means for a request that was to change something.
SendResult failed(const Error& error) {
  return {error.in_doubt() ? SendOutcome::kInDoubt : SendOutcome::kNotSent, {}, error.what()};
}

MockSettings settings_into(BrokerCapabilities& capabilities, const MockBrokerOptions& options) {
  return read_mock_settings(options.config_json, capabilities);
}

// An order by the broker's id where we know it, else by ours if that names exactly one.
std::optional<LedgerOrder> find(LedgerReader& ledger, const Order& order) {
  if (!order.ext_order_id.empty()) return ledger.find_by_ext_order_id(order.ext_order_id);
  std::vector<LedgerOrder> found = ledger.find_by_client_order_id(order.client_order_id);
  if (found.size() != 1) return std::nullopt;
  return std::move(found.front());
}

}  // namespace

MockBroker::MockBroker(std::unique_ptr<Personality> personality, const MockBrokerOptions& options,
                       Clock& clock)
    : personality_(std::move(personality)),
      capabilities_(personality_->capabilities()),
      settings_(settings_into(capabilities_, options)),
      clock_(clock),
      request_faults_(settings_.faults, clock, capabilities_.utc_offset),
      ledger_(open_ledger(options.ledger, capabilities_.name, clock.now())) {}

// --- place ------------------------------------------------------------------------------------------

std::vector<SendResult> MockBroker::place(std::span<const Order> orders) {
  if (orders.size() > capabilities_.orders_max) {
    return std::vector<SendResult>(orders.size(),
                                   {SendOutcome::kNotSent,
                                    {},
                                    std::to_string(orders.size()) + " orders in one request, at most " +
                                        std::to_string(capabilities_.orders_max)});
  }
  if (settings_.faults.empty()) return accept_all(orders);
  std::vector<SendResult> results;
  for (const Order& order : orders) {
    results.push_back(send(Moment::kPlace, order.symbol, [&] { return accept_all({&order, 1}).front(); }));
  }
  return results;
}

// One request, which the fault script may lose, refuse or leave without its answer.
SendResult MockBroker::send(Moment moment, const std::string& symbol,
                            const std::function<SendResult()>& carry_out) {
  const auto fault = request_faults_.next(moment, symbol);
  if (!fault) return carry_out();
  if (auto refusal = RequestFaults::refusal(*fault)) return *std::move(refusal);
  SendResult result = carry_out();
  if (result.outcome != SendOutcome::kNotSent) request_faults_.spoil(*fault, result);
  return result;
}

std::vector<SendResult> MockBroker::accept_all(std::span<const Order> orders) {
  std::vector<SendResult> results;
  if (orders.empty()) return results;
  results.reserve(orders.size());
  try {
    ledger_->write([&](LedgerTransaction& ledger) {
      const Timestamp now = clock_.now();
      ledger.expect(orders);
      for (const Order& order : orders) results.push_back(accept(ledger, order, now));
    });
  } catch (const Error& error) {
    results.assign(orders.size(), failed(error));
  }
  return results;
}

SendResult MockBroker::accept(LedgerTransaction& ledger, const Order& order, Timestamp now) {
  if (std::string reason = input_error(order); !reason.empty()) return refused(std::move(reason));
  if (capabilities_.broker_class == BrokerClass::kEnforced) {
    // The server's refusal of a duplicate says nothing about the order that holds the id, so the connector
    // has to look at it.
    const auto existing = ledger.find_by_client_order_id(order.client_order_id);
    if (!existing.empty()) return adopt(existing.front(), order);
  }
  LedgerOrder row = make_row(ledger.next_order_number(), order, now);
  if (order.symbol == kBlockedSymbol) return refuse_blocked(ledger, std::move(row));

  // A stop order waits for its trigger, and only simulate_fill() knows when the market is there.
  const bool waits = order.order_type == OrderType::kStop || order.order_type == OrderType::kStopLimit;
  std::vector<LedgerExecution> executions;
  if (!waits) executions = apply_fill_model(row, now);

  const std::int64_t number = row.number;
  SendResult result{SendOutcome::kAccepted, row.ext_order_id, {}};
  ledger.add_order(std::move(row));
  ledger.add_report({.kind = BrokerReport::Kind::kAck, .order_number = number, .at = now});
  record_executions(ledger, executions);
  return result;
}

SendResult MockBroker::refuse_blocked(LedgerTransaction& ledger, LedgerOrder row) {
  std::string reason = "instrument is blocked";
  if (personality_->keeps_refused()) {
    row.state.status = personality_->words().rejected;
    row.state.reason = reason;
    const LedgerReport report{
        .kind = BrokerReport::Kind::kReject, .order_number = row.number, .at = row.placed_at};
    ledger.add_order(std::move(row));
    ledger.add_report(report);
  }
  return refused(std::move(reason));
}

// Ours if it is the same order; somebody else's use of the id must never be taken for our order.
SendResult MockBroker::adopt(const LedgerOrder& existing, const Order& order) const {
  const auto mismatch = [&](const char* field) {
    return refused("client_order_id must be unique: " + existing.ext_order_id + " has it with another " +
                   field);
  };
  if (existing.symbol != order.symbol) return mismatch("symbol");
  if (existing.side != order.side) return mismatch("side");
  if (existing.state.qty != order.qty) return mismatch("qty");
  if (existing.state.price_limit != order.price_limit) return mismatch("price_limit");
  return {SendOutcome::kAccepted, existing.ext_order_id, {}};
}

std::string MockBroker::input_error(const Order& order) const {
  if (std::string error = personality_->client_order_id_error(order.client_order_id); !error.empty())
    return error;
  if (order.symbol.empty()) return "symbol is missing";
  if (!order.qty.is_positive()) return "qty must be above 0";
  const bool needs_price = order.order_type == OrderType::kLimit || order.order_type == OrderType::kStopLimit;
  if (needs_price && !order.price_limit) return "price_limit is missing";
  if (order.price_limit && !order.price_limit->is_positive()) return "price_limit must be above 0";
  if (settings_.fill_model != FillModel::kNone &&
      !fees_fit(model_price(settings_, order.side, order.price_limit), order.qty, order.multiplier)) {
    return "order value is too large";
  }
  return {};
}

LedgerOrder MockBroker::make_row(std::int64_t number, const Order& order, Timestamp now) const {
  LedgerOrder row;
  row.number = number;
  row.ext_order_id = personality_->ext_order_id(number, order.client_order_id, settings_.seed, now);
  row.client_order_id = order.client_order_id;
  row.symbol = order.symbol;
  row.instrument_id = order.instrument_id;
  row.side = order.side;
  row.multiplier = order.multiplier;
  row.placed_at = now;
  row.state.qty = order.qty;
  row.state.price_limit = order.price_limit;
  row.state.status = personality_->words().working;
  row.state.updated_at = now;
  return row;
}

// --- cancel and replace -----------------------------------------------------------------------------

bool MockBroker::working(const LedgerOrder& order) const {
  const StatusWords words = personality_->words();
  return order.state.status == words.working || order.state.status == words.partially_filled;
}

SendResult MockBroker::cancel(const Order& order) {
  return send(Moment::kCancel, order.symbol, [&] {
    SendResult result;
    try {
      ledger_->write([&](LedgerTransaction& ledger) { result = end(ledger, order); });
    } catch (const Error& error) {
      result = failed(error);
    }
    return result;
  });
}

SendResult MockBroker::end(LedgerTransaction& ledger, const Order& order) {
  auto row = find(ledger, order);
  if (!row) return refused("order not found");
  if (!working(*row)) return refused("order is already " + row->state.status);
  const Timestamp now = clock_.now();
  const auto executions = execute_after_cancel(*row, now);
  // What executes in full while the cancel is on its way is filled.
  if (row->state.fill_qty < row->state.qty) row->state.status = personality_->words().cancelled;
  row->state.due_price.reset();
  row->state.updated_at = now;
  ledger.update_order(row->number, row->state);
  ledger.add_report({.kind = BrokerReport::Kind::kCancelled, .order_number = row->number, .at = now});
  record_executions(ledger, executions);
  return {SendOutcome::kAccepted, row->ext_order_id, {}};
}

SendResult MockBroker::replace(const Order& order, const ReplaceRequest& request) {
  return send(Moment::kReplace, order.symbol, [&] {
    SendResult result;
    try {
      ledger_->write([&](LedgerTransaction& ledger) { result = change(ledger, order, request); });
    } catch (const Error& error) {
      result = failed(error);
    }
    return result;
  });
}

SendResult MockBroker::change(LedgerTransaction& ledger, const Order& order, const ReplaceRequest& request) {
  auto row = find(ledger, order);
  if (!row) return refused("order not found");
  const Quantity qty = request.qty.value_or(row->state.qty);
  const std::optional<Price> price_limit = request.price_limit ? request.price_limit : row->state.price_limit;
  if (personality_->names_changes()) {
    if (std::string error = personality_->client_order_id_error(request.client_order_id); !error.empty()) {
      return refused(std::move(error));
    }
    const auto taken = ledger.find_by_client_order_id(request.client_order_id);
    // The same request again: the server refuses the id, and the look-up shows that it came through before.
    const bool repeated = !taken.empty() && taken.front().number == row->number &&
                          request.client_order_id != row->client_order_id && row->state.qty == qty &&
                          row->state.price_limit == price_limit;
    if (repeated) return {SendOutcome::kAccepted, row->ext_order_id, {}};
    if (!taken.empty()) return refused("client_order_id must be unique");
  }
  if (std::string reason = change_error(*row, qty, price_limit); !reason.empty())
    return refused(std::move(reason));

  LedgerOrderState& state = row->state;
  state.qty = qty;
  state.price_limit = price_limit;
  if (state.due_price) state.due_price = model_price(settings_, row->side, price_limit);
  state.updated_at = clock_.now();
  ledger.update_order(row->number, state);
  if (personality_->names_changes()) ledger.add_alias(row->number, request.client_order_id);
  ledger.add_report({.kind = BrokerReport::Kind::kReplaced,
                     .order_number = row->number,
                     .qty = qty,
                     .price_limit = price_limit,
                     .at = state.updated_at});
  return {SendOutcome::kAccepted, row->ext_order_id, {}};
}

std::string MockBroker::change_error(const LedgerOrder& order, Quantity qty,
                                     const std::optional<Price>& price_limit) const {
  if (!working(order)) return "order is already " + order.state.status;
  if (price_limit && !order.state.price_limit) return "a market order has no price_limit to change";
  if (price_limit && !price_limit->is_positive()) return "price_limit must be above 0";
  if (qty <= order.state.fill_qty) {
    return "qty must be above the " + order.state.fill_qty.to_string() + " executed already";
  }
  if (order.state.due_price &&
      !fees_fit(model_price(settings_, order.side, price_limit), qty, order.multiplier)) {
    return "order value is too large";
  }
  return {};
}

// Asked before an order is taken, because an execution that a model has promised must not fail later.
bool MockBroker::fees_fit(Price price, Quantity qty, std::int64_t multiplier) const {
  try {
    static_cast<void>(execution_fees(settings_, price, qty, multiplier, true));
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace orchestrator::brokers
