// The answer to a COMMIT that never comes: what stands is looked up, never guessed.

#include <doctest/doctest.h>

#include <atomic>
#include <optional>
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

template <class Check>
void behind_proxy(Check&& check) {
  with_server([&](const std::string& url) {
    PostgresProxy proxy(url);
    const auto book =
        open_postgres_store({.url = proxy.url(), .lock_timeout = std::chrono::milliseconds(1000)});
    place(*book, {.key = "first"});
    check(*book, proxy);
  });
}

TEST_CASE("an accept whose COMMIT never arrived at PostgreSQL is made again, with other numbers") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    AcceptUnit unit = accept_unit({.key = "k", .orders = 2});
    std::vector<std::int64_t> batches;
    std::vector<std::int64_t> orders;
    unit.compose = [&, compose = unit.compose](AcceptUnit& with_ids) {
      batches.push_back(with_ids.batch.id);
      for (Order& order : with_ids.orders) {
        orders.push_back(order.id);
        ++order.event_seq;
      }
      ++with_ids.batch.event_seq;
      compose(with_ids);
    };
    proxy.lose_next_commit(Loss::kRequest);
    CHECK(book.accept(unit).status == AcceptResult::Status::kAccepted);
    REQUIRE(batches.size() == 2);
    CHECK(batches[0] < batches[1]);
    CHECK(orders[1] < orders[2]);
    CHECK(book.batches({}).back().id == batches[1]);
    CHECK(book.batches({}).back().event_seq == 1);
    for (const Order& order : book.orders({.batch_id = batches[1]})) CHECK(order.event_seq == 1);
    CHECK(book.orders({.batch_id = unit.batch.id}).size() == 2);
    CHECK(book.idempotency(unit.idempotency.scope)->response == unit.idempotency.response);
  });
}

TEST_CASE("an accept that PostgreSQL committed without an answer stands") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    AcceptUnit unit = accept_unit({.key = "k", .orders = 2, .margin = store::money("3")});
    proxy.lose_next_commit(Loss::kAnswer);
    CHECK(book.accept(unit).status == AcceptResult::Status::kAccepted);
    CHECK(book.idempotency(unit.idempotency.scope)->response == unit.idempotency.response);
    CHECK(book.orders({.batch_id = unit.batch.id}).size() == 2);
    CHECK(book.batches({}).size() == 2);
    CHECK(book.usage_of(1).margin_reserved == store::money("3"));
  });
}

TEST_CASE("a change or claim whose COMMIT PostgreSQL did not answer happens once") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    Order order = place(book, {.key = "second"}).at(0);
    ClaimRequest request = store::claim_request(book);
    request.order_id = order.id;
    for (const Loss loss : {Loss::kRequest, Loss::kAnswer}) {
      proxy.lose_next_commit(loss);
      const std::vector<Order> claimed = book.claim(request);
      REQUIRE(claimed.size() == 1);
      CHECK(store::text_of(claimed[0]) == store::text_of(store::order_of(book, order.id)));
      CHECK(claimed[0].attempt == (loss == Loss::kRequest ? 1 : 2));
      ChangeUnit release;
      release.orders = {store::changed(claimed[0], OrderStatus::kPlaced)};
      CHECK(book.commit(release) == CommitStatus::kCommitted);
    }
    order = store::order_of(book, order.id);
    for (const Loss loss : {Loss::kRequest, Loss::kAnswer}) {
      ChangeUnit unit;
      order = store::changed(order, OrderStatus::kAcked);
      unit.orders = {order};
      unit.margins = {{order.portfolio_id, store::money("2"), {}}};
      unit.events = {store::event_of(order, "acked")};
      proxy.lose_next_commit(loss);
      CHECK(book.commit(unit) == CommitStatus::kCommitted);
      const std::int64_t id = unit.events[0].id;  // 0: its answer was lost
      CHECK((id == 0 || id == book.events({.batch_id = order.batch_id}).back().id));
      CHECK(store::order_of(book, order.id).version == order.version);
    }
    CHECK(book.usage_of(1).margin_reserved == store::money("4"));
  });
}

