// After some failures in a row the server is left alone for a while; then one call tries it, and each try
// doubles the pause until one succeeds. Times are on Clock::monotonic().
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>

#include "orchestrator/types.hpp"

namespace orchestrator::redis {

// Called from any thread, concurrently.
class CircuitBreaker {
 public:
  // While the circuit is open: true for one caller when the pause is over. The next pause begins then, so a
  // caller that never tells what came of it keeps nobody out for good.
  [[nodiscard]] bool allows(Timestamp now) {
    const std::lock_guard lock(mutex_);
    if (failures_ < kFailuresMax) return true;
    if (now < retry_at_) return false;
    put_off(now);
    return true;
  }
  void succeeded() {
    const std::lock_guard lock(mutex_);
    failures_ = 0;
    pause_ = kPauseMin;
    reason_.clear();
  }
  void failed(Timestamp now, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    reason_ = reason;
    if (failures_ < kFailuresMax && ++failures_ == kFailuresMax) put_off(now);
  }
  // Of the last failure; empty after a success.
  [[nodiscard]] std::string reason() const {
    const std::lock_guard lock(mutex_);
    return reason_;
  }

 private:
  static constexpr int kFailuresMax = 3;
  static constexpr std::chrono::microseconds kPauseMin = std::chrono::milliseconds(100);
  static constexpr std::chrono::microseconds kPauseMax = std::chrono::seconds(5);

  void put_off(Timestamp now) {
    retry_at_ = now + pause_;
    pause_ = std::min(pause_ * 2, kPauseMax);
  }

  mutable std::mutex mutex_;
  int failures_ = 0;  // in a row
  std::chrono::microseconds pause_ = kPauseMin;
  Timestamp retry_at_ = {};
  std::string reason_;
};

}  // namespace orchestrator::redis
