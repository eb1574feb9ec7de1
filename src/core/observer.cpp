// The words for what an observer is told.
#include "orchestrator/observer.hpp"

namespace orchestrator {

std::string_view to_string(PlacementOutcome outcome) {
  switch (outcome) {
    case PlacementOutcome::kAccepted:
      return "accepted";
    case PlacementOutcome::kReplayed:
      return "replayed";
    case PlacementOutcome::kConflict:
      return "conflict";
    case PlacementOutcome::kExpired:
      return "expired";
    case PlacementOutcome::kInvalid:
      return "invalid";
    case PlacementOutcome::kHalted:
      return "halted";
    case PlacementOutcome::kFailed:
      break;
  }
  return "failed";
}

std::string_view to_string(BrokerOperation operation) {
  switch (operation) {
    case BrokerOperation::kPlace:
      return "place";
    case BrokerOperation::kCancel:
      return "cancel";
    case BrokerOperation::kReplace:
      return "replace";
    case BrokerOperation::kLookUp:
      return "look_up";
    case BrokerOperation::kBook:
      return "book";
    case BrokerOperation::kPoll:
      break;
  }
  return "poll";
}

std::string_view to_string(BrokerAnswer answer) {
  switch (answer) {
    case BrokerAnswer::kAnswered:
      return "answered";
    case BrokerAnswer::kNotSent:
      return "not_sent";
    case BrokerAnswer::kNone:
      break;
  }
  return "none";
}

}  // namespace orchestrator
