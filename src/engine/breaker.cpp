#include "engine/breaker.hpp"

#include <algorithm>

namespace orchestrator::engine {

bool Breaker::allows_sends() const {
  const std::scoped_lock lock(mutex_);
  return state_ == CircuitState::kClosed;
}

bool Breaker::allows_read(Timestamp now) {
  const std::scoped_lock lock(mutex_);
  if (state_ == CircuitState::kClosed) return true;
  // A probe whose caller died with an exception must not block every later one: its pause counts, too.
  if (now < retry_at_) return false;
  state_ = CircuitState::kHalfOpen;
  retry_at_ = now + pause_;
  return true;
}

bool Breaker::answers_reads() const {
  const std::scoped_lock lock(mutex_);
  return state_ == CircuitState::kClosed && failures_[static_cast<std::size_t>(Call::kRead)] == 0;
}

void Breaker::succeeded(Call call) {
  const std::scoped_lock lock(mutex_);
  if (state_ == CircuitState::kOpen) return;  // asked before it opened
  if (state_ == CircuitState::kHalfOpen) {
    if (call != Call::kRead) return;
    state_ = CircuitState::kClosed;
    failures(opened_by_) = kFailuresMax - 1;  // on probation: the next failure opens it again
    if (opened_by_ != Call::kRead) return;
  }
  failures(call) = 0;
  if (call != opened_by_) return;
  pause_ = kPauseMin;
  reason_.clear();
}

void Breaker::failed(Call call, Timestamp now, const std::string& reason) {
  const std::scoped_lock lock(mutex_);
  reason_ = reason;
  if (state_ == CircuitState::kOpen) return;
  const bool probe = state_ == CircuitState::kHalfOpen;
  if (!probe) {
    if (++failures(call) < kFailuresMax) return;
    opened_by_ = call;
  }
  open(now);
}

void Breaker::open(Timestamp now) {
  state_ = CircuitState::kOpen;
  retry_at_ = now + pause_;
  pause_ = std::min<std::chrono::microseconds>(pause_ * 2, kPauseMax);
}

BrokerHealth Breaker::health(const std::string& broker, Timestamp now) const {
  const std::scoped_lock lock(mutex_);
  BrokerHealth health;
  health.broker = broker;
  health.circuit = state_;
  health.failures = *std::max_element(failures_.begin(), failures_.end());
  health.reason = reason_;
  if (state_ != CircuitState::kClosed)
    health.retry_in = std::max(retry_at_ - now, Timestamp::duration::zero());
  return health;
}

}  // namespace orchestrator::engine
