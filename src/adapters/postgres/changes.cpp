// T3, T4 and everything after: changes. The units of a group are one transaction.
//
//   1  stop switches and margins, with the portfolios' rows locked
//   2  one statement writes orders and batches by compare-and-set of their versions, executions, events,
//   inbox
//      and cursors; a unit with a row that did not answer to its version conflicts, and the others run again
//      without it
//   3  what is rare: audit entries and stop switches
//
// Orders and their events alone, what a broker's answers come to, are one round trip in the first run: BEGIN,
// 2 under the condition that every row answered, and COMMIT. The transaction's number is then not known
// before it is over, and such units are known by their content: who lost the answer runs them again, and one
// stands if its versions conflict and its events are there.
//
// An event's number is drawn before its order's row may have been waited for. That keeps the numbers of an
// order's events in order all the same: whoever held the row has changed its version, and this unit
// conflicts.

#include <algorithm>
#include <set>
#include <unordered_set>

#include "adapters/postgres/controls.hpp"
#include "adapters/postgres/failures.hpp"
#include "adapters/postgres/postgres_store.hpp"
#include "core/failpoint.hpp"
#include "core/store_rules.hpp"

namespace orchestrator::postgres {
namespace {

struct Change : QueuedUnit {
  explicit Change(ChangeUnit& wanted) : QueuedUnit(Kind::kChange), unit(wanted) {
    for (const auto& change : unit.margins) shares(Subject::kPortfolioId, change.portfolio_id);
    for (const Order& order : unit.orders) has_alone(Subject::kOrderId, order.id);
    for (const OrderBatch& batch : unit.batches) has_alone(Subject::kBatchId, batch.id);
    if (unit.cursor) has_alone(Subject::kBrokerAccount, {unit.cursor->broker, unit.cursor->account});
    if (!unit.halts.empty()) runs_alone();
    writes(unit.orders.size() + unit.batches.size() + unit.executions.size() + unit.events.size() +
           unit.inbox_add.size() + 1);
  }

  // `for_good`: whatever others of the group did.
  void refuse(CommitStatus why, bool for_good = true) {
    status = why;
    refused = for_good;
  }

  // Whether it stands can be told from its rows.
  [[nodiscard]] bool knows_itself() const {
    return !unit.orders.empty() && !unit.events.empty() && unit.executions.empty() && unit.margins.empty() &&
           unit.inbox_add.empty() && unit.inbox_remove.empty() && !unit.cursor && unit.audit.empty() &&
           unit.halts.empty() && !unit.unless_stopped;
  }

  ChangeUnit& unit;
  CommitStatus status = CommitStatus::kCommitted;
};

ControlLock lock_for(std::span<Change* const> changes) {
  ControlLock lock = ControlLock::kNone;
  for (const Change* change : changes) {
    if (!change->unit.halts.empty()) return ControlLock::kExclusive;
    if (change->unit.unless_stopped) lock = ControlLock::kShared;
  }
  return lock;
}

// The rows with these ids in the order of their ids: all transactions lock rows in that order.
template <class Record>
std::vector<const Record*> by_id(std::vector<const Record*> records) {
  std::sort(records.begin(), records.end(), [](const Record* a, const Record* b) { return a->id < b->id; });
  return records;
}

class ChangeRun {
 public:
  // `monotonic`: see lease_shift().
  ChangeRun(Transaction& transaction, std::span<Change* const> all, std::optional<Timestamp> monotonic)
      : transaction_(transaction), all_(all), monotonic_(monotonic) {}

  // Whether nothing was written because some units conflict, which are marked, or (apart) one of them and
  // which is not known.
  [[nodiscard]] bool conflicted() const { return conflicted_; }
  [[nodiscard]] bool apart() const { return apart_; }

  // `first`: no run came before it. `known`: all units know themselves.
  Outcome run(bool first, bool known) {
    refuse_stopped();
    change_margins();
    for (Change* change : all_) {
      if (change->status == CommitStatus::kCommitted && !change->failure) kept_.push_back(change);
    }
    if (kept_.empty()) return Outcome::kRefused;
    if (known && first && std::ranges::none_of(kept_, &Change::sent)) {
      write_and_commit();
      return Outcome::kCommit;
    }
    const Result result = transaction_.query(statement(false), parameters_);
    if (!judge(result)) return Outcome::kRefused;
    for (const Change* change : kept_) {
      append_audit(transaction_, change->unit.audit);
      switch_on(change->unit);
    }
    for (Change* change : kept_) change->sent = true;
    return Outcome::kCommit;
  }

