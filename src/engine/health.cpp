// How the parts of the engine do. A part that is down is an answer here and no exception, and a store that is
// down keeps nobody from learning how the others do.
#include "engine/health.hpp"

#include <algorithm>

namespace orchestrator::engine {
namespace {

constexpr const char* kEventPublisher = "event_publisher";
constexpr std::chrono::seconds kEventsWaitMax{60};

template <class Part>
Dependency dependency_of(const char* role, const Part& part) {
  Dependency dependency;
  try {
    dependency = part.dependency();
  } catch (const std::exception& failure) {
    dependency.name = "custom";
    dependency.state = DependencyState::kDown;
    dependency.detail = failure.what();
  }
  dependency.role = role;
  return dependency;
}

// A topic may answer and yet take nothing, or nobody publishes.
void look_at_waiting_events(const Context& context, Health& health) {
  const Timestamp now = context.clock->now();
  for (Dependency& part : health.dependencies) {
    if (part.role != kEventPublisher || part.state != DependencyState::kOk || !health.outbox.oldest) continue;
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - *health.outbox.oldest);
    if (age < kEventsWaitMax) continue;
    part.state = DependencyState::kDegraded;
    part.detail = "it answers, but events wait, the oldest for " + std::to_string(age.count()) +
                  " s: publish them, and see what is wrong";
  }
}

}  // namespace

Health health(const Context& context, const std::string& failure) {
  Health health;
  health.dependencies.push_back(dependency_of("order_store", *context.store));
  if (context.idempotency) {
    health.dependencies.push_back(dependency_of("idempotency_store", *context.idempotency));
  }
  if (context.publisher) health.dependencies.push_back(dependency_of(kEventPublisher, *context.publisher));
  for (const auto& [name, breaker] : context.breakers) {
    health.brokers.push_back(breaker.health(name, context.clock->monotonic()));
  }
  if (const Dependency& store = health.dependencies.front(); store.state == DependencyState::kDown) {
    health.detail = store.detail;
    return health;
  }
  health.halts = context.store->halts();
  health.outbox = context.store->outbox();
  look_at_waiting_events(context, health);
  constexpr OrderStatus kUnknown[] = {OrderStatus::kUnknown};
  for (const OrderCount& count : context.store->count_orders(kUnknown)) {
    (count.parked ? health.parked_orders : health.unknown_orders) += static_cast<std::size_t>(count.orders);
  }
  const bool stopped =
      std::ranges::any_of(health.halts, [](const Halt& halt) { return halt.scope == ControlScope::kAll; });
  health.ok = !stopped && !context.latch.closed();
  health.detail = context.latch.closed() ? context.latch.why() : failure;
  return health;
}

}  // namespace orchestrator::engine
