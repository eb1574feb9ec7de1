// PostgreSQL 13 or later: one database for any number of processes, durable at every return (as the server's
// synchronous_commit, which should stay on, has it).
//
// Accepts and changes of callers that wait at the same time share transactions, and each ends as if it had
// run alone. A COMMIT whose answer was lost is looked up; only when the server stays away for lock_timeout,
// or was started anew meanwhile, a change or claim throws an Error that is in_doubt().
//
// Every call ends, whatever becomes of the server. A connection on which an answer is overdue for longer than
// connect_timeout is closed (storage_unavailable, or the look-up of a COMMIT), and who has waited for a turn
// as long as statement_timeout and lock_timeout together is told storage_busy: then nothing has happened.
//
// Processes share the database by its row locks, unique keys and versions. Nothing that matters is kept in a
// session, so PgBouncer in transaction mode may stand in between; one that does not carry prepared statements
// (before 1.21) costs a part of the speed.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "orchestrator/migration.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator {

struct PostgresOptions {
  // postgresql://user:password@host:port/database?sslmode=..., with all that libpq takes: several hosts are
  // tried in turn, and only one that takes writes is used (target_session_attrs=read-write).
  std::string url = {};
  bool migrate = true;                                 // bring an older schema up to date
  std::size_t connections = 8;                         // at most; opened as they are needed
  std::size_t writers = 3;                             // of them, for groups of accepts and changes
  std::chrono::milliseconds connect_timeout{5000};     // whole seconds, at least two; each host
  std::chrono::milliseconds statement_timeout{10000};  // then Error(storage_busy); zero: never
  std::chrono::milliseconds lock_timeout{5000};        // of one lock; then Error(storage_busy)
};

// Throws Error: configuration (a URL that does not read as one, an unknown database, a TLS mode that fails),
// permission_denied (user or password), storage_unavailable (no connection), storage_busy (the server takes
// no more connections), storage_read_only (a standby), unsupported (the server is too old), foreign_database
// (the schema holds another program's tables), schema_too_new, schema_outdated (run `migrate up`),
// migration_failed, invalid_state (a copy into it was not finished). No message holds the password.
//
// The tables lie in the first schema of the session's search_path.
[[nodiscard]] std::unique_ptr<Store> open_postgres_store(const PostgresOptions& options);

[[nodiscard]] MigrationStatus postgres_migration_status(const PostgresOptions& options);
// Applies (or takes back) migrations until the database is at `version`; -1: the latest. Each step is one
// transaction, and several processes may do so at the same time. Taking back loses what the step's tables
// held. Throws Error(storage_busy) while another process sends orders from the database, which would go on by
// the rules of the other version.
MigrationStatus postgres_migrate(const PostgresOptions& options, int version = -1);

}  // namespace orchestrator
