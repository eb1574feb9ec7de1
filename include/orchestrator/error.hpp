// The one exception type of this library, and the violations a validator reports.
//
// Business outcomes (a broker refused one order, a limit was hit for another) are data: they come back
// as one result per order. An Error is thrown only when a whole call could not be carried out. What a
// caller needs then is not a class hierarchy but the answer to "what do I do next?", which is
// Error::next_step(): change something, call again, or recover first.

#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace orchestrator {

// Why a call failed. The text form (see to_string) is a stable contract: it appears in HTTP problem
// documents, CLI output, Python exceptions and logs, and programs compare it. New codes may be added;
// an existing text is never changed or given another meaning.
enum class ErrorCode {
  // The request itself. Nothing was written; correct it before calling again.
  kInvalidArgument,   // A parameter is outside what the call accepts; the message names it.
  kInvalidDecimal,    // Text that is not a plain exact decimal; see decimal.hpp for the grammar.
  kNumberOverflow,    // An exact result does not fit its type. Nothing was wrapped or rounded.
  kInvalidJson,       // Malformed JSON, a duplicate key, or a field of the wrong type.
  kInvalidCsv,        // A malformed row or header; the message gives the line.
  kLimitExceeded,     // A size or count limit (orders per batch, bytes per request, open batches).
  kValidationFailed,  // Rules were broken; Error::violations() lists every one, for every order.

  // Idempotency keys.
  kIdempotencyConflict,    // This key was used with a different request. Use a new key, or the old request.
  kIdempotencyExpired,     // The key was used, its stored reply has aged out: look the batch up instead.
  kIdempotencyInProgress,  // A twin of this request is running. Call again; its reply will be returned.

  // What was asked for.
  kNotFound,      // No such batch, order, key or report for this tenant.
  kInvalidState,  // The order's or batch's present status does not allow this step.
  kNotSimulated,  // The call drives a simulated broker, and this order went to a real one.

  // Brokers.
  kUnknownBroker,   // No broker of that name is configured.
  kBrokerInactive,  // Configured, but switched off or not logged in.
  kBrokerRefused,   // The broker answered, and the answer was a definite no.
  kBrokerInDoubt,   // The request may have reached the broker. Recover; never send it again by hand.
  kHalted,          // New orders are refused until an operator resumes; reads still answer.

  // The store.
  kConflict,            // Another writer got there first; the unit of work was rolled back whole.
  kStorageBusy,         // A lock was not obtained in time.
  kStorageFull,         // No space. Free some, then call again: nothing was half written.
  kStorageReadOnly,     // Opened, or mounted, without permission to write.
  kStorageCorrupt,      // An integrity check failed. Stop writing and restore from a backup.
  kStorageUnavailable,  // Cannot connect, or the connection was lost.
  kSchemaTooNew,        // The database was migrated by a newer release. Upgrade this program.
  kSchemaOutdated,      // The database needs migrations this program was not allowed to apply.
  kForeignDatabase,     // The database belongs to some other program; it was left untouched.
  kMigrationFailed,     // A migration was rolled back; the message names it.

  // The surroundings.
  kPermissionDenied,  // The tenant or caller may not do this.
  kUnsupported,       // This backend, or this build, cannot do that.
  kConfiguration,     // A setting or URL is wrong; the message names it.
  kClosed,            // The object was closed, or belongs to the parent of a forked process.
  kInternal,          // A broken invariant, which is our defect. Please report the message.
};

// The stable snake_case name, such as "idempotency_conflict". Lives for the whole program.
std::string_view to_string(ErrorCode code);

// Every code, in declaration order, for front ends that must map each one (exit statuses, HTTP) and
// want a test which fails when a new code is left unmapped.
std::span<const ErrorCode> all_error_codes();

// What may be done after a failure. The three cases exclude one another.
enum class NextStep {
  // Nothing happened, and the same call would fail again: the request, the configuration or the
  // situation has to change first.
  kChangeSomething,
  // Nothing happened and the cause may pass: repeat the identical call, with the same idempotency
  // key, after a pause.
  kCallAgain,
  // Something may have happened outside. Run recovery, or look the order up; never repeat the action
  // under a new key, because that can place a second order.
  kRecover,
};

// What a code means when the thrower does not say otherwise. Busy, full or unreachable storage, a lost
// race and a running twin may be called again; a broker in doubt must be recovered; every other code
// asks for a change.
NextStep default_next_step(ErrorCode code);

// A warning is reported and does not stop an order; one error refuses the request it belongs to.
enum class Severity { kError, kWarning };

// "error" or "warning". Lives for the whole program.
std::string_view to_string(Severity severity);

// One broken rule. A validator reports all of them at once, so that a desk corrects a batch in one go.
struct Violation {
  // The order_index of a rule about the batch as a whole, such as too many orders.
  static constexpr std::size_t kWholeBatch = std::numeric_limits<std::size_t>::max();

  // Position in the request, from 0.
  std::size_t order_index = kWholeBatch;
  // The request's own field name ("price_limit"); empty when no single field is to blame.
  std::string field;
  // Stable snake_case rule name ("lot_size"); what programs compare.
  std::string code;
  // For people: what was found, what is allowed. Free to change between releases.
  std::string message;
  Severity severity = Severity::kError;

  friend bool operator==(const Violation&, const Violation&) = default;
};

// Catch it by const reference and branch on next_step(), or on code() where a case needs special care:
//
//   try {
//     orchestrator.place(request);
//   } catch (const orchestrator::Error& error) {
//     if (error.in_doubt()) orchestrator.recover();
//     else if (error.retryable()) again_later(request);  // The same key!
//     else tell_someone(error.code(), error.what());
//   }
//
// what() is a sentence for people and holds no secret; it does not repeat the code.
class Error : public std::runtime_error {
 public:
  // Takes the next step from the code. An empty message becomes the code's own name.
  Error(ErrorCode code, const std::string& message);

  // For the thrower who knows better than the code does. The connection lost inside COMMIT is the
  // example: storage_unavailable as ever, and yet the commit may stand.
  Error(ErrorCode code, const std::string& message, NextStep next_step);

  // A refused request, code validation_failed. The message counts the errors (not the warnings) and
  // quotes the first, so that a log line alone is of use.
  static Error validation_failed(std::vector<Violation> violations);

  ErrorCode code() const noexcept { return code_; }
  NextStep next_step() const noexcept { return next_step_; }

  // Nothing happened, and calling again is both safe and sensible.
  bool retryable() const noexcept { return next_step_ == NextStep::kCallAgain; }

  // Something may have happened: recover, never resend.
  bool in_doubt() const noexcept { return next_step_ == NextStep::kRecover; }

  // Empty unless the code is validation_failed. In request order; valid as long as this Error.
  const std::vector<Violation>& violations() const noexcept { return violations_; }

 private:
  ErrorCode code_;
  NextStep next_step_;
  std::vector<Violation> violations_;
};

}  // namespace orchestrator
