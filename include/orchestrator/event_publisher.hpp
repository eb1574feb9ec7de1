// EventPublisher: where events go. Fed only from the outbox of the order store, never directly.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/dependency.hpp"
#include "orchestrator/events.hpp"

namespace orchestrator {

// What became of one event that was handed over; log_id, order_id and seq say which.
struct DeliveryReport {
  std::int64_t log_id = 0;
  OrderId order_id = 0;  // 0: an event of the batch
  std::int32_t seq = 0;
  // false: delivered. true: parked; as it is, it cannot be delivered (too large). It stays in the outbox, the
  // later events of its subject wait behind it, and a publisher tries it again now and then.
  bool parked = false;

  friend auto operator<=>(const DeliveryReport&, const DeliveryReport&) = default;
};

// Called from one thread at a time, dependency() aside.
class EventPublisher {
 public:
  virtual ~EventPublisher() = default;
  // Hands events over, oldest first, and returns how many it took (from the front); fewer than given is
  // back-pressure. Taking an event is no promise: only a report of collect() is.
  //
  // Delivers the events of one subject in this order, and none of them before an earlier one that it took is
  // delivered, whatever fails in between. Events of which nothing was reported are handed over again, with
  // those before and behind them, also while they are on their way here: delivery is at least once. With
  // other content than before they are other events, from a store that lost the first ones: those need not be
  // delivered any more, and no report of collect() from now on is about them.
  virtual std::size_t send(std::span<const Event> events) = 0;
  // What has become certain since the last call. Waits up to `timeout` for the first report, and not at all
  // when none can come. What it throws loses reports, never events.
  virtual std::vector<DeliveryReport> collect(std::chrono::milliseconds timeout) = 0;
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
