// Versions and migrations.

#include "adapters/sqlite/schema.hpp"

#include <memory>

#include "adapters/sqlite/database_file.hpp"
#include "adapters/sqlite/embedded_migrations.hpp"
#include "adapters/sqlite/lock_file.hpp"
#include "adapters/sqlite/read_pool.hpp"
#include "core/failpoint.hpp"
#include "core/sha256.hpp"

namespace orchestrator::sqlite {
namespace {

std::string checksum(const EmbeddedMigration& step) { return to_hex(sha256(step.up)); }

std::string name_of(const EmbeddedMigration& step) {
  return std::to_string(step.version) + " (" + std::string(step.name) + ")";
}

// What the database says was applied must be what this program would have applied.
void check_history(Connection& connection, int version) {
  int expected = 0;
  Query row = connection.query("SELECT version, name, checksum FROM schema_migrations ORDER BY version");
  while (row.next()) {
    std::int64_t applied = 0;
    std::string name;
    std::string sum;
    row.read(applied, name, sum);
    if (++expected > version || applied != expected) break;
    const EmbeddedMigration& step = embedded_migrations()[static_cast<std::size_t>(expected - 1)];
    if (sum != checksum(step)) {
      throw Error(ErrorCode::kMigrationFailed,
                  "database " + connection.path() + ": migration " + name_of(step) +
                      " was applied with other statements than this program has; use "
                      "the program that made the database");
    }
  }
  if (expected != version) {
    throw Error(ErrorCode::kStorageCorrupt, "database " + connection.path() +
                                                ": schema_migrations does not agree with schema version " +
                                                std::to_string(version) + "; restore a backup");
  }
}

void run_step(Connection& connection, const EmbeddedMigration& step, bool up) {
  if (up) {
    connection.execute(std::string(step.up).c_str());
    connection.query("INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)")
        .bind(step.version, step.name, checksum(step))
        .run();
  } else {
    // First, because taking back step 1 drops the table.
    connection.query("DELETE FROM schema_migrations WHERE version = ?").bind(step.version).run();
    connection.execute(std::string(step.down).c_str());
  }
  const int version = up ? step.version : step.version - 1;
  connection.execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
  connection.execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
}

void apply(Connection& connection, const EmbeddedMigration& step, bool up) {
  connection.execute("BEGIN IMMEDIATE");
  try {
    run_step(connection, step, up);
    ORCHESTRATOR_FAILPOINT("migrate.step");
    connection.execute("COMMIT");
  } catch (const DatabaseError&) {
    if (connection.in_transaction()) connection.execute("ROLLBACK");
    throw;
  } catch (const std::exception& error) {
    if (connection.in_transaction()) connection.execute("ROLLBACK");
    throw Error(ErrorCode::kMigrationFailed, "database " + connection.path() + ": migration " +
                                                 name_of(step) + (up ? "" : " backwards") +
                                                 " was rolled back: " + error.what());
  }
}

}  // namespace

int latest_schema_version() { return static_cast<int>(embedded_migrations().size()); }

int schema_version(Connection& connection) {
  const Snapshot snapshot(connection);  // another process may be migrating
  const std::int64_t application = connection.integer("PRAGMA application_id");
  const std::int64_t version = connection.integer("PRAGMA user_version");
  const std::int64_t objects = connection.integer("SELECT count(*) FROM sqlite_master");
  if (application != kApplicationId) {
    if (application == 0 && version == 0 && objects == 0) return 0;
    throw Error(ErrorCode::kForeignDatabase,
                "database " + connection.path() +
                    ": belongs to another program; it was left untouched, choose another file");
  }
  if (version > latest_schema_version()) {
    throw Error(ErrorCode::kSchemaTooNew, "database " + connection.path() + ": has schema version " +
                                              std::to_string(version) + ", this program knows up to " +
                                              std::to_string(latest_schema_version()) +
                                              "; upgrade the program");
  }
  if (version < 0 || (version == 0) != (objects == 0)) {
    throw Error(
        ErrorCode::kStorageCorrupt,
        "database " + connection.path() + ": its header does not agree with its tables; restore a backup");
  }
  if (version > 0) check_history(connection, static_cast<int>(version));
  return static_cast<int>(version);
}

MigrationStatus migration_status(int version) {
  MigrationStatus status{version, latest_schema_version(), {}};
  for (const EmbeddedMigration& step : embedded_migrations()) {
    status.steps.push_back({step.version, std::string(step.name), step.version <= version});
  }
  return status;
}

void use_write_ahead_log(Connection& connection) {
  if (connection.text("PRAGMA journal_mode = WAL") == "wal") return;
  throw Error(ErrorCode::kConfiguration,
              "database " + connection.path() +
                  ": its file system does not support a write-ahead log; put it on a "
                  "local disk");
}

void migrate_to(Connection& connection, const LockFile& lock_file, int target) {
  use_write_ahead_log(connection);
  int version = schema_version(connection);
  if (version != target && lock_file.any_owner_alive()) {
    throw Error(ErrorCode::kStorageBusy,
                "database " + connection.path() + ": another process works with schema version " +
                    std::to_string(version) + " and would go on by its rules; stop it before migrating to " +
                    std::to_string(target));
  }
  const auto steps = embedded_migrations();
  for (; version < target; ++version) apply(connection, steps[static_cast<std::size_t>(version)], true);
  for (; version > target; --version) apply(connection, steps[static_cast<std::size_t>(version - 1)], false);
}

}  // namespace orchestrator::sqlite

namespace orchestrator {

MigrationStatus sqlite_migration_status(const SqliteOptions& options) {
  if (options.create && !sqlite::file_exists(options.path)) return sqlite::migration_status(0);
  SqliteOptions existing = options;
  existing.create = false;
  sqlite::prepare_file(existing);
  const auto connection = sqlite::open_reader(options.path, options.busy_timeout);
  return sqlite::migration_status(sqlite::schema_version(*connection));
}

MigrationStatus sqlite_migrate(const SqliteOptions& options, int version) {
  const int target = version == -1 ? sqlite::latest_schema_version() : version;
  if (target < 0 || target > sqlite::latest_schema_version()) {
    throw Error(ErrorCode::kInvalidArgument, "schema version " + std::to_string(version) +
                                                 " does not exist; this program knows 0 to " +
                                                 std::to_string(sqlite::latest_schema_version()));
  }
  sqlite::prepare_file(options);
  // Before anything is made beside a file that is not ours, and with a connection that leaves it alone.
  static_cast<void>(sqlite::schema_version(*sqlite::open_reader(options.path, options.busy_timeout)));
  sqlite::LockFile lock_file(sqlite::lock_path(options.path), sqlite::file_mode(options.path));
  const sqlite::LockFile::Turn turn(lock_file, options.busy_timeout);
  const auto connection = sqlite::open_writer(options);
  sqlite::migrate_to(*connection, lock_file, target);
  return sqlite::migration_status(target);
}

}  // namespace orchestrator
