// The order's life as data. The two tables below are the whole of it: tests enumerate them.
#include "orchestrator/lifecycle.hpp"

#include <array>
#include <cstddef>

namespace orchestrator {
namespace {

constexpr Verdict A = Verdict::kApply;
constexpr Verdict I = Verdict::kIgnore;
constexpr Verdict F = Verdict::kFlag;
constexpr Verdict R = Verdict::kRefuse;

using VerdictRow = std::array<Verdict, kOrderSignalCount>;

// Rows: OrderStatus. Columns: OrderSignal.
constexpr std::array<VerdictRow, kOrderStatusCount> kVerdicts = {{
    //                claim notacc doubt resend park ack rej trade bust corr c-req c-ref canc exp r-req r-ref
    //                repl settle decide incident restate
    /* placed      */ {A, I, I, R, R, A, A, A, F, F, A, I, A, A, R, I, I, R, R, F, R},
    /* submitting  */ {R, A, A, R, R, A, A, A, F, F, R, I, A, A, R, I, I, R, R, F, R},
    /* unknown     */ {R, A, I, A, A, A, A, A, F, F, R, I, A, A, R, I, I, R, A, F, R},
    /* acked       */ {R, I, I, R, I, I, A, A, F, F, A, I, A, A, A, I, A, R, R, F, A},
    /* partially   */ {R, I, I, R, I, I, A, A, F, F, A, I, A, A, A, I, A, R, R, F, A},
    /* cancel_pend */ {R, I, I, R, I, I, A, A, F, F, I, A, A, A, R, A, A, R, R, F, A},
    /* replace_pnd */ {R, I, I, R, I, I, A, A, F, F, A, I, A, A, R, A, A, R, R, F, I},
    /* filled      */ {R, I, I, R, I, I, A, F, F, F, R, I, A, A, R, A, F, A, R, F, F},
    /* cancelled   */ {R, I, I, R, I, I, I, F, F, F, R, I, I, I, R, I, I, A, R, F, F},
    /* rejected    */ {R, I, I, R, I, I, I, F, F, F, R, I, I, I, R, I, I, R, R, F, I},
    /* expired     */ {R, I, I, R, I, I, I, F, F, F, R, I, I, I, R, I, I, A, R, F, F},
    /* settled     */ {R, I, I, R, I, I, A, F, F, F, R, I, A, A, R, I, F, I, R, F, F},
}};

constexpr std::uint16_t bit(OrderStatus status) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(status));
}

template <class... Status>
constexpr std::uint16_t set_of(Status... statuses) {
  return static_cast<std::uint16_t>((0U | ... | bit(statuses)));
}

using enum OrderStatus;

// From each status, the statuses that one change may lead to.
constexpr std::array<std::uint16_t, kOrderStatusCount> kTransitions = {
    /* placed           */ set_of(kSubmitting, kRejected, kCancelled),
    /* submitting       */ set_of(kAcked, kRejected, kUnknown, kPlaced),
    /* unknown          */ set_of(kAcked, kRejected, kSubmitting, kPlaced),
    /* acked            */
    set_of(kPartiallyFilled, kFilled, kCancelPending, kReplacePending, kCancelled, kRejected, kExpired),
    /* partially_filled */
    set_of(kPartiallyFilled, kFilled, kCancelPending, kReplacePending, kCancelled, kRejected, kExpired),
    /* cancel_pending   */
    set_of(kAcked, kPartiallyFilled, kReplacePending, kFilled, kCancelled, kRejected, kExpired),
    /* replace_pending  */
    set_of(kAcked, kPartiallyFilled, kCancelPending, kFilled, kCancelled, kRejected, kExpired),
    /* filled           */ set_of(kSettled),
    /* cancelled        */ set_of(kSettled),
    /* rejected         */ 0,
    /* expired          */ set_of(kSettled),
    /* settled          */ 0,
};

// Where a late fill, a bust or a correction may lead from any status that the broker has acknowledged.
constexpr std::uint16_t kAfterException = set_of(kAcked, kPartiallyFilled, kCancelPending, kReplacePending,
                                                 kFilled, kCancelled, kExpired, kRejected);

constexpr std::array<std::string_view, kOrderSignalCount> kSignalNames = {
    "claim",   "not_accepted", "in_doubt",        "resend",
    "park",    "ack",          "reject",          "trade",
    "bust",    "correct",      "cancel_request",  "cancel_refused",
    "cancel",  "expire",       "replace_request", "replace_refused",
    "replace", "settle",       "decide",          "incident",
    "restate",
};

template <class Enum>
constexpr std::size_t index(Enum value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

Verdict verdict(OrderStatus status, OrderSignal signal) { return kVerdicts[index(status)][index(signal)]; }

bool transition_allowed(OrderStatus from, OrderStatus to, bool flagged) {
  if ((kTransitions[index(from)] & bit(to)) != 0) return true;
  return flagged && (kAfterException & bit(to)) != 0 && from != kPlaced && from != kSubmitting &&
         from != kUnknown;
}

bool is_terminal(OrderStatus status) {
  return (set_of(kFilled, kCancelled, kRejected, kExpired, kSettled) & bit(status)) != 0;
}

bool is_open(OrderStatus status) { return !is_terminal(status); }

std::string_view to_string(OrderSignal signal) { return kSignalNames[index(signal)]; }

BatchStatus derive_batch_status(const OrderBatch& batch, bool any_sent) {
  if (batch.open_orders > 0) return any_sent ? BatchStatus::kProcessing : BatchStatus::kPending;
  if (batch.filled_orders == batch.total_orders) return BatchStatus::kCompleted;
  if (batch.rejected_orders == batch.total_orders) return BatchStatus::kFailed;
  if (batch.filled_orders + batch.executed_orders > 0) return BatchStatus::kPartiallyCompleted;
  return BatchStatus::kCancelled;
}

}  // namespace orchestrator
