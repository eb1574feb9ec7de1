// Transactions and their repetition; see the header.

#include "adapters/postgres/transaction.hpp"

#include <algorithm>
#include <thread>

#include "core/failpoint.hpp"

namespace orchestrator::postgres {
namespace {

constexpr int kRunsMax = 12;

// Advisory locks have numbers: the first is ours among the programs that share a database.
constexpr const char* kSharedControl = "SELECT pg_advisory_xact_lock_shared(1869767779, 1)";
constexpr const char* kExclusiveControl = "SELECT pg_advisory_xact_lock(1869767779, 1)";
constexpr const char* kAuditTrail = "SELECT pg_advisory_xact_lock(1869767779, 2)";

// A transaction has its number before it draws any from a sequence: readers of the event log count on that.
constexpr const char* kNumber = "SELECT pg_current_xact_id()";

// The planner knows nothing about tables that grow by the second, and takes them for empty.
std::string begin_script(const PostgresOptions& options, ControlLock lock) {
  std::string script = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = " +
                       std::to_string(options.statement_timeout.count()) +
                       "; SET LOCAL lock_timeout = " + std::to_string(options.lock_timeout.count()) +
                       "; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET LOCAL plan_cache_mode = "
                       "force_generic_plan; ";
  script += kNumber;
  if (lock == ControlLock::kShared) script.append("; ").append(kSharedControl);
  if (lock == ControlLock::kExclusive) script.append("; ").append(kExclusiveControl);
  return script;
}

Error in_doubt(const std::string& words) {
  return Error(ErrorCode::kStorageUnavailable,
               words + "; whether this was committed is not known: look it up, or recover",
               NextStep::kRecover);
}

void pause(int run) {
  // Those that collided go on at different times.
  const auto spread = std::hash<std::thread::id>()(std::this_thread::get_id()) % 7;
  std::this_thread::sleep_for(std::chrono::microseconds(500 << std::min(run, 6)) +
                              std::chrono::microseconds(300 * spread));
}

}  // namespace

Transaction::Transaction(Connection& connection, const PostgresOptions& options, ControlLock lock)
    : connection_(connection) {
  try {
    connection_.script(begin_script(options, lock));
  } catch (...) {
    open_ = connection_.usable();
    if (open_) connection_.script("ROLLBACK");
    throw;
  }
}

Transaction::~Transaction() {
  if (!open_ || !connection_.usable()) return;
  try {
    connection_.script("ROLLBACK");
  } catch (const Error&) {  // the connection is lost, and with it the transaction
  }
}

void Transaction::lock_audit_trail() { connection_.run(kAuditTrail); }

void Transaction::commit() {
  open_ = false;
  connection_.script("COMMIT");
}

bool run_unit(ConnectionPool& pool, const PostgresOptions& options, const WriteRules& rules,
              const Unit& unit) {
  bool doubt = false;
  for (int run = 0;; ++run) {
    bool committing = false;
    try {
      const auto connection = pool.lease();
      Transaction transaction(*connection, options, rules.lock);
      const Outcome outcome = unit(transaction);
      if (outcome == Outcome::kRefused) return false;
      if (outcome == Outcome::kCommit) {
        committing = true;
        transaction.commit();
        return true;
      }
      if (run >= kRunsMax) throw Error(ErrorCode::kStorageBusy, "others were faster every time; call again");
    } catch (const DatabaseError& error) {
      const bool lost = error.kind() == DatabaseError::Kind::kLost;
      if (committing && lost) {
        if (!rules.knows_itself) throw in_doubt(error.what());
        doubt = true;
      }
      // A server that is gone is asked only once more: the connection may have been an old one of the pool.
      const bool again = error.kind() == DatabaseError::Kind::kRace || (lost && (run == 0 || doubt));
      if (!again || run >= kRunsMax) {
        if (doubt) throw in_doubt(error.what());
        throw;
      }
    } catch (const Error& error) {
      if (doubt) throw in_doubt(error.what());
      throw;
    }
    pause(run);
  }
}

}  // namespace orchestrator::postgres
