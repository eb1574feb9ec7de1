// Background mode: owned threads that drive the steps. The steps themselves know nothing of threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Per broker one thread that sends and one that listens and resolves, so that a slow broker holds up
// nobody else; one that publishes, and one for chores. Each begins with what an earlier process left.
class Workers {
 public:
  // `chores` is called by a thread of its own each round: what is due must not wait for a slow publisher.
  Workers(Context& context, std::function<void()> chores) : context_(context), chores_(std::move(chores)) {}
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start();
  // Ends the threads after the step that each is in; publishing, which may have a long way to go, after its
  // page.
  void stop();
  // Those that send and publish look at once. Those that listen go on at their own pace: what was accepted is
  // no news of a broker's, and asking for some at every order would use up what a broker allows.
  void accepted();
  // All look at once.
  void resumed();
  // What fails at present, for health: the failure of each thread's last round; empty while all is well.
  [[nodiscard]] std::string last_error() const;

 private:
  // A thread that runs `round` each interval, and whenever `calls` has grown.
  void add(std::function<void()> round, const std::uint64_t& calls);
  void run(const std::function<void()>& round, std::string& error, const std::uint64_t& calls);
  void send_round(const std::string& broker);
  void listen_round(const std::string& broker);

  Context& context_;
  std::function<void()> chores_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::uint64_t accepted_ = 0;      // what wakes those that send and publish
  std::uint64_t resumed_ = 0;       // what wakes those that listen
  std::stop_source stop_;           // asked under the mutex, so that no thread misses it as it begins to wait
  std::deque<std::string> errors_;  // per thread, of its last round; a deque: each keeps its place
  std::vector<std::thread> threads_;
};

}  // namespace orchestrator::engine
