// Routing: which broker, and why.
#include <doctest/doctest.h>

#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "orchestrator/router.hpp"

using namespace orchestrator;

namespace {

std::vector<BrokerState> sample_brokers() {
  return {{"kite", BrokerClass::kTagEcho, true, ""},
          {"fix", BrokerClass::kWindowed, true, ""},
          {"alpaca", BrokerClass::kEnforced, true, ""}};
}

RoutingRule rule_to(std::int64_t id, std::vector<RoutingRule::Target> targets) {
  RoutingRule rule;
  rule.id = id;
  rule.targets = std::move(targets);
  return rule;
}

void take_away(std::vector<BrokerState>& brokers, const std::string& name, const std::string& why) {
  for (BrokerState& broker : brokers) {
    if (broker.name != name) continue;
    broker.available = false;
    broker.why_not = why;
  }
}

// "broker: reason"
std::string route(const OrderRequest& order, const std::vector<RoutingRule>& rules,
                  const std::vector<BrokerState>& brokers, std::uint64_t spread = 1) {
  Instrument instrument;
  instrument.id = order.instrument_id;
  instrument.exchange = "NSE";
  const RoutingDecision decision = make_router()->route(order, 1, instrument, rules, brokers, spread);
  return decision.broker + ": " + decision.reason;
}

OrderRequest order_of(InstrumentId id, std::string broker = {}) {
  OrderRequest order;
  order.instrument_id = id;
  order.broker = std::move(broker);
  return order;
}

}  // namespace

TEST_CASE("an explicit broker is used as it is and never replaced by another") {
  auto brokers = sample_brokers();
  const std::vector<RoutingRule> rules{rule_to(1, {{"alpaca", 1}})};
  CHECK(route(order_of(1, "kite"), rules, brokers) == "kite: explicit");
  take_away(brokers, "kite", "circuit open");
  CHECK(route(order_of(1, "kite"), rules, brokers) ==
        ": explicit: kite (circuit open); name another broker or leave it out");
  CHECK(route(order_of(1, "nobody"), rules, brokers) ==
        ": explicit: nobody (not configured); name another broker or leave it out");
}

TEST_CASE("without a rule the strongest class wins, by name among equals") {
  auto brokers = sample_brokers();
  CHECK(route(order_of(1), {}, brokers) == "alpaca: default: strongest class (enforced)");
  brokers.push_back({"abacus", BrokerClass::kEnforced, true, ""});
  CHECK(route(order_of(1), {}, brokers) == "abacus: default: strongest class (enforced)");
  take_away(brokers, "abacus", "inactive");
  take_away(brokers, "alpaca", "inactive");
  CHECK(route(order_of(1), {}, brokers) == "fix: default: strongest class (windowed)");
  take_away(brokers, "fix", "");
  take_away(brokers, "kite", "halted");
  CHECK(route(order_of(1), {}, brokers) ==
        ": no broker is available: kite (halted), fix (not available), alpaca (inactive), abacus (inactive)");
  CHECK(route(order_of(1), {}, {}) == ": no broker is configured");
}

TEST_CASE("the first matching rule decides, whatever the order they are given in") {
  RoutingRule general = rule_to(9, {{"kite", 1}});
  RoutingRule early = rule_to(5, {{"fix", 1}});
  early.priority = 10;
  early.instrument_id = 7;
  RoutingRule twin = rule_to(3, {{"alpaca", 1}});
  CHECK(route(order_of(7), {general, early}, sample_brokers()) == "fix: rule 5");
  CHECK(route(order_of(8), {general, early}, sample_brokers()) == "kite: rule 9");
  CHECK(route(order_of(8), {general, twin}, sample_brokers()) == "alpaca: rule 3");
}

TEST_CASE("all conditions of a rule must match") {
  RoutingRule rule = rule_to(1, {{"kite", 1}});
  rule.instrument_id = 7;
  rule.exchange = "NSE";
  rule.portfolio_id = 1;
  CHECK(route(order_of(7), {rule}, sample_brokers()) == "kite: rule 1");
  CHECK(route(order_of(8), {rule}, sample_brokers()).starts_with("alpaca: default"));
  rule.exchange = "BSE";
  CHECK(route(order_of(7), {rule}, sample_brokers()).starts_with("alpaca: default"));
  rule.exchange.reset();
  rule.portfolio_id = 2;
  CHECK(route(order_of(7), {rule}, sample_brokers()).starts_with("alpaca: default"));
}

