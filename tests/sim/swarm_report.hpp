// What the seeds of a run came to, added up and written down.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/swarm.hpp"

namespace orchestrator::sim {

struct FailedSeed {
  std::uint64_t seed = 0;
  std::string invariant;
  std::string what;
  std::string trace_file;
  std::size_t choices = 0;
  std::string repeat;  // the command
};

struct SwarmTotals {
  std::int64_t seeds = 0;
  std::int64_t steps = 0;
  std::int64_t orders = 0;
  std::int64_t executions = 0;
  std::chrono::microseconds virtual_time{0};
  std::uint64_t hash = 0;  // whatever the order of the seeds
  Coverage coverage;
  std::int64_t power_cuts = 0;
  std::int64_t outages = 0;
  std::int64_t slow_calls = 0;
  std::vector<FailedSeed> failed;

  void add(std::uint64_t seed, const SwarmResult& result);
  [[nodiscard]] int fault_kinds() const;  // how many of kSwarmFaultKinds have struck
  [[nodiscard]] int transition_kinds() const;
};

inline constexpr int kSwarmFaultKinds = kDeviationCount - 6 + 3;  // without none and what only cases have

[[nodiscard]] std::string hash_text(std::uint64_t hash);
[[nodiscard]] std::string table_of(const SwarmTotals& totals, std::chrono::milliseconds took);
[[nodiscard]] std::string json_of(const SwarmTotals& totals, std::chrono::milliseconds took);

}  // namespace orchestrator::sim
