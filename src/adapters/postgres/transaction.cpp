// Transactions and their repetition; see the header.

#include "adapters/postgres/transaction.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <random>
#include <thread>

#include "adapters/postgres/connection_settings.hpp"

namespace orchestrator::postgres {
namespace {

constexpr int kRunsMax = 12;
// A process that is stopped between two statements holds its locks: so long, and not for ever. Shorter than
// the default lock_timeout, so that the others get through.
constexpr std::chrono::milliseconds kIdleMax{3000};

// Advisory locks have numbers: the first is ours among the programs that share a database.
constexpr const char* kSharedControl = "SELECT pg_advisory_xact_lock_shared(1869767779, 1)";
constexpr const char* kExclusiveControl = "SELECT pg_advisory_xact_lock(1869767779, 1)";
constexpr const char* kAuditTrail = "SELECT pg_advisory_xact_lock(1869767779, 2)";
constexpr const char* kReferenceChanges = "SELECT pg_advisory_xact_lock(1869767779, 4)";

// Whoever stops the trading waits as long as those whom it stops may legally take.
std::chrono::milliseconds patience_to_stop(const PostgresOptions& options) {
  if (options.statement_timeout.count() == 0) return {};  // nor do those that it waits for keep to a time
  return 2 * options.statement_timeout + options.lock_timeout + kIdleMax;
}

std::chrono::milliseconds statement_timeout_of(const PostgresOptions& options, ControlLock lock) {
  return lock == ControlLock::kExclusive ? patience_to_stop(options) : options.statement_timeout;
}

// The settings are made anew in every transaction, because a pooler may give each another session: 0.03 ms.
// The planner knows nothing about tables that grow by the second, and takes them for empty. A transaction has
// its number before it draws any from a sequence, which readers of the event log count on, and before its
// COMMIT can be sent.
std::vector<std::string> begin_statements(const PostgresOptions& options, ControlLock lock) {
  const bool stops = lock == ControlLock::kExclusive;
  const auto statement_timeout = statement_timeout_of(options, lock);
  const auto lock_timeout = stops ? patience_to_stop(options) : options.lock_timeout;
  std::vector<std::string> statements = {
      "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
      "SELECT " + kTransactionId + ", set_config('statement_timeout', '" +
          std::to_string(statement_timeout.count()) + "', true), set_config('lock_timeout', '" +
          std::to_string(lock_timeout.count()) +
          "', true), set_config('idle_in_transaction_session_timeout', '" + std::to_string(kIdleMax.count()) +
          "', true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true), "
          "set_config('plan_cache_mode', 'force_generic_plan', true)"};
  if (lock == ControlLock::kShared) statements.emplace_back(kSharedControl);
  if (stops) statements.emplace_back(kExclusiveControl);
  return statements;
}
constexpr std::size_t kTraceAt = 1;

Error in_doubt(const std::string& words) {
  return Error(ErrorCode::kStorageUnavailable,
               words + "; whether this was committed is not known: look it up, or recover",
               NextStep::kRecover);
}

// Those that collided go on at different times.
void pause(int run) {
  thread_local std::minstd_rand random(
      static_cast<std::minstd_rand::result_type>(std::hash<std::thread::id>()(std::this_thread::get_id())) ^
      static_cast<std::minstd_rand::result_type>(::getpid()));
  const std::int64_t most = 1000 << std::min(run, 6);
  std::this_thread::sleep_for(
      std::chrono::microseconds(most / 2 + static_cast<std::int64_t>(random()) % most));
}

enum class Fate : std::uint8_t { kStands, kUndone, kUnknown };

// nullopt: the server has not ended it yet.
std::optional<Fate> ask_fate(Connection& connection, const std::string& trace) {
  static const std::string kSql =
      "SELECT coalesce(pg_xact_status(split_part($1, ' ', 1)::xid8), ''), split_part($1, ' ', 2) = " +
      kServerRun;
  Parameters parameters;
  const Result result = connection.query(kSql, parameters.add(trace));
  std::string status;  // '': too long ago
  bool same_run = false;
  Cursor row(result);
  if (row.next()) row.read(status, same_run);
  if (status == "in progress") return std::nullopt;
  // Also true of another run of the server: an id that was given again, or was still under way when the
  // server died, is that of a transaction that does not stand.
  if (status == "aborted") return Fate::kUndone;
  return status == "committed" && same_run ? Fate::kStands : Fate::kUnknown;
}

// After a COMMIT without an answer. The server may still be at it, come up again soon, or be taken over from.
Fate find_fate(ConnectionPool& pool, const PostgresOptions& options, const std::string& trace) {
  const auto give_up = std::chrono::steady_clock::now() + options.lock_timeout;
  for (int run = 0; std::chrono::steady_clock::now() < give_up; ++run) {
    try {
      const auto connection = pool.lease();
      connection->wait_for_answers(connect_patience(options));
      if (const auto fate = ask_fate(*connection, trace)) return *fate;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kPermissionDenied || error.code() == ErrorCode::kConfiguration)
        return Fate::kUnknown;
    }
    pause(run);
  }
  return Fate::kUnknown;
}

}  // namespace

