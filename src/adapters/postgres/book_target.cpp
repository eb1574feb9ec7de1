// Rows of the tables in the form of core/book_tables.hpp; see the header.

#include "adapters/postgres/book_target.hpp"

#include "adapters/postgres/controls.hpp"
#include "core/failpoint.hpp"

namespace orchestrator::postgres {
namespace {

std::string type_of(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kInteger:
      return "bigint";
    case ColumnKind::kBoolean:
      return "boolean";
    case ColumnKind::kDecimal:
    case ColumnKind::kMoney:
      return "numeric";
    case ColumnKind::kText:
    case ColumnKind::kOptional:
      return "text";
    case ColumnKind::kBytes:
      return "bytea";
  }
  return {};
}

std::string expression_of(const BookColumn& column) {
  const std::string name(column.name);
  if (column.kind == ColumnKind::kBoolean) return name + "::integer";
  const bool decimal = column.kind == ColumnKind::kDecimal || column.kind == ColumnKind::kMoney;
  return decimal ? "trim_scale(" + name + ")" : name;
}

// Text is sorted by the database's collation unless told otherwise.
std::string key_expression(const BookColumn& column) {
  return std::string(column.name) + (column.kind == ColumnKind::kText ? " COLLATE \"C\"" : "");
}

// Texts of the table's columns, separated by commas.
template <class ToText>
std::string list_of(std::span<const BookColumn> columns, ToText&& to_text) {
  std::string list;
  for (std::size_t i = 0; i < columns.size(); ++i) list += (i == 0 ? "" : ", ") + to_text(columns[i], i + 1);
  return list;
}

std::string keys_of(const BookTable& table) {
  return list_of(table.columns.first(table.keys),
                 [](const BookColumn& column, std::size_t) { return key_expression(column); });
}

std::string select_sql(const BookTable& table, bool from_first, std::size_t limit) {
  const auto expression = [](const BookColumn& column, std::size_t) { return expression_of(column); };
  const auto parameter = [](const BookColumn& column, std::size_t number) {
    return "$" + std::to_string(number) + "::" + type_of(column.kind);
  };
  const std::string keys = keys_of(table);
  std::string sql = "SELECT " + list_of(table.columns, expression) + " FROM " + std::string(table.name);
  if (!from_first) {
    sql += " WHERE (" + keys + ") > (" + list_of(table.columns.first(table.keys), parameter) + ")";
  }
  return sql + " ORDER BY " + keys + " LIMIT " + std::to_string(limit);
}

std::string insert_sql(const BookTable& table) {
  const auto name = [](const BookColumn& column, std::size_t) { return std::string(column.name); };
  const auto array = [](const BookColumn& column, std::size_t number) {
    return "$" + std::to_string(number) + "::" + type_of(column.kind) + "[]";
  };
  return "INSERT INTO " + std::string(table.name) + " (" + list_of(table.columns, name) +
         ") OVERRIDING SYSTEM VALUE SELECT * FROM unnest(" + list_of(table.columns, array) +
         ") ON CONFLICT DO NOTHING";
}

std::vector<BookRow> read_rows(const Result& result, std::size_t columns) {
  std::vector<BookRow> rows(result.size(), BookRow(columns));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      if (const auto text = result.value(row, column)) rows[row][column].emplace(*text);
    }
  }
  return rows;
}

// `sequence` gives numbers above `last` and above those of the table from now on.
std::string go_on_above(const std::string& sequence, std::int64_t last, const std::string& table) {
  const std::string above = "greatest(" + std::to_string(last) + ", (SELECT max(id) FROM " + table + "), 0)";
  return "SELECT setval(" + sequence + ", greatest(" + above + ", 1), " + above + " > 0); ";
}

std::string identity_of(const std::string& table) { return "pg_get_serial_sequence('" + table + "', 'id')"; }

std::string mark_sql(const char* mark) {
  return std::string("COMMENT ON TABLE schema_migrations IS '") + mark + "'";
}

}  // namespace

