// The machine's own clock: the one file of the library that reads it.

#include <ctime>
#include <thread>

#include "orchestrator/clock.hpp"

namespace orchestrator {

namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }

  [[nodiscard]] Timestamp monotonic() const override {
    timespec since_start = {};
    ::clock_gettime(CLOCK_BOOTTIME, &since_start);
    return Timestamp(std::chrono::seconds(since_start.tv_sec) +
                     std::chrono::microseconds(since_start.tv_nsec / 1000));
  }

  void sleep_for(std::chrono::microseconds duration) override { std::this_thread::sleep_for(duration); }
};

}  // namespace

std::unique_ptr<Clock> make_system_clock() { return std::make_unique<SystemClock>(); }

}  // namespace orchestrator
