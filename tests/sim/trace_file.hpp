// A swarm run as a text file, so that it can be repeated after the program was built anew:
//
//   file  := "orchestrator-sim-trace 1" line* ; of an older or newer format: refused by its number
//   line  := "seed " number | "violates " invariant | "planted " bug | place " " value | "" | "#" anything
//   place := as sim/draws.hpp writes it, p1.14.3;  value := number | deviation
//
// Every draw that is not named is 0. The first three say where the run came from: its seed, what it broke,
// and with which planted bug.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/draws.hpp"

namespace orchestrator::sim {

struct TraceFile {
  std::uint64_t seed = 0;
  std::string violates;  // "I1"
  std::string planted;   // the planted bug that it was found with; empty: none
  std::vector<Draw> draws;
};

[[nodiscard]] std::string to_string(const TraceFile& file);
// Throws std::runtime_error, "line 3: ...".
[[nodiscard]] TraceFile parse_trace(std::string_view text);

}  // namespace orchestrator::sim
