#include "sim/profile.hpp"

#include <algorithm>
#include <array>

namespace orchestrator::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t kPortCallsMax = 2'000'000;

template <std::size_t Size>
microseconds one_of(Draws& draws, Activity& setup, const std::array<microseconds, Size>& values) {
  return values[draws.below(setup, Size)];
}

std::vector<BrokerCapabilities> draw_brokers(Draws& draws, Activity& setup) {
  std::vector<BrokerCapabilities> brokers;
  const std::uint32_t count = 1 + draws.below(setup, 4);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto broker_class = static_cast<BrokerClass>(draws.below(setup, 4));
    BrokerCapabilities made = capabilities_of(broker_class, std::string(kBrokerName) + std::to_string(i));
    if (made.orders_max > 1) made.orders_max -= draws.below(setup, 8);
    if (draws.below(setup, 4) == 1) {
      made.rate_limit = {.requests_max = 12 + draws.below(setup, 16), .per = seconds(1)};
    }
    made.one_sender = draws.below(setup, 4) == 1;
    brokers.push_back(std::move(made));
  }
  return brokers;
}

// Between one call in 2^6 and one in 2^14.
Rates draw_rates(Draws& draws) {
  Activity odds(ActorKind::kSetup, 1);
  Rates rates = {};
  for (std::uint32_t& rate : rates) {
    const bool on = draws.odds(odds, 2) == 1;
    const std::uint32_t rarity = 6 + draws.odds(odds, 9);
    rate = on ? std::uint32_t{1} << (32 - rarity) : 0;
  }
  return rates;
}

}  // namespace

Profile draw_profile(Draws& draws) {
  Activity setup(ActorKind::kSetup, 0);
  Profile profile;
  profile.processes = 1 + draws.below(setup, 4);
  profile.clients = 1 + draws.below(setup, 4);
  profile.wakes = 4 + draws.below(setup, 45);
  profile.orders_max = 1 + draws.below(setup, 6);
  profile.client_gap = one_of<6>(
      draws, setup, {seconds(5), milliseconds(50), milliseconds(500), seconds(20), minutes(1), minutes(10)});
  profile.step_gap = one_of<5>(draws, setup, {seconds(5), seconds(1), seconds(2), seconds(20), minutes(1)});
  profile.market_gap = one_of<4>(draws, setup, {seconds(5), seconds(1), seconds(30), minutes(5)});
  profile.environment_gap = one_of<3>(draws, setup, {minutes(10), minutes(1), seconds(10)});
  // A run is about what clients do: so many rounds for each of their wake-ups, and no more.
  profile.step_gap = std::max(profile.step_gap, profile.client_gap / 16);
  profile.market_gap = std::max(profile.market_gap, profile.client_gap / 16);
  profile.world.brokers = draw_brokers(draws, setup);
  profile.world.one_holder_of_roles = draws.below(setup, 2) == 1;
  profile.world.tells_deaths = draws.below(setup, 2) == 0;
  profile.world.port_calls_max = kPortCallsMax;

  profile.rates = draw_rates(draws);
  Activity odds(ActorKind::kSetup, 2);
  profile.slow_per_mille = draws.odds(odds, 2) * (1 + draws.odds(odds, 60));
  profile.power_cut_per_mille = draws.odds(odds, 2) * (1 + draws.odds(odds, 300));
  profile.outage_per_mille = draws.odds(odds, 2) * (1 + draws.odds(odds, 300));
  return profile;
}

}  // namespace orchestrator::sim
