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

void Entries::add(const std::string& broker, OrderStatus status) {
  const auto known = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.status == status && entry.broker == broker; });
  if (known == entries_.end()) {
    entries_.push_back({broker, status, 1});
  } else {
    ++known->orders;
  }
}

void Entries::tell(const Context& context) const {
  for (const Entry& entry : entries_) {
    context.observer->orders_entered(entry.broker, entry.status, entry.orders);
  }
}

void tell_accepted(const Context& context, std::span<const Order> orders) {
  if (!context.observer) return;
  Entries entries;
  for (const Order& order : orders) entries.add(order.broker, OrderStatus::kPlaced);
  entries.tell(context);
  tell_claimed(context, orders);
}

void tell_claimed(const Context& context, std::span<const Order> orders) {
  if (!context.observer) return;
  Entries entries;
  for (const Order& order : orders) {
    if (order.status == OrderStatus::kSubmitting) entries.add(order.broker, order.status);
  }
  entries.tell(context);
}

}  // namespace orchestrator::engine
