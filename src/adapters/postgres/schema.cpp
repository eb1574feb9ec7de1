// Versions and migrations; DDL is transactional, so a step is there whole or not at all.

#include "adapters/postgres/schema.hpp"

#include "adapters/postgres/embedded_migrations.hpp"
#include "adapters/postgres/rows.hpp"
#include "core/failpoint.hpp"
#include "core/sha256.hpp"

namespace orchestrator::postgres {
namespace {

// How messages begin.
std::string place(const Connection& connection) { return "database " + connection.location() + ": "; }

constexpr int kRacesMax = 5;
constexpr const char* kMigrationLock = "SELECT pg_advisory_xact_lock(1869767779, 3)";

std::string checksum(const EmbeddedMigration& step) { return to_hex(sha256(step.up)); }

std::string name_of(const EmbeddedMigration& step) {
  return std::to_string(step.version) + " (" + std::string(step.name) + ")";
}

void check_step(const Connection& connection, const EmbeddedMigration& step, const std::string& sum) {
  if (sum == checksum(step)) return;
  throw Error(ErrorCode::kMigrationFailed,
              place(connection) + "migration " + name_of(step) +
                  " was applied with other statements than this program has; use the program that made the "
                  "database");
}

void run_step(Connection& connection, const EmbeddedMigration& step, bool up) {
  Parameters parameters;
  if (up) {
    connection.script(std::string(step.up));
    parameters.add(step.version, step.name, checksum(step));
    connection.run("INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)", parameters);
  } else {
    // First, because taking back step 1 drops the table.
    connection.run("DELETE FROM schema_migrations WHERE version = $1", parameters.add(step.version));
    connection.script(std::string(step.down));
  }
}

void apply(Connection& connection, const EmbeddedMigration& step, bool up) {
  try {
    run_step(connection, step, up);
    ORCHESTRATOR_FAILPOINT("migrate.step");
  } catch (const DatabaseError& error) {
    if (error.kind() != DatabaseError::Kind::kRefused || error.code() != ErrorCode::kInternal) throw;
    throw Error(ErrorCode::kMigrationFailed, place(connection) + "migration " + name_of(step) +
                                                 (up ? "" : " backwards") +
                                                 " was rolled back: " + error.what());
  }
}

// Whether a sender holds a lease: it would go on by the rules of the version that it knows.
bool is_sending(Connection& connection) {
  return connection
             .query(
                 "SELECT FROM orders LEFT JOIN owners ON owners.id = lease_owner WHERE status = 1 AND "
                 "lease_until "
                 "> " +
                 std::string(kDatabaseTime) + " AND owners.ended_at IS NULL LIMIT 1")
             .size() != 0;
}

void refuse_while_sending(Connection& connection, int version, int target) {
  if (version == 0 || !is_sending(connection)) return;
  throw Error(ErrorCode::kStorageBusy, place(connection) + "another process sends orders by schema version " +
                                           std::to_string(version) +
                                           " and would go on by its rules; stop it before migrating to " +
                                           std::to_string(target));
}

// Makes the step after the version that the database has, or takes its last one back; false: it is at
// `target`.
bool migrate_one(Connection& connection, const PostgresOptions& options, int target) {
  Transaction transaction(connection, options, ControlLock::kNone);
  transaction.run(kMigrationLock);
  const int version = schema_version(connection);
  if (version == target) return false;
  refuse_while_sending(connection, version, target);
  const bool up = version < target;
  apply(connection, embedded_migrations()[static_cast<std::size_t>(up ? version : version - 1)], up);
  transaction.commit();
  return true;
}

}  // namespace

int latest_schema_version() { return static_cast<int>(embedded_migrations().size()); }

Content content_of(Connection& connection) {
  const Result result = connection.query(
      "SELECT coalesce(obj_description(to_regclass(quote_ident(current_schema()) || '.schema_migrations'), "
      "'pg_class'), ''), EXISTS (SELECT FROM pg_class WHERE relnamespace = "
      "to_regnamespace(quote_ident(current_schema())) AND relkind IN ('r', 'p', 'v', 'm', 'S')), "
      "current_schema() IS NULL");
  std::string mark;
  bool used = false;
  bool no_schema = false;
  Cursor row(result);
  if (row.next()) row.read(mark, used, no_schema);
  if (no_schema) {
    throw Error(ErrorCode::kConfiguration,
                place(connection) + "has none of the schemas of the user's search_path; create one");
  }
  if (mark == kOurs) return Content::kBook;
  if (mark == kBeingCopied) return Content::kPartOfABook;
  if (!used) return Content::kNothing;
  throw Error(ErrorCode::kForeignDatabase,
              place(connection) +
                  "belongs to another program; it was left untouched, choose another database or schema");
}

int schema_version(Connection& connection) {
  const Content content = content_of(connection);
  if (content == Content::kNothing) return 0;
  if (content == Content::kPartOfABook) {
    throw Error(ErrorCode::kInvalidState,
                place(connection) +
                    "holds a part of a book, because a copy into it was not finished; give the same `copy` "
                    "again, or empty the database");
  }
  return applied_version(connection);
}

int applied_version(Connection& connection) {
  const Result result = connection.query("SELECT version, checksum FROM schema_migrations ORDER BY version");
  int version = 0;
  Cursor row(result);
  while (row.next()) {
    std::int32_t applied = 0;
    std::string sum;
    row.read(applied, sum);
    if (applied > latest_schema_version()) {
      throw Error(ErrorCode::kSchemaTooNew, place(connection) + "has schema version " +
                                                std::to_string(applied) + ", this program knows up to " +
                                                std::to_string(latest_schema_version()) +
                                                "; upgrade the program");
    }
    if (applied != ++version) {
      throw Error(ErrorCode::kStorageCorrupt,
                  place(connection) + "schema_migrations lacks a version; restore a backup");
    }
    check_step(connection, embedded_migrations()[static_cast<std::size_t>(version - 1)], sum);
  }
  return version;
}

void migrate_to(Connection& connection, const PostgresOptions& options, int target) {
  PostgresOptions patient = options;
  patient.statement_timeout = std::chrono::milliseconds(0);  // a step may read whole tables
  for (int races = 0;;) {
    try {
      if (!migrate_one(connection, patient, target)) return;
    } catch (const DatabaseError& error) {
      if (error.kind() != DatabaseError::Kind::kRace || ++races > kRacesMax) throw;
    }
  }
}

}  // namespace orchestrator::postgres

namespace orchestrator {
namespace {

MigrationStatus to_status(int version) {
  MigrationStatus status{version, postgres::latest_schema_version(), {}};
  for (const auto& step : postgres::embedded_migrations()) {
    status.steps.push_back({step.version, std::string(step.name), step.version <= version});
  }
  return status;
}

}  // namespace

MigrationStatus postgres_migration_status(const PostgresOptions& options) {
  postgres::Connection connection(options);
  return to_status(postgres::schema_version(connection));
}

MigrationStatus postgres_migrate(const PostgresOptions& options, int version) {
  const int target = version == -1 ? postgres::latest_schema_version() : version;
  if (target < 0 || target > postgres::latest_schema_version()) {
    throw Error(ErrorCode::kInvalidArgument, "schema version " + std::to_string(version) +
                                                 " does not exist; this program knows 0 to " +
                                                 std::to_string(postgres::latest_schema_version()));
  }
  postgres::Connection connection(options);
  postgres::migrate_to(connection, options, target);
  return to_status(target);
}

}  // namespace orchestrator
