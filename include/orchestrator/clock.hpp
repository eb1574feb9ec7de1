// Time, behind a seam: everything in the library that needs the time asks a Clock, so that a test or a
// simulation owns it.
#pragma once

#include <memory>

#include "orchestrator/types.hpp"

namespace orchestrator {

// Called from any thread, concurrently.
class Clock {
 public:
  virtual ~Clock() = default;
  // The wall clock, UTC. May jump; used for records and day limits, never to order events.
  [[nodiscard]] virtual Timestamp now() const = 0;
  // Time since the machine started, sleep included, which no setting of the clock moves; the same for every
  // process of the machine. Used for leases, pauses and rate limits.
  [[nodiscard]] virtual Timestamp monotonic() const = 0;
  // Blocks the calling thread for about this long. A simulated clock advances instead.
  virtual void sleep_for(std::chrono::microseconds duration) = 0;
};

[[nodiscard]] std::unique_ptr<Clock> make_system_clock();

}  // namespace orchestrator
