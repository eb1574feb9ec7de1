// Texts of a broker's that PostgreSQL does not keep: too long, or no text at all.

#include <doctest/doctest.h>

#include "orchestrator/backends/postgres.hpp"
#include "support/broker_text_cases.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

TEST_CASE("a text of a broker's that PostgreSQL does not keep loses no fill, no answer and stops nothing") {
  with_server([](PostgresSchemas& schemas) {
    check_broker_texts([&schemas] { return open_postgres_store({.url = schemas.make()}); });
  });
}

}  // namespace
}  // namespace orchestrator::testing
