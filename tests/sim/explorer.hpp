// Runs every case of a scope, those with the fewest deviations first, so that the first case that fails is a
// shortest one.
#pragma once

#include <string>

namespace orchestrator::sim {

enum class Scope { kBrief, kStandard, kFull };

struct Limits {
  Scope scope = Scope::kStandard;
  std::string only;      // scenarios whose id begins so
  int failures_max = 0;  // stop after so many; 0: never
  int shown_max = 5;     // failing cases that are printed
};

// Prints what fails and a summary line; returns whether all passed. `program`: how the command that repeats a
// case begins.
bool explore(const Limits& limits, const std::string& program);

}  // namespace orchestrator::sim
