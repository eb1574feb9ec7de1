// Rows of the file in the form of core/book_tables.hpp.

#include "adapters/sqlite/book_source.hpp"

#include "adapters/sqlite/database_file.hpp"
#include "adapters/sqlite/schema.hpp"
#include "core/sha256.hpp"

namespace orchestrator::sqlite {
namespace {

constexpr std::size_t kPageBytesMax = std::size_t{4} * 1024 * 1024;

std::string select_sql(const BookTable& table, bool from_first) {
  std::string columns;
  std::string keys;
  std::string marks;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string name(table.columns[i].name);
    columns += (i == 0 ? "" : ", ");
    columns += table.columns[i].kind == ColumnKind::kMoney ? name + "_whole, " + name + "_fraction" : name;
    if (i >= table.keys) continue;
    keys += (i == 0 ? "" : ", ") + name;
    marks += i == 0 ? "?" : ", ?";
  }
  return "SELECT " + columns + " FROM " + std::string(table.name) +
         (from_first ? "" : " WHERE (" + keys + ") > (" + marks + ")") + " ORDER BY " + keys;
}

template <class Value, class ToText>
std::optional<std::string> read_as(Query& query, ToText&& to_text) {
  std::optional<Value> value;
  query.read(value);
  if (!value) return std::nullopt;
  return to_text(*value);
}

std::optional<std::string> read_value(Query& query, ColumnKind kind) {
  const auto digits = [](std::int64_t number) { return std::to_string(number); };
  const auto decimal = [](const auto& value) { return value.to_string(); };
  switch (kind) {
    case ColumnKind::kInteger:
    case ColumnKind::kBoolean:
      return read_as<std::int64_t>(query, digits);
    case ColumnKind::kDecimal:
      return read_as<Price>(query, decimal);
    case ColumnKind::kMoney:
      return read_as<Money>(query, decimal);
    case ColumnKind::kBytes:
      return read_as<std::array<std::byte, 32>>(query,
                                                [](const auto& bytes) { return "\\x" + to_hex(bytes); });
    case ColumnKind::kOptional:
    case ColumnKind::kText:
      break;
  }
  auto text = read_as<std::string>(query, [](std::string& words) { return std::move(words); });
  if (!text && kind == ColumnKind::kOptional) text.emplace();
  return text;
}

// Nobody else may have it open, not even to read; a lock that a killed process held is gone with it. The mode
// counts for a write-ahead log only when it is set before the connection has read anything.
void lock_alone(Connection& connection) {
  try {
    connection.execute("PRAGMA locking_mode = EXCLUSIVE");
    static_cast<void>(connection.integer("SELECT count(*) FROM sqlite_master"));
  } catch (const DatabaseError& error) {
    if (error.code() != ErrorCode::kStorageBusy) throw;
    throw Error(ErrorCode::kStorageBusy,
                "database " + connection.path() +
                    ": another program has it open; stop every program that uses it, "
                    "then copy");
  }
}

}  // namespace

BookSource::BookSource(const SqliteOptions& options) {
  prepare_file(options);
  // First with a connection that leaves no trace, because the file may be another program's.
  if (const int version = schema_version(*open_reader(options.path, options.busy_timeout));
      version != latest_schema_version()) {
    throw Error(ErrorCode::kSchemaOutdated,
                "database " + options.path + ": has schema version " + std::to_string(version) +
                    ", a copy needs " + std::to_string(latest_schema_version()) + "; run `migrate up`");
  }
  lock_file_ = std::make_unique<LockFile>(lock_path(options.path), file_mode(options.path));
  turn_ = std::make_unique<LockFile::Turn>(*lock_file_, options.busy_timeout);
  connection_ = std::make_unique<Connection>(options.path, SQLITE_OPEN_READWRITE, options.busy_timeout);
  lock_alone(*connection_);
  connection_->execute("PRAGMA query_only = ON; PRAGMA cell_size_check = ON");
  refuse_while_sending();
}

// Its lease is one of this machine and its sender is gone: only here can it be known as abandoned.
void BookSource::refuse_while_sending() {
  const auto sending = connection_->integer("SELECT count(*) FROM orders WHERE status = 1");
  if (sending == 0) return;
  throw Error(ErrorCode::kInvalidState, "database " + connection_->path() + ": orders that are being sent: " +
                                            std::to_string(sending) + "; run `recover` on it, then copy");
}

std::size_t BookSource::count(const BookTable& table) {
  const std::string sql = "SELECT count(*) FROM " + std::string(table.name);
  return static_cast<std::size_t>(connection_->integer(sql.c_str()));
}

std::vector<BookRow> BookSource::page(const BookTable& table, const BookRow& after, std::size_t limit) {
  Query query = connection_->query(select_sql(table, after.empty()));
  for (std::size_t i = 0; i < after.size(); ++i) {
    table.columns[i].kind == ColumnKind::kInteger ? query.bind(std::int64_t{std::stoll(*after[i])})
                                                  : query.bind(*after[i]);
  }
  std::vector<BookRow> rows;
  std::size_t bytes = 0;
  while (rows.size() < limit && bytes < kPageBytesMax && query.next()) {
    BookRow& row = rows.emplace_back();
    row.reserve(table.columns.size());
    for (const BookColumn& column : table.columns) {
      row.push_back(read_value(query, column.kind));
      if (row.back()) bytes += row.back()->size();
    }
  }
  return rows;
}

BookNumbers BookSource::numbers() {
  BookNumbers last;
  Query query = connection_->query("SELECT batch, \"order\", event, inbox, routing_rule FROM sequences");
  if (query.next()) {
    query.read(last.batch, last.order, last.event, last.inbox, last.routing_rule);
  }
  return last;
}

}  // namespace orchestrator::sqlite
