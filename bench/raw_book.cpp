#include "raw_book.hpp"

#include <stdexcept>

#include "orchestrator/backends/sqlite.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

[[noreturn]] void fail(sqlite3* db) {
  throw std::runtime_error(std::string("sqlite: ") + sqlite3_errmsg(db));
}

Value read_value(sqlite3_stmt* statement, int column) {
  Value value;
  value.type = sqlite3_column_type(statement, column);
  value.integer = sqlite3_column_int64(statement, column);
  if (value.type == SQLITE_TEXT || value.type == SQLITE_BLOB) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
    value.bytes.assign(bytes == nullptr ? "" : bytes,
                       static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
  }
  return value;
}

std::vector<Row> read_rows(sqlite3* db, const std::string& sql) {
  Statement statement(db, sql);
  std::vector<Row> rows;
  while (statement.step()) {
    Row& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement.handle()); ++i) {
      row.columns.emplace_back(sqlite3_column_name(statement.handle(), i));
      row.values.push_back(read_value(statement.handle(), i));
    }
  }
  return rows;
}

Value integer(std::int64_t value) { return {SQLITE_INTEGER, value, {}}; }

// The order as it was accepted and claimed, before the broker answered.
void take_answer_back(Row& order) {
  const std::int64_t created_at = order["created_at"].integer;
  order["status"] = integer(1);
  order["ext_order_id"] = Value();
  order["lease_owner"] = integer(1);
  order["lease_until"] = integer(created_at + 30'000'000);
  order["acked_at"] = Value();
  order["version"] = integer(1);
  order["event_seq"] = integer(1);
}

std::filesystem::path migrated(const std::filesystem::path& path) {
  static_cast<void>(sqlite_migrate({.path = path.string()}));
  return path;
}

std::int64_t last_of(sqlite3* db, const std::string& kind) {
  return read_rows(db, "SELECT \"" + kind + "\" FROM sequences").front().values.front().integer;
}

}  // namespace

Value& Row::operator[](const std::string& column) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] == column) return values[i];
  }
  throw std::runtime_error("no column " + column);
}

BatchRows read_batch_rows(const std::filesystem::path& path, std::int64_t batch_id) {
  const Database database(path);
  const std::string id = std::to_string(batch_id);
  const auto all = [&](const std::string& sql) { return read_rows(database.handle(), sql); };
  BatchRows rows;
  rows.batch = all("SELECT * FROM order_batches WHERE id = " + id).at(0);
  rows.key = all("SELECT * FROM idempotency_keys WHERE batch_id = " + id).at(0);
  rows.usage = all("SELECT * FROM portfolio_usage").at(0);
  rows.events = all("SELECT * FROM events WHERE batch_id = " + id + " ORDER BY id");
  rows.orders = all("SELECT * FROM orders WHERE batch_id = " + id + " ORDER BY id");
  const bool whole = rows.events.size() == 2 && rows.orders.front()["status"].integer == 3;
  if (!whole) throw std::runtime_error("the sample batch was not accepted and acknowledged in two commits");
  return rows;
}

// --- statements -------------------------------------------------------------------------------------

Statement::Statement(sqlite3* db, const std::string& sql) : db_(db) {
  const int result = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (result != SQLITE_OK) fail(db);
}

void Statement::bind(int at, const Value& value) {
  const int size = static_cast<int>(value.bytes.size());
  switch (value.type) {
    case SQLITE_INTEGER:
      sqlite3_bind_int64(statement_, at, value.integer);
      break;
    case SQLITE_TEXT:
      sqlite3_bind_text(statement_, at, value.bytes.data(), size, SQLITE_STATIC);
      break;
    case SQLITE_BLOB:
      sqlite3_bind_blob(statement_, at, value.bytes.data(), size, SQLITE_STATIC);
      break;
    default:
      sqlite3_bind_null(statement_, at);
  }
}

bool Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result != SQLITE_ROW && result != SQLITE_DONE) fail(db_);
  return result == SQLITE_ROW;
}

void Statement::run() {
  while (step()) {
  }
  sqlite3_reset(statement_);
}

Database::Database(const std::filesystem::path& path) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db_, flags, nullptr) != SQLITE_OK) fail(db_);
  execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
      "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 1000; PRAGMA temp_store = MEMORY");
}

void Database::execute(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(db_);
}

// --- the book ---------------------------------------------------------------------------------------

RawBook::Inserter::Inserter(sqlite3* db, const std::string& table, const Row& row) {
  std::string columns;
  std::string marks;
  for (const std::string& column : row.columns) {
    columns += (columns.empty() ? "\"" : ", \"") + column + "\"";
    marks += marks.empty() ? "?" : ", ?";
  }
  statement =
      std::make_unique<Statement>(db, "INSERT INTO " + table + " (" + columns + ") VALUES (" + marks + ")");
}

void RawBook::Inserter::run(const Row& row) {
  for (std::size_t i = 0; i < row.values.size(); ++i) {
    statement->bind(static_cast<int>(i) + 1, row.values[i]);
  }
  statement->run();
}

