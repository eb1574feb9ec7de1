// The embedded default: one SQLite file, durable at every return (WAL, synchronous=FULL).
//
// Several processes may use one file: writers take turns (a lock file beside it), readers never wait.
// Network file systems are not supported.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "orchestrator/migration.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator {

struct SqliteOptions {
  std::string path = {};
  bool migrate = true;                           // bring an older schema up to date
  bool create = true;                            // a missing file is made
  std::chrono::milliseconds busy_timeout{5000};  // then Error(storage_busy)
};

// Throws Error: storage_unavailable, storage_read_only, permission_denied, storage_corrupt, storage_busy,
// configuration (not a plain path, a network file system), foreign_database (the file belongs to another
// program), schema_too_new (made by a newer program), schema_outdated (run `migrate up`), migration_failed
// (rolled back; or applied earlier with other statements than this program has).
//
// Beside the file lies <path>.lock, by which processes take turns; never delete it. After a commit whose
// outcome is not known (an I/O error while syncing) the store refuses every write with storage_unavailable,
// and reads go on; open it anew. The same, with storage_corrupt, after a write has met damage.
[[nodiscard]] std::unique_ptr<Store> open_sqlite_store(const SqliteOptions& options);

[[nodiscard]] MigrationStatus sqlite_migration_status(const SqliteOptions& options);
// Applies (or takes back) migrations until the file is at `version`; -1: the latest. Each step is one
// transaction. Taking back loses what the step's tables held. Throws Error(storage_busy) while another
// process sends orders from the file, which would go on by the rules of the other version; so does opening
// one that is to be migrated.
MigrationStatus sqlite_migrate(const SqliteOptions& options, int version = -1);

}  // namespace orchestrator
