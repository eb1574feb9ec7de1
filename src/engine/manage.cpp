// A request to the broker about an order that it holds is written down before it is sent (cancel_pending,
// replace_pending), so that a crash between leaves something that recovery asks about.
#include "engine/manage.hpp"

#include <algorithm>

#include "codec/audit_json.hpp"
#include "core/failpoint.hpp"
#include "core/request_identity.hpp"
#include "core/store_rules.hpp"
#include "core/trading_calendar.hpp"
#include "engine/dispatch.hpp"
#include "engine/ingest.hpp"
#include "engine/order_change.hpp"
#include "engine/requests.hpp"
#include "engine/snapshot.hpp"

namespace orchestrator::engine {
namespace {

[[noreturn]] void refuse(const Order& order, const std::string& what) {
  const std::string status(to_string(order.status));
  const std::string hint = order.status == OrderStatus::kSubmitting || order.status == OrderStatus::kUnknown
                               ? "; wait until the broker's answer is known, or run recover"
                               : "";
  throw Error(ErrorCode::kInvalidState,
              "order " + std::to_string(order.id) + " is " + status + " and cannot be " + what + hint);
}

[[noreturn]] void refuse_stopped(const Context& context, const ChangeUnit& unit) {
  const auto halts = context.store->halts();
  const Halt* halt = forbidding_halt(halts, unit);
  const bool cancel = unit.unless_stopped == HaltMode::kHalt;
  throw Error(ErrorCode::kHalted,
              (halt == nullptr ? std::string("trading was halted a moment ago") : describe(*halt)) +
                  (cancel ? "; make it cancel-only to let cancels through" : ""));
}

// Applies one signal to an order as it stands now; throws invalid_state when the table refuses it.
// `prepare` may check and extend the unit before the signal is applied.
template <class Prepare>
Order change(Context& context, OrderId id, const Signal& signal, const std::string& what, Prepare&& prepare) {
  Order result;
  until_committed([&] {
    ChangeSet changes(*context.store, context.clock->now());
    Order& order = changes.take(context.require_order(id));
    if (verdict(order.status, signal.kind) == Verdict::kRefuse) refuse(order, what);
    prepare(order, changes);
    changes.apply(order, signal);
    result = order;
    if (changes.empty()) return CommitStatus::kCommitted;
    const CommitStatus status = changes.commit(context);
    if (status == CommitStatus::kHalted) refuse_stopped(context, changes.unit());
    if (status == CommitStatus::kLimit) {
      throw Error(ErrorCode::kLimitExceeded, "the portfolio's available margin does not cover the change");
    }
    if (status == CommitStatus::kCommitted) ++result.version;
    return status;
  });
  return result;
}

// Whoever asks under a name is in the trail; a signal that changes nothing commits nothing, and so no entry.
void sign(ChangeSet& changes, const Order& order, const Signal& asked, const char* action,
          const std::string& by) {
  if (by.empty()) return;
  AuditEntry entry = codec::order_asked(action, order, asked.qty, asked.price_limit);
  entry.at = asked.at;
  entry.by = by;
  changes.unit().audit.push_back(std::move(entry));
}

// The terms that the order would have, checked like a new order, with its own margin not counted twice.
Money check_terms(const Context& context, const Order& order, const std::optional<Quantity>& qty,
                  const std::optional<Price>& price_limit) {
  BatchRequest request;
  request.portfolio_id = order.portfolio_id;
  request.tenant = order.tenant;
  request.orders.push_back({.instrument_id = order.instrument_id,
                            .qty = qty.value_or(order.qty),
                            .side = order.side,
                            .price_limit = price_limit ? price_limit : order.price_limit,
                            .stop_price = order.stop_price,
                            .order_type = order.order_type,
                            .time_in_force = order.time_in_force,
                            .broker = order.broker});
  const std::int64_t version = version_of(context, Figures::kStored);
  ValidationSnapshot snapshot =
      take_snapshot(context, request, context.clock->now(), Figures::kStored, version);
  snapshot.usage.margin_reserved -= std::min(order.margin_reserved, snapshot.usage.margin_reserved);
  snapshot.limits.max_notional_day.reset();
  snapshot.recent_orders.clear();
  const ValidationResult result = context.validator->validate(request, snapshot);
  if (result.has_errors()) throw Error::validation_failed(result.violations);
  return result.margins.front();
}

// The day the order's executions settle, by its broker's calendar.
Date due_date(const Context& context, const Order& order) {
  std::int32_t days = context.options.settlement_days;
  std::chrono::minutes offset{0};
  std::vector<Date> holidays;
  if (const BrokerConnector* broker = context.broker(order.broker)) {
    const BrokerCapabilities& capabilities = broker->capabilities();
    days = capabilities.settlement_days;
    offset = capabilities.utc_offset;
    holidays = context.store->holidays(capabilities.calendar);
  }
  return settlement_date(*order.executed_at, offset, days, holidays);
}

// What follows an effect that cannot be taken back: a failure there must not read as if nothing had happened.
template <class Follow>
void after_effect(const std::string& what, Follow&& follow) {
  try {
    follow();
  } catch (const Error& error) {
    throw Error(error.code(), what + ", and then: " + error.what() + "; run recover, do not repeat it",
                NextStep::kRecover);
  }
}

// Refuses a fill whose value the books could not hold, before the broker executes it.
void check_bookable(const Order& order, Price price, Quantity qty) {
  try {
    static_cast<void>((order.fill_notional + price * qty).whole());
  } catch (const Error&) {
    throw Error(ErrorCode::kLimitExceeded, "a fill of " + qty.to_string() + " at " + price.to_string() +
                                               " is worth more than can be booked");
  }
}

void book_fill(Context& context, const Order& order, FillResult& result) {
  BrokerReport report;
  report.kind = BrokerReport::Kind::kExecution;
  report.broker = order.broker;
  report.account = context.require_broker(order.broker).capabilities().account;
  report.ext_order_id = order.ext_order_id;
  report.client_order_id = order.client_order_id;
  report.execution = result.execution;
  report.at = context.clock->now();
  apply_reports(context, std::span(&report, 1));
  if (auto stored = context.store->execution(report.broker, report.account, result.execution.execution_id)) {
    result.execution = std::move(*stored);
  }
  result.order = context.require_order(order.id);
}

}  // namespace

Order cancel(Context& context, OrderId id, const std::string& by) {
  const Signal signal = make_signal(OrderSignal::kCancelRequest, context.clock->now());
  Order pending = change(context, id, signal, "cancelled", [&](const Order& order, ChangeSet& changes) {
    sign(changes, order, signal, "order.cancel", by);
    // One that was never sent is cancelled here and nowhere else.
    if (order.status != OrderStatus::kPlaced) changes.unit().unless_stopped = HaltMode::kHalt;
  });
  if (pending.status != OrderStatus::kCancelPending) return pending;
  ORCHESTRATOR_FAILPOINT("manage.before_request");
  after_effect("the cancel is stored", [&] { send_request(context, pending); });
  return context.require_order(id);
}

std::vector<Order> cancel_batch(Context& context, BatchId id, const std::string& by) {
  const OrderBatch batch = context.require_batch(id);
  std::vector<Order> result;
  std::optional<Error> halted;
  for (const Order& order : context.store->orders({.batch_id = id, .limit = kOrdersOfBatchMax})) {
    if (is_terminal(order.status)) {
      result.push_back(order);
      continue;
    }
    try {
      result.push_back(cancel(context, order.id, by));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kHalted) {
        halted = error;
      } else if (error.code() != ErrorCode::kInvalidState) {
        throw;
      }
      result.push_back(context.require_order(order.id));
    }
  }
  if (halted) throw Error(*halted);  // those that were never sent are cancelled all the same
  return result;
}

