// What must hold when faults have stopped and nothing is left to do; the same for every kind of run.
#pragma once

#include "sim/world.hpp"

namespace orchestrator::sim {

// I31: nothing waits but for a person.
[[nodiscard]] bool at_rest(const World& world);

// The audit at rest, and once more after settling all that is due.
void final_checks(World& world, Orchestrator& oms);

}  // namespace orchestrator::sim
