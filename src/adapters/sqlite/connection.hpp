// One SQLite connection, its cached statements, and SQLite's result codes as Errors.
//
// The C interface is used directly: an order has 45 columns, and reading one must cost no more than the call.
// A Connection belongs to one thread at a time. Values reach SQL only as bound parameters.
#pragma once

#include <sqlite3.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "orchestrator/error.hpp"
#include "orchestrator/types.hpp"

namespace orchestrator::sqlite {

// The database as such refused: lock, disk, damage. It concerns everything in the transaction, whereas a
// plain Error concerns the statement at fault alone.
class DatabaseError : public Error {
 public:
  DatabaseError(ErrorCode code, const std::string& message, NextStep next_step, int result)
      : Error(code, message, next_step), result_(result) {}
  int result() const noexcept { return result_; }  // SQLite's extended code

 private:
  int result_;
};

// Throws what SQLite's `result` means for the file `path`: a DatabaseError, or Error(internal) for a
// statement that is wrong by itself. `db` may be null.
[[noreturn]] void throw_result(sqlite3* db, int result, const std::string& path);

// Whether a write failed for lack of space: full disk, quota, or file size limit.
bool is_full(sqlite3* db, int result);

// A text whose emptiness is stored as NULL.
template <class Text>
struct EmptyAsNull {
  Text& text;
};
template <class Text>
EmptyAsNull(Text&) -> EmptyAsNull<Text>;

class Connection;

// One use of a prepared statement; the statement is reset when the use ends.
class Query {
 public:
  Query(const Connection& connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  ~Query() { sqlite3_reset(statement_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Binds the next parameters, in order. Texts must live until the query has run.
  template <class... Values>
  Query& bind(const Values&... values) {
    (add(values), ...);
    return *this;
  }
  // Begins again with the first parameter, for the next run.
  Query& restart();

  [[nodiscard]] bool next();  // moves to the next row; false: there is none
  void run();                 // for statements that return no row
  // False: a row with the same unique key exists already, and nothing was written.
  [[nodiscard]] bool run_unless_exists();

  // Reads the next columns of this row, in order.
  template <class... Values>
  void read(Values&&... values) {
    (take(values), ...);
  }

 private:
  void add(std::int64_t value) { check(sqlite3_bind_int64(statement_, ++parameter_, value)); }
  void add(std::int32_t value) { add(static_cast<std::int64_t>(value)); }
  void add(bool value) { add(static_cast<std::int64_t>(value)); }
  void add(std::string_view text) {
    const char* bytes = text.data() == nullptr ? "" : text.data();  // a null pointer would bind NULL
    check(sqlite3_bind_text64(statement_, ++parameter_, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(std::nullopt_t) { check(sqlite3_bind_null(statement_, ++parameter_)); }
  template <class Text>
  void add(const EmptyAsNull<Text>& value) {
    value.text.empty() ? add(std::nullopt) : add(std::string_view(value.text));
  }
  void add(Timestamp at) { add(static_cast<std::int64_t>(at.time_since_epoch().count())); }
  void add(Date day) { add(static_cast<std::int64_t>(day.time_since_epoch().count())); }
  void add(Price value) { add(value.units()); }
  void add(Quantity value) { add(value.units()); }
  void add(Rate value) { add(value.units()); }
  void add(Money value) {
    add(value.whole());
    add(value.fraction());
  }
  void add(const std::array<std::byte, 32>& blob) {
    check(sqlite3_bind_blob(statement_, ++parameter_, blob.data(), static_cast<int>(blob.size()),
                            SQLITE_STATIC));
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void add(Enum value) { add(static_cast<std::int64_t>(value)); }
  template <class Value>
  void add(const std::optional<Value>& value) {
    if (value) return add(*value);
    add(std::nullopt);
    if constexpr (std::is_same_v<Value, Money>) add(std::nullopt);
  }

  std::int64_t take_integer() { return sqlite3_column_int64(statement_, column_++); }
  [[nodiscard]] bool is_null() const { return sqlite3_column_type(statement_, column_) == SQLITE_NULL; }
  void take(std::int64_t& value) { value = take_integer(); }
  void take(std::int32_t& value) { value = static_cast<std::int32_t>(take_integer()); }
  void take(bool& value) { value = take_integer() != 0; }
  void take(std::string& text) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column_));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_++));
    bytes == nullptr ? text.clear() : static_cast<void>(text.assign(bytes, size));
  }
  void take(EmptyAsNull<std::string>& value) { take(value.text); }
  void take(Timestamp& at) { at = Timestamp(std::chrono::microseconds(take_integer())); }
  void take(Date& day) { day = Date(std::chrono::days(take_integer())); }
  void take(Price& value) { value = Price::from_units(take_integer()); }
  void take(Quantity& value) { value = Quantity::from_units(take_integer()); }
  void take(Rate& value) { value = Rate::from_units(take_integer()); }
  void take(Money& value);
  void take(std::array<std::byte, 32>& blob);
  template <class Enum>
  requires std::is_enum_v<Enum>
  void take(Enum& value) { value = static_cast<Enum>(take_integer()); }
  template <class Value>
  void take(std::optional<Value>& value) {
    if (is_null()) {
      value.reset();
      column_ += std::is_same_v<Value, Money> ? 2 : 1;
      return;
    }
    Value present{};
    take(present);
    value = present;
  }

  void check(int result) const;
  [[noreturn]] void throw_damaged(const std::string& what) const;
  [[nodiscard]] int step() { return sqlite3_step(statement_); }

  const Connection& connection_;
  sqlite3_stmt* statement_;
  int parameter_ = 0;
  int column_ = 0;
};

class Connection {
 public:
  // `flags` are those of sqlite3_open_v2.
  Connection(const std::string& path, int flags, std::chrono::milliseconds busy_timeout);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Statements without parameters and results, several separated by semicolons.
  void execute(const char* sql);
  // A statement that is kept prepared, found again by the address of its text.
  [[nodiscard]] Query query(const char* sql);
  // The same for text that is put together from fixed fragments, found again by its content.
  [[nodiscard]] Query query(const std::string& sql);
  // The first column of the first row; 0 and "" without one. Not kept prepared.
  [[nodiscard]] std::int64_t integer(const char* sql);
  [[nodiscard]] std::string text(const char* sql);

  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(db_); }
  [[nodiscard]] std::int64_t total_changes() const { return sqlite3_total_changes64(db_); }
  // Differs after every commit to the database, of whatever connection or process. Within a transaction it is
  // that of what the transaction sees. Nothing: not known.
  [[nodiscard]] std::optional<std::uint32_t> data_version() const;
  [[nodiscard]] sqlite3* handle() const { return db_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  // Leaves everything as it is: the connection belongs to the parent of a forked process.
  void abandon() { db_ = nullptr; }

 private:
  sqlite3_stmt* prepare(std::string_view sql, unsigned flags);
  void finalize_built();

  std::string path_;
  sqlite3* db_ = nullptr;
  std::unordered_map<const char*, sqlite3_stmt*> fixed_;
  std::unordered_map<std::string, sqlite3_stmt*> built_;
};

}  // namespace orchestrator::sqlite
