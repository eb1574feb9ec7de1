// The answer to a COMMIT that never comes: what stands is looked up, never guessed.

#include <doctest/doctest.h>

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
  const auto url = postgres_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_POSTGRES_URL names no server");
    return;
  }
  PostgresSchemas schemas(*url);
  PostgresProxy proxy(schemas.make());
  const auto book = open_postgres_store({.url = proxy.url()});
  place(*book, {.key = "first"});
  check(*book, proxy);
}

TEST_CASE("an accept whose COMMIT never arrived at PostgreSQL is made again") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    AcceptUnit unit = accept_unit({.key = "k", .orders = 2});
    int composed = 0;
    unit.compose = [&composed, compose = unit.compose](AcceptUnit& with_ids) {
      ++composed;
      compose(with_ids);
    };
    proxy.lose_next_commit(Loss::kRequest);
    CHECK(book.accept(unit).status == AcceptResult::Status::kAccepted);
    CHECK(composed == 1);
    CHECK(book.orders({.batch_id = unit.batch.id}).size() == 2);
    CHECK(book.idempotency(unit.idempotency.scope)->response == unit.idempotency.response);
  });
}

TEST_CASE("an accept that PostgreSQL committed without an answer is found by its key") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    AcceptUnit unit = accept_unit({.key = "k", .orders = 2, .margin = store::money("3")});
    proxy.lose_next_commit(Loss::kAnswer);
    const AcceptResult result = book.accept(unit);
    REQUIRE(result.status == AcceptResult::Status::kKeyExists);
    CHECK(result.existing->response == unit.idempotency.response);
    CHECK(result.existing->batch_id == unit.batch.id);
    CHECK(book.batches({}).size() == 2);
    CHECK(book.usage_of(1).margin_reserved == store::money("3"));
  });
}

TEST_CASE("a change or claim whose COMMIT PostgreSQL did not answer ends in doubt") {
  behind_proxy([](Store& book, PostgresProxy& proxy) {
    const auto in_doubt = [](auto&& call) {
      try {
        call();
      } catch (const Error& error) {
        return error.in_doubt();
      }
      return false;
    };
    // The server may hold the lost transaction's locks for a moment more: the second claim then takes the
    // other order, and the second change waits.
    const Order order = place(book, {.key = "second"}).at(0);
    ClaimRequest request = store::claim_request(book);
    request.limit = 1;
    for (const Loss loss : {Loss::kRequest, Loss::kAnswer}) {
      proxy.lose_next_commit(loss);
      CHECK(in_doubt([&] { static_cast<void>(book.claim(request)); }));
      const std::size_t claimed = book.orders({.statuses = {OrderStatus::kSubmitting}}).size();
      CHECK(claimed == (loss == Loss::kAnswer ? 1 : 0));
    }
    for (const Loss loss : {Loss::kRequest, Loss::kAnswer}) {
      ChangeUnit unit;
      unit.orders = {store::changed(store::order_of(book, order.id), OrderStatus::kAcked)};
      proxy.lose_next_commit(loss);
      CHECK(in_doubt([&] { static_cast<void>(book.commit(unit)); }));
      const bool stands = store::order_of(book, order.id).status == OrderStatus::kAcked;
      CHECK(stands == (loss == Loss::kAnswer));
    }
  });
}

}  // namespace
}  // namespace orchestrator::testing
