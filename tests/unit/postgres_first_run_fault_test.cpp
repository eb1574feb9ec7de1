// The first run of a unit leaves together with its COMMIT: what others did meanwhile undoes it, and what was
// lost of it is found.

#include <doctest/doctest.h>

#include <vector>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_unit_cases.hpp"
#include "support/postgres_proxy.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using store::accept_unit;
using store::place;
using Loss = PostgresProxy::Loss;
using Status = AcceptResult::Status;

// `meanwhile` happens between the decision on a unit and its COMMIT, once.
template <class Meanwhile>
AcceptResult accept_while(Store& book, AcceptUnit& unit, Meanwhile&& meanwhile) {
  bool happened = false;
  unit.compose = [&happened, &meanwhile, compose = unit.compose](AcceptUnit& with_ids) {
    if (!std::exchange(happened, true)) meanwhile();
    compose(with_ids);
  };
  return book.accept(unit);
}

template <class Check>
void with_two_stores(Check&& check) {
  with_server([&](const std::string& url) {
    const auto book = open_postgres_store({.url = url});
    const auto other = open_postgres_store({.url = url});
    place(*book, {.key = "first", .margin = store::money("1")});
    check(*book, *other);
    CHECK(book->verify().empty());
  });
}

TEST_CASE("margin that others take on PostgreSQL while a batch is decided on adds up with its own") {
  with_two_stores([](Store& book, Store& other) {
    AcceptUnit unit = accept_unit({.key = "k", .margin = store::money("2")});
    unit.limits.margin_available = store::money("7");
    const AcceptResult result =
        accept_while(book, unit, [&] { place(other, {.key = "other", .margin = store::money("4")}); });
    CHECK(result.status == Status::kAccepted);
    CHECK(book.usage_of(1).margin_reserved == store::money("7"));
    CHECK(book.batches({}).size() == 3);
  });
}

TEST_CASE("margin that others take on PostgreSQL while a batch is decided on refuses it whole") {
  with_two_stores([](Store& book, Store& other) {
    AcceptUnit unit = accept_unit({.key = "k", .orders = 3, .margin = store::money("2")});
    unit.limits.margin_available = store::money("6.9");
    const AcceptResult result =
        accept_while(book, unit, [&] { place(other, {.key = "other", .margin = store::money("4")}); });
    CHECK(result.status == Status::kLimit);
    CHECK(result.usage.margin_reserved == store::money("5"));
    CHECK(book.usage_of(1).margin_reserved == store::money("5"));
    CHECK(book.batches({}).size() == 2);
    CHECK(book.orders({}).size() == 2);
    CHECK(book.events({}).size() == 2);
    CHECK_FALSE(book.idempotency(unit.idempotency.scope).has_value());
  });
}

TEST_CASE("a day's notional that others use up on PostgreSQL while a batch is decided on refuses it") {
  with_two_stores([](Store& book, Store& other) {
    const auto unit_of = [](const char* key) {
      AcceptUnit unit = accept_unit({.key = key});
      unit.notional = store::money("3");
      unit.limits.max_notional_day = store::money("5");
      return unit;
    };
    AcceptUnit unit = unit_of("k");
    AcceptUnit first = unit_of("other");
    const AcceptResult result = accept_while(book, unit, [&] { other.accept(first); });
    CHECK(result.status == Status::kLimit);
    CHECK(book.usage_of(1).day_notional == store::money("3"));
  });
}

TEST_CASE("a key that a twin takes on PostgreSQL while a batch is decided on is the twin's") {
  with_two_stores([](Store& book, Store& other) {
    AcceptUnit unit = accept_unit({.key = "k", .margin = store::money("2")});
    AcceptUnit twin = accept_unit({.key = "k", .margin = store::money("2")});
    const AcceptResult result = accept_while(book, unit, [&] { other.accept(twin); });
    CHECK(result.status == Status::kKeyExists);
    REQUIRE(result.existing.has_value());
    CHECK(result.existing->batch_id == twin.batch.id);
    CHECK(book.usage_of(1).margin_reserved == store::money("3"));
    CHECK(book.batches({}).size() == 2);
  });
}

TEST_CASE("a client order id that others take on PostgreSQL while a batch is decided on is named") {
  with_two_stores([](Store& book, Store& other) {
    AcceptUnit unit = accept_unit({.key = "k", .orders = 2});
    AcceptUnit rival = accept_unit({.key = "other"});
    rival.orders[0].client_order_id = unit.orders[1].client_order_id;
    const AcceptResult result = accept_while(book, unit, [&] { other.accept(rival); });
    CHECK(result.status == Status::kDuplicateOrderId);
    CHECK(result.detail.find(unit.orders[1].client_order_id) != std::string::npos);
    CHECK(book.orders({}).size() == 2);
  });
}

template <class Check>
void behind_proxy(Check&& check) {
  with_server([&](const std::string& url) {
    PostgresProxy proxy(url);
    const auto book = open_postgres_store({.url = proxy.url(),
                                           .connect_timeout = std::chrono::milliseconds(2000),
                                           .statement_timeout = std::chrono::milliseconds(500),
                                           .lock_timeout = std::chrono::milliseconds(500)});
    place(*book, {.key = "first"});
    place(*book, {.key = "second"});  // its statement is prepared now
    postgres::Connection watch({.url = url});
    check(*book, proxy, watch);
    CHECK(book->verify().empty());
  });
}

// Until what was under way on the server is over.
void await_quiet(postgres::Connection& watch) {
  await([&watch] {
    return watch.query("SELECT FROM pg_stat_activity WHERE backend_xid IS NOT NULL").size() == 0;
  });
}

TEST_CASE("a batch whose COMMIT arrives at PostgreSQL after the batch was made again is not made twice") {
  behind_proxy([](Store& book, PostgresProxy& proxy, postgres::Connection& watch) {
    AcceptUnit unit = accept_unit({.key = "k", .margin = store::money("2")});
    proxy.lose_next_commit(Loss::kLate);
    CHECK(book.accept(unit).status == Status::kAccepted);
    proxy.release_commits();
    await_quiet(watch);
    CHECK(book.batches({}).size() == 3);
    CHECK(book.usage_of(1).margin_reserved == store::money("2"));
    CHECK(book.idempotency(unit.idempotency.scope)->response == unit.idempotency.response);
  });
}

TEST_CASE("a broker's answer that arrives at PostgreSQL after it was recorded again is not recorded twice") {
  behind_proxy([](Store& book, PostgresProxy& proxy, postgres::Connection& watch) {
    const Order order = book.orders({}).at(0);
    const std::size_t events = book.events({}).size();
    ChangeUnit unit;
    unit.orders = {store::changed(order, OrderStatus::kAcked)};
    unit.events = {store::event_of(order, "acked")};
    Loss loss = Loss::kLate;
    SUBCASE("late") {}
    SUBCASE("without an answer") { loss = Loss::kSilence; }
    proxy.lose_next_commit(loss);
    CHECK(book.commit(unit) == CommitStatus::kCommitted);
    proxy.release_commits();
    await_quiet(watch);
    CHECK(store::order_of(book, order.id).version == order.version + 1);
    CHECK(book.events({}).size() == events + 1);
  });
}

}  // namespace
}  // namespace orchestrator::testing
