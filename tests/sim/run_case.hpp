// One case: a client places a batch and retries until it is answered, the scenario's steps follow, faults
// stop, the world comes to rest, and everything is audited.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/choices.hpp"
#include "support/audit.hpp"

namespace orchestrator::sim {

struct CaseResult {
  testing::Findings findings;
  std::vector<Offer> offers;
  std::int64_t port_calls = 0;
  std::size_t choices_taken = 0;  // fewer than the case has: it does not apply to this program
  std::vector<std::string> trace;
};

[[nodiscard]] CaseResult run_case(const Case& which, bool tracing);

// How many orders the steps of a program can come in.
[[nodiscard]] int permutations_of(Program program);

}  // namespace orchestrator::sim
