#include "engine/snapshot.hpp"

#include <algorithm>
#include <set>

#include "engine/broker_calls.hpp"

namespace orchestrator::engine {

ValidationSnapshot take_snapshot(const Context& context, const BatchRequest& request, Timestamp now) {
  ValidationSnapshot snapshot;
  std::set<InstrumentId> ids;
  for (const OrderRequest& order : request.orders) ids.insert(order.instrument_id);
  ids.erase(0);
  if (!ids.empty()) {
    const std::vector<InstrumentId> wanted(ids.begin(), ids.end());
    for (Instrument& instrument : context.store->instruments(wanted)) {
      const InstrumentId id = instrument.id;
      snapshot.instruments.emplace(id, std::move(instrument));
    }
  }
  snapshot.limits = context.store->limits_of(request.portfolio_id);
  snapshot.usage = context.store->usage_of(request.portfolio_id);
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

std::vector<BrokerState> broker_states(const Context& context) {
  const auto halts = context.store->halts();
  std::vector<BrokerState> states;
  for (const BrokerConnectorConfig& config : context.store->brokers()) {
    const BrokerConnector* connector = context.broker(config.broker_name);
    BrokerState state{config.broker_name, BrokerClass::kNone, true, {}};
    if (connector != nullptr) state.broker_class = connector->capabilities().broker_class;
    const bool halted = std::ranges::any_of(halts, [&](const Halt& halt) {
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
