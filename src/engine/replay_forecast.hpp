// Whether the next keyed request is likely to be one that the store knows already.
//
// The store's accept() answers a known key by itself, so asking beforehand only spares a replay the work of
// validating and of waiting for the writer, and costs every new request a read. Replays come in flocks: after
// a crash, or from a caller that retries.
#pragma once

#include <atomic>

namespace orchestrator::engine {

class ReplayForecast {
 public:
  // Counts down with each request that turns out new.
  [[nodiscard]] bool expected() const { return patience_.load(std::memory_order_relaxed) > 0; }
  void was_new() {
    if (expected()) patience_.fetch_sub(1, std::memory_order_relaxed);
  }
  void was_replay() { patience_.store(kPatience, std::memory_order_relaxed); }

 private:
  static constexpr int kPatience = 64;
  std::atomic<int> patience_ = kPatience;
};

}  // namespace orchestrator::engine
