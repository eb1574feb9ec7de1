// Threads that start together.
#pragma once

#include <barrier>
#include <chrono>
#include <exception>
#include <thread>
#include <vector>

namespace orchestrator::bench {

// Runs `work(caller)` on `callers` threads; returns the seconds from their common start to the last one's
// end. What the first of them threw, by number, is thrown again when all have ended.
template <class Work>
double run_callers(std::size_t callers, const Work& work) {
  std::barrier start(static_cast<std::ptrdiff_t>(callers) + 1);
  std::vector<std::exception_ptr> failures(callers);
  std::vector<std::thread> threads;
  threads.reserve(callers);
  for (std::size_t caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&start, &work, &failures, caller] {
      start.arrive_and_wait();
      try {
        work(caller);
      } catch (...) {
        failures[caller] = std::current_exception();
      }
    });
  }
  const auto begin = std::chrono::steady_clock::now();
  start.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return seconds.count();
}

}  // namespace orchestrator::bench
