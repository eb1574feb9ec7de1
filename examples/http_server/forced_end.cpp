#include "examples/http_server/forced_end.hpp"

#include <cstdlib>

#include "examples/http_server/log.hpp"

namespace orchestrator::http {

ForcedEnd::~ForcedEnd() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void ForcedEnd::begin(std::chrono::seconds patience) {
  thread_ = std::thread([this, patience] {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, patience, [this] { return ended_; })) return;
    {
      Log log(log_format_, "error");  // its end writes what it was told
      log.error("the store does not answer: ended without it; the next start goes on from there");
    }
    std::_Exit(1);
  });
}

}  // namespace orchestrator::http
