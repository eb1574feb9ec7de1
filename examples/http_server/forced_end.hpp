// Ends the process when its parts do not end by themselves: a store that hangs keeps the threads that wait
// for it. What they were doing is resumable, as after a kill.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace orchestrator::http {

class ForcedEnd {
 public:
  explicit ForcedEnd(std::string log_format) : log_format_(std::move(log_format)) {}
  ~ForcedEnd();  // everything has ended
  ForcedEnd(const ForcedEnd&) = delete;
  ForcedEnd& operator=(const ForcedEnd&) = delete;

  void begin(std::chrono::seconds patience);

 private:
  const std::string log_format_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace orchestrator::http
