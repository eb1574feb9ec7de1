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

Signal refused_again(Timestamp at, const std::string& reason) {
  return make_signal(OrderSignal::kPark, at,
                     "refused when it was sent again (" + reason +
                         "), and the attempt before has no answer; check there and decide");
}

}  // namespace orchestrator::engine
