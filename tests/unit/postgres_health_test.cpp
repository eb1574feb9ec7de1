// What a PostgreSQL store tells an operator, also when its server is gone.
#include <doctest/doctest.h>

#include <optional>

#include "orchestrator/orchestrator.hpp"
#include "support/postgres_proxy.hpp"
#include "support/postgres_schema.hpp"

namespace orchestrator::testing {
namespace {

TEST_CASE(
    "health tells that PostgreSQL is down, and that no orders are accepted, in one line without a secret") {
  with_server([](const std::string& url) {
    std::optional<PostgresProxy> proxy(url);
    Parts parts;
    parts.store = open_postgres_store({.url = proxy->url()});
    const Orchestrator oms({}, std::move(parts));

    const Health well = oms.health();
    CHECK(well.ok);
    REQUIRE(well.dependencies.size() == 1);
    CHECK(well.dependencies[0].state == DependencyState::kOk);
    CHECK(well.dependencies[0].version.find('.') != std::string::npos);
    CHECK(well.dependencies[0].location.starts_with("127.0.0.1:"));
    CHECK(well.dependencies[0].latency > std::chrono::microseconds(0));

    proxy.reset();
    const Health ill = oms.health();
    CHECK_FALSE(ill.ok);
    const Dependency& store = ill.dependencies.at(0);
    CHECK(store.role == "order_store");
    CHECK(store.name == "postgresql");
    CHECK(store.state == DependencyState::kDown);
    CHECK_FALSE(store.latency.has_value());
    CHECK(ill.detail == store.detail);
    CHECK(store.detail.find("127.0.0.1") != std::string::npos);
    CHECK(store.detail.find('\n') == std::string::npos);
    const std::size_t colon = url.find(':', std::string_view("postgresql://").size());
    if (const std::size_t at = url.find('@'); at != std::string::npos && colon < at) {
      CHECK(store.detail.find(url.substr(colon + 1, at - colon - 1)) == std::string::npos);
    }
  });
}

}  // namespace
}  // namespace orchestrator::testing
