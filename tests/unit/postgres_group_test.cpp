// Units of many callers in one transaction: each ends as if it had run by itself.

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using store::accept_unit;
using store::place;
using Status = AcceptResult::Status;

std::string key_of(int caller, int i) { return "k" + std::to_string(caller) + "-" + std::to_string(i); }

TEST_CASE("callers that wait for PostgreSQL share transactions and each gets what it was promised") {
  with_server([](const std::string& url) {
    const auto book = open_postgres_store({.url = url, .writers = 1});
    std::atomic<int> wrong{0};
    store::at_once(8, [&](int caller) {
      for (int i = 0; i < 10; ++i) {
        AcceptUnit unit = accept_unit(
            {.key = key_of(caller, i), .orders = 2, .portfolio_id = caller + 1, .margin = store::money("1")});
        if (book->accept(unit).status != Status::kAccepted) ++wrong;
        ChangeUnit change;
        change.orders = {store::changed(unit.orders[1], OrderStatus::kAcked)};
        change.margins = {{caller + 1, store::money("0.5"), {}}};
        change.events = {store::event_of(unit.orders[1], key_of(caller, i))};
        if (book->commit(change) != CommitStatus::kCommitted) ++wrong;
        const auto log = book->events({.batch_id = unit.batch.id});
        const auto stored = book->orders({.batch_id = unit.batch.id});
        const bool right = log.size() == 2 && log[0].id == unit.events[0].id &&
                           log[1].id == change.events[0].id && log[1].lines == key_of(caller, i) &&
                           stored.size() == 2 && stored[0].status == OrderStatus::kPlaced &&
                           stored[1].status == OrderStatus::kAcked &&
                           book->idempotency(unit.idempotency.scope)->response == unit.idempotency.response;
        if (!right) ++wrong;
      }
    });
    CHECK(wrong == 0);
    for (int caller = 0; caller < 8; ++caller) {
      CHECK(book->usage_of(caller + 1).margin_reserved == store::money("15"));
    }
    postgres::Connection connection({.url = url});
    const postgres::Result result =
        connection.query("SELECT count(DISTINCT xmin::text) FROM idempotency_keys");
    std::int64_t transactions = 0;
    postgres::Cursor row(result);
    REQUIRE(row.next());
    row.read(transactions);
    CHECK(transactions < 80);
  });
}

// How a call ended: its status, or the code of its Error.
template <class Call>
std::string end_of(Call&& call) {
  try {
    return std::to_string(static_cast<int>(call()));
  } catch (const Error& error) {
    return std::string(to_string(error.code()));
  }
}

std::string expected(Status status) { return std::to_string(static_cast<int>(status)); }
std::string expected(CommitStatus status) { return std::to_string(static_cast<int>(status)); }

TEST_CASE("an accept that PostgreSQL refuses takes no other of its group with it") {
  with_server([](const std::string& url) {
    const auto book = open_postgres_store({.url = url, .writers = 1});
    place(*book, {.key = "known"});
    std::atomic<int> wrong{0};
    const auto check = [&](const std::string& end, Status status) {
      if (end != expected(status)) ++wrong;
    };
    store::at_once(8, [&](int caller) {
      for (int i = 0; i < 10; ++i) {
        AcceptUnit unit = accept_unit({.key = key_of(caller, i)});
        if (caller == 0) unit.orders[0].symbol = std::string("a\0b", 3);
        if (caller == 1) unit.orders[0].qty = {};  // the table refuses it
        if (caller == 2) unit.idempotency.scope.key = unit.batch.idempotency_key = "known";
        if (caller == 3) unit.orders[0].client_order_id = "default/known/0";
        if (caller == 4) {
          unit.limits.max_notional_day = store::money("5");
          unit.notional = store::money("6");
        }
        if (caller == 5) unit.compose = [](AcceptUnit&) { throw Error(ErrorCode::kLimitExceeded, "no"); };
        const std::string end = end_of([&] { return book->accept(unit).status; });
        if (caller == 0 && end != "invalid_argument") ++wrong;
        if (caller == 1 && end != "internal") ++wrong;
        if (caller == 2) check(end, Status::kKeyExists);
        if (caller == 3) check(end, Status::kDuplicateOrderId);
        if (caller == 4) check(end, Status::kLimit);
        if (caller == 5 && end != "limit_exceeded") ++wrong;
        if (caller >= 6) check(end, Status::kAccepted);
      }
    });
    CHECK(wrong == 0);
    CHECK(book->batches({}).size() == 21);
  });
}

