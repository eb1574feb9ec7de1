// Router: which broker an order goes to, and why. Pure.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/order.hpp"

namespace orchestrator {

// How well a broker protects against the same order twice, strongest first.
enum class BrokerClass : std::uint8_t {
  kEnforced,  // refuses a client order id it has seen, for ever, and finds an order by it (Alpaca)
  kWindowed,  // refuses it for a while (a FIX day)
  kTagEcho,   // only shows our id as a label in the day's list (Kite)
  kNone,      // cannot tell at all
};
[[nodiscard]] std::string_view to_string(BrokerClass broker_class);

// A broker as the router sees it.
struct BrokerState {
  std::string name;
  BrokerClass broker_class = BrokerClass::kNone;
  bool available = true;  // active and not halted
  std::string why_not;    // when not available
};

struct RoutingDecision {
  std::string broker;  // empty: no broker can take it, `reason` says why
  std::string reason;  // for people: "explicit", "rule 3", "rule 3: failover from x (inactive)", ...
};

// Called from any thread.
class Router {
 public:
  virtual ~Router() = default;
  // `spread` is any number that stays the same for the same order: weights are honoured over many
  // values of it, and the same order always goes the same way.
  [[nodiscard]] virtual RoutingDecision route(const OrderRequest& order, PortfolioId portfolio_id,
                                              const Instrument& instrument,
                                              std::span<const RoutingRule> rules,
                                              std::span<const BrokerState> brokers,
                                              std::uint64_t spread) const = 0;
};

// An explicit broker is used as it is (and refused when it is not available: it is never replaced by
// another behind the caller's back). Otherwise the first matching rule decides; without one, the available
// broker of the strongest class, by name among equals.
[[nodiscard]] std::unique_ptr<Router> make_router();

}  // namespace orchestrator
