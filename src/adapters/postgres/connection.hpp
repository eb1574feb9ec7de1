// One PostgreSQL connection, its results, and what its failures mean.
//
// Only connection.cpp and link.hpp know libpqxx and libpq, whose generations differ in names. A Connection
// belongs to one thread at a time. Nothing that matters is kept in the session (no session locks, no
// settings), so that a pooler may give every transaction another one; and what a session is left with of ours
// are prepared statements alone, which are given up where a pooler does not carry them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/values.hpp"
#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::postgres {

// A statement or connection failed. The transaction, if one was open, is undone or will be; only a failure of
// COMMIT itself can leave that open, see Transaction::commit.
class DatabaseError : public Error {
 public:
  enum class Kind : std::uint8_t {
    kRefused,    // running the unit again would end the same way
    kRace,       // a deadlock or serialization failure: the whole unit runs again
    kLost,       // the connection is gone
    kTooLong,    // a lock was not had, or a statement not done, in time
    kSilent,     // the server did not answer in time, and the connection was closed
    kOvertaken,  // what a statement does must not stand, by its own condition: see condition_sql()
  };
  DatabaseError(ErrorCode code, const std::string& message, Kind kind) : Error(code, message), kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  // What was sent last may have been done.
  [[nodiscard]] bool lost() const noexcept { return kind_ == Kind::kLost || kind_ == Kind::kSilent; }

 private:
  Kind kind_;
};

class Result {
 public:
  struct Rows;  // libpqxx's
  explicit Result(std::unique_ptr<Rows> rows);
  ~Result();
  Result(Result&& other) noexcept;
  Result& operator=(Result&& other) noexcept;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::int64_t affected() const;
  [[nodiscard]] std::optional<std::string_view> value(std::size_t row, std::size_t column) const;

 private:
  std::unique_ptr<Rows> rows_;
};

// Walks through a result. The values of a row are read in the order of its columns.
class Cursor {
 public:
  explicit Cursor(const Result& result) : result_(result) {}
  [[nodiscard]] bool next() {
    column_ = 0;
    return row_++ < result_.size();
  }
  template <class... Values>
  void read(Values&&... values) {
    (take(values), ...);
  }

 private:
  template <class Value>
  void take(Value& value) {
    const auto text = result_.value(row_ - 1, column_++);
    if (!text) throw_damaged("nothing where there is a value: a row");
    parse_value(*text, value);
  }
  template <class Value>
  void take(std::optional<Value>& value) {
    const auto text = result_.value(row_ - 1, column_++);
    value.reset();
    if (text) parse_value(*text, value.emplace());
  }

  const Result& result_;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
};

class AnswerWatch;

// One of several that are sent together.
struct Statement {
  const std::string* sql;
  const Parameters* parameters = nullptr;  // null: it has none
  bool planned_once = true;                // see query_prepared()
};

class Connection {
 public:
  // Throws Error as open_postgres_store does.
  explicit Connection(const PostgresOptions& options);
  // With the watch of a pool, which lives longer.
  Connection(const PostgresOptions& options, AnswerWatch* watch);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One statement. Throws DatabaseError.
  [[nodiscard]] Result query(const std::string& sql, const Parameters& parameters = {});
  void run(const std::string& sql, const Parameters& parameters = {}) {
    static_cast<void>(query(sql, parameters));
  }
  // The same, planned once: for statements that come again and again, inside transactions, whose settings let
  // the plan not depend on how much the tables held when it was made, or on tables that do not grow.
  [[nodiscard]] Result query_prepared(const std::string& sql, const Parameters& parameters);
  // The same of several statements, in one round trip where the libraries can; after one that failed the rest
  // is not run. `done` takes the results of those that were done, also when this throws.
  void query_all(std::span<const Statement> statements, std::vector<Result>& done);
  // Several statements in one round trip, without parameters.
  void script(const std::string& sql);
  // Throws DatabaseError as well when there was no transaction that could be committed: then nothing was.
  void commit();
  // Throws DatabaseError when none is open or a statement of it failed: then a COMMIT would be no error.
  void require_transaction();
  // From here on, and no longer: then the connection is closed. Zero: for as long as it takes.
  void wait_for_answers(std::chrono::milliseconds patience);

  // Which of the hosts it is connected to: host:port/database.
  [[nodiscard]] std::string location() const;
  // False: it must not be used again.
  [[nodiscard]] bool usable() const;
  // No transaction is open in it, so that somebody else may have it.
  [[nodiscard]] bool idle() const;
  // A pooler stands before the server and gives the session to others as well, as far as can be told.
  [[nodiscard]] bool is_shared() const;
  // For a thread of its own that waits at socket(), and uses nothing else of these once it does.
  // Sends a statement of which nobody wants an answer. False: the one before is not done.
  bool try_send(const std::string& sql);
  // Whether another session has notified this one since it was asked last. Throws DatabaseError.
  [[nodiscard]] bool hears();
  [[nodiscard]] int socket() const;
  // Leaves the socket as it is: it belongs to the parent of a forked process.
  void abandon();

 private:
  struct Session;
  class Pipeline;
  void set_for_reads(const PostgresOptions& options);

  std::unique_ptr<Session> session_;
};

}  // namespace orchestrator::postgres
