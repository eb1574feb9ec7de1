// The schema's version: checked when a database is opened, changed by migrations.
//
// A database of ours carries kApplicationId in its header; the header's user_version is the schema's version
// and the table schema_migrations holds a checksum of every step that made it.
#pragma once

#include "adapters/sqlite/connection.hpp"
#include "adapters/sqlite/lock_file.hpp"
#include "orchestrator/backends/sqlite.hpp"

namespace orchestrator::sqlite {

inline constexpr std::int64_t kApplicationId = 0x4F4F5231;  // "OOR1"

// The schema's version; 0 for an empty database. Throws Error(foreign_database) for another program's,
// Error(schema_too_new), Error(migration_failed) for one made by other steps than this program's,
// Error(storage_corrupt).
[[nodiscard]] int schema_version(Connection& connection);
[[nodiscard]] int latest_schema_version();
[[nodiscard]] MigrationStatus migration_status(int version);

// Does nothing where it is in use already. Throws Error(configuration) where it cannot be.
void use_write_ahead_log(Connection& connection);

// Applies or takes back steps, each in a transaction of its own, until the schema has `target`. The caller
// holds the right to write. Throws Error(storage_busy) where a step is to be made while an owner lives.
void migrate_to(Connection& connection, const LockFile& lock_file, int target);

}  // namespace orchestrator::sqlite
