// T2 (claim) and T3, T4 and everything after (commit).

#include "adapters/sqlite/rows.hpp"
#include "adapters/sqlite/sql_conditions.hpp"
#include "adapters/sqlite/sqlite_store.hpp"
#include "core/failpoint.hpp"
#include "core/store_rules.hpp"

namespace orchestrator::sqlite {
namespace {

// --- claim ----------------------------------------------------------------------------------------

// Orders that no switch covers.
void add_not_halted(Conditions& conditions, const ClaimRequest& request, const std::vector<Halt>& halts) {
  for (const Halt& halt : halts) {
    const bool broker = halt.scope == ControlScope::kBroker;
    if (halt.scope == ControlScope::kPortfolio) {
      conditions.add("CAST(portfolio_id AS TEXT) <> ?", halt.target);
    } else if (broker && request.brokers != std::vector{halt.target}) {
      conditions.add("broker <> ?", halt.target);
    } else {
      conditions.add("0");  // no order of a long backlog is looked at
    }
  }
}

Conditions claimable(const ClaimRequest& request, const std::vector<Halt>& halts) {
  Conditions conditions;
  conditions.add("status = ?", static_cast<std::int64_t>(request.from));
  conditions.add("id > ?", request.after_id);
  if (request.from == OrderStatus::kUnknown) conditions.add("parked = 0");
  if (request.order_id) conditions.add("id = ?", *request.order_id);
  if (request.lease_epoch) conditions.add("lease_epoch = ?", *request.lease_epoch);
  if (request.batch_id) conditions.add_batch(*request.batch_id);
  if (!request.brokers.empty()) conditions.add_any_of("broker", request.brokers);
  add_not_halted(conditions, request, halts);
  return conditions;
}

// Looked for without the right to write: nobody waits for it in vain, nor while a backlog that is stopped is
// searched.
std::vector<OrderId> find_claimable(Connection& connection, const ClaimRequest& request) {
  const std::vector<Halt> halts = read_halts(connection);
  const Conditions conditions = claimable(request, halts);
  Query row = connection.query("SELECT id FROM orders WHERE " + conditions.sql() + " ORDER BY id");
  conditions.bind(row);
  std::vector<OrderId> found;
  while (found.size() < request.limit && row.next()) row.read(found.emplace_back());
  return found;
}

// Those that may be claimed still: others may have been faster, or a switch.
std::vector<Order> read_claimable(WriteTransaction& transaction, const ClaimRequest& request,
                                  const std::vector<OrderId>& found) {
  const Conditions conditions = claimable(request, transaction.halts());
  Query row = transaction.connection().query("SELECT " + kOrderColumns + " FROM orders WHERE id = ? AND " +
                                             conditions.sql());
  std::vector<Order> orders;
  for (const OrderId id : found) {
    row.restart().bind(id);
    conditions.bind(row);
    if (row.next()) orders.push_back(read_order(row));
  }
  return orders;
}

void claim_order(WriteTransaction& transaction, const ClaimRequest& request, Order& order) {
  order.status = OrderStatus::kSubmitting;
  ++order.attempt;
  ++order.lease_epoch;
  order.lease_owner = request.owner;
  order.lease_until = request.lease_until;
  order.submitted_at = request.now;
  ++order.version;
  transaction
      .query(
          "UPDATE orders SET status = ?, attempt = ?, lease_epoch = ?, lease_owner = ?, lease_until = ?, "
          "submitted_at = ?, version = ? WHERE id = ?")
      .bind(order.status, order.attempt, order.lease_epoch, order.lease_owner, order.lease_until,
            order.submitted_at, order.version, order.id)
      .run();
}

// --- commit ---------------------------------------------------------------------------------------

// False: the portfolio's available margin would be exceeded.
bool change_margin(WriteTransaction& transaction, const ChangeUnit::MarginChange& change) {
  Connection& connection = transaction.connection();
  PortfolioUsage usage = read_usage(connection, change.portfolio_id)
                             .value_or(PortfolioUsage{.portfolio_id = change.portfolio_id});
  usage.margin_reserved = margin_after(usage, change);
  if (exceeds_available(usage, change)) return false;
  put_usage(connection, usage);
  return true;
}

bool update_rows(WriteTransaction& transaction, const ChangeUnit& unit) {
  Connection& connection = transaction.connection();
  for (const Order& order : unit.orders) {
    if (!unit.index_ext_order_ids && !order.ext_order_id.empty()) transaction.note_unindexed(order.broker);
    if (!update_order(connection, order, unit.index_ext_order_ids)) return false;
  }
  for (const OrderBatch& batch : unit.batches) {
    if (!update_batch(connection, batch)) return false;
  }
  for (const Execution& execution : unit.executions) {
    if (!insert_execution(connection, execution)) return false;
  }
  return true;
}

void insert_rows(WriteTransaction& transaction, ChangeUnit& unit) {
  Connection& connection = transaction.connection();
  for (EventRow& event : unit.events) {
    event.id = ++transaction.sequences().event;
    insert_event(connection, event);
  }
  for (InboxReport& report : unit.inbox_add) {
    report.id = ++transaction.sequences().inbox;
    insert_inbox(connection, report);
    transaction.inbox_changed();
  }
  for (const std::int64_t id : unit.inbox_remove) {
    transaction.query("DELETE FROM inbox WHERE id = ?").bind(id).run();
    transaction.inbox_changed();
  }
  for (AuditEntry& entry : unit.audit) insert_audit(connection, entry);
  for (const Halt& halt : unit.halts) {
    if (find_halt(transaction.halts(), halt.scope, halt.target) != nullptr) continue;
    put_halt_row(connection, halt);
    transaction.halts_changed();
    transaction.change_reference();
  }
  if (unit.cursor) {
    transaction.query("INSERT OR REPLACE INTO broker_cursors (broker, account, cursor) VALUES (?, ?, ?)")
        .bind(unit.cursor->broker, unit.cursor->account, unit.cursor->cursor)
        .run();
  }
}

}  // namespace

std::vector<Order> SqliteStore::claim(const ClaimRequest& request) {
  for (;;) {
    const std::vector<OrderId> found = find_claimable(*read(), request);
    if (found.empty()) return {};
    ORCHESTRATOR_FAILPOINT("claim.found");
    std::vector<Order> claimed;
    bool lost = false;  // all that was found: what others left is looked for again
    write([&](WriteTransaction& transaction) {
      claimed = read_claimable(transaction, request, found);
      lost = claimed.empty();
      if (lost) return false;
      if (request.rate) {
        claimed.resize(sqlite::take_rate(transaction.connection(), *request.rate, claimed.size()));
      }
      for (Order& order : claimed) claim_order(transaction, request, order);
      return true;
    });
    if (lost) continue;
    if (!claimed.empty()) ORCHESTRATOR_FAILPOINT("claim.committed");
    return claimed;
  }
}

bool SqliteStore::take_rate(const RateRequest& request) {
  bool granted = false;
  write([&](WriteTransaction& transaction) {
    granted = sqlite::take_rate(transaction.connection(), request, 1) == 1;
    return granted;
  });
  return granted;
}

CommitStatus SqliteStore::commit(ChangeUnit& unit) {
  CommitStatus status = CommitStatus::kCommitted;
  std::int64_t adds_before = 0;
  write([&](WriteTransaction& transaction) {
    ORCHESTRATOR_FAILPOINT("commit.before");
    status = CommitStatus::kHalted;
    if (forbidding_halt(transaction.halts(), unit) != nullptr) return false;
    status = CommitStatus::kConflict;
    if (!update_rows(transaction, unit)) return false;
    status = CommitStatus::kLimit;
    for (const auto& change : unit.margins) {
      if (!change_margin(transaction, change)) return false;
    }
    status = CommitStatus::kCommitted;
    insert_rows(transaction, unit);
    if (!unit.inbox_add.empty()) ++inbox_adds_;
    adds_before = inbox_adds_;
    unit.inbox_waiting = transaction.inbox_waiting();
    return true;
  });
  // Units behind this one in the same commit count as well.
  unit.inbox_waiting = unit.inbox_waiting || inbox_adds_ != adds_before;
  if (status == CommitStatus::kCommitted) ORCHESTRATOR_FAILPOINT("commit.committed");
  return status;
}

}  // namespace orchestrator::sqlite
