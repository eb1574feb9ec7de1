// The ledger in a file: rows to values and back. Opening, locking and transactions are in
// sqlite_ledger_file.cpp.
//
// Invariant: a broker's two counters (orders, reports) are read when a transaction begins and stored when a
// write ends, under the lock, so no number is given twice.

#include <algorithm>
#include <concepts>
#include <utility>

#include "adapters/brokers/ledger.hpp"
#include "adapters/brokers/sqlite_ledger_file.hpp"

namespace orchestrator::brokers {

namespace {

// One run of a prepared statement: binds its values in order, and lets go of the rows at the end.
class Run {
 public:
  template <class... Values>
  explicit Run(SQLite::Statement& statement, const Values&... values) : statement_(statement) {
    (bind(values), ...);
  }
  ~Run() { statement_.tryReset(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  bool next() {
    column_ = 0;
    return statement_.executeStep();
  }
  void execute() { statement_.executeStep(); }

  // The columns of the row, left to right.
  std::int64_t number() { return statement_.getColumn(column_++).getInt64(); }
  std::string text() { return statement_.getColumn(column_++).getString(); }
  Timestamp time() { return Timestamp(std::chrono::microseconds(number())); }
  Money money() { return Money::from_string(text()); }
  template <class Decimal>
  Decimal decimal() {
    return Decimal::from_units(number());
  }
  template <class Decimal>
  std::optional<Decimal> optional_decimal() {
    if (statement_.getColumn(column_).isNull()) {
      ++column_;
      return std::nullopt;
    }
    return decimal<Decimal>();
  }

 private:
  void bind(std::integral auto value) { statement_.bind(parameter_++, static_cast<std::int64_t>(value)); }
  void bind(const std::string& value) { statement_.bind(parameter_++, value); }
  void bind(Quantity value) { bind(value.units()); }
  void bind(Price value) { bind(value.units()); }
  void bind(Money value) { bind(value.to_string()); }
  void bind(Side value) { bind(std::string(to_string(value))); }
  void bind(Timestamp value) { bind(value.time_since_epoch().count()); }
  template <class Value>
  void bind(const std::optional<Value>& value) {
    if (value) {
      bind(*value);
    } else {
      statement_.bind(parameter_++);
    }
  }

  SQLite::Statement& statement_;
  int parameter_ = 1;
  int column_ = 0;
};

#define ORDER_COLUMNS                                                                              \
  "o.number, o.ext_order_id, o.client_order_id, o.symbol, o.instrument_id, o.side, o.multiplier, " \
  "o.placed_at, o.qty, o.price_limit, o.status, o.reason, o.fill_qty, o.fill_notional, "           \
  "o.execution_count, o.due_price, o.updated_at "
#define EXECUTION_COLUMNS                                                                     \
  "e.order_number, e.number, e.execution_id, e.qty, e.price, e.fees, e.executed_at, e.kind, " \
  "e.ref_execution_id "

LedgerOrder read_order(Run& row) {
  LedgerOrder order;
  order.number = row.number();
  order.ext_order_id = row.text();
  order.client_order_id = row.text();
  order.symbol = row.text();
  order.instrument_id = row.number();
  order.side = row.text() == to_string(Side::kBuy) ? Side::kBuy : Side::kSell;
  order.multiplier = row.number();
  order.placed_at = row.time();
  order.state.qty = row.decimal<Quantity>();
  order.state.price_limit = row.optional_decimal<Price>();
  order.state.status = row.text();
  order.state.reason = row.text();
  order.state.fill_qty = row.decimal<Quantity>();
  order.state.fill_notional = row.money();
  order.state.execution_count = static_cast<std::int32_t>(row.number());
  order.state.due_price = row.optional_decimal<Price>();
  order.state.updated_at = row.time();
  return order;
}

std::vector<LedgerOrder> read_all_orders(Run& run) {
  std::vector<LedgerOrder> orders;
  while (run.next()) orders.push_back(read_order(run));
  return orders;
}

LedgerExecution read_execution(Run& row) {
  LedgerExecution execution;
  execution.order_number = row.number();
  execution.number = static_cast<std::int32_t>(row.number());
  execution.execution_id = row.text();
  execution.qty = row.decimal<Quantity>();
  execution.price = row.decimal<Price>();
  execution.fees = row.money();
  execution.executed_at = row.time();
  execution.kind = parse_execution_kind(row.text()).value_or(ExecutionKind::kTrade);
  execution.ref_execution_id = row.text();
  return execution;
}

std::vector<LedgerExecution> read_all_executions(Run& run) {
  std::vector<LedgerExecution> executions;
  while (run.next()) executions.push_back(read_execution(run));
  return executions;
}

// CROSS JOIN and INDEXED BY because the planner, without statistics, would rather walk all orders in their
// order.
struct Statements {
  explicit Statements(SQLite::Database& database)
      : find_broker(database, "SELECT broker_id FROM brokers WHERE name = ?"),
        add_broker(database, "INSERT INTO brokers (name, last_order, last_report) VALUES (?, 0, ?)"),
        read_counters(database, "SELECT last_order, last_report FROM brokers WHERE broker_id = ?"),
        write_counters(database, "UPDATE brokers SET last_order = ?, last_report = ? WHERE broker_id = ?"),
        by_client_order_id(database,
                           "SELECT " ORDER_COLUMNS
                           "FROM client_order_ids c CROSS JOIN orders o ON o.broker_id = c.broker_id AND "
                           "o.number = c.order_number WHERE c.broker_id = ? AND c.client_order_id = ? "
                           "ORDER BY c.order_number"),
        by_ext_order_id(database,
                        "SELECT " ORDER_COLUMNS "FROM orders o WHERE o.broker_id = ? AND o.ext_order_id = ?"),
        by_number(database, "SELECT " ORDER_COLUMNS "FROM orders o WHERE o.broker_id = ? AND o.number = ?"),
        orders(database, "SELECT " ORDER_COLUMNS "FROM orders o WHERE o.broker_id = ? ORDER BY o.number"),
        due_orders(database, "SELECT " ORDER_COLUMNS
                             "FROM orders o INDEXED BY orders_due WHERE o.broker_id = ? AND o.due_price IS "
                             "NOT NULL ORDER BY o.number "
                             "LIMIT ?"),
        executions(database, "SELECT " EXECUTION_COLUMNS
                             "FROM executions e WHERE e.broker_id = ? ORDER BY e.order_number, e.number"),
        executions_of(database, "SELECT " EXECUTION_COLUMNS
                                "FROM executions e WHERE e.broker_id = ? AND e.order_number = ? "
                                "ORDER BY e.number"),
        news(database,
             "SELECT r.sequence, r.kind, r.order_number, r.execution_number, r.qty, r.price_limit, r.at, "
             "o.ext_order_id, o.client_order_id, o.reason, " EXECUTION_COLUMNS
             "FROM reports r "
             "CROSS JOIN orders o ON o.broker_id = r.broker_id AND o.number = r.order_number "
             "LEFT JOIN executions e ON e.broker_id = r.broker_id AND e.order_number = r.order_number AND "
             "e.number = r.execution_number WHERE r.broker_id = ? AND r.sequence > ? ORDER BY r.sequence "
             "LIMIT ?"),
        add_order(
            database,
            "INSERT INTO orders (broker_id, number, ext_order_id, client_order_id, symbol, instrument_id, "
            "side, multiplier, placed_at, qty, price_limit, status, reason, fill_qty, fill_notional, "
            "execution_count, due_price, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        update_order(database,
                     "UPDATE orders SET qty = ?, price_limit = ?, status = ?, reason = ?, fill_qty = ?, "
                     "fill_notional = ?, execution_count = ?, due_price = ?, updated_at = ? "
                     "WHERE broker_id = ? AND number = ?"),
        add_client_order_id(database,
                            "INSERT INTO client_order_ids (broker_id, client_order_id, order_number) "
                            "VALUES (?, ?, ?)"),
        add_execution(
            database,
            "INSERT INTO executions (broker_id, order_number, number, execution_id, qty, price, fees, "
            "executed_at, kind, ref_execution_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        add_report(database,
                   "INSERT INTO reports (broker_id, sequence, kind, order_number, execution_number, qty, "
                   "price_limit, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)") {}

  SQLite::Statement find_broker, add_broker, read_counters, write_counters;
  SQLite::Statement by_client_order_id, by_ext_order_id, by_number, orders, due_orders;
  SQLite::Statement executions, executions_of, news;
  SQLite::Statement add_order, update_order, add_client_order_id, add_execution, add_report;
};

class SqliteLedger final : public Ledger, private LedgerTransaction {
 public:
  SqliteLedger(const std::string& path, const std::string& broker, Timestamp created_at) : file_(path) {
    file_.guarded([this] { statements_.emplace(file_.database()); });
    file_.write([&] { broker_id_ = find_or_add_broker(broker, created_at); });
  }

  void read(const std::function<void(LedgerReader&)>& work) override {
    file_.read([&] {
      load_counters();
      work(*this);
    });
  }

  void write(const std::function<void(LedgerTransaction&)>& work) override {
    file_.write([&] {
      load_counters();
      const auto before = std::pair(last_order_, last_report_);
      work(*this);
      if (before != std::pair(last_order_, last_report_)) {
        Run(statements_->write_counters, last_order_, last_report_, broker_id_).execute();
      }
    });
  }

 private:
  std::int64_t find_or_add_broker(const std::string& name, Timestamp created_at) {
    {
      Run found(statements_->find_broker, name);
      if (found.next()) return found.number();
    }
    Run(statements_->add_broker, name, created_at).execute();
    return file_.database().getLastInsertRowid();
  }

  void load_counters() {
    Run row(statements_->read_counters, broker_id_);
    row.next();
    last_order_ = row.number();
    last_report_ = row.number();
  }

  std::vector<LedgerOrder> find_by_client_order_id(const std::string& client_order_id) override {
    Run run(statements_->by_client_order_id, broker_id_, client_order_id);
    return read_all_orders(run);
  }

  std::optional<LedgerOrder> find_by_ext_order_id(const std::string& ext_order_id) override {
    Run run(statements_->by_ext_order_id, broker_id_, ext_order_id);
    if (!run.next()) return std::nullopt;
    return read_order(run);
  }

  std::optional<LedgerOrder> find_by_number(std::int64_t number) override {
    Run run(statements_->by_number, broker_id_, number);
    if (!run.next()) return std::nullopt;
    return read_order(run);
  }

  std::vector<LedgerOrder> orders() override {
    Run run(statements_->orders, broker_id_);
    return read_all_orders(run);
  }

  std::vector<LedgerExecution> executions() override {
    Run run(statements_->executions, broker_id_);
    return read_all_executions(run);
  }

  std::vector<LedgerExecution> executions_of(std::int64_t order_number) override {
    Run run(statements_->executions_of, broker_id_, order_number);
    return read_all_executions(run);
  }

  std::vector<LedgerOrder> due_orders(std::size_t limit) override {
    Run run(statements_->due_orders, broker_id_, limit);
    return read_all_orders(run);
  }

  std::int64_t last_report() override { return last_report_; }

  std::vector<LedgerNews> news(std::int64_t after, std::size_t limit) override {
    std::vector<LedgerNews> page;
    Run row(statements_->news, broker_id_, after, limit);
    while (row.next()) {
      LedgerNews& item = page.emplace_back();
      item.sequence = row.number();
      item.report.kind = static_cast<BrokerReport::Kind>(row.number());
      item.report.order_number = row.number();
      item.report.execution_number = static_cast<std::int32_t>(row.number());
      item.report.qty = row.optional_decimal<Quantity>();
      item.report.price_limit = row.optional_decimal<Price>();
      item.report.at = row.time();
      item.ext_order_id = row.text();
      item.client_order_id = row.text();
      item.reason = row.text();
      if (item.report.execution_number > 0) item.execution = read_execution(row);
    }
    return page;
  }

  std::int64_t next_order_number() override { return last_order_ + 1; }

  void add_order(LedgerOrder&& order) override {
    const LedgerOrderState& state = order.state;
    Run(statements_->add_order, broker_id_, order.number, order.ext_order_id, order.client_order_id,
        order.symbol, order.instrument_id, order.side, order.multiplier, order.placed_at, state.qty,
        state.price_limit, state.status, state.reason, state.fill_qty, state.fill_notional,
        state.execution_count, state.due_price, state.updated_at)
        .execute();
    add_alias(order.number, order.client_order_id);
    last_order_ = order.number;
  }

  void update_order(std::int64_t number, const LedgerOrderState& state) override {
    Run(statements_->update_order, state.qty, state.price_limit, state.status, state.reason, state.fill_qty,
        state.fill_notional, state.execution_count, state.due_price, state.updated_at, broker_id_, number)
        .execute();
  }

  void add_alias(std::int64_t number, const std::string& client_order_id) override {
    Run(statements_->add_client_order_id, broker_id_, client_order_id, number).execute();
  }

  void add_execution(LedgerExecution execution) override {
    Run(statements_->add_execution, broker_id_, execution.order_number, execution.number,
        execution.execution_id, execution.qty, execution.price, execution.fees, execution.executed_at,
        std::string(to_string(execution.kind)), execution.ref_execution_id)
        .execute();
  }

  void add_report(const LedgerReport& report) override {
    Run(statements_->add_report, broker_id_, ++last_report_, static_cast<std::int64_t>(report.kind),
        report.order_number, report.execution_number, report.qty, report.price_limit, report.at)
        .execute();
  }

  LedgerFile file_;
  std::optional<Statements> statements_;
  std::int64_t broker_id_ = 0;
  std::int64_t last_order_ = 0;
  std::int64_t last_report_ = 0;
};

}  // namespace

std::unique_ptr<Ledger> open_sqlite_ledger(const std::string& path, const std::string& broker,
                                           Timestamp created_at) {
  return std::make_unique<SqliteLedger>(path, broker, created_at);
}

}  // namespace orchestrator::brokers
