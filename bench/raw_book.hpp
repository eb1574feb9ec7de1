// The reference: the same rows in the same schema, written through the sqlite3 C interface with prepared
// statements, and nothing else. No validation, no key look-up, no broker.
//
// The rows are copied from a batch that the orchestrator itself placed, so both sides write the same columns,
// indexes and outbox rows of the same size by construction; ids and unique texts are made new for each batch.
// A batch costs two commits: everything as accepted and claimed, then the broker's answers.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "grouping.hpp"

namespace orchestrator::bench {

struct Value {
  int type = SQLITE_NULL;
  std::int64_t integer = 0;
  std::string bytes = {};
};

struct Row {
  std::vector<std::string> columns;
  std::vector<Value> values;
  Value& operator[](const std::string& column);
};

// One placed batch, row by row.
struct BatchRows {
  Row batch;
  Row key;
  Row usage;
  std::vector<Row> events;  // of the acceptance, of the result
  std::vector<Row> orders;  // with the broker's answers
};
[[nodiscard]] BatchRows read_batch_rows(const std::filesystem::path& database, std::int64_t batch_id);

class Statement {
 public:
  Statement(sqlite3* db, const std::string& sql);
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int at, std::int64_t value) { sqlite3_bind_int64(statement_, at, value); }
  void bind(int at, const std::string& text) {
    sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  void bind(int at, const Value& value);
  [[nodiscard]] bool step();  // false: no (further) row
  void run();                 // to the end, and ready for the next run
  void reset() { sqlite3_reset(statement_); }
  [[nodiscard]] sqlite3_stmt* handle() const { return statement_; }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

class Database {
 public:
  // With the settings of our own writer, foreign keys included; readers get those of our readers.
  explicit Database(const std::filesystem::path& path);
  ~Database() { sqlite3_close_v2(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  [[nodiscard]] sqlite3* handle() const { return db_; }
  void execute(const char* sql);

 private:
  sqlite3* db_ = nullptr;
};

class RawBook {
 public:
  // Makes the file with our migrations, or goes on with it.
  RawBook(const std::filesystem::path& path, BatchRows rows);

  // One caller: two commits.
  void place();
  // One of many callers: the same two steps, each in one commit with those of the others that wait.
  void place_grouped();
  // `batches` batches, many to a commit: to fill a database. `unknown_every`: every so many orders are left
  // in doubt instead of acknowledged; 0: none.
  void fill(std::size_t batches, std::size_t unknown_every);

 private:
  struct Inserter {
    Inserter(sqlite3* db, const std::string& table, const Row& row);
    void run(const Row& row);
    std::unique_ptr<Statement> statement;
  };
  using Step = const std::function<void()>;

  std::int64_t write_accepted();  // the first order's id
  void write_result(std::int64_t first_order);
  void write_event(Row& event);
  void begin() { begin_.run(); }
  void commit();
  void grouped(Step& step);

  Database database_;
  BatchRows rows_;
  Statement begin_;
  Statement commit_;
  Statement save_sequences_;
  Statement acknowledge_;
  Statement put_usage_;
  Inserter insert_batch_;
  Inserter insert_order_;
  Inserter insert_key_;
  Inserter insert_event_;
  Statement insert_outbox_;
  std::int64_t last_batch_ = 0;
  std::int64_t last_order_ = 0;
  std::int64_t last_event_ = 0;
  std::uint64_t seed_;
  std::string ext_order_id_;
  std::vector<std::size_t> order_at_;  // columns of an order that change from batch to batch
  Grouping<Step> grouping_;
};

}  // namespace orchestrator::bench