 private:
  void refuse_stopped() {
    const auto asks = [](const Change* change) { return change->unit.unless_stopped.has_value(); };
    std::vector<Halt> halts;
    if (std::any_of(all_.begin(), all_.end(), asks)) halts = read_halts(transaction_.query(kSelectHalts));
    for (Change* change : all_) {
      change->failure = nullptr;
      change->status = CommitStatus::kCommitted;
      if (forbidding_halt(halts, change->unit) != nullptr) change->refuse(CommitStatus::kHalted);
    }
  }

  void change_margins() {
    std::vector<PortfolioId> portfolios;
    for (const Change* change : all_) {
      if (change->status != CommitStatus::kCommitted) continue;
      for (const auto& one : change->unit.margins) portfolios.push_back(one.portfolio_id);
    }
    if (portfolios.empty()) return;
    usage_ = lock_usage(transaction_, portfolios);
    for (Change* change : all_) {
      if (change->status != CommitStatus::kCommitted) continue;
      try {
        change_margins(*change);
      } catch (const Error&) {
        change->failure = std::current_exception();
        change->refused = !depends_on_others(*change);
      }
    }
  }

  [[nodiscard]] bool depends_on_others(const Change& change) const {
    const auto moved = [this](const auto& one) { return moved_.contains(one.portfolio_id); };
    return std::ranges::any_of(change.unit.margins, moved);
  }

  void change_margins(Change& change) {
    UsageMap after;
    for (const auto& one : change.unit.margins) {
      PortfolioUsage& usage = after.try_emplace(one.portfolio_id, usage_.at(one.portfolio_id)).first->second;
      usage.margin_reserved = margin_after(usage, one);
      if (exceeds_available(usage, one)) {
        change.refuse(CommitStatus::kLimit, !depends_on_others(change));
        return;
      }
    }
    for (const auto& [id, usage] : after) {
      usage_[id] = usage;
      moved_.insert(id);
    }
  }

  // --- the one statement: a part for each kind of row that there is ---

  std::string statement(bool conditional) {
    update_orders();
    update_batches();
    insert_executions();
    insert_events();
    change_inbox();
    set_cursors();
    if (!usage_.empty()) {
      RowArrays rows;
      add_usage(rows, usage_);
      add_part("used", update_usage(first_parameter()));
      rows.move_to(parameters_, ColumnList(kUsage).size());
    }
    parameters_.add_array(inbox_remove_);
    const std::string others = "EXISTS (SELECT FROM inbox WHERE id <> ALL($" +
                               std::to_string(first_parameter() - 1) + "::bigint[]))";
    std::string sql = parts_.empty() ? "" : "WITH " + parts_;
    sql += " SELECT " + answers_ + others;
    if (conditional) sql += ", " + condition_sql(conditions_);
    return sql;
  }

  void write_and_commit() {
    const std::string sql = statement(true);
    for (Change* change : kept_) {
      change->sent = true;
      change->unit.inbox_waiting = true;  // as long as it is not known
    }
    try {
      static_cast<void>(judge(transaction_.query_and_commit(sql, parameters_)));
    } catch (const DatabaseError& error) {
      if (!error.lost()) {
        for (Change* change : kept_) change->sent = false;  // nor were they before
      }
      throw;
    }
  }

  void update_orders() {
    static const ColumnList kColumns("id bigint, " + std::string(kOrderLive));
    std::vector<const Order*> orders;
    for (const Change* change : kept_) {
      for (const Order& order : change->unit.orders) orders.push_back(&order);
    }
    if (orders.empty()) return;
    RowArrays rows;
    for (const Order* order : by_id(std::move(orders))) {
      rows.begin_row();
      rows.add(order->id);
      order_live_fields(*order, writer(rows));
    }
    const std::size_t first = first_parameter();
    const std::string monotonic = "$" + std::to_string(first + kColumns.size());
    add_part("changed", "UPDATE orders AS o SET " + order_assignments(monotonic) + " FROM " +
                            kColumns.unnest(first) + " AS n (" + kColumns.names() +
                            ") WHERE o.id = n.id AND o.version = n.version - 1 AND o.lease_epoch <= "
                            "n.lease_epoch RETURNING o.id");
    answers_ += "ARRAY(SELECT id FROM changed), ";
    require_all("changed", first);
    rows.move_to(parameters_, kColumns.size());
    parameters_.add(monotonic_);
  }

  void update_batches() {
    static const ColumnList kColumns("id bigint, " + std::string(kBatchLive));
    std::vector<const OrderBatch*> batches;
    for (const Change* change : kept_) {
      for (const OrderBatch& batch : change->unit.batches) batches.push_back(&batch);
    }
    if (batches.empty()) return;
    RowArrays rows;
    for (const OrderBatch* batch : by_id(std::move(batches))) {
      rows.begin_row();
      rows.add(batch->id);
      batch_live_fields(*batch, writer(rows));
    }
    const std::size_t first = first_parameter();
    require_all("counted", first);
    add_part("counted", "UPDATE order_batches AS b SET " + ColumnList(kBatchLive).assignments("n") +
                            " FROM " + kColumns.unnest(first) + " AS n (" + kColumns.names() +
                            ") WHERE b.id = n.id AND b.version = n.version - 1 RETURNING b.id");
    answers_ += "ARRAY(SELECT id FROM counted), ";
    rows.move_to(parameters_, kColumns.size());
  }

