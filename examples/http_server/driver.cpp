#include "examples/http_server/driver.hpp"

#include <exception>
#include <string>

namespace orchestrator::http {

Driver::Driver(Orchestrator& oms, Feed& feed, Log& log, std::chrono::microseconds interval)
    : oms_(oms), feed_(feed), log_(log), interval_(interval), thread_([this] { run(); }) {}

void Driver::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void Driver::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Driver::run() {
  try {
    oms_.recover();
  } catch (const std::exception& error) {
    log_.warn(std::string("recovery goes on with the next steps: ") + error.what());
  }
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    woken_ = false;
    lock.unlock();
    const bool failed = !step();
    lock.lock();
    changed_.wait_for(lock, interval_, [&] { return stopped_ || (woken_ && !failed); });
  }
}

bool Driver::step() {
  try {
    if (!oms_.step().idle()) feed_.wake();
    return true;
  } catch (const std::exception& error) {
    log_.warn(std::string("a step failed and is made up for by the next: ") + error.what());
    return false;
  }
}

}  // namespace orchestrator::http
