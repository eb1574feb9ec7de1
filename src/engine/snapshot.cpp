#include "engine/snapshot.hpp"

#include <algorithm>

#include "engine/broker_calls.hpp"

namespace orchestrator::engine {

namespace {

std::vector<InstrumentId> instruments_of(const BatchRequest& request) {
  std::vector<InstrumentId> ids;
  ids.reserve(request.orders.size());
  for (const OrderRequest& order : request.orders) {
    if (order.instrument_id != 0) ids.push_back(order.instrument_id);
  }
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace

std::int64_t version_of(const Context& context, Figures figures) {
  return figures == Figures::kRemembered ? context.reference.remembered_version(*context.store)
                                         : context.reference.present_version(*context.store);
}

ValidationSnapshot take_snapshot(const Context& context, const BatchRequest& request, Timestamp now,
                                 Figures figures, std::int64_t version) {
  ValidationSnapshot snapshot;
  context.reference.instruments(*context.store, version, instruments_of(request), snapshot.instruments);
  snapshot.limits = context.reference.limits_of(*context.store, version, request.portfolio_id);
  std::optional<PortfolioUsage> remembered;
  if (figures == Figures::kRemembered) remembered = context.reference.remembered(request.portfolio_id);
  snapshot.usage = remembered ? *remembered : context.store->usage_of(request.portfolio_id);
  const auto& validation = context.options.validation;
  if (validation.duplicates != DuplicatePolicy::kAllow && validation.duplicate_window.count() > 0) {
    snapshot.recent_orders = context.store->orders({.tenant = request.tenant,
                                                    .portfolio_id = request.portfolio_id,
                                                    .created_from = now - validation.duplicate_window,
                                                    .newest_first = true,
                                                    .limit = 10'000});
  }
  for (const auto& [name, connector] : context.brokers) snapshot.brokers.push_back(name);
  snapshot.now = now;
  return snapshot;
}

std::vector<BrokerState> broker_states(const Context& context, const Reference& reference) {
  std::vector<BrokerState> states;
  for (const BrokerConnectorConfig& config : reference.brokers) {
    const BrokerConnector* connector = context.broker(config.broker_name);
    BrokerState state{config.broker_name, BrokerClass::kNone, true, {}};
    if (connector != nullptr) state.broker_class = connector->capabilities().broker_class;
    const bool halted = std::ranges::any_of(reference.halts, [&](const Halt& halt) {
      return halt.scope == ControlScope::kBroker && halt.target == config.broker_name;
    });
    if (connector == nullptr) state.why_not = "no connector is linked in";
    if (!config.active) state.why_not = "inactive";
    if (connector != nullptr && !may_send(context, config.broker_name)) {
      state.why_not = "its circuit is open after several failures in a row";
    }
    if (halted) state.why_not = "halted";
    state.available = state.why_not.empty();
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace orchestrator::engine
