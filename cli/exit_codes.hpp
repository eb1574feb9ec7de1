// Exit statuses of the program: a stable contract with scripts, documented in docs/cli.md.
//
// A number never changes its meaning; new ones are added at the end. Every ErrorCode has one: the switch
// below has no default, so that a new code does not compile until somebody decides.
#pragma once

#include <array>
#include <string_view>

#include "orchestrator/error.hpp"

namespace orchestrator::cli {

enum class ExitCode : int {
  kOk = 0,
  kInternal = 1,
  kUsage = 2,
  kRefused = 3,
  kNotFound = 4,
  kConflict = 5,
  kStorage = 6,
  kHalted = 7,
  kBroker = 8,
  kInDoubt = 9,
  kBreaks = 10,
  kTimedOut = 11,
};

struct ExitCodeMeaning {
  ExitCode code;
  std::string_view meaning;
};

// What --help prints. docs/cli.md says the same; a test compares them.
inline constexpr std::array<ExitCodeMeaning, 12> kExitCodes{{
    {ExitCode::kOk, "done"},
    {ExitCode::kInternal, "internal error: please report the message"},
    {ExitCode::kUsage, "wrong command line, setting or file name"},
    {ExitCode::kRefused, "the input was refused: malformed, over a limit, or against the rules"},
    {ExitCode::kNotFound, "no such batch, order or row"},
    {ExitCode::kConflict, "idempotency key conflict or expired, or the present state forbids it"},
    {ExitCode::kStorage, "storage: busy, full, read-only, corrupt, wrong schema, no permission"},
    {ExitCode::kHalted, "halted: new orders are refused until an operator resumes"},
    {ExitCode::kBroker, "broker: unknown, inactive, not simulated, or it refused"},
    {ExitCode::kInDoubt, "in doubt: something may have happened; run recover, never resend"},
    {ExitCode::kBreaks, "reconcile --broker or audit found differences"},
    {ExitCode::kTimedOut, "place --wait: the time was over before every order was settled with its broker"},
}};

constexpr ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal:
    case ErrorCode::kClosed:
      return ExitCode::kInternal;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
    case ErrorCode::kConfiguration:
      return ExitCode::kUsage;
    case ErrorCode::kInvalidDecimal:
    case ErrorCode::kNumberOverflow:
    case ErrorCode::kInvalidJson:
    case ErrorCode::kInvalidCsv:
    case ErrorCode::kLimitExceeded:
    case ErrorCode::kValidationFailed:
      return ExitCode::kRefused;
    case ErrorCode::kNotFound:
      return ExitCode::kNotFound;
    case ErrorCode::kIdempotencyConflict:
    case ErrorCode::kIdempotencyExpired:
    case ErrorCode::kIdempotencyInProgress:
    case ErrorCode::kInvalidState:
    case ErrorCode::kConflict:
      return ExitCode::kConflict;
    case ErrorCode::kStorageBusy:
    case ErrorCode::kStorageFull:
    case ErrorCode::kStorageReadOnly:
    case ErrorCode::kStorageCorrupt:
    case ErrorCode::kStorageUnavailable:
    case ErrorCode::kSchemaTooNew:
    case ErrorCode::kSchemaOutdated:
    case ErrorCode::kForeignDatabase:
    case ErrorCode::kMigrationFailed:
    case ErrorCode::kPermissionDenied:
      return ExitCode::kStorage;
    case ErrorCode::kHalted:
      return ExitCode::kHalted;
    case ErrorCode::kNotSimulated:
    case ErrorCode::kUnknownBroker:
    case ErrorCode::kBrokerInactive:
    case ErrorCode::kBrokerRefused:
      return ExitCode::kBroker;
    case ErrorCode::kBrokerInDoubt:
      return ExitCode::kInDoubt;
  }
  return ExitCode::kInternal;
}

// An error in doubt says so whatever its code: the remedy is another one.
inline ExitCode exit_code_of(const Error& error) {
  return error.in_doubt() ? ExitCode::kInDoubt : exit_code_of(error.code());
}

}  // namespace orchestrator::cli
