// The order's life as data and pure functions: which change is lawful, and what an order looks like after
// something happened to it. No I/O, no clock, no thread.
//
//   placed → submitting, rejected, cancelled
//   submitting → acked, rejected, unknown, placed (definitely not accepted)
//   unknown → acked, rejected, submitting (resend, where the broker class allows it), placed (a person
//             decides that the broker never got it)
//   acked, partially_filled → partially_filled, filled, cancel_pending, replace_pending, cancelled,
//                             rejected, expired
//   cancel_pending, replace_pending → what it was, filled, cancelled, rejected, expired
//   filled, and cancelled / expired with executions → settled
//   An execution that comes late, is taken back or is corrected, and a change that the broker confirms
//   after the old quantity has executed, may reopen an ended order; each is an event of its own.
//
// The final state depends on which executions and reports arrived, not on their order or number:
// `status_of` derives the visible status from the facts an order carries.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/events.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator {

// Something that happens to an order.
enum class OrderSignal : std::uint8_t {
  kClaim,           // a sender takes it
  kNotAccepted,     // the send definitely did not reach the broker's book
  kInDoubt,         // nobody knows
  kResend,          // the broker denied having it; the same client order id goes out again
  kPark,            // the broker cannot tell; a person must
  kAck,             // the broker has it
  kReject,          // the broker refused it, definitely
  kTrade,           // an execution
  kBust,            // an execution taken back
  kCorrect,         // an execution corrected
  kCancelRequest,   // we ask the broker to cancel
  kCancelRefused,   // the broker refuses to
  kCancel,          // it is cancelled
  kExpire,          // its time in force ended it
  kReplaceRequest,  // we ask the broker to change quantity or price
  kReplaceRefused,  // the broker refuses to
  kReplace,         // it is changed
  kSettle,          // its executions are settled
  kDecide,          // a person decides about an order in doubt
  kIncident,        // the broker contradicts itself or us
  kRestate,         // the broker's book shows other terms than ours, and no change is pending
};
inline constexpr int kOrderSignalCount = 21;

// What a signal does in a status.
enum class Verdict : std::uint8_t {
  kApply,   // changes the order
  kIgnore,  // already so, or late news that changes nothing: a repeated ack, a reject of an acked order
  kFlag,    // recorded, and an exception that a person should see: a fill after the end, a bust
  kRefuse,  // our own request that makes no sense now: cancel of a filled order
};

// The whole table: one verdict for every (status, signal).
[[nodiscard]] Verdict verdict(OrderStatus status, OrderSignal signal);

// Whether `from → to` is one of the lawful changes above. Exceptional ones (a late fill, a bust or a
// correction) are lawful only with `flagged`.
[[nodiscard]] bool transition_allowed(OrderStatus from, OrderStatus to, bool flagged);

// No further broker report is expected.
[[nodiscard]] bool is_terminal(OrderStatus status);
// The broker may hold it or may come to hold it; counts as open in its batch.
[[nodiscard]] bool is_open(OrderStatus status);

[[nodiscard]] std::string_view to_string(OrderSignal signal);

// A batch's status from the counts of its orders; `any_sent` = some order is past `placed`.
[[nodiscard]] BatchStatus derive_batch_status(const OrderBatch& batch, bool any_sent);

}  // namespace orchestrator