TEST_CASE("a rule fails over in the order of its targets, those without weight last") {
  const std::vector<RoutingRule> rules{rule_to(3, {{"fix", 0}, {"kite", 1}, {"alpaca", 0}})};
  auto brokers = sample_brokers();
  for (std::uint64_t spread = 0; spread < 100; ++spread) {
    REQUIRE(route(order_of(1), rules, brokers, spread) == "kite: rule 3");
  }
  take_away(brokers, "kite", "inactive");
  CHECK(route(order_of(1), rules, brokers) == "fix: rule 3: failover from kite (inactive)");
  for (std::uint64_t spread = 0; spread < 100; ++spread) {
    REQUIRE(route(order_of(1), {rule_to(3, {{"fix", 0}, {"kite", 1}, {"alpaca", 1}})}, brokers, spread)
                .starts_with("alpaca: rule 3"));
  }
  take_away(brokers, "fix", "halted");
  CHECK(route(order_of(1), rules, brokers) == "alpaca: rule 3: failover from kite (inactive)");
  take_away(brokers, "alpaca", "circuit open");
  CHECK(route(order_of(1), rules, brokers) ==
        ": rule 3: no target is available: fix (halted), kite (inactive), alpaca (circuit open)");
  CHECK(route(order_of(1), {rule_to(4, {})}, brokers) == ": rule 4: it has no targets");
  CHECK(route(order_of(1), {rule_to(4, {{"ghost", 1}, {"kite", -3}})}, sample_brokers()) ==
        "kite: rule 4: failover from ghost (not configured)");
}

TEST_CASE("weights are honoured over many orders, and one order always goes the same way") {
  const std::vector<RoutingRule> rules{rule_to(1, {{"kite", 1}, {"fix", 3}, {"alpaca", 6}})};
  constexpr int kOrders = 20'000;
  // Order numbers, multiples of a power of two and hashes must all spread.
  for (const std::uint64_t step : {1ULL, 1024ULL, 0x9e3779b97f4a7c15ULL}) {
    std::map<std::string, int> count;
    for (std::uint64_t i = 0; i < kOrders; ++i) {
      const std::string routed = route(order_of(1), rules, sample_brokers(), i * step);
      if (i % 1000 == 0) REQUIRE(routed == route(order_of(1), rules, sample_brokers(), i * step));
      ++count[routed.substr(0, routed.find(':'))];
    }
    INFO("step " << step);
    // Five standard deviations of a fair draw.
    CHECK(std::abs(count["kite"] - kOrders / 10) < 5 * 43);
    CHECK(std::abs(count["fix"] - 3 * kOrders / 10) < 5 * 65);
    CHECK(std::abs(count["alpaca"] - 6 * kOrders / 10) < 5 * 70);
  }
}

TEST_CASE("while one broker is away only its own share moves") {
  const std::vector<RoutingRule> rules{rule_to(1, {{"kite", 1}, {"fix", 1}, {"alpaca", 1}})};
  auto brokers = sample_brokers();
  take_away(brokers, "fix", "inactive");
  int moved = 0;
  for (std::uint64_t spread = 0; spread < 1000; ++spread) {
    const std::string before = route(order_of(1), rules, sample_brokers(), spread);
    const std::string after = route(order_of(1), rules, brokers, spread);
    if (before == after) continue;
    REQUIRE(before == "fix: rule 1");
    REQUIRE(after == "kite: rule 1: failover from fix (inactive)");
    ++moved;
  }
  CHECK(moved > 0);
}

TEST_CASE("largest weights do not overflow the draw") {
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  const std::vector<RoutingRule> rules{rule_to(1, {{"kite", kMax}, {"fix", kMax}, {"alpaca", kMax}})};
  std::map<std::string, int> count;
  for (std::uint64_t spread = 0; spread < 3000; ++spread) {
    ++count[route(order_of(1), rules, sample_brokers(), spread)];
  }
  CHECK(count.size() == 3);
  for (const auto& [broker, times] : count) CHECK(times > 800);
}

TEST_CASE("broker classes have the words of the API") {
  CHECK(to_string(BrokerClass::kEnforced) == "enforced");
  CHECK(to_string(BrokerClass::kWindowed) == "windowed");
  CHECK(to_string(BrokerClass::kTagEcho) == "tag_echo");
  CHECK(to_string(BrokerClass::kNone) == "none");
}
