// Known flaws, planted where they would really be, so that the simulation can prove that it notices them.
// Nothing in a normal build.
//
// With ORCHESTRATOR_PLANTED_BUGS the environment variable ORCHESTRATOR_PLANTED_BUG names the one that is on.
#pragma once

#ifdef ORCHESTRATOR_PLANTED_BUGS
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "orchestrator/order_store.hpp"

namespace orchestrator {

enum class Bug {
  kSendBeforeStore,    // the broker is called before the order is stored
  kCheckThenAct,       // the key is looked up and then acted on: two racers both act
  kRoundedMoney,       // sums of money keep 53 significant bits, as a floating-point number does
  kFillOverwrites,     // a second fill replaces the first
  kEventsApart,        // events are written after the change, in a transaction of their own
  kAnyBody,            // a key that comes back with another body is not noticed
  kTimeoutIsReject,    // a lost answer counts as a refusal
  kBlindResend,        // a lost answer counts as not sent: it goes out again without a question
  kNotFoundIsReject,   // a look-up that does not find the order counts as a refusal
  kResendDecides,      // what becomes of sending again ends a doubt about the attempt before
  kAbandonedIsPlaced,  // an order whose sender died is sent again as if it had never been claimed
  kLeaseIgnored,       // a sender goes on sending when its lease is over
  kVersionIgnored,     // the last writer wins: no compare-and-set
  kWatermark,          // the outbox is freed up to the highest confirmed row
  kFreedWhenSent,      // an outbox row is freed when it is sent, confirmed or not
  kCursorFirst,        // the broker's cursor is stored before its reports are applied
  kNoImpliedAck,       // a fill that overtakes its ack is booked without one
  kMarginKept,         // an order that ends keeps its margin reserved
  kHaltIgnored,        // the stop switch is not checked inside the claim
};

// In the order of Bug.
[[nodiscard]] std::span<const std::string_view> planted_bug_names();
// Whether this flaw is on.
[[nodiscard]] bool planted(Bug bug);
// kEventsApart: two commits where one belongs.
CommitStatus commit_events_apart(OrderStore& store, ChangeUnit& unit);
// kWatermark: every row up to the highest confirmed one.
[[nodiscard]] std::vector<EventRowKey> rows_up_to(const std::vector<EventRow>& rows,
                                                  const std::vector<EventRowKey>& confirmed);
// kRoundedMoney.
[[nodiscard]] Money to_53_bits(Money amount);

}  // namespace orchestrator

#define ORCHESTRATOR_PLANT(bug, ...) \
  if (::orchestrator::planted(::orchestrator::Bug::bug)) __VA_ARGS__
#define ORCHESTRATOR_PLANTED(bug) ::orchestrator::planted(::orchestrator::Bug::bug)
#else
namespace orchestrator {
inline constexpr bool kNothingPlanted = false;
}
#define ORCHESTRATOR_PLANT(bug, ...) static_cast<void>(0)
#define ORCHESTRATOR_PLANTED(bug) ::orchestrator::kNothingPlanted
#endif
