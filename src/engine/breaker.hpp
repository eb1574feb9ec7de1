// Circuit breaker of one broker: after some failures in a row nothing new is sent to it for a while; then one
// read call (a look-up, a poll) probes, and only when it is answered orders are sent again. Each failed
// probe, and each failure right after a successful one, doubles the pause.
//
// Sends and reads are counted apart: a broker that answers polls and loses orders must open the circuit, too.
// Not durable: a new process begins with a closed circuit. Times are on Clock::monotonic().
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string>

#include "orchestrator/orchestrator.hpp"

namespace orchestrator::engine {

class Breaker {
 public:
  enum class Call : std::uint8_t { kSend, kRead };

  [[nodiscard]] bool allows_sends() const;
  // While the circuit is open: true for one caller when the pause is over, who must report what came of it.
  [[nodiscard]] bool allows_read(Timestamp now);
  // Nothing has gone unanswered since the last answer to a read call.
  [[nodiscard]] bool answers_reads() const;
  void succeeded(Call call);
  void failed(Call call, Timestamp now, const std::string& reason);

  [[nodiscard]] BrokerHealth health(const std::string& broker, Timestamp now) const;

 private:
  static constexpr std::size_t kFailuresMax = 5;
  static constexpr std::chrono::milliseconds kPauseMin{250};
  static constexpr std::chrono::seconds kPauseMax{30};

  std::size_t& failures(Call call) { return failures_[static_cast<std::size_t>(call)]; }
  void open(Timestamp now);

  mutable std::mutex mutex_;
  CircuitState state_ = CircuitState::kClosed;
  std::array<std::size_t, 2> failures_ = {};  // in a row, by Call
  Call opened_by_ = Call::kSend;
  std::chrono::microseconds pause_ = kPauseMin;
  Timestamp retry_at_ = {};
  std::string reason_;  // of the last failure; empty after a success
};

}  // namespace orchestrator::engine
