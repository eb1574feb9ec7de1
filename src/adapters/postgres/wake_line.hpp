// One connection and thread on which a process hears of what others have done, by LISTEN, and says what it
// has done itself, by NOTIFY.
//
// Invariants
//   * no answer depends on it: what is not heard is found by polling, and a line that breaks is made anew
//   * nobody waits for it: a NOTIFY has a transaction of its own, because their commits wait for one another
//   * nothing is said or heard more often than once in kPause, however much is done
//   * behind a pooler, which gives a session to whoever needs one, there is no line
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "adapters/postgres/connection.hpp"

namespace orchestrator::postgres {

class WakeLine {
 public:
  explicit WakeLine(const PostgresOptions& options) : options_(options) {}
  ~WakeLine();
  WakeLine(const WakeLine&) = delete;
  WakeLine& operator=(const WakeLine&) = delete;

  void start(std::function<void()> wake);
  void stop();
  // That there is something to do; from any thread.
  void tell() noexcept;
  // In a forked child: the thread is the parent's.
  void abandon() noexcept { static_cast<void>(thread_.release()); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  void run() noexcept;
  void hold(Connection& connection);
  // Until the connection, if there is one, has something to read, somebody tells or stops, or it is `until`.
  void wait(const Connection* connection, std::optional<Time> until) const;
  void end_wait() const noexcept;

  const PostgresOptions& options_;
  std::function<void()> wake_;
  std::unique_ptr<std::thread> thread_;
  int pipe_[2] = {-1, -1};  // what ends a wait is written to it; kept until the end, others may be telling
  std::atomic<bool> running_{false};
  std::atomic<bool> told_{false};
};

}  // namespace orchestrator::postgres
