// A sign of life on standard error while long work runs; nothing unless that is a terminal.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace orchestrator::cli {

class Activity {
 public:
  // How much of the work is done: a bar. No function, or a total of zero: a moving mark.
  struct Progress {
    std::size_t done = 0;
    std::size_t total = 0;
  };
  explicit Activity(std::string label, std::function<Progress()> progress = nullptr);
  ~Activity();  // clears the line
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

 private:
  void run();
  void draw(std::size_t tick);

  std::string label_;
  std::function<Progress()> progress_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace orchestrator::cli
