#include <doctest/doctest.h>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_contract.hpp"
#include "support/postgres_schema.hpp"

TEST_CASE("the PostgreSQL store keeps the order store's contract") {
  using namespace orchestrator;
  testing::with_server([](testing::PostgresSchemas& schemas) {
    testing::order_store_contract([&] { return open_postgres_store({.url = schemas.make()}); });
  });
}