BookTarget::BookTarget(const PostgresOptions& options) : options_(options), connection_(options) {
  if (content_of(connection_) == Content::kNothing) {
    migrate_to(connection_, options_, latest_schema_version());
  }
  if (const int version = applied_version(connection_); version != latest_schema_version()) {
    throw Error(ErrorCode::kSchemaOutdated,
                "database " + connection_.location() + ": has schema version " + std::to_string(version) +
                    ", a copy needs " + std::to_string(latest_schema_version()) + "; empty the database");
  }
}

bool BookTarget::is_empty() {
  std::string sql;
  for (const BookTable& table : book_tables()) {
    if (table.name == "broker_connector_configs")
      continue;  // migrations put two there, and the trail tells of more
    sql += (sql.empty() ? "SELECT NOT EXISTS (SELECT FROM " : " AND NOT EXISTS (SELECT FROM ") +
           std::string(table.name) + ")";
  }
  const Result result = connection_.query(sql);
  bool empty = false;
  Cursor row(result);
  if (row.next()) row.read(empty);
  return empty;
}

Content BookTarget::content() {
  const Content content = content_of(connection_);
  return content == Content::kBook && is_empty() ? Content::kNothing : content;
}

// Who has the empty database open cannot become a sender until the copy is finished.
void BookTarget::begin() {
  Transaction transaction(connection_, options_, ControlLock::kExclusive);
  if (transaction.query("SELECT FROM owners LIMIT 1").size() != 0) {
    throw Error(ErrorCode::kInvalidState,
                "database " + connection_.location() +
                    ": a process has sent from it already; stop it, and name a database made anew");
  }
  transaction.run("ALTER TABLE owners ADD CONSTRAINT a_copy_is_not_finished CHECK (id IS NULL)");
  transaction.run("DELETE FROM broker_connector_configs");
  transaction.run(kReferenceChange);  // for a process that had the database open while it was empty
  transaction.run(mark_sql(kBeingCopied));
  transaction.commit();
  ORCHESTRATOR_FAILPOINT("copy.begun");
}

BookRow BookTarget::last_key(const BookTable& table) {
  const auto descending = [](const BookColumn& column, std::size_t) {
    return key_expression(column) + " DESC";
  };
  const auto name = [](const BookColumn& column, std::size_t) { return std::string(column.name); };
  const auto keys = table.columns.first(table.keys);
  const auto rows =
      read_rows(connection_.query("SELECT " + list_of(keys, name) + " FROM " + std::string(table.name) +
                                  " ORDER BY " + list_of(keys, descending) + " LIMIT 1"),
                table.keys);
  return rows.empty() ? BookRow() : rows.front();
}

std::vector<BookRow> BookTarget::page(const BookTable& table, const BookRow& after, std::size_t limit) {
  Parameters parameters;
  for (const auto& value : after) parameters.add(value);
  return read_rows(connection_.query(select_sql(table, after.empty(), limit), parameters),
                   table.columns.size());
}

void BookTarget::append(const BookTable& table, const std::vector<BookRow>& rows) {
  RowArrays arrays;
  for (const BookRow& row : rows) {
    arrays.begin_row();
    for (const auto& value : row) arrays.add(value);
  }
  Parameters parameters;
  arrays.move_to(parameters, table.columns.size());
  Transaction transaction(connection_, options_, ControlLock::kNone);
  transaction.run(insert_sql(table), parameters);
  ORCHESTRATOR_FAILPOINT("copy.page");
  transaction.commit();
}

void BookTarget::finish(const BookNumbers& last) {
  Transaction transaction(connection_, options_, ControlLock::kExclusive);
  transaction.run("ALTER TABLE owners DROP CONSTRAINT a_copy_is_not_finished");
  transaction.run(mark_sql(kOurs));
  connection_.script(go_on_above("'batch_ids'", last.batch, "order_batches") +
                     go_on_above("'order_ids'", last.order, "orders") +
                     go_on_above("'event_ids'", last.event, "events") +
                     go_on_above(identity_of("inbox"), last.inbox, "inbox") +
                     go_on_above(identity_of("routing_rules"), last.routing_rule, "routing_rules") +
                     go_on_above(identity_of("executions"), 0, "executions") +
                     go_on_above(identity_of("broker_connector_configs"), 0, "broker_connector_configs"));
  ORCHESTRATOR_FAILPOINT("copy.finish");
  transaction.commit();
}

}  // namespace orchestrator::postgres
