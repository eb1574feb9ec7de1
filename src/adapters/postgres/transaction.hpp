// One read-write transaction, and the loop in which a unit of work runs until it stands or is refused.
//
// Invariants
//   * READ COMMITTED: every statement sees what was committed before it began. A statement that waited for a
//     lock sees the locked rows as they are then, and all others as they were before it waited; so a lock
//     that guards other rows is taken by a statement of its own
//   * after a deadlock, a serialization failure or a lost connection the whole unit runs again
//   * the outcome of a COMMIT whose answer was lost is never guessed: the server that ran it is asked for the
//     fate of the transaction's id. Only while that is not known does the call end in doubt, or, of a unit
//     that finds its own traces, run again
//   * a COMMIT that leaves together with a statement follows one that fails unless what it did may stand: the
//     server decides, by a condition that came with the statement
#pragma once

#include <functional>

#include "adapters/postgres/connection_pool.hpp"

namespace orchestrator::postgres {

// What a unit holds for its whole transaction, among all processes. Stop switches and the version of the
// reference data are read under kShared by whoever sends or accepts, and changed under kExclusive: once a
// change has returned, nobody goes on by the old ones.
enum class ControlLock : std::uint8_t { kNone, kShared, kExclusive };

// What became of a transaction's COMMIT, as far as its sender knows.
struct SentCommit {
  bool sent = false;  // it may have arrived
  std::string trace;  // kTransactionId; empty: not heard of before the connection was lost
};

class Transaction {
 public:
  // Begins with the first statement, and is sent with it.
  Transaction(Connection& connection, const PostgresOptions& options, ControlLock lock,
              SentCommit* commit = nullptr)
      : connection_(connection), options_(options), lock_(lock), commit_(commit) {}
  // Rolls back what was not committed.
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  [[nodiscard]] Result query(const std::string& sql, const Parameters& parameters = {});
  void run(const std::string& sql, const Parameters& parameters = {}) {
    static_cast<void>(query(sql, parameters));
  }
  // The last statement and COMMIT in one round trip. The statement has a condition_sql() for all that its
  // answer would have to be looked at before. Where it is the first as well, BEGIN leaves with it too, and a
  // unit whose connection is lost meanwhile has to know itself.
  Result query_and_commit(const std::string& sql, const Parameters& parameters);
  // Until the end: entries of the audit trail are made one behind the other.
  void lock_audit_trail();
  // The same for changes of the reference data, which hold up nobody else by it.
  void lock_reference_changes();
  // Like ControlLock::kExclusive, from here on.
  void lock_controls();

  // After the last write, unless query_and_commit() was.
  void commit();

 private:
  void note_trace(const std::vector<Result>& done);
  void note_commit();

  Connection& connection_;
  const PostgresOptions& options_;
  ControlLock lock_;
  SentCommit* commit_;
  std::string trace_;  // kTransactionId
  bool open_ = false;
  bool committed_ = false;
};

// SQL for what is different after every start of a server, also after a crash that its main process survived
// (which resets the statistics), and on a standby that took its place.
inline const std::string kServerRun =
    "concat_ws('/', CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE left(pg_walfile_name("
    "pg_current_wal_lsn()), 8) END, extract(epoch FROM pg_postmaster_start_time()), extract(epoch FROM "
    "pg_stat_get_bgwriter_stat_reset_time()))";
// SQL for that by which a transaction is found afterwards: its number and the run of the server that gave it.
// One that crashed may give a number again that it had not yet written down; and behind a pooler the server
// may be another one than when the connection was made.
inline const std::string kTransactionId = "concat_ws(' ', pg_current_xact_id(), " + kServerRun + ")";

// What to do with what a unit wrote.
enum class Outcome : std::uint8_t {
  kCommit,   // or it is committed
  kRefused,  // roll back and return
  kAgain,    // roll back and run the unit again: it lost a race
};
using Unit = std::function<Outcome(Transaction&)>;

struct WriteRules {
  ControlLock lock = ControlLock::kNone;
  // When run after a lost answer the unit finds out whether it stands already.
  bool knows_itself = false;
};

// Returns whether the unit was committed. Throws what the unit threw, or Error; after a COMMIT in doubt with
// NextStep::kRecover.
bool run_unit(ConnectionPool& pool, const PostgresOptions& options, const WriteRules& rules,
              const Unit& unit);

}  // namespace orchestrator::postgres