void Transaction::note_trace(const std::vector<Result>& done) {
  if (done.size() <= kTraceAt) return;
  Cursor row(done[kTraceAt]);
  if (row.next()) row.read(trace_);
}

void Transaction::note_commit() {
  if (commit_ != nullptr) *commit_ = {true, trace_};
}

Result Transaction::query(const std::string& sql, const Parameters& parameters) {
  if (std::exchange(open_, true)) return connection_.query_prepared(sql, parameters);
  connection_.wait_for_answers(answer_patience(options_, statement_timeout_of(options_, lock_)));
  const std::vector<std::string> begin = begin_statements(options_, lock_);
  std::vector<Statement> statements;
  for (const std::string& one : begin) statements.push_back({&one});
  statements.push_back({&sql, &parameters});
  std::vector<Result> done;
  connection_.query_all(statements, done);
  note_trace(done);
  return std::move(done.back());
}

Result Transaction::query_and_commit(const std::string& sql, const Parameters& parameters) {
  static const std::string kCommit = "COMMIT";
  std::vector<std::string> begin;
  if (std::exchange(open_, true)) {
    connection_.require_transaction();
  } else {
    connection_.wait_for_answers(answer_patience(options_, statement_timeout_of(options_, lock_)));
    begin = begin_statements(options_, lock_);
  }
  std::vector<Statement> statements;
  for (const std::string& one : begin) statements.push_back({&one});
  const std::size_t last = statements.size();
  statements.insert(statements.end(), {{&sql, &parameters}, {&kCommit, nullptr, false}});
  std::vector<Result> done;
  note_commit();
  try {
    connection_.query_all(statements, done);
  } catch (const DatabaseError&) {
    if (!begin.empty()) note_trace(done);
    note_commit();
    if (done.size() < last + 2) throw;  // else it stands
  }
  open_ = false;
  committed_ = true;
  return std::move(done[last]);
}

Transaction::~Transaction() {
  if (!open_ || !connection_.usable()) return;
  try {
    connection_.script("ROLLBACK");
  } catch (const Error&) {  // the connection is lost, and with it the transaction
  }
}

void Transaction::lock_audit_trail() { run(kAuditTrail); }

void Transaction::lock_reference_changes() { run(kReferenceChanges); }

void Transaction::lock_controls() { run(kExclusiveControl); }

void Transaction::commit() {
  if (committed_) return;
  note_commit();
  connection_.commit();
  open_ = false;
}

bool run_unit(ConnectionPool& pool, const PostgresOptions& options, const WriteRules& rules,
              const Unit& unit) {
  bool doubt = false;
  auto give_up = std::chrono::steady_clock::time_point::max();  // once in doubt
  for (int run = 0;; ++run) {
    SentCommit commit;
    try {
      const auto connection = pool.lease();
      Transaction transaction(*connection, options, rules.lock, &commit);
      const Outcome outcome = unit(transaction);
      if (outcome == Outcome::kRefused) return false;
      if (outcome == Outcome::kCommit) {
        transaction.commit();
        return true;
      }
      if (run >= kRunsMax) throw Error(ErrorCode::kStorageBusy, "others were faster every time; call again");
    } catch (const DatabaseError& error) {
      const bool silent = error.kind() == DatabaseError::Kind::kSilent;
      const bool lost = error.lost();
      bool undone = false;
      if (lost && commit.sent) {
        const Fate fate = commit.trace.empty() ? Fate::kUnknown : find_fate(pool, options, commit.trace);
        if (fate == Fate::kStands) return true;
        undone = fate == Fate::kUndone;
        if (!undone && !rules.knows_itself) throw in_doubt(error.what());
        if (!undone && !std::exchange(doubt, true)) {
          give_up = std::chrono::steady_clock::now() + options.lock_timeout;
        }
      }
      // A server that is gone is asked only once more: the connection may have been an old one of the pool.
      // One that does not answer is not, or a call would take as long as several.
      const bool early = run == 0 || (doubt && std::chrono::steady_clock::now() < give_up);
      const bool raced =
          error.kind() == DatabaseError::Kind::kRace || error.kind() == DatabaseError::Kind::kOvertaken;
      const bool may_answer = !silent || (commit.sent && commit.trace.empty());  // else it was asked
      const bool again = raced || undone || (lost && may_answer && early);
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
