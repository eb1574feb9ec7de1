// T3, T4 and everything after: a unit of changes in one transaction.
//
//   1  stop switches and margins, with the portfolios' rows locked
//   2  one statement writes orders and batches by compare-and-set of their versions, executions, events,
//   inbox
//      and cursor; a row that did not answer to its version makes the whole unit conflict
//   3  what is rare: audit entries and stop switches
//
// An event's number is drawn before its order's row may have been waited for. That keeps the numbers of an
// order's events in order all the same: whoever held the row has changed its version, and this unit
// conflicts.

#include <algorithm>

#include "adapters/postgres/controls.hpp"
#include "adapters/postgres/postgres_store.hpp"
#include "core/failpoint.hpp"
#include "core/store_rules.hpp"

namespace orchestrator::postgres {
namespace {

class Change {
 public:
  // `monotonic`: see lease_shift().
  Change(ChangeUnit& unit, std::optional<Timestamp> monotonic) : unit_(unit), monotonic_(monotonic) {}

  Outcome run(Transaction& transaction) {
    status_ = CommitStatus::kHalted;
    if (unit_.unless_stopped) {
      const std::vector<Halt> halts = read_halts(transaction.query(kSelectHalts));
      if (forbidding_halt(halts, unit_) != nullptr) return Outcome::kRefused;
    }
    status_ = CommitStatus::kLimit;
    UsageMap usage;
    if (!change_margins(transaction, usage)) return Outcome::kRefused;
    status_ = CommitStatus::kConflict;
    if (!write_rows(transaction, usage)) return Outcome::kRefused;
    append_audit(transaction, unit_.audit);
    switch_on(transaction);
    status_ = CommitStatus::kCommitted;
    return Outcome::kCommit;
  }

  [[nodiscard]] CommitStatus status() const { return status_; }

 private:
  bool change_margins(Transaction& transaction, UsageMap& usage) {
    if (unit_.margins.empty()) return true;
    std::vector<PortfolioId> portfolios;
    for (const auto& change : unit_.margins) portfolios.push_back(change.portfolio_id);
    usage = lock_usage(transaction, portfolios);
    for (const auto& change : unit_.margins) {
      PortfolioUsage& one = usage.at(change.portfolio_id);
      one.margin_reserved = margin_after(one, change);
      if (exceeds_available(one, change)) return false;
    }
    return true;
  }

  // --- the one statement: a part for each kind of row that there is ---

  bool write_rows(Transaction& transaction, const UsageMap& usage) {
    parts_.clear();
    answers_.clear();
    parameters_ = {};
    update_orders();
    update_batches();
    insert_executions();
    insert_events();
    change_inbox();
    set_cursor();
    if (!usage.empty()) {
      RowArrays rows;
      add_usage(rows, usage);
      add_part("used", update_usage(first_parameter()));
      rows.move_to(parameters_, ColumnList(kUsage).size());
    }
    parameters_.add_array(unit_.inbox_remove);
    const std::string others = "EXISTS (SELECT FROM inbox WHERE id <> ALL($" +
                               std::to_string(first_parameter() - 1) + "::bigint[]))";
    std::string sql = parts_.empty() ? "" : "WITH " + parts_;
    sql += " SELECT " + answers_ + others;
    return judge(transaction.query(sql, parameters_));
  }

  void update_orders() {
    static const ColumnList kColumns("id bigint, " + std::string(kOrderLive));
    if (unit_.orders.empty()) return;
    // Rows are locked in this order, so that units that share several do not wait for each other in a ring.
    std::vector<const Order*> sorted;
    for (const Order& order : unit_.orders) sorted.push_back(&order);
    std::sort(sorted.begin(), sorted.end(), [](const Order* a, const Order* b) { return a->id < b->id; });
    RowArrays rows;
    for (const Order* order : sorted) {
      rows.begin_row();
      rows.add(order->id);
      order_live_fields(*order, writer(rows));
    }
    const std::size_t first = first_parameter();
    const std::string monotonic = "$" + std::to_string(first + kColumns.size());
    add_part("changed", "UPDATE orders AS o SET " + order_assignments(monotonic) + " FROM " +
                            kColumns.unnest(first) + " AS n (" + kColumns.names() +
                            ") WHERE o.id = n.id AND o.version = n.version - 1 AND o.lease_epoch <= "
                            "n.lease_epoch RETURNING 1");
    answers_ += "(SELECT count(*) FROM changed), ";
    rows.move_to(parameters_, kColumns.size());
    parameters_.add(monotonic_);
  }

  void update_batches() {
    static const ColumnList kColumns("id bigint, " + std::string(kBatchLive));
    if (unit_.batches.empty()) return;
    std::vector<const OrderBatch*> sorted;
    for (const OrderBatch& batch : unit_.batches) sorted.push_back(&batch);
    std::sort(sorted.begin(), sorted.end(),
              [](const OrderBatch* a, const OrderBatch* b) { return a->id < b->id; });
    RowArrays rows;
    for (const OrderBatch* batch : sorted) {
      rows.begin_row();
      rows.add(batch->id);
      batch_live_fields(*batch, writer(rows));
    }
    add_part("counted", "UPDATE order_batches AS b SET " + ColumnList(kBatchLive).assignments("n") +
                            " FROM " + kColumns.unnest(first_parameter()) + " AS n (" + kColumns.names() +
                            ") WHERE b.id = n.id AND b.version = n.version - 1 RETURNING 1");
    answers_ += "(SELECT count(*) FROM counted), ";
    rows.move_to(parameters_, kColumns.size());
  }

