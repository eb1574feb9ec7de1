// Executions, keys, the event log with its outbox, the inbox and the brokers' cursors.

#include <thread>

#include "adapters/postgres/conditions.hpp"
#include "adapters/postgres/controls.hpp"
#include "adapters/postgres/postgres_store.hpp"

namespace orchestrator::postgres {
namespace {

// How long a reader of the log waits for the transactions that drew numbers before those it would read.
constexpr int kSettlingLooks = 8;
constexpr std::chrono::milliseconds kFirstPause{1};

// Expired records of one transaction: few enough that orders do not wait long behind them.
constexpr std::int64_t kExpireAtOnce = 1000;
// Batches of one statement.
constexpr std::int64_t kVerifyAtOnce = 1000;

std::vector<Execution> read_executions(const Result& result) {
  std::vector<Execution> executions;
  Cursor row(result);
  while (row.next()) execution_fields(executions.emplace_back(), reader(row));
  return executions;
}

}  // namespace

std::vector<Execution> PostgresStore::executions(std::span<const OrderId> orders) const {
  static const std::string kSql =
      "SELECT " + names_of(kExecution) + " FROM executions WHERE order_id = ANY($1::bigint[]) ORDER BY id";
  Parameters parameters;
  return read_executions(read(kSql, parameters.add_array(orders)));
}

std::optional<Execution> PostgresStore::execution(const std::string& broker, const std::string& account,
                                                  const std::string& execution_id) const {
  static const std::string kSql = "SELECT " + names_of(kExecution) +
                                  " FROM executions WHERE execution_id = $1 AND broker = $2 AND account = $3";
  Parameters parameters;
  auto found = read_executions(read(kSql, parameters.add(execution_id, broker, account)));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::optional<IdempotencyRecord> PostgresStore::idempotency(const IdempotencyScope& scope) const {
  return read_key(read(kSelectKey, key_parameters(scope, wall())));
}

// Not before the database's clock says so too: the caller's may be fast.
std::size_t PostgresStore::expire_idempotency(Timestamp now) {
  Parameters parameters;
  parameters.add(now, kExpireAtOnce, clock_ != nullptr);
  std::int64_t emptied = 0;
  std::int64_t changed = kExpireAtOnce;
  while (changed == kExpireAtOnce) {
    write({}, [&](Transaction& transaction) {
      changed = transaction
                    .query(
                        "UPDATE idempotency_keys SET response = '' WHERE batch_id IN (SELECT batch_id FROM "
                        "idempotency_keys WHERE response <> '' AND expires_at <= (SELECT CASE WHEN $3 THEN "
                        "least($1, " +
                            std::string(kDatabaseTime) +
                            ") ELSE $1 END) ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
                        parameters)
                    .affected();
      return changed == 0 ? Outcome::kRefused : Outcome::kCommit;
    });
    emptied += changed;
  }
  return static_cast<std::size_t>(emptied);
}

// --- events ---------------------------------------------------------------------------------------

// Up to here the log is whole for good. A transaction has its own number before it draws one for an event. So
// when all that had their numbers before one of ours have ended, nobody holds what the sequence had given out
// by then: each is in the log, or never will be.
std::int64_t PostgresStore::last_settled_event() const {
  static const std::string kDrawn = "SELECT last_value, " + kServerRun + " FROM event_ids";
  std::int64_t drawn = 0;
  std::string run;
  const Result sequence = read(kDrawn);
  Cursor row(sequence);
  if (row.next()) row.read(drawn, run);
  const std::int64_t settled = remembered_settled(run);
  if (drawn <= settled) return drawn;
  std::string asked;
  const auto number = [&](const char* what) {
    std::int64_t value = 0;
    const Result result = read("SELECT " + std::string(what) + "::text, " + kServerRun);
    Cursor one(result);
    if (one.next()) one.read(value, asked);
    return value;
  };
  const std::int64_t ours = number("pg_current_xact_id()");
  if (asked != run) return 0;  // of what another server has drawn nothing is known
  for (int look = 0; number("pg_snapshot_xmin(pg_current_snapshot())") <= ours; ++look) {
    if (asked != run) return 0;
    if (look == kSettlingLooks) return settled;
    std::this_thread::sleep_for(kFirstPause * (1 << look));
  }
  if (asked != run) return 0;
  const std::lock_guard lock(settled_mutex_);
  if (settled_run_ == run) settled_event_ = std::max(settled_event_, drawn);
  return drawn;
}

std::int64_t PostgresStore::remembered_settled(const std::string& run) const {
  const std::lock_guard lock(settled_mutex_);
  if (std::exchange(settled_run_, run) != run) settled_event_ = 0;
  return settled_event_;
}

std::vector<EventRow> PostgresStore::events(const EventQuery& query) const {
  Conditions conditions;
  if (query.batch_id) conditions.add("batch_id = ?", *query.batch_id);
  if (query.order_id) {
    conditions.add("batch_id = (SELECT batch_id FROM orders WHERE orders.id = ?)", *query.order_id);
    conditions.add("order_id IN (0, ?)", *query.order_id);
  }
  conditions.add("id > ?", query.after_id);
  if (query.without_gaps) conditions.add("id <= ?", last_settled_event());
  const std::string limit = conditions.bind(sql_limit(query.limit));
  const Result result = read("SELECT id, " + names_of(kEvent) + " FROM events" +
                                 (query.unpublished ? " JOIN outbox ON outbox.event_id = events.id" : "") +
                                 " WHERE " + conditions.sql() + " ORDER BY id LIMIT " + limit,
                             conditions.parameters());
  std::vector<EventRow> events;
  Cursor row(result);
  while (row.next()) {
    EventRow& event = events.emplace_back();
    row.read(event.id);
    event_fields(event, reader(row));
  }
  return events;
}

void PostgresStore::mark_published(std::span<const EventRowKey> rows) {
  if (rows.empty()) return;
  RowArrays arrays;
  for (const EventRowKey& row : rows) {
    arrays.begin_row();
    arrays.add(row.id, row.batch_id, row.at);
  }
  Parameters parameters;
  arrays.move_to(parameters, 3);
  write({.knows_itself = true}, [&](Transaction& transaction) {  // deleting twice is deleting
    // In this form each table is looked into once for all rows, as by the ids alone.
    transaction.run(
        "WITH here AS MATERIALIZED (SELECT id, batch_id, at FROM events WHERE id = ANY($1::bigint[])) "
        "DELETE FROM outbox WHERE event_id = ANY(ARRAY(SELECT id FROM here WHERE (id, batch_id, at) IN "
        "(SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]))))",
        parameters);
    return Outcome::kCommit;
  });
}

OutboxStatus PostgresStore::outbox() const {
  const Result result = read(
      "SELECT (SELECT count(*) FROM outbox), (SELECT at FROM events WHERE id = (SELECT min(event_id) FROM "
      "outbox))");
  OutboxStatus status;
  Cursor row(result);
  if (row.next()) row.read(status.rows, status.oldest);
  return status;
}

// A refusal changes nothing, and then the row is there to be read, unless its holder is that new.
RoleClaim PostgresStore::claim_role(std::string_view role, Timestamp lease_until) {
  static const std::string kSql =
      "WITH claim AS (INSERT INTO roles (name, owner, holder, lease_until) VALUES ($4, $1, $5, $2::bigint "
      "+ " +
      lease_shift("$3") +
      ") ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, holder = excluded.holder, lease_until = "
      "excluded.lease_until WHERE roles.owner = excluded.owner OR roles.lease_until < " +
      kDatabaseTime +
      " OR EXISTS (SELECT FROM owners WHERE owners.id = roles.owner AND ended_at IS NOT NULL) RETURNING "
      "name) "
      "SELECT EXISTS (SELECT FROM claim), coalesce((SELECT holder FROM roles WHERE name = $4), '')";
  Parameters parameters;
  parameters.add(owner(), lease_until, monotonic(), std::string(role), by_);
  RoleClaim claim;
  write({.knows_itself = true}, [&](Transaction& transaction) {
    const Result result = transaction.query(kSql, parameters);
    Cursor row(result);
    if (row.next()) row.read(claim.held, claim.holder);
    return claim.held ? Outcome::kCommit : Outcome::kRefused;
  });
  if (claim.held) claim.holder.clear();
  return claim;
}

// --- the rest -------------------------------------------------------------------------------------

// In pages, each of which is done before the statement timeout, and which hold up nobody.
std::vector<std::string> PostgresStore::verify() const {
  static const std::string kSql =
      "WITH page AS MATERIALIZED (SELECT id, total_orders FROM order_batches WHERE id > $1 ORDER BY id "
      "LIMIT $2), wrong AS (SELECT p.id, 'batch ' || p.id || ' says it has ' || p.total_orders || "
      "' orders and has ' || count(o.id) AS words FROM page AS p LEFT JOIN orders AS o ON "
      "o.batch_id = p.id GROUP BY p.id, p.total_orders HAVING count(o.id) <> p.total_orders) "
      "SELECT (SELECT max(id) FROM page), words FROM (SELECT) AS always LEFT JOIN wrong ON true ORDER BY id";
  std::vector<std::string> findings;
  for (std::optional<BatchId> last = 0; last;) {
    Parameters parameters;
    const Result result = read(kSql, parameters.add(*last, kVerifyAtOnce));
    Cursor row(result);
    while (row.next()) {
      std::optional<std::string> words;
      row.read(last, words);
      if (words) findings.push_back(std::move(*words));
    }
  }
  return findings;
}

std::vector<InboxReport> PostgresStore::inbox(const std::string& broker) const {
  static const std::string kSql =
      "SELECT id, " + names_of(kInbox) + " FROM inbox WHERE broker = $1 ORDER BY id";
  Parameters parameters;
  const Result result = read(kSql, parameters.add(broker));
  std::vector<InboxReport> reports;
  Cursor row(result);
  while (row.next()) {
    InboxReport& report = reports.emplace_back();
    row.read(report.id);
    inbox_fields(report, reader(row));
  }
  return reports;
}

std::string PostgresStore::cursor(const std::string& broker, const std::string& account) const {
  Parameters parameters;
  const Result result = read("SELECT cursor FROM broker_cursors WHERE broker = $1 AND account = $2",
                             parameters.add(broker, account));
  std::string cursor;
  Cursor row(result);
  if (row.next()) row.read(cursor);
  return cursor;
}

}  // namespace orchestrator::postgres
