#include "orchestrator/backends/postgres.hpp"
#include "support/commit_listener.hpp"
#include "support/postgres_schema.hpp"

TEST_CASE("every unit that PostgreSQL commits is told to the observer once") {
  using namespace orchestrator;
  testing::with_server([](testing::PostgresSchemas& schemas) {
    const auto store = open_postgres_store({.url = schemas.make()});
    testing::every_committed_unit_is_told_once(*store);
  });
}
