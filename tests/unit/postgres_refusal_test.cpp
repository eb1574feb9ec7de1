// What the server refuses for reasons of its own: what is tried again by itself, and what the caller is told.

#include <doctest/doctest.h>

#include <optional>
#include <thread>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using store::accept_unit;
using store::place;

template <class Call>
std::optional<Error> failure_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

bool says(const Error& error, const char* words) {
  return std::string(error.what()).find(words) != std::string::npos;
}

TEST_CASE("a unit that PostgreSQL chose as the victim of a deadlock runs again and stands") {
  with_server([](const std::string& url) {
    const auto book = open_postgres_store({.url = url});
    const Order order = place(*book, {.portfolio_id = 1}).at(0);
    place(*book, {.key = "other", .portfolio_id = 2});
    postgres::Connection opponent({.url = url});
    opponent.script("SET deadlock_timeout = '60s'");  // so that it is never the victim
    opponent.script("BEGIN; SELECT FROM portfolio_usage WHERE portfolio_id = 2 FOR UPDATE");
    std::optional<CommitStatus> status;
    std::thread caller([&] {
      ChangeUnit unit;
      unit.orders = {store::changed(order, OrderStatus::kAcked)};
      unit.margins = {{1, store::money("1"), {}}, {2, store::money("1"), {}}};
      static_cast<void>(failure_of([&] { status = book->commit(unit); }));
    });
    postgres::Connection watch({.url = url});
    await_waiting(watch);
    opponent.script("SELECT FROM portfolio_usage WHERE portfolio_id = 1 FOR UPDATE");
    opponent.script("COMMIT");
    caller.join();
    CHECK(status == CommitStatus::kCommitted);
    CHECK(store::order_of(*book, order.id).version == order.version + 1);
    CHECK(book->usage_of(1).margin_reserved == store::money("1"));
    CHECK(book->usage_of(2).margin_reserved == store::money("1"));
  });
}

TEST_CASE("a unit that keeps failing to serialize ends with a conflict that may be tried again") {
  with_server([](const std::string& url) {
    const auto book = open_postgres_store({.url = url});
    postgres::Connection connection({.url = url});
    connection.script(
        "CREATE SEQUENCE runs; CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM "
        "nextval('runs'); RAISE SQLSTATE '40001'; END$$; CREATE TRIGGER collide BEFORE INSERT ON "
        "order_batches "
        "EXECUTE FUNCTION collide()");
    AcceptUnit unit = accept_unit({});
    const auto failure = failure_of([&] { book->accept(unit); });
    REQUIRE(failure.has_value());
    CHECK(failure->retryable());
    CHECK(connection.query("SELECT FROM runs WHERE last_value > 3").size() == 1);
    connection.script("DROP TRIGGER collide ON order_batches");
    CHECK(book->accept(unit).status == AcceptResult::Status::kAccepted);
  });
}

TEST_CASE("a PostgreSQL statement that takes too long is storage_busy and changes nothing") {
  with_server([](const std::string& url) {
    const auto book = open_postgres_store({.url = url, .statement_timeout = std::chrono::milliseconds(100)});
    postgres::Connection connection({.url = url});
    connection.script(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(60); RETURN "
        "NULL; END$$; CREATE TRIGGER dawdle BEFORE INSERT ON outbox EXECUTE FUNCTION dawdle()");
    AcceptUnit unit = accept_unit({});
    const auto failure = failure_of([&] { book->accept(unit); });
    REQUIRE(failure.has_value());
    CHECK(failure->code() == ErrorCode::kStorageBusy);
    CHECK(failure->retryable());
    CHECK(says(*failure, "statement timeout"));
    CHECK(book->batches({}).empty());
    connection.script("DROP TRIGGER dawdle ON outbox");
    CHECK(book->accept(unit).status == AcceptResult::Status::kAccepted);
  });
}

TEST_CASE("a PostgreSQL server that takes no more connections is storage_busy and says what to raise") {
  with_server([](const std::string& url) {
    postgres::Connection connection({.url = *postgres_url()});
    const std::string role = "narrow_" + std::to_string(::getpid());
    connection.script("CREATE ROLE " + role + " LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 0");
    const auto failure = failure_of([&] {
      static_cast<void>(open_postgres_store(
          {.url = "postgresql://" + role + ":hunter2" + url.substr(url.find('@')), .migrate = false}));
    });
    connection.script("DROP ROLE " + role);
    REQUIRE(failure.has_value());
    CHECK(failure->code() == ErrorCode::kStorageBusy);
    CHECK(failure->retryable());
    CHECK(says(*failure, "max_connections"));
    CHECK_FALSE(says(*failure, "hunter2"));
  });
}

}  // namespace
}  // namespace orchestrator::testing