TEST_CASE("a change that conflicts takes no other of its group with it") {
  with_server([](const std::string& url) {
    const auto book = open_postgres_store({.url = url, .writers = 1});
    const std::vector<Order> orders = place(*book, {.orders = 80});
    std::atomic<int> wrong{0};
    store::at_once(8, [&](int caller) {
      for (int i = 0; i < 10; ++i) {
        ChangeUnit unit;
        const Order& order = orders[static_cast<std::size_t>(caller * 10 + i)];
        unit.orders = {store::changed(order, OrderStatus::kAcked)};
        if (caller == 0) ++unit.orders[0].version;
        if (caller == 1) unit.executions = {store::execution_of(order, "e")};  // the first one stands
        if (caller == 2) unit.margins = {{caller, store::money("2"), store::money("1")}};
        if (caller == 3) unit.margins = {{caller, store::money("-1"), {}}};
        if (caller == 4) unit.orders[0].reason = std::string("\xff");
        const std::string end = end_of([&] { return book->commit(unit); });
        std::string wanted = expected(CommitStatus::kCommitted);
        if (caller == 0 || (caller == 1 && i > 0)) wanted = expected(CommitStatus::kConflict);
        if (caller == 2) wanted = expected(CommitStatus::kLimit);
        if (caller == 3) wanted = "internal";
        if (caller == 4) wanted = "invalid_argument";
        if (end != wanted) ++wrong;
      }
    });
    CHECK(wrong == 0);
    CHECK(book->orders({.statuses = {OrderStatus::kAcked}}).size() == 31);
  });
}

TEST_CASE("a portfolio that somebody keeps locked in PostgreSQL keeps no other of the group from standing") {
  with_server([](const std::string& url) {
    const auto book =
        open_postgres_store({.url = url, .writers = 1, .lock_timeout = std::chrono::milliseconds(200)});
    place(*book, {.key = "first"});
    postgres::Connection holder({.url = url});
    holder.script("BEGIN; SELECT FROM portfolio_usage WHERE portfolio_id = 1 FOR UPDATE");
    std::atomic<int> wrong{0};
    store::at_once(8, [&](int caller) {
      for (int i = 0; i < 3; ++i) {
        AcceptUnit unit = accept_unit({.key = key_of(caller, i), .portfolio_id = caller < 2 ? 1 : caller});
        const std::string end = end_of([&] { return book->accept(unit).status; });
        if (end != (caller < 2 ? "storage_busy" : expected(Status::kAccepted))) ++wrong;
      }
    });
    holder.script("ROLLBACK");
    CHECK(wrong == 0);
    CHECK(book->batches({}).size() == 19);
  });
}

TEST_CASE("units that race for one key, order or portfolio end as if PostgreSQL had run them in turn") {
  with_server([](const std::string& url) {
    const std::unique_ptr<Store> books[] = {open_postgres_store({.url = url}),
                                            open_postgres_store({.url = url})};
    const std::vector<Order> orders = place(*books[0], {.key = "first", .orders = 10});
    std::atomic<int> accepted{0};
    std::atomic<int> changed{0};
    std::atomic<int> reserved{0};
    store::at_once(8, [&](int caller) {
      Store& book = *books[caller % 2];
      for (int i = 0; i < 10; ++i) {
        AcceptUnit twin = accept_unit({.key = "twin" + std::to_string(i), .portfolio_id = 2 + caller % 3});
        if (book.accept(twin).status == Status::kAccepted) ++accepted;
        ChangeUnit change;
        change.orders = {store::changed(orders[static_cast<std::size_t>(i)], OrderStatus::kAcked)};
        if (book.commit(change) == CommitStatus::kCommitted) ++changed;
        AcceptUnit hot = accept_unit({.key = key_of(caller, i), .margin = store::money("1")});
        hot.limits.margin_available = store::money("25");
        if (book.accept(hot).status == Status::kAccepted) ++reserved;
      }
    });
    CHECK(accepted == 10);
    CHECK(changed == 10);
    CHECK(reserved == 25);
    CHECK(books[0]->usage_of(1).margin_reserved == store::money("25"));
  });
}

}  // namespace
}  // namespace orchestrator::testing
