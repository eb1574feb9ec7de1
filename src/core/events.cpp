// The words of the event types, and what an event is about. Invariant: parse_event_type(to_string(t)) == t.

#include "orchestrator/events.hpp"

#include <array>
#include <cstddef>

namespace orchestrator {

namespace {

// Indexed by enumerator. The texts are published: consumers select on them.
constexpr std::array<std::string_view, 28> kEventTypeWords{
    "order.placed",
    "order.acked",
    "order.partially_filled",
    "order.filled",
    "order.settled",
    "order.cancelled",
    "order.rejected",
    "order.expired",
    "order.unknown",
    "order.released",
    "order.parked",
    "order.resolved",
    "order.cancel_pending",
    "order.cancel_refused",
    "order.replace_pending",
    "order.replaced",
    "order.replace_refused",
    "order.late_fill",
    "order.overfilled",
    "order.busted",
    "order.corrected",
    "order.incident",
    "batch.placed",
    "batch.completed",
    "batch.partially_completed",
    "batch.cancelled",
    "batch.failed",
    "batch.reopened",
};
static_assert(kEventTypeWords.size() == static_cast<std::size_t>(EventType::kBatchReopened) + 1);

}  // namespace

std::string_view to_string(EventType type) {
  const auto index = static_cast<std::size_t>(type);
  return index < kEventTypeWords.size() ? kEventTypeWords[index] : std::string_view("invalid");
}

std::optional<EventType> parse_event_type(std::string_view text) {
  for (std::size_t i = 0; i < kEventTypeWords.size(); ++i) {
    if (kEventTypeWords[i] == text) return static_cast<EventType>(i);
  }
  return std::nullopt;
}

std::string Event::subject() const {
  return order_id != 0 ? "order/" + std::to_string(order_id) : "batch/" + std::to_string(batch_id);
}

}  // namespace orchestrator
