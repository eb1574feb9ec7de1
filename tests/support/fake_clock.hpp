// A clock that a test owns: it stands still until set or advanced, and sleeping on it advances it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "orchestrator/clock.hpp"

namespace orchestrator::testing {

// Called from any thread, concurrently.
class FakeClock : public Clock {
 public:
  // A Monday morning: 09:15 in India, still Sunday evening in New York.
  static constexpr Timestamp kStart = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5) +
                                      std::chrono::hours(3) + std::chrono::minutes(45);

  explicit FakeClock(Timestamp start = kStart) : now_us_(start.time_since_epoch().count()) {}

  [[nodiscard]] Timestamp now() const override {
    return Timestamp(std::chrono::microseconds(now_us_.load()));
  }
  [[nodiscard]] Timestamp monotonic() const override {
    return Timestamp(std::chrono::microseconds(since_start_us_.load()));
  }
  void sleep_for(std::chrono::microseconds duration) override { advance(duration); }

  // The wall clock alone, and backwards too: it may jump.
  void set(Timestamp now) { now_us_.store(now.time_since_epoch().count()); }
  void advance(std::chrono::microseconds duration) {
    now_us_.fetch_add(duration.count());
    since_start_us_.fetch_add(duration.count());
  }

 private:
  std::atomic<std::int64_t> now_us_;
  std::atomic<std::int64_t> since_start_us_{1'000'000'000};
};

}  // namespace orchestrator::testing
