// Closed for good by a broken invariant: this process takes no new orders and sends none any more; reads
// still answer. An operator finds out (`orchestrator audit`) and starts the process anew.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "orchestrator/error.hpp"

namespace orchestrator::engine {

class Latch {
 public:
  // Latches on an error that means that something stored or decided cannot be.
  void observe(const Error& error) {
    if (error.code() != ErrorCode::kInternal && error.code() != ErrorCode::kStorageCorrupt) return;
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    why_ = error.what();
    closed_ = true;
  }
  // Runs `work` and latches on what it throws.
  template <class Work>
  auto watch(Work&& work) -> decltype(work()) {
    try {
      return work();
    } catch (const Error& error) {
      observe(error);
      throw;
    }
  }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] std::string why() const {
    const std::scoped_lock lock(mutex_);
    return why_;
  }

 private:
  mutable std::mutex mutex_;
  std::atomic<bool> closed_{false};
  std::string why_;
};

}  // namespace orchestrator::engine
