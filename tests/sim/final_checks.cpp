#include "sim/final_checks.hpp"

#include <algorithm>

namespace orchestrator::sim {
namespace {

void take(World& world, const testing::Audit& audit) {
  for (const testing::Finding& finding : audit.findings) {
    world.violated(finding.invariant.c_str(), finding.what);
  }
}

// A broker that tells leaves nothing to a person, but what it refused when it was sent again.
void check_parked(World& world, const Order& order) {
  if (!order.parked) return;
  const auto venue = std::ranges::find_if(
      world.venues, [&](const Venue& at) { return at.capabilities.name == order.broker; });
  const bool held = venue->by_client_order_id.contains(order.client_order_id);
  const bool undecided = venue->capabilities.broker_class != BrokerClass::kEnforced ||
                         world.refused.contains(order.client_order_id);
  if (held || !undecided) {
    world.violated("I4", "order " + std::to_string(order.id) + " is left to a person: " + order.reason);
  }
}

}  // namespace

bool at_rest(const World& world) {
  if (world.store->outbox().rows != 0 || !world.late.empty()) return false;
  const auto waiting =
      world.store->orders({.statuses = {OrderStatus::kPlaced, OrderStatus::kSubmitting, OrderStatus::kUnknown,
                                        OrderStatus::kCancelPending, OrderStatus::kReplacePending},
                           .limit = testing::kAuditPage});
  return std::ranges::all_of(waiting, &Order::parked);
}

void final_checks(World& world, Orchestrator& oms) {
  testing::Audit audit(oms);
  audit.book();
  audit.delivery(world.delivered);
  audit.broker();
  audit.rest();
  take(world, audit);
  for (const Order& order : audit.orders()) check_parked(world, order);

  oms.settle(std::chrono::floor<std::chrono::days>(world.now()) + std::chrono::days(30));
  oms.publish();
  testing::Audit settled(oms);
  settled.book();
  settled.delivery(world.delivered);
  take(world, settled);
}

}  // namespace orchestrator::sim
