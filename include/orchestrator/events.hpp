// Events: what happened to an order or a batch, written in the same transaction as the change itself.
//
// Each order's events carry `seq` 1, 2, 3, ... without holes; so do a batch's. Delivery to a publisher is
// at least once and in order per subject: a consumer drops a (subject, seq) that it has already seen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/types.hpp"

namespace orchestrator {

enum class EventType : std::uint8_t {
  kOrderPlaced,
  kOrderAcked,
  kOrderPartiallyFilled,
  kOrderFilled,
  kOrderSettled,
  kOrderCancelled,
  kOrderRejected,
  kOrderExpired,
  kOrderUnknown,         // in doubt: the broker may or may not hold it
  kOrderReleased,        // definitely not accepted, waits for the next attempt
  kOrderParked,          // in doubt at a broker that cannot tell: a person must look
  kOrderResolved,        // a person decided about an order in doubt; `reason` says who and why
  kOrderCancelPending,   // cancel requested
  kOrderCancelRefused,   // the broker refused the cancel; the order stands
  kOrderReplacePending,  // change requested
  kOrderReplaced,        // change made
  kOrderReplaceRefused,  // the broker refused the change; the order stands
  kOrderLateFill,        // executed after the order had ended
  kOrderOverfilled,      // executed more than ordered
  kOrderBusted,          // an execution was taken back
  kOrderCorrected,       // an execution was corrected
  kOrderIncident,        // the broker said what cannot be; its account is stopped until a person looks
  kBatchPlaced,
  kBatchCompleted,
  kBatchPartiallyCompleted,
  kBatchCancelled,
  kBatchFailed,
  kBatchReopened,  // an ended batch has an open order again (a bust, a late fill)
};

// "order.placed", "batch.completed", ...
[[nodiscard]] std::string_view to_string(EventType type);
[[nodiscard]] std::optional<EventType> parse_event_type(std::string_view text);

struct Event {
  std::int64_t log_id = 0;  // position in the event log; the events of one step of a batch share it
  EventType type = EventType::kOrderPlaced;
  OrderId order_id = 0;  // 0: an event of the batch
  BatchId batch_id = 0;
  std::int32_t seq = 0;
  Timestamp at;
  std::string data;  // one JSON object

  // "order/17" or "batch/4".
  [[nodiscard]] std::string subject() const;

  friend bool operator==(const Event&, const Event&) = default;
};

// The CloudEvents 1.0 envelope as one line of JSON, a pure function of the stored event, so that every
// delivery of it is the same bytes: id = "<subject>/<seq>", source = `source`, subject = the order's id
// (for a batch event "batch/<id>"), time = `at`, data = `data`; the extension attribute `seq` counts.
[[nodiscard]] std::string to_cloud_event(const Event& event, std::string_view source);

}  // namespace orchestrator