  void insert_executions() {
    RowArrays rows;
    for (const Change* change : kept_) {
      for (const Execution& execution : change->unit.executions) {
        rows.begin_row();
        execution_fields(execution, writer(rows));
        ++executions_;
      }
    }
    if (executions_ == 0) return;
    add_part("executed", insert_from_arrays("executions", kExecution, first_parameter()) +
                             " ON CONFLICT (execution_id, broker, account) DO NOTHING RETURNING 1");
    answers_ += "(SELECT count(*) FROM executed), ";
    rows.move_to(parameters_, ColumnList(kExecution).size());
  }

  void insert_events() {
    static const ColumnList kColumns(kEvent);
    RowArrays rows;
    for (Change* change : kept_) {
      for (EventRow& event : change->unit.events) {
        rows.begin_row();
        event_fields(event, writer(rows));
        events_.push_back(&event);
      }
    }
    if (events_.empty()) return;
    add_part("log", "INSERT INTO events (id, " + kColumns.names() +
                        ") SELECT nextval('event_ids'), e.* FROM " + kColumns.unnest(first_parameter()) +
                        " AS e RETURNING id");
    add_part("waiting", "INSERT INTO outbox (event_id) SELECT id FROM log");
    answers_ += "ARRAY(SELECT id FROM log ORDER BY id), ";
    rows.move_to(parameters_, kColumns.size());
  }

  void change_inbox() {
    RowArrays rows;
    for (Change* change : kept_) {
      for (InboxReport& report : change->unit.inbox_add) {
        rows.begin_row();
        inbox_fields(report, writer(rows));
        received_.push_back(&report);
      }
      const auto& removed = change->unit.inbox_remove;
      inbox_remove_.insert(inbox_remove_.end(), removed.begin(), removed.end());
    }
    if (!received_.empty()) {
      add_part("received", insert_from_arrays("inbox", kInbox, first_parameter()) + " RETURNING id");
      answers_ += "ARRAY(SELECT id FROM received ORDER BY id), ";
      rows.move_to(parameters_, ColumnList(kInbox).size());
    }
    if (inbox_remove_.empty()) return;
    add_part("removed",
             "DELETE FROM inbox WHERE id = ANY($" + std::to_string(first_parameter()) + "::bigint[])");
    parameters_.add_array(inbox_remove_);
  }

  void set_cursors() {
    static constexpr std::string_view kCursor = "broker text, account text, cursor text";
    RowArrays rows;
    bool any = false;
    for (const Change* change : kept_) {
      if (!change->unit.cursor) continue;
      any = true;
      rows.begin_row();
      rows.add(change->unit.cursor->broker, change->unit.cursor->account, change->unit.cursor->cursor);
    }
    if (!any) return;
    add_part("read_up_to", insert_from_arrays("broker_cursors", kCursor, first_parameter()) +
                               " ON CONFLICT (broker, account) DO UPDATE SET cursor = excluded.cursor");
    rows.move_to(parameters_, ColumnList(kCursor).size());
  }

  // In the order in which the parts were added. False: rows conflict.
  bool judge(const Result& result) {
    Cursor row(result);
    static_cast<void>(row.next());
    mark_conflicts(row, &ChangeUnit::orders);
    mark_conflicts(row, &ChangeUnit::batches);
    if (conflicted_) recognize();
    std::int64_t executed = 0;
    if (executions_ > 0) row.read(executed);
    if (conflicted_) return false;
    if (executed != static_cast<std::int64_t>(executions_)) {
      apart_ = kept_.size() > 1;
      if (!apart_) kept_.front()->refuse(CommitStatus::kConflict);
      return false;
    }
    number(row, events_);
    number(row, received_);
    bool waiting = false;
    row.read(waiting);
    for (Change* change : kept_) change->unit.inbox_waiting = waiting || !received_.empty();
    return true;
  }

  // What conflicts with itself stands since an earlier run.
  void recognize() {
    for (Change* change : kept_) {
      const bool may_stand = change->refused && change->sent && change->knows_itself();
      if (may_stand && events_stand(change->unit)) change->refuse(CommitStatus::kCommitted);
    }
  }

