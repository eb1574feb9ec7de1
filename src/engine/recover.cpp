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

#include "core/failpoint.hpp"
#include "core/planted_bugs.hpp"
#include "engine/book_index.hpp"
#include "engine/broker_calls.hpp"
#include "engine/dispatch.hpp"
#include "engine/evidence.hpp"
#include "engine/order_change.hpp"

namespace orchestrator::engine {
namespace {

// An order under our id that is not our order: somebody else makes the same ids at this account.
bool is_ours(const Order& order, const BrokerOrder& found) {
  return found.side == order.side && found.qty == order.qty &&
         (found.instrument_id == 0 || found.instrument_id == order.instrument_id);
}

bool still_unknown(const Order& order) { return order.status == OrderStatus::kUnknown; }

void park(Context& context, const Order& order, const std::string& why, RecoveryReport& report) {
  if (order.parked) return;
  const Timestamp now = context.clock->now();
  if (change_order(context, order, {make_signal(OrderSignal::kPark, now, why)}, still_unknown))
    ++report.parked;
}

void adopt(Context& context, const Order& order, const LookUp& answer, RecoveryReport& report) {
  if (!is_ours(order, answer.order)) {
    return park(context, order,
                "the broker has another order under this client order id (" + answer.order.ext_order_id +
                    "); check there and decide",
                report);
  }
  const Timestamp now = context.clock->now();
  if (change_order(context, order, evidence_of(answer.order, now), still_unknown)) ++report.adopted;
}

// Whether a second order under the same client order id would be refused, should the first be there.
bool would_refuse_twice(const BrokerCapabilities& capabilities, const Order& order, Timestamp now) {
  if (capabilities.broker_class == BrokerClass::kEnforced) return true;
  // Within the window by any clock: one that was set back says nothing about how long ago it was.
  const bool set_back = now < order.created_at || (order.submitted_at && now < *order.submitted_at);
  return capabilities.broker_class == BrokerClass::kWindowed && !set_back &&
         now < order.created_at + capabilities.duplicate_window;
}

// With many orders in doubt at one broker, one list call finds those that it has.
constexpr std::size_t kLookUpsMax = 10;

class Evidence {
 public:
  explicit Evidence(Context& context) : context_(context) {}

  LookUp about(const Order& order, BrokerConnector& broker) {
    const BookIndex* book = book_of(order.broker, broker);
    const BrokerOrder* found = book == nullptr ? nullptr : book->by_client_order_id(order.client_order_id);
    if (found != nullptr) return {LookUp::Kind::kFound, *found, {}};
    return look_up(context_, broker, order.client_order_id);
  }
  bool several(const Order& order, BrokerConnector& broker) {
    const BookIndex* book = book_of(order.broker, broker);
    return book != nullptr && book->several(order.client_order_id);
  }

 private:
  const BookIndex* book_of(const std::string& name, BrokerConnector& broker) {
    auto [at, first] = books_.try_emplace(name);
    if (first) at->second = fetch_for_many(name, broker);
    return at->second.get();
  }

  std::unique_ptr<BookIndex> fetch_for_many(const std::string& name, BrokerConnector& broker) {
    const auto waiting = context_.store->orders(
        {.broker = name, .statuses = {OrderStatus::kUnknown}, .limit = kLookUpsMax + 1});
    if (waiting.size() <= kLookUpsMax) return nullptr;
    auto book = fetch_book(context_, broker);
    return book ? std::make_unique<BookIndex>(std::move(*book)) : nullptr;
  }

  Context& context_;
  std::map<std::string, std::unique_ptr<BookIndex>> books_;  // null: look each up
};

void resolve_one(Context& context, const Order& order, Evidence& evidence, RecoveryReport& report) {
  BrokerConnector* broker = context.broker(order.broker);
  if (broker == nullptr) {
    ++report.waiting;
    return;
  }
  const BrokerCapabilities& capabilities = broker->capabilities();
  if (capabilities.broker_class == BrokerClass::kNone) {
    return park(context, order, "this broker cannot be asked about an order; check there and decide", report);
  }
  const Timestamp now = context.clock->monotonic();
  // What is parked waits for a person; that it may still turn up must not use up what the others need.
  if (order.parked && !context.look_up_pace.due(order.id, now, context.options.resync_interval)) return;
  if (evidence.several(order, *broker)) {
    return park(context, order,
                "the broker has several orders under this client order id; check there and decide", report);
  }
  if (order.parked) context.look_up_pace.asked(order.id, now);
  const LookUp answer = evidence.about(order, *broker);
  if (answer.kind == LookUp::Kind::kFound) return adopt(context, order, answer, report);
  if (ORCHESTRATOR_PLANTED(kNotFoundIsReject) && answer.kind == LookUp::Kind::kNotFound) {
    change_order(context, order, {make_signal(OrderSignal::kReject, order.created_at)}, still_unknown);
  }
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
  if (dispatch_one(context, order, OrderStatus::kUnknown)) {
    ++report.resent;
  } else {
    ++report.waiting;
  }
}

}  // namespace

std::size_t mark_abandoned(Context& context, const std::optional<std::string>& broker) {
  std::size_t marked = 0;
  OrderQuery query{
      .broker = broker, .statuses = {OrderStatus::kSubmitting}, .abandoned_at = context.clock->monotonic()};
  for_each_order(context, query, [&](const Order& order) {
    const auto same_claim = [&](const Order& row) {
      return row.status == OrderStatus::kSubmitting && row.lease_epoch == order.lease_epoch;
    };
    Signal doubt =
        make_signal(OrderSignal::kInDoubt, context.clock->now(), "its sender is gone; the broker is asked");
    ORCHESTRATOR_PLANT(kAbandonedIsPlaced, doubt.kind = OrderSignal::kNotAccepted);
    if (change_order(context, order, {doubt}, same_claim)) ++marked;
    ORCHESTRATOR_FAILPOINT("recover.marked");
  });
  return marked;
}

void resolve_unknown(Context& context, OrderQuery which, RecoveryReport& report) {
  which.statuses = {OrderStatus::kUnknown};
  Evidence evidence(context);
  for_each_order(context, std::move(which), [&](const Order& order) {
    resolve_one(context, order, evidence, report);
    ORCHESTRATOR_FAILPOINT("recover.resolved");
  });
}

}  // namespace orchestrator::engine
