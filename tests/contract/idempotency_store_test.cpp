#include <doctest/doctest.h>

#include "orchestrator/backends/memory.hpp"
#include "orchestrator/testing/idempotency_store_contract.hpp"

using namespace orchestrator;

TEST_CASE("the memory cache keeps the idempotency store's contract") {
  testing::idempotency_store_contract(
      [](std::size_t entries) { return make_memory_idempotency_store(entries); });
}

TEST_CASE("the memory cache remembers what was used most recently") {
  const Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5);
  const auto cache = make_memory_idempotency_store(2);
  const auto knows = [&](const char* key) { return cache->find({"default", "place", key}, now).has_value(); };
  cache->remember(testing::sample_record("a", now));
  cache->remember(testing::sample_record("b", now));
  CHECK(knows("a"));  // and is the most recent now
  cache->remember(testing::sample_record("c", now));
  CHECK(knows("a"));
  CHECK_FALSE(knows("b"));
  CHECK(knows("c"));
  cache->remember(testing::sample_record("a", now));
  cache->remember(testing::sample_record("d", now));
  CHECK(knows("a"));
  CHECK_FALSE(knows("c"));
}
