#include "core/order_life.hpp"

#include <algorithm>

#include "core/exact_ratio.hpp"
#include "core/planted_bugs.hpp"

namespace orchestrator {

OrderStatus status_of(const Order& order) {
  if (order.settled_at) return OrderStatus::kSettled;
  if (order.fill_qty >= order.qty) return OrderStatus::kFilled;
  if (order.ended_as) {
    // What executed stands, even when the broker calls the rest rejected.
    const bool rest_refused = *order.ended_as == OrderStatus::kRejected && !order.fill_qty.is_zero();
    return rest_refused ? OrderStatus::kCancelled : *order.ended_as;
  }
  if (order.cancel_requested) return OrderStatus::kCancelPending;
  if (order.pending_qty || order.pending_price_limit) return OrderStatus::kReplacePending;
  return order.fill_qty.is_zero() ? OrderStatus::kAcked : OrderStatus::kPartiallyFilled;
}

namespace {

void close_claim(Order& order) {
  order.lease_until.reset();
  order.lease_owner = 0;
  order.parked = false;
}

// Margin follows what can still execute and what has executed and is not settled yet.
void release_margin(Order& order) {
  if (order.margin_reserved.is_zero() || ORCHESTRATOR_PLANTED(kMarginKept)) return;
  if (order.settled_at || order.fill_qty.is_zero()) {
    order.margin_reserved = Money();
  } else if (order.fill_qty < order.qty) {
    order.margin_reserved = multiply_divide(order.margin_reserved, order.fill_qty, order.qty, Rounding::kUp);
  }
}

// Recomputes the status and what hangs on it.
void restate(Order& order, Timestamp at) {
  const bool was_ended = is_terminal(order.status);
  order.status = status_of(order);
  if (!is_terminal(order.status)) {
    order.ended_at.reset();
    return;
  }
  order.cancel_requested = false;
  if (order.ended_as) {  // a change of what is only filled may still be confirmed, and reopen it
    order.pending_qty.reset();
    order.pending_price_limit.reset();
  }
  if (!was_ended) {
    order.ended_at = at;
    release_margin(order);
  } else if (order.fill_qty.is_zero()) {
    order.margin_reserved = Money();  // what had executed was taken back after the end
  }
}

void acknowledge(Order& order, const Signal& signal, EventSink& sink) {
  if (order.ext_order_id.empty()) order.ext_order_id = signal.ext_order_id;
  if (order.acked_at) return;
  order.acked_at = signal.at;
  if (!order.ended_as) order.reason.clear();
  close_claim(order);
  restate(order, signal.at);
  sink.emit(EventType::kOrderAcked, order, nullptr);
}

void take_totals(Order& order, const ExecutionTotals& totals) {
  order.fill_qty = totals.qty;
  order.fill_notional = totals.notional;
  order.fees = totals.fees;
  order.executed_at = totals.last;
  order.overfilled = order.fill_qty > order.qty;
}

void trade(Order& order, const Signal& signal, EventSink& sink) {
  if (!ORCHESTRATOR_PLANTED(kNoImpliedAck)) acknowledge(order, signal, sink);
  const OrderStatus before = order.status;
  const Quantity filled_before = order.fill_qty;
  const bool late = is_terminal(before) && before != OrderStatus::kFilled;
  order.late_fill = order.late_fill || late;
  order.settled_at.reset();
  take_totals(order, signal.totals);
  restate(order, signal.at);
  if (late) sink.emit(EventType::kOrderLateFill, order, signal.execution);
  if (order.overfilled) {
    sink.emit(EventType::kOrderOverfilled, order, signal.execution);
  } else if (order.status == OrderStatus::kFilled) {
    sink.emit(EventType::kOrderFilled, order, signal.execution);
  } else if (!late && order.fill_qty != filled_before) {
    sink.emit(EventType::kOrderPartiallyFilled, order, signal.execution);
  }
}

void take_back(Order& order, const Signal& signal, EventSink& sink) {
  acknowledge(order, signal, sink);
  order.busted = true;
  order.settled_at.reset();
  take_totals(order, signal.totals);
  restate(order, signal.at);
  sink.emit(signal.kind == OrderSignal::kBust ? EventType::kOrderBusted : EventType::kOrderCorrected, order,
            signal.execution);
}

// The broker's word ends the order. One that it never acknowledged was there all the same, unless it was
// refused.
void end(Order& order, const Signal& signal, OrderStatus as, EventType event, EventSink& sink) {
  // What has executed in full stays filled; should that be taken back, it does not work again.
  const bool executed = order.status == OrderStatus::kFilled || order.status == OrderStatus::kSettled;
  const bool never_sent = order.status == OrderStatus::kPlaced && signal.ext_order_id.empty();
  if (as != OrderStatus::kRejected && !never_sent) acknowledge(order, signal, sink);
  if (order.ext_order_id.empty()) order.ext_order_id = signal.ext_order_id;
  close_claim(order);
  order.ended_as = as;
  if (!signal.reason.empty() && !executed) order.reason = signal.reason;
  restate(order, signal.at);
  sink.emit(event, order, nullptr);
}

void replaced(Order& order, const Signal& signal, EventSink& sink) {
  if (signal.qty) order.qty = *signal.qty;
  if (signal.price_limit) order.price_limit = *signal.price_limit;
  order.pending_qty.reset();
  order.pending_price_limit.reset();
  order.overfilled = order.fill_qty > order.qty;
  if (order.fill_qty < order.qty && !order.ended_as) order.settled_at.reset();  // more of it works
  restate(order, signal.at);
  sink.emit(EventType::kOrderReplaced, order, nullptr);
  if (order.status == OrderStatus::kFilled) sink.emit(EventType::kOrderFilled, order, nullptr);
}

void request_replace(Order& order, const Signal& signal, EventSink& sink) {
  order.pending_qty = signal.qty;
  order.pending_price_limit = signal.price_limit;
  ++order.replace_count;
  restate(order, signal.at);
  sink.emit(EventType::kOrderReplacePending, order, nullptr);
}

void refuse_request(Order& order, const Signal& signal, EventSink& sink) {
  const bool cancel = signal.kind == OrderSignal::kCancelRefused;
  if (cancel) {
    order.cancel_requested = false;
  } else {
    order.pending_qty.reset();
    order.pending_price_limit.reset();
  }
  order.reason = signal.reason;
  restate(order, signal.at);
  sink.emit(cancel ? EventType::kOrderCancelRefused : EventType::kOrderReplaceRefused, order, nullptr);
}

void doubt(Order& order, const Signal& signal, EventSink& sink) {
  order.status = OrderStatus::kUnknown;
  order.lease_until.reset();
  order.lease_owner = 0;
  ++order.lease_epoch;  // fences the sender, should it still be alive
  order.reason = signal.reason;
  sink.emit(EventType::kOrderUnknown, order, nullptr);
}

void release(Order& order, const Signal& signal, EventSink& sink) {
  order.status = OrderStatus::kPlaced;
  close_claim(order);
  order.reason = signal.reason;
  sink.emit(EventType::kOrderReleased, order, nullptr);
}

void settle(Order& order, const Signal& signal, EventSink& sink) {
  order.settled_at = signal.at;
  restate(order, signal.at);
  release_margin(order);
  sink.emit(EventType::kOrderSettled, order, nullptr);
}

void dispatch(Order& order, const Signal& signal, EventSink& sink) {
  switch (signal.kind) {
    case OrderSignal::kClaim:  // the store's claim() makes these two
    case OrderSignal::kResend:
      break;
    case OrderSignal::kNotAccepted:
      return release(order, signal, sink);
    case OrderSignal::kInDoubt:
      return doubt(order, signal, sink);
    case OrderSignal::kPark:
      if (order.parked) return;
      order.parked = true;
      order.reason = signal.reason;
      return sink.emit(EventType::kOrderParked, order, nullptr);
    case OrderSignal::kAck:
      return acknowledge(order, signal, sink);
    case OrderSignal::kReject:
      return end(order, signal, OrderStatus::kRejected, EventType::kOrderRejected, sink);
    case OrderSignal::kTrade:
      return trade(order, signal, sink);
    case OrderSignal::kBust:
    case OrderSignal::kCorrect:
      return take_back(order, signal, sink);
    case OrderSignal::kCancelRequest:
      if (order.status == OrderStatus::kPlaced) {
        return end(order, signal, OrderStatus::kCancelled, EventType::kOrderCancelled, sink);
      }
      order.cancel_requested = true;
      restate(order, signal.at);
      return sink.emit(EventType::kOrderCancelPending, order, nullptr);
    case OrderSignal::kCancel:
      return end(order, signal, OrderStatus::kCancelled, EventType::kOrderCancelled, sink);
    case OrderSignal::kExpire:
      return end(order, signal, OrderStatus::kExpired, EventType::kOrderExpired, sink);
    case OrderSignal::kReplaceRequest:
      return request_replace(order, signal, sink);
    case OrderSignal::kCancelRefused:
    case OrderSignal::kReplaceRefused:
      return refuse_request(order, signal, sink);
    case OrderSignal::kReplace:
    case OrderSignal::kRestate:
      return replaced(order, signal, sink);
    case OrderSignal::kSettle:
      return settle(order, signal, sink);
    case OrderSignal::kIncident:
      order.incident = true;
      order.reason = signal.reason;
      return sink.emit(EventType::kOrderIncident, order, nullptr);
    case OrderSignal::kDecide:
      order.parked = false;
      order.reason = signal.reason;
      return sink.emit(EventType::kOrderResolved, order, nullptr);
  }
}

// The terms in force are those that were asked for.
bool answers_request(const Order& order, const Signal& signal) {
  if (!order.pending_qty && !order.pending_price_limit) return false;
  const Quantity qty = order.pending_qty.value_or(order.qty);
  const std::optional<Price> price =
      order.pending_price_limit ? order.pending_price_limit : order.price_limit;
  return signal.qty.value_or(qty) == qty && (!signal.price_limit || signal.price_limit == price);
}

// A report that says again what the order's facts hold already. A confirmed change counts for the request
// that waits for it: an older confirmation that comes again must not turn the terms back.
bool is_old_news(const Order& order, const Signal& signal) {
  switch (signal.kind) {
    case OrderSignal::kReject:
    case OrderSignal::kCancel:
    case OrderSignal::kExpire:
      return order.ended_as.has_value();
    case OrderSignal::kReplace:
      return !answers_request(order, signal);
    case OrderSignal::kRestate:
      return signal.qty == order.qty && signal.price_limit == order.price_limit;
    case OrderSignal::kReplaceRefused:
      return !order.pending_qty && !order.pending_price_limit;
    case OrderSignal::kIncident:
      return order.incident;
    default:
      return false;
  }
}

}  // namespace

Verdict apply_signal(Order& order, const Signal& signal, EventSink& sink) {
  const Verdict decided = is_old_news(order, signal) ? Verdict::kIgnore : verdict(order.status, signal.kind);
  if (decided == Verdict::kApply || decided == Verdict::kFlag) dispatch(order, signal, sink);
  return decided;
}

}  // namespace orchestrator