// One round trip, so that the transaction's number may be lost with its COMMIT.
TEST_CASE("a broker's answer whose whole transaction PostgreSQL did not answer is recorded once") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    Order order = place(book, {.key = "second"}).at(0);
    std::size_t events = book.events({}).size();
    for (const Loss loss : {Loss::kRequest, Loss::kAnswer}) {
      order = store::changed(order, OrderStatus::kAcked);
      ChangeUnit unit;
      unit.orders = {order};
      unit.events = {store::event_of(order, "acked " + std::to_string(order.version))};
      proxy.lose_next_commit(loss);
      CHECK(book.commit(unit) == CommitStatus::kCommitted);
      CHECK(store::order_of(book, order.id).version == order.version);
      CHECK(book.events({}).size() == ++events);
    }
    // The same versions of somebody else are no trace of this one.
    ChangeUnit rival;
    rival.orders = {order};
    rival.events = {store::event_of(order, "rival")};
    proxy.lose_next_commit(Loss::kRequest);
    CHECK(book.commit(rival) == CommitStatus::kConflict);
    CHECK(book.events({}).size() == events);
  });
}

TEST_CASE(
    "a lost COMMIT is looked up on the server that ran it, which came up after the connection was made") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    const Order order = place(book, {.key = "second"}).at(0);
    // Behind a pooler a connection outlives its server. By this the server looks as if it had come up anew.
    postgres::Connection({.url = *postgres_url()}).run("SELECT pg_stat_reset_shared('bgwriter')");
    ChangeUnit unit;
    unit.orders = {store::changed(order, OrderStatus::kAcked)};
    proxy.lose_next_commit(Loss::kAnswer);
    CHECK(book.commit(unit) == CommitStatus::kCommitted);
    CHECK(store::order_of(book, order.id).status == OrderStatus::kAcked);
  });
}

TEST_CASE("the members of a group whose COMMIT PostgreSQL did not answer all stand once") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    for (const Loss loss : {Loss::kRequest, Loss::kAnswer}) {
      std::atomic<int> accepted{0};
      store::at_once(6, [&](int caller) {
        for (int i = 0; i < 5; ++i) {
          if (caller == 0 && i == 2) proxy.lose_next_commit(loss);
          const std::string key =
              std::to_string(static_cast<int>(loss)) + "-" + std::to_string(caller) + "-" + std::to_string(i);
          AcceptUnit unit = accept_unit({.key = key, .portfolio_id = 2, .margin = store::money("1")});
          if (book.accept(unit).status == AcceptResult::Status::kAccepted) ++accepted;
        }
      });
      CHECK(accepted == 30);
    }
    CHECK(book.batches({}).size() == 61);
    CHECK(book.usage_of(2).margin_reserved == store::money("60"));
  });
}

TEST_CASE(
    "a change whose COMMIT was lost together with PostgreSQL ends in doubt, and a new one is retryable") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    const Order order = place(book, {.key = "second"}).at(0);
    const auto failure_of = [&] {
      ChangeUnit unit;
      unit.orders = {store::changed(order, OrderStatus::kAcked)};
      std::optional<Error> failure;
      try {
        static_cast<void>(book.commit(unit));
      } catch (const Error& error) {
        failure = error;
      }
      return failure;
    };
    proxy.refuse_connections(true);
    proxy.lose_next_commit(Loss::kAnswer);
    auto failure = failure_of();
    REQUIRE(failure.has_value());
    CHECK(failure->in_doubt());
    failure = failure_of();
    REQUIRE(failure.has_value());
    CHECK(failure->retryable());
    proxy.refuse_connections(false);
    CHECK(store::order_of(book, order.id).status == OrderStatus::kAcked);
    CHECK_FALSE(failure_of().has_value());  // a conflict
  });
}

}  // namespace
}  // namespace orchestrator::testing
