// Runs seed after seed on every processor, shrinks what fails, and tells what was covered.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace orchestrator::sim {

struct SwarmLimits {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 0;          // 0: until the time is over
  std::chrono::minutes minutes{0};  // 0: until the seeds are done
  unsigned threads = 0;             // 0: as many as there are processors
  int failures_max = 3;             // then it stops
  std::chrono::seconds shrinking{60};
  std::string folder = ".";  // for the traces of what fails
  bool sqlite = false;       // the store is SQLite, on a file system in memory
  bool hashes = false;       // print each seed's hash and nothing else
  bool json = false;         // print one JSON document and nothing else
};

// `program`: how the command that repeats a run begins. Returns whether every seed passed.
bool run_seeds(const SwarmLimits& limits, const std::string& program);

// Repeats a saved run and prints what happens in it. Throws std::runtime_error for a file that is no trace.
bool repeat_trace(const std::string& path);
// Every trace of a folder; prints a line for each that fails, and how many passed.
bool repeat_traces(const std::string& folder);

}  // namespace orchestrator::sim
