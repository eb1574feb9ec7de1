// Memory that runs out when a test says so.
#pragma once

namespace orchestrator::testing {

// How many allocations still succeed once armed, and whether all fail from then on or just one.
struct FailingMemory {
  bool armed = false;
  bool for_good = false;
  long left = 0;

  // Asked before each allocation.
  bool fails() {
    if (!armed || left-- > 0) return false;
    if (!for_good) armed = false;
    return true;
  }
};

// Of `operator new` on this thread, throughout the test program.
extern constinit thread_local FailingMemory cpp_memory;

}  // namespace orchestrator::testing
