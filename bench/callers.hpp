// Threads that start together.
#pragma once

#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

namespace orchestrator::bench {

// Runs `work(caller)` on `callers` threads; returns the seconds from their common start to the last one's
// end.
template <class Work>
double run_callers(std::size_t callers, const Work& work) {
  std::barrier start(static_cast<std::ptrdiff_t>(callers) + 1);
  std::vector<std::thread> threads;
  threads.reserve(callers);
  for (std::size_t caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&start, &work, caller] {
      start.arrive_and_wait();
      work(caller);
    });
  }
  const auto begin = std::chrono::steady_clock::now();
  start.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace orchestrator::bench
