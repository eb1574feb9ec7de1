// The stable texts of the error codes, and what each code means for the caller's next step.
//
// Invariant: every enumerator has exactly one text. The switches have no default, so that a compiler
// names the code that was forgotten.

#include "orchestrator/error.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace orchestrator {

namespace {

constexpr std::size_t kErrorCodeCount = static_cast<std::size_t>(ErrorCode::kInternal) + 1;

constexpr std::array<ErrorCode, kErrorCodeCount> make_error_codes() {
  std::array<ErrorCode, kErrorCodeCount> codes{};
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<ErrorCode>(i);
  return codes;
}

constexpr std::array<ErrorCode, kErrorCodeCount> kErrorCodes = make_error_codes();

std::string message_or_code(ErrorCode code, const std::string& message) {
  return message.empty() ? std::string(to_string(code)) : message;
}

std::string describe_place(const Violation& violation) {
  std::string place;
  if (violation.order_index == Violation::kWholeBatch) {
    place = "batch";
  } else {
    place = "order " + std::to_string(violation.order_index);
  }
  if (!violation.field.empty()) place += ", " + violation.field;
  return place;
}

std::string summarize(const std::vector<Violation>& violations) {
  const auto is_error = [](const Violation& violation) { return violation.severity == Severity::kError; };
  const auto count = std::count_if(violations.begin(), violations.end(), is_error);
  const auto first = std::find_if(violations.begin(), violations.end(), is_error);
  if (first == violations.end()) return "the request failed validation";
  std::string text = count == 1 ? "1 rule is broken: " : std::to_string(count) + " rules are broken, first: ";
  text += describe_place(*first);
  text += ": ";
  text += first->message.empty() ? first->code : first->message;
  return text;
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kInvalidDecimal:
      return "invalid_decimal";
    case ErrorCode::kNumberOverflow:
      return "number_overflow";
    case ErrorCode::kInvalidJson:
      return "invalid_json";
    case ErrorCode::kInvalidCsv:
      return "invalid_csv";
    case ErrorCode::kLimitExceeded:
      return "limit_exceeded";
    case ErrorCode::kValidationFailed:
      return "validation_failed";
    case ErrorCode::kIdempotencyConflict:
      return "idempotency_conflict";
    case ErrorCode::kIdempotencyExpired:
      return "idempotency_expired";
    case ErrorCode::kIdempotencyInProgress:
      return "idempotency_in_progress";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kInvalidState:
      return "invalid_state";
    case ErrorCode::kNotSimulated:
      return "not_simulated";
    case ErrorCode::kUnknownBroker:
      return "unknown_broker";
    case ErrorCode::kBrokerInactive:
      return "broker_inactive";
    case ErrorCode::kBrokerRefused:
      return "broker_refused";
    case ErrorCode::kBrokerInDoubt:
      return "broker_in_doubt";
    case ErrorCode::kHalted:
      return "halted";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kStorageBusy:
      return "storage_busy";
    case ErrorCode::kStorageFull:
      return "storage_full";
    case ErrorCode::kStorageReadOnly:
      return "storage_read_only";
    case ErrorCode::kStorageCorrupt:
      return "storage_corrupt";
    case ErrorCode::kStorageUnavailable:
      return "storage_unavailable";
    case ErrorCode::kSchemaTooNew:
      return "schema_too_new";
    case ErrorCode::kSchemaOutdated:
      return "schema_outdated";
    case ErrorCode::kForeignDatabase:
      return "foreign_database";
    case ErrorCode::kMigrationFailed:
      return "migration_failed";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kConfiguration:
      return "configuration";
    case ErrorCode::kClosed:
      return "closed";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

std::span<const ErrorCode> all_error_codes() { return kErrorCodes; }

NextStep default_next_step(ErrorCode code) {
  switch (code) {
    case ErrorCode::kStorageBusy:
    case ErrorCode::kStorageFull:
    case ErrorCode::kStorageUnavailable:
    case ErrorCode::kIdempotencyInProgress:
    case ErrorCode::kConflict:
      return NextStep::kCallAgain;

    case ErrorCode::kBrokerInDoubt:
      return NextStep::kRecover;

    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidDecimal:
    case ErrorCode::kNumberOverflow:
    case ErrorCode::kInvalidJson:
    case ErrorCode::kInvalidCsv:
    case ErrorCode::kLimitExceeded:
    case ErrorCode::kValidationFailed:
    case ErrorCode::kIdempotencyConflict:
    case ErrorCode::kIdempotencyExpired:
    case ErrorCode::kNotFound:
    case ErrorCode::kInvalidState:
    case ErrorCode::kNotSimulated:
    case ErrorCode::kUnknownBroker:
    case ErrorCode::kBrokerInactive:
    case ErrorCode::kBrokerRefused:
    case ErrorCode::kHalted:
    case ErrorCode::kStorageReadOnly:
    case ErrorCode::kStorageCorrupt:
    case ErrorCode::kSchemaTooNew:
    case ErrorCode::kSchemaOutdated:
    case ErrorCode::kForeignDatabase:
    case ErrorCode::kMigrationFailed:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnsupported:
    case ErrorCode::kConfiguration:
    case ErrorCode::kClosed:
    case ErrorCode::kInternal:
      return NextStep::kChangeSomething;
  }
  return NextStep::kChangeSomething;
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
  }
  return "error";
}

Error::Error(ErrorCode code, const std::string& message) : Error(code, message, default_next_step(code)) {}

Error::Error(ErrorCode code, const std::string& message, NextStep next_step)
    : std::runtime_error(message_or_code(code, message)), code_(code), next_step_(next_step) {}

Error Error::validation_failed(std::vector<Violation> violations) {
  Error error(ErrorCode::kValidationFailed, summarize(violations));
  error.violations_ = std::move(violations);
  return error;
}

}  // namespace orchestrator
