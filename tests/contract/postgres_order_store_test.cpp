#include <doctest/doctest.h>

#include "orchestrator/backends/postgres.hpp"
#include "orchestrator/testing/order_store_contract.hpp"
#include "support/postgres_schema.hpp"

TEST_CASE("the PostgreSQL store keeps the order store's contract") {
  const auto url = orchestrator::testing::postgres_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_POSTGRES_URL names no server");
    return;
  }
  orchestrator::testing::PostgresSchemas schemas(*url);
  orchestrator::testing::order_store_contract(
      [&] { return orchestrator::open_postgres_store({.url = schemas.make()}); });
}
