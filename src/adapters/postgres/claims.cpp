// T2: claims, and what a credential may still send.
//
// Both hold the control lock for reading: a stop switch that was set before this transaction began is seen,
// and one that is set later waits until this claim stands. SKIP LOCKED lets several senders take different
// orders at the same time.

#include <algorithm>

#include "adapters/postgres/conditions.hpp"
#include "adapters/postgres/controls.hpp"
#include "adapters/postgres/postgres_store.hpp"
#include "core/failpoint.hpp"
#include "core/rate_window.hpp"

namespace orchestrator::postgres {
namespace {

constexpr const char* kNotStopped =
    "NOT EXISTS (SELECT FROM halts WHERE scope = 0) AND NOT EXISTS (SELECT FROM halts AS h WHERE "
    "(h.scope = 1 AND h.target = o.portfolio_id::text) OR (h.scope = 2 AND h.target = o.broker))";

static_assert(static_cast<int>(ControlScope::kAll) == 0 && static_cast<int>(ControlScope::kPortfolio) == 1 &&
              static_cast<int>(ControlScope::kBroker) == 2);

std::vector<OrderId> lock_claimable(Transaction& transaction, const ClaimRequest& request) {
  Conditions conditions;
  conditions.add("o.status = ?", request.from);
  conditions.add("o.id > ?", request.after_id);
  if (request.from == OrderStatus::kUnknown) conditions.add_fixed("NOT o.parked");
  if (request.order_id) conditions.add("o.id = ?", *request.order_id);
  if (request.lease_epoch) conditions.add("o.lease_epoch = ?", *request.lease_epoch);
  if (request.batch_id) conditions.add("o.batch_id = ?", *request.batch_id);
  if (!request.brokers.empty()) conditions.add_any_of("o.broker = ANY(?::text[])", request.brokers);
  conditions.add_fixed(kNotStopped);
  const std::string limit = conditions.bind(sql_limit(request.limit));
  const Result result =
      transaction.query("SELECT o.id FROM orders AS o WHERE " + conditions.sql() + " ORDER BY o.id LIMIT " +
                            limit + " FOR UPDATE OF o SKIP LOCKED",
                        conditions.parameters());
  std::vector<OrderId> ids;
  Cursor row(result);
  while (row.next()) row.read(ids.emplace_back());
  return ids;
}

std::vector<Order> claim_orders(Transaction& transaction, const ClaimRequest& request,
                                std::span<const OrderId> ids, std::optional<Timestamp> monotonic) {
  static const std::string kSql =
      "UPDATE orders SET status = $1, attempt = attempt + 1, lease_epoch = lease_epoch + 1, lease_owner = "
      "$2, lease_until = $3::bigint + " +
      lease_shift("$6") +
      ", submitted_at = $4, version = version + 1 WHERE id = ANY($5::bigint[]) RETURNING " + order_columns() +
      ", lease_until - $3::bigint";
  Parameters parameters;
  parameters.add(OrderStatus::kSubmitting, request.owner, request.lease_until, request.now).add_array(ids);
  parameters.add(monotonic);
  std::vector<Order> orders = read_orders(transaction.query(kSql, parameters));
  std::sort(orders.begin(), orders.end(), [](const Order& a, const Order& b) { return a.id < b.id; });
  return orders;
}

// A credential's window, locked, and the database's time since it is.
struct LockedWindow {
  std::string counts;
  Timestamp now;
};

std::optional<LockedWindow> lock_window(Transaction& transaction, const Parameters& credential) {
  // The time is read from a row that is locked already: those who wait for one another count in the order in
  // which they send.
  static const std::string kSql =
      "WITH locked AS MATERIALIZED (SELECT counts FROM rate_windows WHERE broker = $1 AND account = $2 FOR "
      "UPDATE) SELECT counts, " +
      std::string(kDatabaseTime) + " FROM locked";
  const Result result = transaction.query(kSql, credential);
  Cursor row(result);
  if (!row.next()) return std::nullopt;
  LockedWindow window;
  row.read(window.counts, window.now);
  return window;
}

// Counts up to `wanted` such requests in the credential's window; returns how many were granted. By the
// database's clock, unless the caller has none that its time could be on.
std::size_t count_requests(Transaction& transaction, const RateRequest& request, std::size_t wanted,
                           bool has_clock) {
  Parameters credential;
  credential.add(request.broker, request.account);
  std::optional<LockedWindow> locked = lock_window(transaction, credential);
  if (!locked) {
    transaction.run(
        "INSERT INTO rate_windows (broker, account, counts) VALUES ($1, $2, '') ON CONFLICT DO NOTHING",
        credential);
    locked = lock_window(transaction, credential).value();
  }
  RateWindow window = locked->counts.empty() ? RateWindow() : RateWindow::parse(locked->counts);
  const Timestamp now = has_clock ? locked->now : request.monotonic;
  const std::size_t granted = window.take(request.limit, request.use, wanted, now);
  if (granted == 0) return 0;
  credential.add(window.to_string());
  transaction.run("UPDATE rate_windows SET counts = $3 WHERE broker = $1 AND account = $2", credential);
  return granted;
}

}  // namespace

std::vector<Order> PostgresStore::claim(const ClaimRequest& request) {
  std::vector<Order> claimed;
  const bool committed = write({.lock = ControlLock::kShared}, [&](Transaction& transaction) {
    std::vector<OrderId> ids = lock_claimable(transaction, request);
    if (!ids.empty() && request.rate) {
      ids.resize(count_requests(transaction, *request.rate, ids.size(), clock_ != nullptr));
    }
    if (ids.empty()) return Outcome::kRefused;
    claimed = claim_orders(transaction, request, ids, monotonic());
    return Outcome::kCommit;
  });
  if (!committed) return {};
  ORCHESTRATOR_FAILPOINT("claim.committed");
  return claimed;
}

bool PostgresStore::take_rate(const RateRequest& request) {
  return write({}, [&](Transaction& transaction) {
    const std::size_t granted = count_requests(transaction, request, 1, clock_ != nullptr);
    return granted == 1 ? Outcome::kCommit : Outcome::kRefused;
  });
}

}  // namespace orchestrator::postgres
