// Observer: told of what the orchestrator does, as it happens, for metrics and nothing else. What is state
// and no occurrence is asked for instead: Orchestrator::health() and open_orders().
//
// Every method may be called from any thread, several at once: placements and what they send on the thread of
// the caller of place(); the rest also on the orchestrator's own threads, and a group of units on that of
// whichever caller led it. None is called under a lock or inside a transaction, but whoever is told goes on
// only when the method returns: it should take less than a microsecond. It must not call the orchestrator.
//
// What is told has happened, with one exception: of a commit whose outcome is not known nothing is told. Not
// durable: what happened while nobody listened is not told later.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "orchestrator/types.hpp"

namespace orchestrator {

// What became of a call of place().
enum class PlacementOutcome : std::uint8_t {
  kAccepted,  // a new batch is durable
  kReplayed,  // the key was used with the same request: its stored receipt
  kConflict,  // the key was used with another request
  kExpired,   // the key was used, and its receipt is gone
  kInvalid,   // refused for what it asks: validation, limits
  kHalted,    // refused by a stop switch, or because the orchestrator takes no new orders
  kFailed,    // could not be carried out, or it is not known whether it was
};

struct Placement {
  PlacementOutcome outcome = PlacementOutcome::kFailed;
  std::size_t orders = 0;  // of the request; of a new batch those that were accepted, slices each by itself
  // Until the answer was certain. What place() sends in inline mode comes after it.
  std::chrono::microseconds latency{0};
};

enum class BrokerOperation : std::uint8_t { kPlace, kCancel, kReplace, kLookUp, kBook, kPoll };

enum class BrokerAnswer : std::uint8_t {
  kAnswered,  // it said something, be it a refusal
  kNotSent,   // nothing reached it
  kNone,      // no answer, or none that can be understood: what was asked is in doubt
};

// One call of a connector. The views last as long as the call that tells.
struct BrokerCall {
  std::string_view broker = {};
  BrokerOperation operation = BrokerOperation::kPlace;
  BrokerAnswer answer = BrokerAnswer::kNone;
  std::size_t orders = 0;  // that it was about; 0 for a book and a poll
  std::chrono::microseconds latency{0};
};

// "accepted", "replayed", ...; "place", "cancel", "replace", "look_up", "book", "poll"; "answered",
// "not_sent", "none". They live for the whole program.
[[nodiscard]] std::string_view to_string(PlacementOutcome outcome);
[[nodiscard]] std::string_view to_string(BrokerOperation operation);
[[nodiscard]] std::string_view to_string(BrokerAnswer answer);

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void placement_ended(const Placement& /*placement*/) noexcept {}
  virtual void broker_called(const BrokerCall& /*call*/) noexcept {}
  // So many orders of this broker came into this status, by this process.
  virtual void orders_entered(std::string_view /*broker*/, OrderStatus /*status*/,
                              std::size_t /*orders*/) noexcept {}
  // So many events were confirmed by the publisher.
  virtual void events_published(std::size_t /*events*/) noexcept {}
  // So many units of work shared one commit of the store. A store without group commit tells nothing.
  virtual void units_committed(std::size_t /*units*/) noexcept {}
};

}  // namespace orchestrator
