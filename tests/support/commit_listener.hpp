// Callers of one store at the same time, and what the store says of the commits they shared.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/observer.hpp"
#include "orchestrator/testing/order_store_samples.hpp"

namespace orchestrator::testing {

struct CommitListener final : Observer {
  std::atomic<std::size_t> commits{0};
  std::atomic<std::size_t> units{0};
  void units_committed(std::size_t count) noexcept override {
    ++commits;
    units += count;
  }
};

// Each unit that was committed is told once, in no more commits than units; a refused one is not told.
inline void every_committed_unit_is_told_once(Store& store) {
  constexpr int kThreads = 6;
  constexpr int kBatches = 20;
  CommitListener listener;
  store.observed_by(&listener);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&store, t] {
      for (int i = 0; i < kBatches; ++i) {
        store::place(store, {.key = std::to_string(t) + "-" + std::to_string(i), .portfolio_id = 1 + t});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(listener.units == kThreads * kBatches);
  CHECK(listener.commits > 0);
  CHECK(listener.commits <= listener.units);
  Order stale = store.orders({.limit = 1}).at(0);
  ChangeUnit unit;
  unit.orders = {stale};  // its version has not risen
  CHECK(store.commit(unit) == CommitStatus::kConflict);
  CHECK(listener.units == kThreads * kBatches);
}

}  // namespace orchestrator::testing
