// The list of tables that a copy goes by, against the schema as the migrations make it.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "adapters/sqlite/connection.hpp"
#include "core/book_tables.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;

namespace {

using Columns = std::set<std::string>;

Columns columns_of(sqlite::Connection& connection, const std::string& table) {
  Columns columns;
  auto row = connection.query("SELECT name FROM pragma_table_info('" + table + "')");
  while (row.next()) {
    std::string name;
    row.read(name);
    columns.insert(name);
  }
  return columns;
}

Columns listed(const BookTable& table) {
  Columns columns;
  for (const BookColumn& column : table.columns) {
    const std::string name(column.name);
    if (column.kind == ColumnKind::kMoney) {
      columns.insert({name + "_whole", name + "_fraction"});
    } else {
      columns.insert(name);
    }
  }
  return columns;
}

}  // namespace

TEST_CASE("a copy knows every table and column of the SQLite schema, or why it needs it not") {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  sqlite_migrate({.path = path});
  sqlite::Connection connection(path, SQLITE_OPEN_READONLY, std::chrono::milliseconds(0));

  // What follows from other columns, and what belongs to a file or its senders.
  const std::map<std::string, Columns> derived = {{"order_batches", {"first_order_id", "last_order_id"}},
                                                  {"orders", {"ext_key"}}};
  Columns expected = {"schema_migrations", "sequences", "unindexed_brokers"};

  for (const BookTable& table : book_tables()) {
    const std::string name(table.name);
    CAPTURE(name);
    Columns columns = listed(table);
    if (const auto more = derived.find(name); more != derived.end())
      columns.insert(more->second.begin(), more->second.end());
    CHECK(columns == columns_of(connection, name));
    expected.insert(name);
  }
  Columns tables;
  auto row = connection.query("SELECT name FROM sqlite_master WHERE type = 'table'");
  while (row.next()) {
    std::string name;
    row.read(name);
    tables.insert(name);
  }
  CHECK(tables == expected);
}
