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
                                std::span<const OrderId> ids) {
  static const std::string kSql =
      "UPDATE orders SET status = $1, attempt = attempt + 1, lease_epoch = lease_epoch + 1, lease_owner = "
      "$2, "
      "lease_until = $3, submitted_at = $4, version = version + 1 WHERE id = ANY($5::bigint[]) RETURNING " +
      order_columns();
  Parameters parameters;
  parameters.add(OrderStatus::kSubmitting, request.owner, request.lease_until, request.now).add_array(ids);
  std::vector<Order> orders = read_orders(transaction.query(kSql, parameters));
  std::sort(orders.begin(), orders.end(), [](const Order& a, const Order& b) { return a.id < b.id; });
  return orders;
}

// Counts up to `wanted` such requests in the credential's window; returns how many were granted.
std::size_t count_requests(Transaction& transaction, const RateRequest& request, std::size_t wanted) {
  Parameters credential;
  credential.add(request.broker, request.account);
  const auto lock = [&] {
    const Result result = transaction.query(
        "SELECT counts FROM rate_windows WHERE broker = $1 AND account = $2 FOR UPDATE", credential);
    std::optional<std::string> counts;
    Cursor row(result);
    if (row.next()) row.read(counts);
    return counts;
  };
  std::optional<std::string> counts = lock();
  if (!counts) {
    transaction.run(
        "INSERT INTO rate_windows (broker, account, counts) VALUES ($1, $2, '') ON CONFLICT DO NOTHING",
        credential);
    counts = lock();
  }
  RateWindow window = counts && !counts->empty() ? RateWindow::parse(*counts) : RateWindow();
  const std::size_t granted = window.take(request.limit, request.use, wanted, request.monotonic);
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
    if (!ids.empty() && request.rate) ids.resize(count_requests(transaction, *request.rate, ids.size()));
    if (ids.empty()) return Outcome::kRefused;
    claimed = claim_orders(transaction, request, ids);
    return Outcome::kCommit;
  });
  if (!committed) return {};
  ORCHESTRATOR_FAILPOINT("claim.committed");
  return claimed;
}

bool PostgresStore::take_rate(const RateRequest& request) {
  return write({}, [&](Transaction& transaction) {
    return count_requests(transaction, request, 1) == 1 ? Outcome::kCommit : Outcome::kRefused;
  });
}

}  // namespace orchestrator::postgres
