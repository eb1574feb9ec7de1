#include "engine/observation.hpp"

#include <algorithm>

namespace orchestrator::engine {
namespace {

PlacementOutcome outcome_of(const Error& refused) {
  switch (refused.code()) {
    case ErrorCode::kIdempotencyConflict:
      return PlacementOutcome::kConflict;
    case ErrorCode::kIdempotencyExpired:
      return PlacementOutcome::kExpired;
    case ErrorCode::kHalted:
      return PlacementOutcome::kHalted;
    case ErrorCode::kValidationFailed:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kLimitExceeded:
    case ErrorCode::kNumberOverflow:
      return PlacementOutcome::kInvalid;
    default:
      return PlacementOutcome::kFailed;
  }
}

// Legs that were accepted have a number.
std::size_t accepted_orders(const Receipt& receipt) {
  return static_cast<std::size_t>(
      std::ranges::count_if(receipt.orders, [](const Receipt::Leg& leg) { return leg.id != 0; }));
}

}  // namespace

Accepted accept_observed(Context& context, const BatchRequest& request, bool claim) {
  if (!context.observer) return accept(context, request, claim);
  const Stopwatch watch(context);
  Placement placement{PlacementOutcome::kFailed, request.orders.size(), {}};
  const auto tell = [&](PlacementOutcome outcome) {
    placement.outcome = outcome;
    placement.latency = watch.elapsed();
    context.observer->placement_ended(placement);
  };
  try {
    Accepted accepted = accept(context, request, claim);
    const bool replayed = accepted.receipt.replayed;
    if (!replayed) placement.orders = accepted_orders(accepted.receipt);
    tell(replayed ? PlacementOutcome::kReplayed : PlacementOutcome::kAccepted);
    return accepted;
  } catch (const Error& refused) {
    tell(outcome_of(refused));
    throw;
  } catch (...) {
    tell(PlacementOutcome::kFailed);
    throw;
  }
}

void EnteredOrders::add(const std::string& broker, OrderStatus status) {
  const auto known = std::ranges::find_if(
      counts_, [&](const Count& count) { return count.status == status && count.broker == broker; });
  if (known == counts_.end()) {
    counts_.push_back({broker, status, 1});
  } else {
    ++known->orders;
  }
}

void EnteredOrders::tell(const Context& context) const {
  for (const Count& count : counts_) {
    context.observer->orders_entered(count.broker, count.status, count.orders);
  }
}

void tell_accepted(const Context& context, std::span<const Order> orders) {
  if (!context.observer) return;
  EnteredOrders entered;
  for (const Order& order : orders) entered.add(order.broker, OrderStatus::kPlaced);
  entered.tell(context);
  tell_claimed(context, orders);
}

void tell_claimed(const Context& context, std::span<const Order> orders) {
  if (!context.observer) return;
  EnteredOrders entered;
  for (const Order& order : orders) {
    if (order.status == OrderStatus::kSubmitting) entered.add(order.broker, order.status);
  }
  entered.tell(context);
}

}  // namespace orchestrator::engine
