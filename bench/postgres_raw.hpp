// The reference on PostgreSQL: the same rows in the same schema, through libpq, and nothing else. No
// validation, no key look-up, no broker.
//
// A commit is one pipeline: BEGIN, one prepared statement for each table with an array for each column,
// COMMIT; one round trip. The rows are copied from a batch that the orchestrator itself placed, as in
// raw_book.hpp. Ids are counted here and not drawn from the sequences, which spares the reference a question.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "grouping.hpp"

namespace orchestrator::bench {

class PostgresLink {
 public:
  using Row = std::vector<std::optional<std::string>>;

  explicit PostgresLink(const std::string& url);
  ~PostgresLink() { PQfinish(connection_); }
  PostgresLink(const PostgresLink&) = delete;
  PostgresLink& operator=(const PostgresLink&) = delete;

  std::vector<Row> query(const std::string& sql);
  void prepare(const std::string& name, const std::string& sql);
  // Sends a prepared statement, and does not wait for its result.
  void send(const char* name, const std::vector<std::string>& parameters = {});
  // Waits for all that were sent since the last time.
  void finish();

 private:
  [[noreturn]] void fail();

  PGconn* connection_;
};

// Makes schemas, and drops them when it ends.
class PostgresSchemas {
 public:
  explicit PostgresSchemas(std::string url) : url_(std::move(url)), link_(url_) {}
  ~PostgresSchemas();
  PostgresSchemas(const PostgresSchemas&) = delete;
  PostgresSchemas& operator=(const PostgresSchemas&) = delete;
  // The URL of a new, empty schema.
  [[nodiscard]] std::string make();

 private:
  std::string url_;
  PostgresLink link_;
  std::vector<std::string> names_;
};

// Rows of one table.
struct PostgresRows {
  std::string table;
  std::vector<std::string> columns;
  std::vector<std::string> types;
  std::vector<PostgresLink::Row> rows;
  std::optional<std::string>& at(std::size_t row, const std::string& column);
};

// One placed batch.
struct PostgresBatch {
  PostgresRows batch;
  PostgresRows key;
  PostgresRows usage;
  PostgresRows events;  // of the acceptance, of the result
  PostgresRows orders;  // with the broker's answers
};
[[nodiscard]] PostgresBatch read_postgres_batch(const std::string& url, std::int64_t batch_id);

class PostgresRawBook {
 public:
  // In a schema with our migrations, which it makes or goes on with. Portfolios are spread over `writers`
  // connections, so that no two of them wait for one row.
  PostgresRawBook(const std::string& url, const PostgresBatch& sample, std::size_t writers);
  ~PostgresRawBook();
  PostgresRawBook(const PostgresRawBook&) = delete;
  PostgresRawBook& operator=(const PostgresRawBook&) = delete;

  // One caller: two commits.
  void place();
  // One of many callers: the same two steps, each in one commit with those of the others that wait.
  void place_grouped(std::uint64_t caller);
  // Many batches to a commit, to fill a database, which is vacuumed afterwards and has its sequences set.
  void fill(std::size_t batches);

 private:
  struct Batch;
  struct Writer;
  class Table;

  [[nodiscard]] Batch next_batch(std::int64_t portfolio);
  void write(Writer& writer, const std::vector<Batch*>& batches);
  void make_tables(const PostgresBatch& sample);

  std::string url_;
  std::size_t orders_;
  std::vector<std::unique_ptr<Table>> tables_;  // accepted batches are inserted into these, in this order
  std::unique_ptr<Table> answers_;
  std::unique_ptr<Table> result_event_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::atomic<std::int64_t> last_batch_{0};
  std::atomic<std::int64_t> last_order_{0};
  std::atomic<std::int64_t> last_event_{0};
  std::uint64_t seed_ = 0;
};

}  // namespace orchestrator::bench