  [[nodiscard]] bool events_stand(const ChangeUnit& unit) const {
    static const ColumnList kColumns(kEvent);
    // This run has written them too, and will undo it.
    static const std::string kSql =
        "SELECT FROM " + kColumns.unnest(1) + " AS n (" + kColumns.names() +
        ") WHERE EXISTS (SELECT FROM events AS e WHERE e.batch_id = n.batch_id AND e.order_id = n.order_id "
        "AND e.at = n.at AND e.lines = n.lines AND e.xmin <> pg_current_xact_id()::xid)";
    RowArrays rows;
    for (const EventRow& event : unit.events) {
      rows.begin_row();
      event_fields(event, writer(rows));
    }
    Parameters parameters;
    rows.move_to(parameters, kColumns.size());
    return transaction_.query(kSql, parameters).size() == unit.events.size();
  }

  template <class Record>
  void mark_conflicts(Cursor& row, std::vector<Record> ChangeUnit::*records) {
    const auto any = [records](const Change* change) { return !(change->unit.*records).empty(); };
    if (std::none_of(kept_.begin(), kept_.end(), any)) return;
    std::string text;
    row.read(text);
    const std::vector<std::int64_t> ids = parse_numbers(text);
    std::unordered_set<std::int64_t> written(ids.begin(), ids.end());
    for (Change* change : kept_) {
      for (const Record& record : change->unit.*records) {
        if (written.erase(record.id) == 1) continue;
        change->refuse(CommitStatus::kConflict);
        conflicted_ = true;
      }
    }
  }

  template <class Record>
  static void number(Cursor& row, const std::vector<Record*>& records) {
    if (records.empty()) return;
    std::string ids;
    row.read(ids);
    auto record = records.begin();
    for (const std::int64_t id : parse_numbers(ids)) (*record++)->id = id;
  }

  void switch_on(const ChangeUnit& unit) {
    static const std::string kSql =
        insert_from_arrays("halts", kHalt) + " ON CONFLICT (scope, target) DO NOTHING";
    if (unit.halts.empty()) return;
    RowArrays rows;
    for (const Halt& halt : unit.halts) {
      rows.begin_row();
      halt_fields(halt, writer(rows));
    }
    Parameters parameters;
    rows.move_to(parameters, ColumnList(kHalt).size());
    if (transaction_.query(kSql, parameters).affected() > 0) transaction_.run(kReferenceChange);
  }

  // That as many rows answered as the array of ids in this parameter has.
  void require_all(const char* part, std::size_t parameter) {
    conditions_ += (conditions_.empty() ? "" : " AND ") + ("(SELECT count(*) FROM " + std::string(part)) +
                   ") = cardinality($" + std::to_string(parameter) + "::bigint[])";
  }
  void add_part(const char* name, const std::string& sql) {
    parts_ += (parts_.empty() ? "" : ", ") + std::string(name) + " AS (" + sql + ")";
  }
  [[nodiscard]] std::size_t first_parameter() const { return parameters_.texts().size() + 1; }

  Transaction& transaction_;
  std::span<Change* const> all_;
  std::optional<Timestamp> monotonic_;
  std::vector<Change*> kept_;
  bool conflicted_ = false;
  bool apart_ = false;
  UsageMap usage_;
  std::set<PortfolioId> moved_;  // whose margins units of this group changed
  std::size_t executions_ = 0;
  std::vector<EventRow*> events_;
  std::vector<InboxReport*> received_;
  std::vector<std::int64_t> inbox_remove_;
  std::string parts_;
  std::string answers_;
  std::string conditions_;
  Parameters parameters_;
};

}  // namespace

CommitStatus PostgresStore::commit(ChangeUnit& unit) {
  Change only(unit);
  group_commit(only, [this](std::span<QueuedUnit* const> group) {
    std::vector<Change*> left;
    for (QueuedUnit* one : group) left.push_back(static_cast<Change*>(one));
    bool apart = false;
    for (bool again = true; again && !left.empty();) {
      const bool known = std::ranges::all_of(left, &Change::knows_itself);
      bool first = true;
      const WriteRules rules{.lock = lock_for(left), .knows_itself = known};
      const bool stands = write(rules, [&](Transaction& transaction) {
        ORCHESTRATOR_FAILPOINT("commit.before");
        // A version only grows: what conflicts now conflicts for good.
        std::erase_if(left, [](const Change* one) { return one->refused; });
        ChangeRun run(transaction, left, monotonic());
        const Outcome outcome = run.run(std::exchange(first, false), known);
        apart = run.apart();
        again = run.conflicted();
        return outcome;
      });
      if (stands) again = false;  // also when it had to be found out
    }
    return !apart;
  });
  if (only.status == CommitStatus::kCommitted) ORCHESTRATOR_FAILPOINT("commit.committed");
  return only.status;
}

}  // namespace orchestrator::postgres
