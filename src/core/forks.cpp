#include "core/forks.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

namespace orchestrator {
namespace {

std::atomic<unsigned> forks{0};

}  // namespace

unsigned fork_count() {
  // Begun when first asked: an object may be made before main(), and must see the same count ever after.
  static const bool is_counting = ::pthread_atfork(nullptr, nullptr, [] { ++forks; }) == 0;
  return is_counting ? forks.load() : static_cast<unsigned>(::getpid());
}

}  // namespace orchestrator