Order replace(Context& context, OrderId id, std::optional<Quantity> qty, std::optional<Price> price_limit,
              const std::string& by) {
  if (!qty && !price_limit) {
    throw Error(ErrorCode::kInvalidArgument, "replace needs a new qty, a new price_limit, or both");
  }
  const Order before = context.require_order(id);
  const BrokerConnector& broker = context.require_broker(before.broker);
  if (!broker.capabilities().replaces) {
    throw Error(ErrorCode::kUnsupported, before.broker + " cannot change orders; cancel and place anew");
  }
  Signal signal = make_signal(OrderSignal::kReplaceRequest, context.clock->now());
  signal.qty = qty;
  signal.price_limit = price_limit;
  const Order pending = change(context, id, signal, "replaced", [&](Order& order, ChangeSet& changes) {
    sign(changes, order, signal, "order.replace", by);
    changes.unit().unless_stopped = HaltMode::kCancelOnly;
    if (qty && *qty <= order.fill_qty) {
      throw Error(ErrorCode::kInvalidState, "order " + std::to_string(id) + " has executed " +
                                                order.fill_qty.to_string() +
                                                " already; the new qty must be above that");
    }
    if (order.replace_count >= kReplaceGenerationMax) {
      throw Error(ErrorCode::kLimitExceeded,
                  "order " + std::to_string(id) + " was changed 31 times; cancel it and place anew");
    }
    const Money margin = check_terms(context, order, qty, price_limit);
    if (margin > order.margin_reserved) {
      const PortfolioLimits limits = context.store->limits_of(order.portfolio_id);
      changes.unit().margins.push_back(
          {order.portfolio_id, margin - order.margin_reserved, limits.margin_available});
      order.margin_reserved = margin;
    }
  });
  ORCHESTRATOR_FAILPOINT("manage.before_request");
  after_effect("the change is stored", [&] { send_request(context, pending); });
  return context.require_order(id);
}

