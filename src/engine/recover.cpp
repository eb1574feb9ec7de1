// What the broker classes allow when an order is in doubt:
//   enforced; windowed, inside its window
//                        found: adopt. Not found, and the quiet period since the attempt is over: send again
//                        under the same client order id; should the first attempt surface after all, the
//                        broker refuses the second.
//   tag echo; windowed, after its window
//                        found by our own tag: adopt. Not found: nothing refuses a second order, so it is
//                        never sent again; parked for a person once the quiet period is over.
//   none                 parked.
// No answer from the broker is no evidence: the order stays as it is, for as long as it takes.
#include "engine/recover.hpp"

#include <algorithm>

#include "core/failpoint.hpp"
#include "engine/change_set.hpp"
#include "engine/dispatch.hpp"

namespace orchestrator::engine {
namespace {

using Change = std::vector<Signal>;

// Applies signals to one order, read anew after a lost race. `still` says whether they still make sense.
template <class Still>
bool change_order(Context& context, const Order& seen, const Change& signals, Still&& still) {
  bool changed = false;
  Order row = seen;
  until_committed([&] {
    changed = false;
    if (!still(row)) return CommitStatus::kCommitted;
    ChangeSet changes(*context.store, context.clock->now());
    Order& order = changes.take(row);
    for (const Signal& signal : signals) changes.apply(order, signal);
    if (changes.empty()) return CommitStatus::kCommitted;
    const CommitStatus status = changes.commit(*context.store);
    changed = status == CommitStatus::kCommitted;
    if (status == CommitStatus::kConflict) row = context.require_order(seen.id);
    return status;
  });
  return changed;
}

bool still_unknown(const Order& order) { return order.status == OrderStatus::kUnknown; }

Signal make_signal(OrderSignal kind, Timestamp at, std::string reason) {
  Signal signal;
  signal.kind = kind;
  signal.at = at;
  signal.reason = std::move(reason);
  return signal;
}

// What the broker's view of the order says about its life. Executions are not taken from here: they come
// one by one, with their ids, as reports.
Change evidence_of(const BrokerOrder& found, Timestamp at) {
  Change signals;
  if (found.status != OrderStatus::kRejected) {
    signals.push_back(make_signal(OrderSignal::kAck, at, {}));
    signals.back().ext_order_id = found.ext_order_id;
  }
  OrderSignal ending = OrderSignal::kAck;
  if (found.status == OrderStatus::kRejected) ending = OrderSignal::kReject;
  if (found.status == OrderStatus::kCancelled) ending = OrderSignal::kCancel;
  if (found.status == OrderStatus::kExpired) ending = OrderSignal::kExpire;
  if (ending != OrderSignal::kAck) {
    signals.push_back(make_signal(ending, at, found.reason));
    signals.back().ext_order_id = found.ext_order_id;
  }
  return signals;
}

LookUp ask(BrokerConnector& broker, const std::string& client_order_id) {
  try {
    return broker.look_up(client_order_id);
  } catch (const std::exception& error) {
    return {LookUp::Kind::kNoAnswer, {}, error.what()};
  }
}

void adopt(Context& context, const Order& order, const LookUp& answer, RecoveryReport& report) {
  const Timestamp now = context.clock->now();
  if (change_order(context, order, evidence_of(answer.order, now), still_unknown)) ++report.adopted;
}

void park(Context& context, const Order& order, const std::string& why, RecoveryReport& report) {
  if (order.parked) return;
  const Timestamp now = context.clock->now();
  if (change_order(context, order, {make_signal(OrderSignal::kPark, now, why)}, still_unknown))
    ++report.parked;
}

// Whether a second order under the same client order id would be refused, should the first be there.
bool would_refuse_twice(const BrokerCapabilities& capabilities, const Order& order, Timestamp now) {
  if (capabilities.broker_class == BrokerClass::kEnforced) return true;
  return capabilities.broker_class == BrokerClass::kWindowed &&
         now < order.created_at + capabilities.duplicate_window;
}

void resolve_one(Context& context, const Order& order, RecoveryReport& report) {
  BrokerConnector* broker = context.broker(order.broker);
  if (broker == nullptr) {
    ++report.waiting;
    return;
  }
  const BrokerCapabilities& capabilities = broker->capabilities();
  if (capabilities.broker_class == BrokerClass::kNone) {
    return park(context, order, "this broker cannot be asked about an order; check there and decide", report);
  }
  const LookUp answer = ask(*broker, order.client_order_id);
  if (answer.kind == LookUp::Kind::kFound) return adopt(context, order, answer, report);
  const bool quiet =
      order.submitted_at && context.clock->now() >= *order.submitted_at + capabilities.quiet_period;
  if (answer.kind == LookUp::Kind::kNoAnswer || !quiet) {
    ++report.waiting;
    return;
  }
  if (!would_refuse_twice(capabilities, order, context.clock->now())) {
    return park(context, order,
                "the broker does not show it, and would not refuse it twice; check there and decide", report);
  }
  if (dispatch_one(context, order.id, OrderStatus::kUnknown)) {
    ++report.resent;
  } else {
    ++report.waiting;
  }
}

// Calls `visit` for every order of the query, page by page, oldest first.
template <class Visit>
void for_each_order(Context& context, OrderQuery query, Visit&& visit) {
  query.limit = kPageSize;
  for (;;) {
    const auto page = context.store->orders(query);
    for (const Order& order : page) visit(order);
    if (page.size() < kPageSize) return;
    query.after_id = page.back().id;
  }
}

// The broker's answer to a cancel or change that we asked for and heard nothing of.
void resolve_request(Context& context, const Order& order, BrokerConnector& broker) {
  const LookUp answer = ask(broker, order.client_order_id);
  if (answer.kind != LookUp::Kind::kFound) return;
  const Timestamp now = context.clock->now();
  const bool cancel = order.status == OrderStatus::kCancelPending;
  const auto same_request = [&](const Order& row) {
    return row.status == order.status && row.replace_count == order.replace_count;
  };
  if (is_terminal(answer.order.status) && answer.order.status != OrderStatus::kFilled) {
    change_order(context, order, evidence_of(answer.order, now), same_request);
  } else if (cancel) {
    broker.cancel(order);
  } else {
    const bool taken = (!order.pending_qty || answer.order.qty == *order.pending_qty) &&
                       (!order.pending_price_limit || answer.order.price_limit == order.pending_price_limit);
    if (!taken) return;
    Signal signal = make_signal(OrderSignal::kReplace, now, {});
    signal.qty = order.pending_qty;
    signal.price_limit = order.pending_price_limit;
    change_order(context, order, {signal}, same_request);
  }
}

}  // namespace

std::size_t mark_abandoned(Context& context, const std::optional<std::string>& broker) {
  std::size_t marked = 0;
  OrderQuery query{
      .broker = broker, .statuses = {OrderStatus::kSubmitting}, .abandoned_at = context.clock->now()};
  for_each_order(context, query, [&](const Order& order) {
    const auto same_claim = [&](const Order& row) {
      return row.status == OrderStatus::kSubmitting && row.lease_epoch == order.lease_epoch;
    };
    const Signal doubt =
        make_signal(OrderSignal::kInDoubt, context.clock->now(), "its sender is gone; the broker is asked");
    if (change_order(context, order, {doubt}, same_claim)) ++marked;
    ORCHESTRATOR_FAILPOINT("recover.marked");
  });
  return marked;
}

void resolve_unknown(Context& context, OrderQuery which, RecoveryReport& report) {
  which.statuses = {OrderStatus::kUnknown};
  for_each_order(context, std::move(which), [&](const Order& order) {
    resolve_one(context, order, report);
    ORCHESTRATOR_FAILPOINT("recover.resolved");
  });
}

void resolve_pending_requests(Context& context, const std::optional<std::string>& broker) {
  OrderQuery query{.broker = broker, .statuses = {OrderStatus::kCancelPending, OrderStatus::kReplacePending}};
  for_each_order(context, std::move(query), [&](const Order& order) {
    if (BrokerConnector* connector = context.broker(order.broker))
      resolve_request(context, order, *connector);
  });
}

}  // namespace orchestrator::engine
