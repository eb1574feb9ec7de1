// What a seed is about: how many of everything, how long things take, and which faults strike how often. Each
// kind of fault is on or off with equal chance, its rate log-uniform, so that some seeds know one fault only,
// and often.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "sim/draws.hpp"
#include "sim/world.hpp"

namespace orchestrator::sim {

struct Profile {
  WorldSetup world;
  std::uint32_t processes = 1;
  std::uint32_t clients = 1;
  std::uint32_t wakes = 4;       // of each client
  std::uint32_t orders_max = 1;  // of a batch
  std::chrono::microseconds client_gap{0};
  std::chrono::microseconds step_gap{0};  // between two rounds of one process
  std::chrono::microseconds market_gap{0};
  std::chrono::microseconds environment_gap{0};

  // Odds; a repetition does not need them.
  Rates rates = {};
  std::uint32_t slow_per_mille = 0;       // of port calls
  std::uint32_t power_cut_per_mille = 0;  // of the environment's wake-ups; so the next
  std::uint32_t outage_per_mille = 0;
};

[[nodiscard]] Profile draw_profile(Draws& draws);

}  // namespace orchestrator::sim
