// Versions and migrations; DDL is transactional, so a step is there whole or not at all.

#include "adapters/postgres/schema.hpp"

#include "adapters/postgres/embedded_migrations.hpp"
#include "core/failpoint.hpp"
#include "core/sha256.hpp"

namespace orchestrator::postgres {
namespace {

constexpr const char* kMigrationLock = "SELECT pg_advisory_xact_lock(1869767779, 3)";

std::string checksum(const EmbeddedMigration& step) { return to_hex(sha256(step.up)); }

std::string name_of(const EmbeddedMigration& step) {
  return std::to_string(step.version) + " (" + std::string(step.name) + ")";
}

bool is_ours(Connection& connection) {
  const Result result = connection.query(
      "SELECT coalesce(obj_description(to_regclass(quote_ident(current_schema()) || '.schema_migrations'), "
      "'pg_class') = 'liborchestrator order book', false), EXISTS (SELECT FROM pg_class WHERE relnamespace = "
      "to_regnamespace(quote_ident(current_schema())) AND relkind IN ('r', 'p', 'v', 'm', 'S')), "
      "current_schema() IS NULL");
  bool ours = false;
  bool used = false;
  bool no_schema = false;
  Cursor row(result);
  if (row.next()) row.read(ours, used, no_schema);
  if (no_schema) {
    throw Error(ErrorCode::kConfiguration,
                "the database has none of the schemas of the user's search_path; create one");
  }
  if (ours || !used) return ours;
  throw Error(ErrorCode::kForeignDatabase,
              "the database belongs to another program; it was left untouched, choose another database or "
              "schema");
}

void check_step(const EmbeddedMigration& step, const std::string& sum) {
  if (sum == checksum(step)) return;
  throw Error(ErrorCode::kMigrationFailed,
              "migration " + name_of(step) +
                  " was applied with other statements than this program has; use the program that made the "
                  "database");
}

void apply(Connection& connection, const EmbeddedMigration& step) {
  try {
    connection.script(std::string(step.up));
    Parameters parameters;
    parameters.add(step.version, step.name, checksum(step));
    connection.run("INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)", parameters);
    ORCHESTRATOR_FAILPOINT("migrate.step");
  } catch (const DatabaseError& error) {
    if (error.kind() != DatabaseError::Kind::kRefused || error.code() != ErrorCode::kInternal) throw;
    throw Error(ErrorCode::kMigrationFailed,
                "migration " + name_of(step) + " was rolled back: " + error.what());
  }
}

// Applies the step after the version that the database has; false: there is none.
bool migrate_one(Connection& connection, const PostgresOptions& options) {
  Transaction transaction(connection, options, ControlLock::kNone);
  transaction.run(kMigrationLock);
  const int version = schema_version(connection);
  if (version == latest_schema_version()) return false;
  apply(connection, embedded_migrations()[static_cast<std::size_t>(version)]);
  transaction.commit();
  return true;
}

}  // namespace

int latest_schema_version() { return static_cast<int>(embedded_migrations().size()); }

int schema_version(Connection& connection) {
  if (!is_ours(connection)) return 0;
  const Result result = connection.query("SELECT version, checksum FROM schema_migrations ORDER BY version");
  int version = 0;
  Cursor row(result);
  while (row.next()) {
    std::int32_t applied = 0;
    std::string sum;
    row.read(applied, sum);
    if (applied > latest_schema_version()) {
      throw Error(ErrorCode::kSchemaTooNew, "the database has schema version " + std::to_string(applied) +
                                                ", this program knows up to " +
                                                std::to_string(latest_schema_version()) +
                                                "; upgrade the program");
    }
    if (applied != ++version) {
      throw Error(ErrorCode::kStorageCorrupt, "schema_migrations lacks a version; restore a backup");
    }
    check_step(embedded_migrations()[static_cast<std::size_t>(version - 1)], sum);
  }
  return version;
}

void migrate(Connection& connection, const PostgresOptions& options) {
  while (migrate_one(connection, options)) {
  }
}

}  // namespace orchestrator::postgres
