// Opening and closing the store, its identity as a sender, and the audit trail.

#include "adapters/postgres/postgres_store.hpp"

#include <unistd.h>

#include "adapters/postgres/controls.hpp"
#include "adapters/postgres/schema.hpp"

namespace orchestrator::postgres {
namespace {

void make_ready(Connection& connection, const PostgresOptions& options) {
  const int version = schema_version(connection);
  if (version == latest_schema_version()) return;
  if (options.migrate) return migrate_to(connection, options, latest_schema_version());
  throw Error(ErrorCode::kSchemaOutdated, "database " + connection.location() + ": has schema version " +
                                              std::to_string(version) + ", this program needs " +
                                              std::to_string(latest_schema_version()) + "; run `migrate up`");
}

}  // namespace

PostgresStore::PostgresStore(const PostgresOptions& options)
    : options_(options),
      process_(::getpid()),
      pool_(options_),
      wake_line_(options_),
      queue_(std::min(options.writers, options.connections),
             options.statement_timeout + options.lock_timeout) {
  if (options.connections == 0 || options.writers == 0) {
    throw Error(ErrorCode::kConfiguration, "the database needs at least one connection and one writer");
  }
  make_ready(*pool_.lease(), options_);
}

PostgresStore::~PostgresStore() {
  if (::getpid() != process_) {
    pool_.abandon();
    wake_line_.abandon();
    return;
  }
  if (owner_ == 0) return;
  try {  // else the leases of this sender run out by themselves
    Parameters parameters;
    pool_.lease()->run(
        "INSERT INTO owners (id, ended_at) OVERRIDING SYSTEM VALUE VALUES ($1, clock_timestamp()) "
        "ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at",
        parameters.add(owner_));
  } catch (const Error&) {
  }
}

void PostgresStore::refuse_after_fork() const {
  if (::getpid() == process_) return;
  throw Error(ErrorCode::kClosed,
              "the database was opened before this process was forked; open it again here");
}

bool PostgresStore::write(const WriteRules& rules, const Unit& unit) const {
  refuse_after_fork();
  return run_unit(pool_, options_, rules, unit);
}

void PostgresStore::group_commit(QueuedUnit& unit, const CommitQueue::Run& run) {
  refuse_after_fork();  // before the lock, which a thread of the parent may have held
  queue_.run(unit, run);
}

Result PostgresStore::read(const std::string& sql, const Parameters& parameters, Planned planned) const {
  refuse_after_fork();
  for (int run = 0;; ++run) {
    try {
      const auto connection = pool_.lease();
      return planned == Planned::kOnce ? connection->query_prepared(sql, parameters)
                                       : connection->query(sql, parameters);
    } catch (const DatabaseError& error) {
      // The connection may have been an old one of the pool, or a pooler have lost what was prepared. What
      // took too long would take as long again.
      const bool another_may_answer =
          error.kind() == DatabaseError::Kind::kLost || error.kind() == DatabaseError::Kind::kRace;
      if (!another_may_answer || run > 0) throw;
    }
  }
}

// Every sender makes a row, so each also takes away what those long gone have left. Without its row one that
// still lives is only not known to be dead; and it makes the row anew when it signs off.
constexpr const char* kForgetOwners =
    "DELETE FROM owners WHERE id IN (SELECT id FROM owners AS o WHERE "
    "(ended_at < clock_timestamp() - interval '1 day' OR "
    "started_at < clock_timestamp() - interval '30 days') AND "
    "NOT EXISTS (SELECT FROM orders WHERE status = 1 AND lease_owner = o.id) AND "
    "NOT EXISTS (SELECT FROM roles WHERE owner = o.id) FOR UPDATE SKIP LOCKED)";
static_assert(static_cast<int>(OrderStatus::kSubmitting) == 1);

std::int64_t PostgresStore::owner() {
  refuse_after_fork();  // before the lock, which a thread of the parent may have held
  const std::lock_guard lock(owner_mutex_);
  if (owner_ != 0) return owner_;
  static const std::string kAdd = std::string("INSERT INTO owners (id) OVERRIDING SYSTEM VALUE VALUES (") +
                                  kFreshNumber + ") RETURNING id";
  const Result result = read(kAdd);
  Cursor row(result);
  if (row.next()) row.read(owner_);
  try {
    static_cast<void>(read(kForgetOwners));
  } catch (const Error&) {  // the next sender takes them away
  }
  return owner_;
}

void PostgresStore::wake_by(const std::function<void()>& wake) {
  refuse_after_fork();
  if (wake) {
    wake_line_.start(wake);
  } else {
    wake_line_.stop();
  }
}

// What of the server's settings costs safety; empty: nothing.
constexpr const char* kAskServer =
    "SELECT split_part(current_setting('server_version'), ' ', 1), concat_ws('; ', "
    "CASE WHEN current_setting('synchronous_commit') = 'off' THEN "
    "'synchronous_commit is off: a crash of the server loses acknowledged orders' END, "
    "CASE WHEN current_setting('fsync') = 'off' THEN "
    "'fsync is off: a crash of the server''s machine may destroy the database' END)";

Dependency PostgresStore::dependency() const {
  Dependency server{.name = "postgresql"};
  try {
    refuse_after_fork();
    const auto connection = pool_.lease();
    const auto began = std::chrono::steady_clock::now();
    const Result result = connection->query(kAskServer);
    server.latency =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    server.location = connection->location();
    Cursor row(result);
    if (row.next()) row.read(server.version, server.detail);
    if (!server.detail.empty()) server.state = DependencyState::kDegraded;
  } catch (const Error& error) {
    server.state = DependencyState::kDown;
    server.detail = error.what();
  }
  return server;
}

// A promotion begins a new timeline, a restored dump makes new tables: neither finds what was kept of the
// book that it may have lost a part of.
std::string PostgresStore::book_id() const {
  const Result result = read(
      "SELECT concat_ws('/', 'postgresql', (SELECT system_identifier FROM pg_control_system()), "
      "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), "
      "(SELECT oid FROM pg_database WHERE datname = current_database()), "
      "'schema_migrations'::regclass::oid)");
  std::string id;
  Cursor row(result);
  if (row.next()) row.read(id);
  return id;
}

// --- audit trail ----------------------------------------------------------------------------------

void PostgresStore::attribute_to(std::string by, const Clock& clock) {
  by_ = std::move(by);
  clock_ = &clock;
}

std::optional<Timestamp> PostgresStore::monotonic() const {
  if (clock_ == nullptr) return std::nullopt;
  return clock_->monotonic();
}

std::optional<Timestamp> PostgresStore::wall() const {
  if (clock_ == nullptr) return std::nullopt;
  return clock_->now();
}

std::vector<AuditEntry> PostgresStore::audit_trail(std::int64_t after_id, std::size_t limit) const {
  Parameters parameters;
  parameters.add(after_id, limit);
  return read_audit(read(kSelectAudit + " WHERE id > $1 ORDER BY id LIMIT $2", parameters));
}

void PostgresStore::change_reference(const ReferenceChange& change, ControlLock lock) const {
  write({.lock = lock}, [&](Transaction& transaction) {
    const bool controls_later = lock != ControlLock::kExclusive;
    if (controls_later) transaction.lock_reference_changes();
    std::optional<AuditEntry> entry = change(transaction);
    if (!entry) return Outcome::kRefused;
    // Whoever accepts by the old data has committed when this is granted, and whoever begins later sees the
    // new version. Only now, because a large import must not hold them up for longer than its commit.
    if (controls_later) transaction.lock_controls();
    transaction.run(kReferenceChange);
    if (entry->by.empty()) entry->by = by_;
    if (clock_ != nullptr) entry->at = clock_->now();
    append_audit(transaction, {&*entry, 1});
    return Outcome::kCommit;
  });
}

}  // namespace orchestrator::postgres

namespace orchestrator {

std::unique_ptr<Store> open_postgres_store(const PostgresOptions& options) {
  return std::make_unique<postgres::PostgresStore>(options);
}

}  // namespace orchestrator