FillResult simulate_fill(Context& context, OrderId id, Price price, Quantity qty) {
  const Order order = context.require_order(id);
  SimulatedBroker* simulator = context.require_broker(order.broker).simulator();
  if (simulator == nullptr) {
    throw Error(ErrorCode::kNotSimulated, order.broker + " is a real broker: fills come from the market");
  }
  if (!qty.is_positive() || !price.is_positive()) {
    throw Error(ErrorCode::kInvalidArgument, "a fill needs a price and a qty above zero");
  }
  if (order.ext_order_id.empty()) refuse(order, "filled: its broker does not have it (yet)");
  if (qty > order.remaining_qty()) {
    throw Error(ErrorCode::kLimitExceeded,
                "order " + std::to_string(id) + " has " + order.remaining_qty().to_string() + " left of " +
                    order.qty.to_string() + "; a fill of " + qty.to_string() + " is too much");
  }
  check_bookable(order, price, qty);
  FillResult result;
  result.execution = simulator->simulate_fill(order.ext_order_id, qty, price);
  ORCHESTRATOR_FAILPOINT("fill.executed");
  after_effect("the broker has executed it", [&] { book_fill(context, order, result); });
  return result;
}

namespace {

// False: it is not to be settled any more (a bust has reopened it, or somebody else was faster), which is no
// reason to leave out those behind it.
bool settle_one(Context& context, OrderId id, const std::string& by) {
  const Signal signal = make_signal(OrderSignal::kSettle, context.clock->now());
  try {
    change(context, id, signal, "settled",
           [&](const Order& order, ChangeSet& changes) { sign(changes, order, signal, "order.settle", by); });
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidState) throw;
    return false;
  }
}

}  // namespace

SettleResult settle(Context& context, Date as_of, const std::string& by) {
  SettleResult result;
  OrderQuery query{.statuses = {OrderStatus::kFilled, OrderStatus::kCancelled, OrderStatus::kExpired},
                   .limit = kPageSize};
  for (;;) {
    const auto page = context.store->orders(query);
    for (const Order& order : page) {
      if (!order.executed_at || order.fill_qty.is_zero()) continue;
      if (due_date(context, order) > as_of) {
        ++result.not_due;
        continue;
      }
      if (!settle_one(context, order.id, by)) continue;
      ORCHESTRATOR_FAILPOINT("settle.committed");
      result.settled.push_back(order.id);
    }
    if (page.size() < kPageSize) return result;
    query.after_id = page.back().id;
  }
}

