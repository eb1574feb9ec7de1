// A swarm run: up to four processes, each with a call stack of its own, work on one store and up to four
// brokers, for clients that retry, while everything goes wrong that the seed's profile has on. Then faults
// stop, the world comes to rest within a bounded time, and everything is audited.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/draws.hpp"
#include "sim/world.hpp"

namespace orchestrator::sim {

struct SwarmResult {
  testing::Findings findings;
  std::uint64_t hash = 0;
  std::int64_t steps = 0;  // port calls and scheduled events
  std::int64_t orders = 0;
  std::int64_t executions = 0;
  std::chrono::microseconds virtual_time{0};
  Coverage coverage;
  std::int64_t power_cuts = 0;
  std::int64_t outages = 0;  // of the store
  std::int64_t slow_calls = 0;
  std::vector<Draw> draws;  // with which the run can be repeated
  std::vector<std::string> trace;
};

struct SwarmSetup {
  bool tracing = false;
  StoreFactory make_store = make_memory_store;
};

[[nodiscard]] SwarmResult run_swarm(Draws draws, const SwarmSetup& setup = {});

}  // namespace orchestrator::sim
