// The thread that drives the orchestrator: what an earlier process left, news from brokers, orders in doubt,
// events on their way out. Requests place and send by themselves; this is everything that no request waits
// for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>

#include "examples/http_server/feed.hpp"
#include "examples/http_server/log.hpp"
#include "orchestrator/orchestrator.hpp"

namespace orchestrator::http {

class Driver {
 public:
  Driver(Orchestrator& oms, Feed& feed, Log& log, std::chrono::microseconds interval);
  ~Driver() { stop(); }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  void wake();  // brokers have something to tell soon
  void stop();  // after the step that is under way

 private:
  void run();
  bool step();
  void tell_of(const std::exception& error);

  Orchestrator& oms_;
  Feed& feed_;
  Log& log_;
  const std::chrono::microseconds interval_;
  std::size_t failures_ = 0;  // of steps, in a row
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace orchestrator::http