namespace {

const char* word_of(Resolution::Kind kind) {
  switch (kind) {
    case Resolution::Kind::kAccepted:
      return "accepted";
    case Resolution::Kind::kNotPlaced:
      return "not_placed";
    case Resolution::Kind::kRejected:
      return "rejected";
  }
  return "invalid";
}

// The day of the order at its broker's exchange.
Date day_of(const Context& context, const Order& order) {
  const BrokerConnector* broker = context.broker(order.broker);
  const std::chrono::minutes offset =
      broker == nullptr ? std::chrono::minutes(0) : broker->capabilities().utc_offset;
  return std::chrono::floor<std::chrono::days>(order.submitted_at.value_or(order.created_at) + offset);
}

// An id names one order of its broker; where ids restart daily, it may be that of one that has ended on
// another day as well.
void check_not_taken(const Context& context, const Order& order, const std::string& ext_order_id) {
  const BrokerConnector* broker = context.broker(order.broker);
  const bool restart = broker != nullptr && broker->capabilities().ids_restart_daily;
  for (const Order& other : context.store->orders({.broker = order.broker, .ext_order_id = ext_order_id})) {
    if (other.id == order.id) continue;
    if (restart && is_terminal(other.status) && day_of(context, other) != day_of(context, order)) continue;
    throw Error(ErrorCode::kInvalidArgument, "order " + std::to_string(other.id) + " is the one that " +
                                                 order.broker + " has as '" + ext_order_id +
                                                 "'; look up there under which ext_order_id it has order " +
                                                 std::to_string(order.id));
  }
}

}  // namespace

Order resolve(Context& context, OrderId id, const Resolution& resolution) {
  if (resolution.by.empty() || resolution.reason.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "a decision needs who takes it (by) and why (reason)");
  }
  if (resolution.kind == Resolution::Kind::kAccepted && resolution.ext_order_id.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "say under which ext_order_id the broker has the order");
  }
  const Signal decision = make_signal(OrderSignal::kDecide, context.clock->now(),
                                      "decided by " + resolution.by + ": " + resolution.reason);
  Signal signal = make_signal(OrderSignal::kAck, context.clock->now(), decision.reason);
  signal.ext_order_id = resolution.ext_order_id;
  if (resolution.kind == Resolution::Kind::kRejected) signal.kind = OrderSignal::kReject;
  if (resolution.kind == Resolution::Kind::kNotPlaced) signal.kind = OrderSignal::kNotAccepted;
  change(context, id, signal, "resolved", [&](Order& order, ChangeSet& changes) {
    // Only what recovery has asked about in vain, so that a decision given twice is not carried out on the
    // attempt that the first one led to.
    if (signal.kind == OrderSignal::kNotAccepted && order.status == OrderStatus::kUnknown && !order.parked) {
      refuse(order, "called never placed before recovery has asked the broker and parked it");
    }
    if (signal.kind == OrderSignal::kAck) check_not_taken(context, order, resolution.ext_order_id);
    if (changes.apply(order, decision) != Verdict::kApply) refuse(order, "resolved");
    AuditEntry entry = codec::order_decided(std::string("order.resolve.") + word_of(resolution.kind), order,
                                            resolution.reason);
    entry.at = decision.at;
    entry.by = resolution.by;
    changes.unit().audit.push_back(std::move(entry));
  });
  if (resolution.kind == Resolution::Kind::kNotPlaced) {
    after_effect("the decision is stored",
                 [&] { dispatch_one(context, context.require_order(id), OrderStatus::kPlaced); });
  }
  return context.require_order(id);
}

}  // namespace orchestrator::engine
