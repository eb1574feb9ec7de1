// Routing: explicit broker, first matching rule, strongest class; and the reason in words.
//
// Invariant: the decision is a function of the arguments alone. While one broker is away only its own share
// of a weighted rule moves: the draw is made among all weighted targets, available or not.

#include "orchestrator/router.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace orchestrator {

namespace {

// Spreads any input, sequential numbers included, evenly over 64 bits (the finaliser of SplitMix64).
// Fixed for ever: an order must go the same way after an upgrade.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

const BrokerState* find(std::span<const BrokerState> brokers, std::string_view name) {
  for (const BrokerState& broker : brokers) {
    if (broker.name == name) return &broker;
  }
  return nullptr;
}

std::string why_not(const BrokerState* broker) {
  if (broker == nullptr) return "not configured";
  return broker->why_not.empty() ? "not available" : broker->why_not;
}

bool usable(const BrokerState* broker) { return broker != nullptr && broker->available; }

// "x (inactive)"
std::string away(std::string_view name, const BrokerState* broker) {
  return std::string(name) + " (" + why_not(broker) + ")";
}

RoutingDecision route_explicit(const std::string& name, std::span<const BrokerState> brokers) {
  const BrokerState* broker = find(brokers, name);
  if (usable(broker)) return {name, "explicit"};
  return {"", "explicit: " + away(name, broker) + "; name another broker or leave it out"};
}

bool matches(const RoutingRule& rule, const OrderRequest& order, PortfolioId portfolio_id,
             const Instrument& instrument) {
  return (!rule.instrument_id || *rule.instrument_id == order.instrument_id) &&
         (!rule.exchange || *rule.exchange == instrument.exchange) &&
         (!rule.portfolio_id || *rule.portfolio_id == portfolio_id);
}

std::uint64_t weight_of(const RoutingRule::Target& target) {
  return target.weight > 0 ? static_cast<std::uint64_t>(target.weight) : 0;
}

// The target that the draw gives the order, as an index; the first one when no target has a weight.
std::size_t draw(const std::vector<RoutingRule::Target>& targets, std::uint64_t spread) {
  std::uint64_t total = 0;
  for (const auto& target : targets) total += weight_of(target);
  // The high half of the product maps 64 bits onto 0 .. total - 1 without a modulo's bias.
  auto left = static_cast<std::uint64_t>((static_cast<detail::uint128>(mix(spread)) * total) >> 64);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::uint64_t weight = weight_of(targets[i]);
    if (left < weight) return i;
    left -= weight;
  }
  return 0;
}

RoutingDecision route_by_rule(const RoutingRule& rule, std::span<const BrokerState> brokers,
                              std::uint64_t spread) {
  const std::string name = "rule " + std::to_string(rule.id);
  const auto& targets = rule.targets;
  if (targets.empty()) return {"", name + ": it has no targets"};
  const std::string& chosen = targets[draw(targets, spread)].broker;
  const BrokerState* broker = find(brokers, chosen);
  if (usable(broker)) return {chosen, name};

  const std::string failover = name + ": failover from " + away(chosen, broker);
  for (const bool weighted : {true, false}) {
    for (const auto& target : targets) {
      if ((weight_of(target) > 0) == weighted && usable(find(brokers, target.broker))) {
        return {target.broker, failover};
      }
    }
  }
  std::string reason = name + ": no target is available: ";
  for (const auto& target : targets) {
    if (&target != &targets.front()) reason += ", ";
    reason += away(target.broker, find(brokers, target.broker));
  }
  return {"", reason};
}

RoutingDecision route_by_default(std::span<const BrokerState> brokers) {
  const BrokerState* best = nullptr;
  const auto rank = [](const BrokerState& broker) { return std::tie(broker.broker_class, broker.name); };
  for (const BrokerState& broker : brokers) {
    if (broker.available && (best == nullptr || rank(broker) < rank(*best))) best = &broker;
  }
  if (best != nullptr) {
    std::string reason;
    reason.reserve(40);
    reason.append("default: strongest class (").append(to_string(best->broker_class)).append(")");
    return {best->name, std::move(reason)};
  }
  if (brokers.empty()) return {"", "no broker is configured"};
  std::string reason = "no broker is available: ";
  for (const BrokerState& broker : brokers) {
    if (&broker != &brokers.front()) reason += ", ";
    reason += away(broker.name, &broker);
  }
  return {"", reason};
}

class RuleRouter final : public Router {
 public:
  [[nodiscard]] RoutingDecision route(const OrderRequest& order, PortfolioId portfolio_id,
                                      const Instrument& instrument, std::span<const RoutingRule> rules,
                                      std::span<const BrokerState> brokers,
                                      std::uint64_t spread) const override {
    if (!order.broker.empty()) return route_explicit(order.broker, brokers);
    const RoutingRule* first = nullptr;
    const auto rank = [](const RoutingRule& rule) { return std::tie(rule.priority, rule.id); };
    for (const RoutingRule& rule : rules) {
      if (!matches(rule, order, portfolio_id, instrument)) continue;
      if (first == nullptr || rank(rule) < rank(*first)) first = &rule;
    }
    return first != nullptr ? route_by_rule(*first, brokers, spread) : route_by_default(brokers);
  }
};

}  // namespace

std::string_view to_string(BrokerClass broker_class) {
  switch (broker_class) {
    case BrokerClass::kEnforced:
      return "enforced";
    case BrokerClass::kWindowed:
      return "windowed";
    case BrokerClass::kTagEcho:
      return "tag_echo";
    case BrokerClass::kNone:
      return "none";
  }
  return "invalid";
}

std::unique_ptr<Router> make_router() { return std::make_unique<RuleRouter>(); }

}  // namespace orchestrator
