// Makes a failing run as small as it can: leaves out blocks of draws, then lowers what is left, as long as
// the same invariant breaks.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sim/swarm.hpp"

namespace orchestrator::sim {

[[nodiscard]] std::vector<Draw> shrink(std::vector<Draw> failing, const std::string& invariant,
                                       const SwarmSetup& setup, std::chrono::seconds patience);

}  // namespace orchestrator::sim