RawBook::RawBook(const std::filesystem::path& path, BatchRows rows)
    : database_(migrated(path)),
      rows_(std::move(rows)),
      begin_(database_.handle(), "BEGIN IMMEDIATE"),
      commit_(database_.handle(), "COMMIT"),
      save_sequences_(database_.handle(), "UPDATE sequences SET batch = ?, \"order\" = ?, event = ?"),
      acknowledge_(database_.handle(),
                   "UPDATE orders SET status = 3, ext_order_id = ?, lease_owner = 0, lease_until = NULL, "
                   "acked_at = ?, version = 2, event_seq = 2 WHERE id = ?"),
      put_usage_(database_.handle(), "INSERT OR REPLACE INTO portfolio_usage VALUES (?, ?, ?, ?, ?, ?)"),
      insert_batch_(database_.handle(), "order_batches", rows_.batch),
      insert_order_(database_.handle(), "orders", rows_.orders.front()),
      insert_key_(database_.handle(), "idempotency_keys", rows_.key),
      insert_event_(database_.handle(), "events", rows_.events.front()),
      insert_outbox_(database_.handle(), "INSERT INTO outbox (event_id) VALUES (?)"),
      last_batch_(last_of(database_.handle(), "batch")),
      last_order_(last_of(database_.handle(), "order")),
      last_event_(last_of(database_.handle(), "event")),
      seed_(scatter(static_cast<std::uint64_t>(last_batch_) + 1)),
      ext_order_id_(rows_.orders.front()["ext_order_id"].bytes) {
  for (Row& order : rows_.orders) take_answer_back(order);
  const auto& columns = rows_.orders.front().columns;
  for (const char* name : {"id", "batch_id", "client_order_id"}) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i] == name) order_at_.push_back(i);
    }
  }
}

void RawBook::write_event(Row& event) {
  event["id"].integer = ++last_event_;
  event["batch_id"].integer = last_batch_;
  insert_event_.run(event);
  insert_outbox_.bind(1, last_event_);
  insert_outbox_.run();
}

std::int64_t RawBook::write_accepted() {
  const std::int64_t first = last_order_ + 1;
  const std::uint64_t luck = scatter(++seed_);
  rows_.batch["id"].integer = ++last_batch_;
  rows_.batch["first_order_id"].integer = first;
  rows_.batch["last_order_id"].integer = last_order_ + static_cast<std::int64_t>(rows_.orders.size());
  write_key(rows_.batch["idempotency_key"].bytes, luck);
  insert_batch_.run(rows_.batch);
  for (Row& order : rows_.orders) {
    order.values[order_at_[0]].integer = ++last_order_;
    order.values[order_at_[1]].integer = last_batch_;
    write_hex(order.values[order_at_[2]].bytes, 2, 14, luck);
    insert_order_.run(order);
  }
  rows_.key["batch_id"].integer = last_batch_;
  write_key(rows_.key["key"].bytes, luck);
  insert_key_.run(rows_.key);
  for (std::size_t i = 0; i < rows_.usage.values.size(); ++i) {
    put_usage_.bind(static_cast<int>(i) + 1, rows_.usage.values[i]);
  }
  put_usage_.run();
  write_event(rows_.events[0]);
  return first;
}

void RawBook::write_result(std::int64_t first_order) {
  for (std::size_t i = 0; i < rows_.orders.size(); ++i) {
    write_hex(ext_order_id_, 0, 8, scatter(++seed_));
    write_hex(ext_order_id_, 24, 12, scatter(~seed_));
    acknowledge_.bind(1, ext_order_id_);
    acknowledge_.bind(2, rows_.orders[i]["created_at"].integer);
    acknowledge_.bind(3, first_order + static_cast<std::int64_t>(i));
    acknowledge_.run();
  }
  write_event(rows_.events[1]);
}

void RawBook::commit() {
  save_sequences_.bind(1, last_batch_);
  save_sequences_.bind(2, last_order_);
  save_sequences_.bind(3, last_event_);
  save_sequences_.run();
  commit_.run();
}

void RawBook::place() {
  begin();
  const std::int64_t first = write_accepted();
  commit();
  begin();
  write_result(first);
  commit();
}

void RawBook::place_grouped() {
  std::int64_t first = 0;
  grouped([&] { first = write_accepted(); });
  grouped([&] { write_result(first); });
}

void RawBook::grouped(Step& step) {
  grouping_.run(step, [this](const std::vector<Step*>& group) {
    begin();
    for (Step* one : group) (*one)();
    commit();
  });
}

void RawBook::fill(std::size_t batches, std::size_t unknown_every) {
  constexpr std::size_t kPerCommit = 50;
  Statement forget(database_.handle(), "UPDATE orders SET status = 2, ext_order_id = NULL WHERE id = ?");
  for (std::size_t done = 0; done < batches;) {
    begin();
    for (std::size_t i = 0; i < kPerCommit && done < batches; ++i, ++done) {
      const std::int64_t first = write_accepted();
      write_result(first);
      for (std::int64_t id = first; unknown_every != 0 && id <= last_order_; ++id) {
        if (id % static_cast<std::int64_t>(unknown_every) != 0) continue;
        forget.bind(1, id);
        forget.run();
      }
    }
    commit();
  }
}

}  // namespace orchestrator::bench
