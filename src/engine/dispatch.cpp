// T2 and T3. A claim is committed before the first byte leaves, and names the order, the attempt and the
// epoch. From then until the outcome is committed the order is in the doubt window: a crash here leaves it
// in `submitting` under a lease that nobody renews, and recovery asks the broker.
//
// The lease bounds the sender too: once it is over, another process may be asking the broker already, so
// nothing more of the claim is sent.
#include "engine/dispatch.hpp"

#include <algorithm>

#include "core/failpoint.hpp"
#include "core/planted_bugs.hpp"
#include "core/store_rules.hpp"
#include "engine/broker_calls.hpp"
#include "engine/change_set.hpp"
#include "engine/evidence.hpp"
#include "engine/incident.hpp"
#include "engine/ingest.hpp"
#include "engine/observation.hpp"
#include "engine/order_change.hpp"

namespace orchestrator::engine {
namespace {

// A claim that is this close to its end is not sent any more: the answer would come too late.
constexpr int kLeaseShareMin = 4;

Signal outcome_signal(const SendResult& result, Timestamp at) {
  Signal signal = make_signal(OrderSignal::kInDoubt, at, result.reason);
  switch (result.outcome) {
    case SendOutcome::kAccepted:
      signal = make_signal(OrderSignal::kAck, at);
      signal.ext_order_id = result.ext_order_id;
      break;
    case SendOutcome::kRejected:
      signal.kind = OrderSignal::kReject;
      break;
    case SendOutcome::kNotSent:
      signal.kind = OrderSignal::kNotAccepted;
      break;
    case SendOutcome::kInDoubt:
      ORCHESTRATOR_PLANT(kTimeoutIsReject, signal.kind = OrderSignal::kReject);
      ORCHESTRATOR_PLANT(kBlindResend, signal.kind = OrderSignal::kNotAccepted);
      break;
  }
  return signal;
}

// Of an order that was sent again because an attempt had no answer: what did not come of this one says
// nothing of that one, and the order stays in doubt.
std::vector<Signal> resend_signals(const SendResult& result, Timestamp at) {
  const bool still_in_doubt =
      result.outcome == SendOutcome::kRejected || result.outcome == SendOutcome::kNotSent;
  if (!still_in_doubt || ORCHESTRATOR_PLANTED(kResendDecides)) return {outcome_signal(result, at)};
  std::vector<Signal> signals{make_signal(OrderSignal::kInDoubt, at, result.reason)};
  if (result.outcome == SendOutcome::kRejected) {
    signals.push_back(refused_again(at, result.reason));
  }
  return signals;
}

// What an order was sent under.
struct Claim {
  OrderId id = 0;
  std::int64_t lease_epoch = 0;
  std::int32_t attempt = 0;
};

std::vector<Claim> claims_of(std::span<const Order> orders) {
  std::vector<Claim> claims;
  claims.reserve(orders.size());
  for (const Order& order : orders) claims.push_back({order.id, order.lease_epoch, order.attempt});
  return claims;
}

// The outcome holds for the claim it was sent under. When the order has moved on since, an acceptance still
// counts, because the broker has the order; and a refusal does while nobody has sent it again.
bool outcome_applies(const Claim& sent, const Order& stored, const SendResult& result) {
  if (stored.lease_epoch == sent.lease_epoch || result.outcome == SendOutcome::kAccepted) return true;
  return result.outcome == SendOutcome::kRejected && stored.status == OrderStatus::kUnknown &&
         stored.attempt == sent.attempt;
}

// In the order of ids.
std::vector<Order> read_again(const Context& context, std::span<const Claim> claims) {
  std::vector<OrderId> ids;
  ids.reserve(claims.size());
  for (const Claim& claim : claims) ids.push_back(claim.id);
  return context.store->orders({.ids = ids, .limit = ids.size()});
}

Order* find_row(std::span<Order> rows, OrderId id) {
  const auto row = std::ranges::lower_bound(rows, id, {}, &Order::id);
  return row == rows.end() || row->id != id ? nullptr : &*row;
}

// T3 for orders of one request. The rows as claimed are tried first, and used up by that; after a lost race
// they are read again. Returns whether reports wait in the inbox.
bool record(Context& context, std::span<Order> sent, std::span<const SendResult> results, OrderStatus from) {
  const Timestamp now = context.clock->now();
  const std::vector<Claim> claims = claims_of(sent);
  bool reread = false;
  bool inbox_waiting = true;  // not known without a commit
  until_committed([&] {
    ChangeSet changes(*context.store, now, sent.size());
    std::vector<Order> read = reread ? read_again(context, claims) : std::vector<Order>();
    for (std::size_t i = 0; i < claims.size(); ++i) {
      Order* row = reread ? find_row(read, claims[i].id) : &sent[i];
      if (row == nullptr || !outcome_applies(claims[i], *row, results[i])) continue;
      Order& order = changes.take(std::move(*row));
      // The call may have taken long, and the request have left as late as now: the broker's look-up is
      // believed a quiet period from here, not from the claim.
      if (results[i].outcome == SendOutcome::kInDoubt) order.submitted_at = now;
      if (results[i].outcome == SendOutcome::kAccepted) {
        check_acknowledgement(changes, order, results[i].ext_order_id, now);
      }
      if (from == OrderStatus::kUnknown) {
        for (const Signal& signal : resend_signals(results[i], now)) changes.apply(order, signal);
      } else if (const Signal signal = outcome_signal(results[i], now);
                 signal.kind != OrderSignal::kReject || !of_another_attempt(order, signal)) {
        changes.apply(order, signal);
      }
    }
    reread = true;
    if (changes.empty()) return CommitStatus::kCommitted;
    const CommitStatus status = changes.commit(context);
    inbox_waiting = changes.unit().inbox_waiting;
    return status;
  });
  return inbox_waiting;
}

// Gives orders back that were claimed and not sent.
void give_back(Context& context, std::span<Order> orders, OrderStatus from, const std::string& why) {
  if (orders.empty()) return;
  record(context, orders, std::vector<SendResult>(orders.size(), {SendOutcome::kNotSent, {}, why}), from);
}

// What one claim came to at one broker.
struct Sending {
  std::size_t sent = 0;
  bool inbox_waiting = false;
};

// Why this order must not be sent any more; empty: it may be.
std::string why_not_send(const Context& context, const BrokerCapabilities& capabilities, const Order& order,
                         OrderStatus from, const std::vector<Halt>& halts) {
  // The window may have ended since recovery looked: a pause has no length.
  if (from == OrderStatus::kUnknown && !would_refuse_twice(capabilities, order, context.clock->now())) {
    return "the broker would no longer refuse it twice";
  }
  const Timestamp now = context.clock->monotonic();
  const Timestamp deadline = *order.lease_until - context.options.lease / kLeaseShareMin;
  if (now >= deadline && !ORCHESTRATOR_PLANTED(kLeaseIgnored)) {
    return "the sender's lease was nearly over before it could send";
  }
  return covering_halt(halts, {&order, 1}) != nullptr ? "stopped before it could be sent" : "";
}

// One request. A stop switch that came after the claim holds back what is not on the wire yet.
void send_request(Context& context, BrokerConnector& broker, std::span<Order> request, OrderStatus from,
                  Sending& sending_so_far) {
  const std::int64_t version = context.reference.present_version(*context.store);
  const auto reference = context.reference.reference(*context.store, version);
  // Claimed while it was the sender, and stopped since. Asked last but for the leases, whose check asks
  // nobody.
  if (const std::string why_not = why_not_sender(context, broker.capabilities()); !why_not.empty()) {
    return give_back(context, request, from, why_not);
  }
  const auto why_not_now = [&](const Order& order) {
    return why_not_send(context, broker.capabilities(), order, from, reference->halts);
  };
  const auto held_back = [&](const Order& order) { return !why_not_now(order).empty(); };
  std::vector<Order> rest;
  std::span<Order> sending = request;
  if (std::ranges::any_of(request, held_back)) {
    for (Order& order : request) {
      const std::string why_not = why_not_now(order);
      if (why_not.empty()) {
        rest.push_back(std::move(order));
      } else {
        give_back(context, std::span(&order, 1), from, why_not);
      }
    }
    sending = rest;
  }
  if (sending.empty()) return;
  ORCHESTRATOR_FAILPOINT("dispatch.before_send");
  const auto results = send_orders(context, broker, sending);
  ORCHESTRATOR_FAILPOINT("dispatch.after_send");
  const bool inbox_waiting = record(context, sending, results, from);
  ORCHESTRATOR_FAILPOINT("dispatch.recorded");
  sending_so_far.inbox_waiting = sending_so_far.inbox_waiting || inbox_waiting;
  sending_so_far.sent += sending.size();
}

// After a failure the orders of later requests are known not to have been sent: they are given back, so that
// only those on the wire are in doubt.
Sending send_to(Context& context, const std::string& name, std::span<Order> orders, OrderStatus from) {
  BrokerConnector* broker = context.broker(name);
  if (broker == nullptr) {
    give_back(context, orders, from, "no connector is named '" + name + "'");
    return {};
  }
  Sending sending;
  FirstFailure failure(context.latch);
  std::span<Order> rest = orders;
  for (const auto& part : context.batcher->split(orders, broker->capabilities().orders_max)) {
    const std::span<Order> request = rest.first(std::min(part.size(), rest.size()));
    rest = rest.subspan(request.size());
    failure.run([&] {
      if (failure.happened()) {
        give_back(context, request, from, "an earlier request of the same claim failed");
      } else {
        send_request(context, *broker, request, from, sending);
      }
    });
  }
  failure.rethrow();
  return sending;
}

}  // namespace

std::size_t send_claimed(Context& context, std::vector<Order> claimed, OrderStatus from) {
  if (!std::ranges::is_sorted(claimed, {}, &Order::broker)) {
    std::ranges::stable_sort(claimed, {}, &Order::broker);
  }
  std::size_t sent = 0;
  FirstFailure failure(context.latch);
  for (auto begin = claimed.begin(); begin != claimed.end();) {
    const auto end =
        std::find_if(begin, claimed.end(), [&](const Order& o) { return o.broker != begin->broker; });
    const std::string broker = begin->broker;
    failure.run([&] {
      const Sending done = send_to(context, broker, {begin, end}, from);
      sent += done.sent;
      // Reports that overtook the broker's answer have waited for the ids just recorded.
      if (done.inbox_waiting) drain_inbox(context, broker, Search::kQuick);
    });
    begin = end;
  }
  failure.rethrow();
  return sent;
}

namespace {

ClaimRequest claim_of(const Context& context, const BrokerCapabilities& capabilities) {
  ClaimRequest request;
  request.owner = context.store->owner();
  request.now = context.clock->now();
  request.lease_until = context.clock->monotonic() + context.options.lease;
  request.rate = rate_of_orders(context, capabilities);
  request.brokers = {capabilities.name};
  return request;
}

// One claim is one request: what a crash leaves in doubt is what may have been on the wire.
std::size_t dispatch_to(Context& context, const BrokerCapabilities& capabilities,
                        std::optional<BatchId> batch) {
  std::size_t sent = 0;
  OrderId last = 0;
  while (!context.latch.closed() && may_send(context, capabilities.name) &&
         is_sender(context, capabilities)) {
    ClaimRequest request = claim_of(context, capabilities);
    request.batch_id = batch;
    request.after_id = last;  // what was given back waits for the next call
    request.limit = capabilities.orders_max;
    auto claimed = context.store->claim(request);
    if (claimed.empty()) return sent;
    tell_claimed(context, claimed);
    last = claimed.back().id;
    sent += send_claimed(context, std::move(claimed), OrderStatus::kPlaced);
  }
  return sent;
}

}  // namespace

std::size_t dispatch(Context& context, std::optional<BatchId> batch, std::optional<std::string> broker) {
  std::size_t sent = 0;
  for (const auto& [name, connector] : context.brokers) {
    if (broker && *broker != name) continue;
    sent += dispatch_to(context, connector->capabilities(), batch);
  }
  return sent;
}

bool dispatch_one(Context& context, const Order& order, OrderStatus from) {
  const BrokerConnector* broker = context.broker(order.broker);
  if (broker == nullptr || context.latch.closed() || !may_send(context, order.broker)) return false;
  if (!is_sender(context, broker->capabilities())) return false;
  ClaimRequest request = claim_of(context, broker->capabilities());
  request.order_id = order.id;
  request.from = from;
  if (from == OrderStatus::kUnknown) request.lease_epoch = order.lease_epoch;
  request.limit = 1;
  auto claimed = context.store->claim(request);
  if (claimed.empty()) return false;
  tell_claimed(context, claimed);
  return send_claimed(context, std::move(claimed), from) > 0;
}

}  // namespace orchestrator::engine
