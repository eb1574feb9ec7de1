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

}  // namespace orchestrator::engine
