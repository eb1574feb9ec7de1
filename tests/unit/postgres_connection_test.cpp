// What one connection says about its transaction, and who gets it next.

#include <doctest/doctest.h>

#include "adapters/postgres/connection_pool.hpp"
#include "support/postgres_proxy.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

using postgres::Connection;
using postgres::DatabaseError;

template <class Check>
void with_options(Check&& check) {
  with_server([&](const std::string& url) { check(PostgresOptions{.url = url, .connections = 1}); });
}

TEST_CASE("a PostgreSQL transaction of which a statement failed is never taken for committed") {
  with_options([](const PostgresOptions& options) {
    Connection connection(options);
    connection.script("CREATE TABLE t (n integer)");
    connection.script("BEGIN; INSERT INTO t VALUES (1)");
    CHECK_THROWS_AS(connection.run("SELECT 1 / 0"), DatabaseError);
    CHECK_THROWS_AS(connection.commit(), DatabaseError);
    connection.script("ROLLBACK");
    CHECK_THROWS_AS(connection.commit(), DatabaseError);
    CHECK(connection.query("SELECT FROM t").size() == 0);

    connection.script("BEGIN; INSERT INTO t VALUES (1)");
    connection.commit();
    CHECK(connection.query("SELECT FROM t").size() == 1);
  });
}

TEST_CASE("a PostgreSQL connection with an open transaction is given to nobody else") {
  with_options([](const PostgresOptions& options) {
    postgres::ConnectionPool pool(options);
    const auto session = [](Connection& connection) {
      const postgres::Result result = connection.query("SELECT pg_backend_pid()");
      return std::string(result.value(0, 0).value());
    };
    const std::string first = session(*pool.lease());
    CHECK(session(*pool.lease()) == first);
    pool.lease()->script("BEGIN");
    CHECK(session(*pool.lease()) != first);
    CHECK(pool.lease()->idle());
  });
}

std::string setting(const postgres::Result& result) { return std::string(result.value(0, 0).value()); }

TEST_CASE(
    "a PostgreSQL session that a pooler shares out keeps no setting, and reads are bounded there as well") {
  with_options([](PostgresOptions options) {
    const std::string ask = "SELECT current_setting('statement_timeout')";
    options.statement_timeout = std::chrono::milliseconds(200);
    PostgresProxy pooler(options.url);
    pooler.hide_sessions();
    Connection direct(options);
    options.url = pooler.url();
    Connection pooled(options);

    CHECK_FALSE(direct.is_shared());
    CHECK(pooled.is_shared());
    CHECK(setting(direct.query_prepared(ask, {})) == "200ms");
    CHECK(setting(pooled.query(ask)) == "200ms");
    CHECK(setting(pooled.query_prepared(ask, {})) == "0");
    CHECK(setting(pooled.query("SELECT current_setting('jit')")) == "off");
    for (Connection* connection : {&direct, &pooled}) {
      try {
        connection->run("SELECT pg_sleep(20)");
        FAIL("it was not stopped");
      } catch (const DatabaseError& error) {
        CHECK(error.code() == ErrorCode::kStorageBusy);
      }
      CHECK(setting(connection->query("SELECT 'on'")) == "on");
    }
    // Inside a transaction its own settings stay.
    pooled.script("BEGIN; SET LOCAL statement_timeout = 77");
    CHECK(setting(pooled.query(ask)) == "77ms");
    pooled.script("ROLLBACK");
  });
}

}  // namespace
}  // namespace orchestrator::testing
