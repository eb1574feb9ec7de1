// What a process still knows of a PostgreSQL that was lost, when a standby took over that lacks its last
// commits.

#include <doctest/doctest.h>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using store::place;

// A store, and a way to its tables past it.
struct Book {
  explicit Book(const std::string& at) : url(at) {}

  // By this the server looks as if it had come up anew.
  void come_up() { tables.run("SELECT pg_stat_reset_shared('bgwriter')"); }
  [[nodiscard]] std::int64_t number(const std::string& sql) {
    const postgres::Result result = tables.query(sql);
    std::int64_t value = 0;
    postgres::Cursor row(result);
    if (row.next()) row.read(value);
    return value;
  }

  std::string url;
  std::unique_ptr<Store> store = open_postgres_store({.url = url});
  postgres::Connection tables{{.url = url}};
};

template <class Check>
void with_book(Check&& check) {
  with_server([&](const std::string& url) {
    Book book(url);
    check(book);
  });
}

TEST_CASE("the version of reference data that a promoted PostgreSQL lost never stands for other data") {
  with_book([](Book& book) {
    const std::int64_t before = book.store->reference_version();
    book.store->put_limits({.portfolio_id = 1, .max_quantity = Quantity::from_int(1)});
    const std::int64_t lost = book.store->reference_version();
    REQUIRE(lost != before);
    book.tables.run("UPDATE reference_state SET version = " + std::to_string(before));
    book.store->put_limits({.portfolio_id = 1, .max_quantity = Quantity::from_int(2)});
    const std::int64_t after = book.store->reference_version();
    CHECK(after != lost);
    CHECK(after != before);
  });
}

TEST_CASE("the number of a sender that a promoted PostgreSQL lost is given to no other") {
  with_book([](Book& book) {
    const std::int64_t owner = book.store->owner();
    book.tables.run("DELETE FROM owners");
    book.tables.run("SELECT setval(pg_get_serial_sequence('owners', 'id'), 1, false)");
    const auto other = open_postgres_store({.url = book.url});
    CHECK(other->owner() != owner);
  });
}

TEST_CASE("an accept draws other numbers when PostgreSQL gives some again that are taken") {
  with_book([](Book& book) {
    for (const char* key : {"1", "2", "3"}) place(*book.store, {.key = key, .orders = 2});
    for (const char* sequence : {"batch_ids", "order_ids", "event_ids"}) {
      book.tables.run("SELECT setval('" + std::string(sequence) + "', 1)");
      CAPTURE(sequence);
      const auto orders = place(*book.store, {.key = sequence, .orders = 2});
      CHECK(orders.size() == 2);
    }
    CHECK(book.store->batches({}).size() == 6);
    CHECK(book.store->verify().empty());
  });
}

TEST_CASE("a reader of the log waits for numbers that a promoted PostgreSQL gives again") {
  with_book([](Book& book) {
    for (const char* key : {"1", "2", "3"}) place(*book.store, {.key = key});
    const std::int64_t last = book.store->events({.without_gaps = true}).back().id;
    book.tables.run("DELETE FROM outbox WHERE event_id > 1");
    book.tables.run("DELETE FROM events WHERE id > 1");
    book.tables.run("SELECT setval('event_ids', 1)");
    book.come_up();

    postgres::Connection slow({.url = book.url});
    slow.script(
        "BEGIN; SELECT pg_current_xact_id(); INSERT INTO events SELECT nextval('event_ids'), batch_id, "
        "order_id, at, lines FROM events");
    place(*book.store, {.key = "4"});
    REQUIRE(book.number("SELECT max(id) FROM events") <= last);
    CHECK_MESSAGE(book.store->events({.without_gaps = true}).empty(), "what was known is known no more");
    slow.script("COMMIT");
    CHECK(book.store->events({.without_gaps = true}).size() == 3);
  });
}

}  // namespace
}  // namespace orchestrator::testing
