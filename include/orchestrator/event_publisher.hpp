// EventPublisher: where events go. Fed only from the outbox of the order store, never directly.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/dependency.hpp"
#include "orchestrator/events.hpp"

namespace orchestrator {

// Called from one thread at a time, dependency() aside.
class EventPublisher {
 public:
  virtual ~EventPublisher() = default;
  // Hands events over, oldest first, and returns how many it took (from the front); fewer than given is
  // back-pressure. Taking an event is no promise: only collect() is.
  virtual std::size_t send(std::span<const Event> events) = 0;
  // The log ids of events whose delivery is confirmed since the last call, each as often as events of that
  // id were confirmed; waits up to `timeout` for the first. An event that is never confirmed is sent
  // again later: delivery is at least once.
  virtual std::vector<std::int64_t> collect(std::chrono::milliseconds timeout) = 0;
  // How the place that events go to does now. Called from any thread, beside the other methods, and does not
  // wait for them.
  [[nodiscard]] virtual Dependency dependency() const { return {.name = "custom"}; }
};

// Appends one CloudEvents JSON line per event and confirms after fsync. An unterminated last line left by
// a crash is cut off first. Throws Error(configuration) when the file cannot be opened for append.
[[nodiscard]] std::unique_ptr<EventPublisher> make_file_publisher(const std::string& path,
                                                                  std::string source);
// Calls `sink` for each event; confirmed when it returns, sent again later when it throws.
[[nodiscard]] std::unique_ptr<EventPublisher> make_callback_publisher(std::function<void(const Event&)> sink);

}  // namespace orchestrator
