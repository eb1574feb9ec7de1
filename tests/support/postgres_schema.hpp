// A PostgreSQL server for the tests, named by ORCHESTRATOR_TEST_POSTGRES_URL, and empty schemas on it.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "adapters/postgres/connection.hpp"

namespace orchestrator::testing {

// nullopt: the tests have no server.
inline std::optional<std::string> postgres_url() {
  const char* url = std::getenv("ORCHESTRATOR_TEST_POSTGRES_URL");
  if (url == nullptr || *url == '\0') return std::nullopt;
  return url;
}

// Makes schemas, and drops them when it ends.
class PostgresSchemas {
 public:
  explicit PostgresSchemas(std::string url) : url_(std::move(url)), connection_({.url = url_}) {}
  ~PostgresSchemas() {
    try {
      for (const std::string& name : names_) connection_.script("DROP SCHEMA IF EXISTS " + name + " CASCADE");
    } catch (const Error&) {  // the test says what went wrong; the schemas stay to be looked at
    }
  }
  PostgresSchemas(const PostgresSchemas&) = delete;
  PostgresSchemas& operator=(const PostgresSchemas&) = delete;

  // The URL of a new, empty schema.
  std::string make() {
    const std::string name = "test_" + std::to_string(::getpid()) + "_" + std::to_string(names_.size());
    names_.push_back(name);
    connection_.script("CREATE SCHEMA " + name);
    return url_ + (url_.find('?') == std::string::npos ? "?" : "&") + "options=-csearch_path%3D" + name;
  }

 private:
  std::string url_;
  postgres::Connection connection_;
  std::vector<std::string> names_;
};

// Waits until `happened` returns true, and not for ever.
template <class Happened>
void await(Happened&& happened) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!happened()) {
    REQUIRE_MESSAGE(std::chrono::steady_clock::now() < give_up, "it did not happen within a minute");
    std::this_thread::yield();
  }
}

// Until a session waits for a lock.
inline void await_waiting(postgres::Connection& watch) {
  await([&watch] { return watch.query("SELECT FROM pg_locks WHERE NOT granted").size() > 0; });
}

// Runs `check` with empty schemas, or with the URL of one, where there is a server.
template <class Check>
void with_server(Check&& check) {
  const auto url = postgres_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_POSTGRES_URL names no server");
    return;
  }
  PostgresSchemas schemas(*url);
  if constexpr (std::is_invocable_v<Check&, PostgresSchemas&>) {
    check(schemas);
  } else {
    check(schemas.make());
  }
}

}  // namespace orchestrator::testing
