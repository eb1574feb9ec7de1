#include "engine/incident.hpp"

#include "codec/audit_json.hpp"
#include "engine/order_change.hpp"
#include "orchestrator/lifecycle.hpp"

namespace orchestrator::engine {
namespace {

void raise(ChangeSet& changes, Order& order, const std::string& what, Timestamp now) {
  changes.apply(order, make_signal(OrderSignal::kIncident, now, what));
  stop_account(changes, order, what, now);
}

}  // namespace

void stop_account(ChangeSet& changes, const Order& order, const std::string& why, Timestamp now) {
  constexpr const char* kBySelf = "orchestrator";
  const std::string reason = "order " + std::to_string(order.id) + ": " + why;
  changes.unit().halts.push_back(
      {ControlScope::kBroker, order.broker, reason, now, HaltMode::kCancelOnly, kBySelf});
  AuditEntry entry = codec::order_decided("incident", order, why);
  entry.at = now;
  entry.by = kBySelf;
  changes.unit().audit.push_back(std::move(entry));
}

void check_second_id(ChangeSet& changes, Order& order, const std::string& ext_order_id, Timestamp now) {
  if (order.incident || ext_order_id.empty() || order.ext_order_id.empty()) return;
  if (ext_order_id == order.ext_order_id) return;
  raise(changes, order, "the broker has this order a second time, as " + ext_order_id, now);
}

void check_acknowledgement(ChangeSet& changes, Order& order, const std::string& ext_order_id, Timestamp now) {
  check_second_id(changes, order, ext_order_id, now);
  if (order.incident || ext_order_id == order.ext_order_id) return;
  std::string what;
  if (order.status == OrderStatus::kRejected) {
    what = "the broker acknowledged this order after it had refused it";
  } else if (is_terminal(order.status) && !order.acked_at) {
    what = "the broker acknowledged this order after it had ended here unsent";
  }
  if (!what.empty()) raise(changes, order, what, now);
}

void check_execution_price(ChangeSet& changes, Order& order, Price price, Timestamp now) {
  if (order.incident || !order.price_limit) return;
  // More than half as much again, or less than half.
  const int128 executed = int128{price.units()} * 2;
  const int128 limit = int128{order.price_limit->units()};
  const bool far_off = order.side == Side::kBuy ? executed > limit * 3 : executed < limit;
  if (!far_off) return;
  raise(changes, order,
        "the broker executed at " + price.to_string() + ", far from the limit of " +
            order.price_limit->to_string(),
        now);
}

}  // namespace orchestrator::engine
