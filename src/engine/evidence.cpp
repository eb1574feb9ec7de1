#include "engine/evidence.hpp"

#include "engine/order_change.hpp"

namespace orchestrator::engine {

std::vector<Signal> evidence_of(const BrokerOrder& found, Timestamp at) {
  std::vector<Signal> signals;
  if (found.status != OrderStatus::kRejected) {
    signals.push_back(make_signal(OrderSignal::kAck, at));
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

bool earlier_attempt_in_doubt(const Order& order) {
  if (order.status != OrderStatus::kSubmitting && order.status != OrderStatus::kUnknown) return false;
  const std::int64_t doubts = order.lease_epoch - order.attempt;
  return doubts > (order.status == OrderStatus::kUnknown ? 1 : 0);
}

bool would_refuse_twice(const BrokerCapabilities& capabilities, const Order& order, Timestamp now) {
  if (capabilities.broker_class == BrokerClass::kEnforced) return true;
  // Within the window by any clock: one that was set back says nothing about how long ago it was.
  const bool set_back = now < order.created_at || (order.submitted_at && now < *order.submitted_at);
  return capabilities.broker_class == BrokerClass::kWindowed && !set_back &&
         now < order.created_at + capabilities.duplicate_window;
}

bool of_another_attempt(const Order& order, const Signal& ending) {
  const bool sent_in_doubt = order.attempt > 1 && order.lease_epoch > order.attempt;
  // A change may have brought an id of its own.
  if (!order.acked_at || !sent_in_doubt || order.ext_order_id.empty() || order.replace_count > 0)
    return false;
  if (ending.ext_order_id.empty()) return ending.kind == OrderSignal::kReject;
  return ending.ext_order_id != order.ext_order_id;
}

Signal refused_again(Timestamp at, const std::string& reason) {
  return make_signal(OrderSignal::kPark, at,
                     "refused when it was sent again (" + reason +
                         "), and the attempt before has no answer; check there and decide");
}

}  // namespace orchestrator::engine