  void insert_executions() {
    if (unit_.executions.empty()) return;
    RowArrays rows;
    for (const Execution& execution : unit_.executions) {
      rows.begin_row();
      execution_fields(execution, writer(rows));
    }
    add_part("executed", insert_from_arrays("executions", kExecution, first_parameter()) +
                             " ON CONFLICT (execution_id, broker, account) DO NOTHING RETURNING 1");
    answers_ += "(SELECT count(*) FROM executed), ";
    rows.move_to(parameters_, ColumnList(kExecution).size());
  }

  void insert_events() {
    static const ColumnList kColumns(kEvent);
    if (unit_.events.empty()) return;
    RowArrays rows;
    for (const EventRow& event : unit_.events) {
      rows.begin_row();
      event_fields(event, writer(rows));
    }
    add_part("log", "INSERT INTO events (id, " + kColumns.names() +
                        ") SELECT nextval('event_ids'), e.* FROM " + kColumns.unnest(first_parameter()) +
                        " AS e RETURNING id");
    add_part("waiting", "INSERT INTO outbox (event_id) SELECT id FROM log");
    answers_ += "ARRAY(SELECT id FROM log ORDER BY id), ";
    rows.move_to(parameters_, kColumns.size());
  }

  void change_inbox() {
    if (!unit_.inbox_add.empty()) {
      RowArrays rows;
      for (const InboxReport& report : unit_.inbox_add) {
        rows.begin_row();
        inbox_fields(report, writer(rows));
      }
      add_part("received", insert_from_arrays("inbox", kInbox, first_parameter()) + " RETURNING id");
      answers_ += "ARRAY(SELECT id FROM received ORDER BY id), ";
      rows.move_to(parameters_, ColumnList(kInbox).size());
    }
    if (unit_.inbox_remove.empty()) return;
    add_part("removed",
             "DELETE FROM inbox WHERE id = ANY($" + std::to_string(first_parameter()) + "::bigint[])");
    parameters_.add_array(unit_.inbox_remove);
  }

  void set_cursor() {
    if (!unit_.cursor) return;
    const auto next = [this](const std::string& text) {
      parameters_.add(text);
      return "$" + std::to_string(first_parameter() - 1);
    };
    const std::string broker = next(unit_.cursor->broker);
    const std::string account = next(unit_.cursor->account);
    add_part("read_up_to", "INSERT INTO broker_cursors (broker, account, cursor) VALUES (" + broker + ", " +
                               account + ", " + next(unit_.cursor->cursor) +
                               ") ON CONFLICT (broker, account) DO UPDATE SET cursor = excluded.cursor");
  }

  // In the order in which the parts were added. False: a row conflicts.
  bool judge(const Result& result) {
    Cursor row(result);
    static_cast<void>(row.next());
    const auto all = [&row](std::size_t wanted) {
      std::int64_t count = 0;
      if (wanted > 0) row.read(count);
      return count == static_cast<std::int64_t>(wanted);
    };
    const auto number = [&row](auto& records) {
      if (records.empty()) return;
      std::string ids;
      row.read(ids);
      auto id = records.begin();
      for (const std::int64_t value : parse_numbers(ids)) (id++)->id = value;
    };
    if (!all(unit_.orders.size()) || !all(unit_.batches.size()) || !all(unit_.executions.size()))
      return false;
    number(unit_.events);
    number(unit_.inbox_add);
    row.read(unit_.inbox_waiting);
    unit_.inbox_waiting = unit_.inbox_waiting || !unit_.inbox_add.empty();
    return true;
  }

  void switch_on(Transaction& transaction) {
    static const std::string kSql =
        insert_from_arrays("halts", kHalt) + " ON CONFLICT (scope, target) DO NOTHING";
    if (unit_.halts.empty()) return;
    RowArrays rows;
    for (const Halt& halt : unit_.halts) {
      rows.begin_row();
      halt_fields(halt, writer(rows));
    }
    Parameters parameters;
    rows.move_to(parameters, ColumnList(kHalt).size());
    if (transaction.query(kSql, parameters).affected() > 0) note_reference_change(transaction);
  }

  void add_part(const char* name, const std::string& sql) {
    parts_ += (parts_.empty() ? "" : ", ") + std::string(name) + " AS (" + sql + ")";
  }
  [[nodiscard]] std::size_t first_parameter() const { return parameters_.texts().size() + 1; }

  ChangeUnit& unit_;
  std::optional<Timestamp> monotonic_;
  CommitStatus status_ = CommitStatus::kConflict;
  std::string parts_;
  std::string answers_;
  Parameters parameters_;
};

ControlLock lock_for(const ChangeUnit& unit) {
  if (!unit.halts.empty()) return ControlLock::kExclusive;
  return unit.unless_stopped ? ControlLock::kShared : ControlLock::kNone;
}

}  // namespace

CommitStatus PostgresStore::commit(ChangeUnit& unit) {
  Change change(unit, monotonic());
  write({.lock = lock_for(unit)}, [&change](Transaction& transaction) {
    ORCHESTRATOR_FAILPOINT("commit.before");
    return change.run(transaction);
  });
  if (change.status() == CommitStatus::kCommitted) ORCHESTRATOR_FAILPOINT("commit.committed");
  return change.status();
}

}  // namespace orchestrator::postgres
