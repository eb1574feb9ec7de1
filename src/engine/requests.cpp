#include "engine/requests.hpp"

#include "core/failpoint.hpp"
#include "core/store_rules.hpp"
#include "engine/broker_calls.hpp"
#include "engine/evidence.hpp"
#include "engine/ingest.hpp"
#include "engine/order_change.hpp"

namespace orchestrator::engine {
namespace {

bool same_request(const Order& asked, const Order& row) {
  return row.status == asked.status && row.replace_count == asked.replace_count;
}

// A request that a stop switch came between is not sent; it stays pending until the switch is off.
bool stopped(const Context& context, const Order& pending) {
  const bool cancel = pending.status == OrderStatus::kCancelPending;
  const auto halts = context.store->halts();
  return covering_halt(halts, {&pending, 1}, cancel ? HaltMode::kHalt : HaltMode::kCancelOnly) != nullptr;
}

// The broker shows the terms that were asked for.
bool carried_out(const Order& pending, const BrokerOrder& found) {
  return (!pending.pending_qty || found.qty == *pending.pending_qty) &&
         (!pending.pending_price_limit || found.price_limit == pending.pending_price_limit);
}

void resolve_request(Context& context, const Order& pending, BrokerConnector& broker) {
  // A broker that cannot be asked is told again: to cancel twice, or to set the same terms twice, does no
  // harm.
  if (broker.capabilities().broker_class == BrokerClass::kNone) return send_request(context, pending);
  const LookUp answer = look_up(context, broker, pending.client_order_id);
  // A cancel does not wait for a broker that cannot be asked now: to cancel twice does no harm.
  const bool cancel = pending.status == OrderStatus::kCancelPending;
  if (answer.kind == LookUp::Kind::kNoAnswer && cancel) return send_request(context, pending);
  if (answer.kind != LookUp::Kind::kFound) return;
  const Timestamp now = context.clock->now();
  const auto still = [&](const Order& row) { return same_request(pending, row); };
  const std::vector<Signal> evidence = evidence_of(answer.order, now);
  if (is_terminal(answer.order.status) && !of_another_attempt(pending, evidence.back())) {
    change_order(context, pending, evidence, still);
  } else if (pending.status == OrderStatus::kReplacePending && carried_out(pending, answer.order)) {
    Signal signal = make_signal(OrderSignal::kReplace, now);
    signal.qty = pending.pending_qty;
    signal.price_limit = pending.pending_price_limit;
    change_order(context, pending, {signal}, still);
  } else {
    send_request(context, pending);
  }
}

}  // namespace

void send_request(Context& context, const Order& pending) {
  BrokerConnector* broker = context.broker(pending.broker);
  if (broker == nullptr || stopped(context, pending)) return;
  const auto result = send_change(context, *broker, pending);
  if (!result) return;
  context.request_pace.asked(pending.id, context.clock->monotonic());
  ORCHESTRATOR_FAILPOINT("manage.after_request");
  if (result->outcome == SendOutcome::kRejected) {
    const bool cancel = pending.status == OrderStatus::kCancelPending;
    const Signal refusal = make_signal(cancel ? OrderSignal::kCancelRefused : OrderSignal::kReplaceRefused,
                                       context.clock->now(), result->reason);
    change_order(context, pending, {refusal}, [&](const Order& row) { return same_request(pending, row); });
  }
  poll(context, *broker);
}

void resolve_requests(Context& context, const std::optional<std::string>& broker) {
  OrderQuery query{.broker = broker, .statuses = {OrderStatus::kCancelPending, OrderStatus::kReplacePending}};
  for_each_order(context, std::move(query), [&](const Order& order) {
    BrokerConnector* connector = context.broker(order.broker);
    if (connector == nullptr || !is_sender(context, connector->capabilities())) return;
    const auto pause = connector->capabilities().quiet_period;
    if (context.request_pace.due(order.id, context.clock->monotonic(), pause)) {
      resolve_request(context, order, *connector);
    }
  });
}

}  // namespace orchestrator::engine
