#include "examples/http_server/driver.hpp"

#include <bit>
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
  } catch (const std::exception& error) {
    ++failures_;
    tell_of(error);
    return false;
  }
  if (failures_ > 1) log_.info("steps succeed again, after " + std::to_string(failures_) + " that failed");
  failures_ = 0;
  return true;
}

// What fails now fails at every poll interval: the first is told, then the second, the fourth, the eighth,
// and from some hundreds on one of so many.
void Driver::tell_of(const std::exception& error) {
  constexpr std::size_t kApartMax = 256;
  const bool told = std::has_single_bit(failures_) || failures_ % kApartMax == 0;
  if (!told) return;
  const auto count = failures_ == 1 ? "" : " (" + std::to_string(failures_) + " in a row)";
  log_.warn("a step failed and is made up for by the next" + count + ": " + error.what());
}

}  // namespace orchestrator::http
