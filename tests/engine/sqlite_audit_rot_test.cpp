// Rot inside a value, which the file's own check cannot see: one bit of every column of every row of a small
// book, and one character of every member of its events, is turned over in turn, and the audit has to see it.
//
// What it cannot see is listed here, each with the reason; a column that is added to the tables is either
// seen or has to be argued for.

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "adapters/sqlite/connection.hpp"
#include "support/sqlite_desk.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using namespace orchestrator::testing;

namespace {

const std::set<std::string>& unseen() {
  static const std::set<std::string> kColumns = {
      // Counters for compare-and-set: whoever reads a row compares with what the row itself says.
      "orders.version", "order_batches.version",
      // Instants that are kept in the row alone; that they are there at all is checked.
      "orders.acked_at", "orders.ended_at", "orders.settled_at", "orders.submitted_at",
      // The lease of a claim is the claim's alone; an order without a claim must have none.
      "orders.lease_owner", "orders.lease_until",
      // What was asked of the broker and is not answered stands nowhere else; the status says that it was.
      "orders.pending_qty", "orders.pending_price_limit",
      // The connector's account when the execution was recorded, which no event names.
      "executions.account",
      // A position: what counts is the order of the rows.
      "executions.id",
      // The time of a step that neither places nor executes stands in its log row alone.
      "events.at",
      // From the time to live of the process that accepted; it only has to lie after the acceptance.
      "idempotency_keys.expires_at"};
  return kColumns;
}

// Where a row goes whose own number is changed: no other row is there.
constexpr std::int64_t kElsewhere = 4096;

// A book with every kind of row: filled, changed, cancelled after an execution, waiting and in doubt.
struct Book {
  Book() : desk(path, broker), look(path, SQLITE_OPEN_READWRITE, std::chrono::milliseconds(20'000)) {
    look.execute("PRAGMA ignore_check_constraints = ON");
    desk.store->put_limits({.portfolio_id = 1, .margin_available = Money::from_int(1'000'000)});
    BatchRequest request = SqliteDesk::batch("k1", 5);
    request.user_id = 7;
    broker.fates = {Fate::kAccept, Fate::kAccept, Fate::kAccept, Fate::kAccept, Fate::kLostAfterAccept};
    desk.oms->place(request);
    trade(1, "E1", 60, 10);
    trade(1, "E2", 40, 9);
    desk.oms->replace(2, Quantity::from_int(150), std::nullopt);
    BrokerReport replaced = broker.report(BrokerReport::Kind::kReplaced, id_of(2));
    replaced.qty = Quantity::from_int(150);
    replaced.price_limit = Price::from_int(10);
    desk.oms->apply(replaced);
    trade(3, "E3", 10, 10);
    BrokerReport cancelled = broker.report(BrokerReport::Kind::kCancelled, id_of(3));
    cancelled.reason = "by the exchange";
    desk.oms->apply(cancelled);
    desk.oms->replace(4, Quantity::from_int(120), Price::from_int(11));
    desk.oms->place(SqliteDesk::batch("k2"));
    trade(6, "E4", 100, 10);
    broker.fates = {Fate::kNotSent};
    desk.oms->place(SqliteDesk::batch("k3"));
    desk.store->claim({.owner = 12,
                       .now = desk.clock->now(),
                       .lease_until = desk.clock->monotonic() + std::chrono::seconds(30)});
    desk.oms->settle(Date{std::chrono::days(30'000)});
  }

  using Fate = ScriptedBroker::Fate;
  [[nodiscard]] std::string id_of(OrderId id) const { return desk.oms->get_order(id).client_order_id; }
  void trade(OrderId id, const std::string& execution_id, int qty, int price) {
    BrokerReport report =
        broker.trade(id_of(id), execution_id, Quantity::from_int(qty), Price::from_int(price));
    report.execution.fees = Money::from_string("1.25");
    desk.oms->apply(report);
  }

  [[nodiscard]] bool clean() const { return desk.oms->audit().clean(); }

  // Whether the audit sees that `expression` stands in place of the value; puts it back.
  [[nodiscard]] bool sees(const std::string& table, const std::string& column, std::int64_t row,
                          const std::string& expression) {
    const auto put = [&](const std::string& value, const std::string& where) {
      look.execute(("UPDATE " + table + " SET \"" + column + "\" = " + value + " WHERE " + where).c_str());
    };
    const std::string is_it = "rowid = " + std::to_string(row);
    look.execute("DROP TABLE IF EXISTS temp.kept");
    look.execute(
        ("CREATE TEMP TABLE kept AS SELECT \"" + column + "\" AS value FROM " + table + " WHERE " + is_it)
            .c_str());
    put(expression, is_it);
    const bool seen = !clean();
    put("(SELECT value FROM kept)", is_it + " OR rowid = " + std::to_string(row + kElsewhere));
    return seen;
  }

  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  ScriptedBroker broker{BrokerClass::kEnforced};
  SqliteDesk desk;
  sqlite::Connection look;
};

// The same of events' members.
const std::set<std::string>& told_once() {
  static const std::set<std::string> kMembers = {
      // Held for the order when it was placed; what it holds now is summed up with its portfolio's.
      "order.placed margin_reserved"};
  return kMembers;
}

std::string hex(const std::string& bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

struct Column {
  std::string name;
  std::string type;
};

std::vector<Column> columns_of(sqlite::Connection& look, const std::string& table) {
  std::vector<Column> columns;
  auto row = look.query(std::string("SELECT name, type FROM pragma_table_info('") + table + "')");
  while (row.next()) {
    Column& column = columns.emplace_back();
    row.read(column.name, column.type);
  }
  return columns;
}

// One bit of the value in this column; a row's own number moves to where no other row is.
std::string rotten(const Column& column, bool key) {
  const std::string name = '"' + column.name + '"';
  if (key) return name + " + " + std::to_string(kElsewhere);
  if (column.type == "INTEGER") return "(" + name + " | 1) - (" + name + " & 1)";
  if (column.type == "BLOB") return "CAST(x'00' || substr(" + name + ", 2) AS BLOB)";
  return "char(unicode(" + name + ") + 1) || substr(" + name + ", 2)";
}

std::vector<std::int64_t> rows_with(sqlite::Connection& look, const std::string& table,
                                    const Column& column) {
  std::vector<std::int64_t> rows;
  auto row = look.query("SELECT rowid FROM " + table + " WHERE \"" + column.name + "\" IS NOT NULL AND \"" +
                        column.name + "\" IS NOT ''");
  while (row.next()) row.read(rows.emplace_back());
  return rows;
}

// The names in `names` that are not in `others`.
std::string without(const std::set<std::string>& names, const std::set<std::string>& others) {
  std::string left;
  for (const std::string& name : names) {
    if (!others.contains(name)) left += name + "\n";
  }
  return left;
}

}  // namespace

TEST_CASE(
    "a bit that turned over in any column is seen, but for those with nothing to compare with (row 17)") {
  Book book;
  REQUIRE(book.clean());
  std::set<std::string> missed;
  for (const std::string table : {"orders", "executions", "order_batches", "idempotency_keys", "events"}) {
    for (const Column& column : columns_of(book.look, table)) {
      const std::string name = table + "." + column.name;
      for (const std::int64_t row : rows_with(book.look, table, column)) {
        const bool key = column.name == "id" || name == "idempotency_keys.batch_id";
        if (!book.sees(table, column.name, row, rotten(column, key))) missed.insert(name);
      }
    }
  }
  CHECK(without(missed, unseen()) == "");
  CHECK(without(unseen(), missed) == "");
  CHECK(book.clean());
}

TEST_CASE(
    "a character that turned over in any member of any event is seen, but for those told only once (row "
    "17)") {
  Book book;
  std::set<std::string> missed;
  auto row = book.look.query("SELECT id, lines FROM events");
  std::vector<std::pair<std::int64_t, std::string>> rows;
  while (row.next()) {
    auto& [id, lines] = rows.emplace_back();
    row.read(id, lines);
  }
  for (const auto& [id, lines] : rows) {
    for (std::size_t at = lines.find("\":"); at != std::string::npos; at = lines.find("\":", at + 2)) {
      const std::size_t name = lines.rfind('"', at - 1) + 1;
      const bool text = lines[at + 2] == '"';
      const std::size_t end = text ? lines.find('"', at + 3) : lines.find_first_of(",}", at + 2);
      if (end == at + 3 && text) continue;
      std::string rotten = lines;
      rotten[end - 1] = static_cast<char>(rotten[end - 1] ^ 1);
      if (!book.sees("events", "lines", id, "CAST(x'" + hex(rotten) + "' AS TEXT)")) {
        const std::size_t line = lines.rfind('\n', at) + 1;
        missed.insert(lines.substr(line, lines.find(' ', line) - line) + " " + lines.substr(name, at - name));
      }
    }
  }
  CHECK(without(missed, told_once()) == "");
  CHECK(without(told_once(), missed) == "");
}

TEST_CASE("a stop that was put in or taken away behind the trail's back is found") {
  Book book;
  book.desk.oms->halt(ControlScope::kPortfolio, "3", "limit breach");
  REQUIRE(book.clean());
  const auto finds = [&](const char* change) {
    book.look.execute(change);
    const AuditReport report = book.desk.oms->audit();
    return report.findings_total == 1 && report.findings.front().check == "halt.trail";
  };
  CHECK(finds("UPDATE halts SET mode = 0"));
  CHECK(finds("UPDATE halts SET mode = 1, reason = 'holiday'"));
  CHECK(finds("UPDATE halts SET reason = 'limit breach', by = 'nobody'"));
  CHECK(finds("DELETE FROM halts"));
  book.desk.oms->halt(ControlScope::kPortfolio, "3", "limit breach");
  book.desk.oms->resume(ControlScope::kPortfolio, "3");
  CHECK(finds("INSERT INTO halts (scope, target, reason, since, mode) VALUES (0, '', 'x', 0, 1)"));
}

TEST_CASE("what cannot be read is a finding and hides no other") {
  Book book;
  book.look.execute("UPDATE orders SET fees_whole = 77 WHERE id = 1");
  book.look.execute("UPDATE events SET lines = 'no event' WHERE batch_id = 2");
  book.look.execute("DROP TABLE audit_trail; DROP TABLE halts");
  const AuditReport report = book.desk.oms->audit({.brokers = true, .expected_head = "00"});
  std::set<std::string> checks;
  for (const AuditFinding& finding : report.findings) checks.insert(finding.check);
  for (const char* check : {"trail.unreadable", "executions.sum", "batch.unreadable"}) {
    INFO(check);
    CHECK(checks.contains(check));
  }
}
