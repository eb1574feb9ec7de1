#include <doctest/doctest.h>

#include "orchestrator/backends/redis.hpp"
#include "orchestrator/testing/idempotency_store_contract.hpp"
#include "support/fake_clock.hpp"
#include "support/redis_server.hpp"

TEST_CASE("the Redis cache keeps the idempotency store's contract") {
  const auto url = orchestrator::testing::redis_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_REDIS_URL names no server");
    return;
  }
  // When the contract's records are new.
  const orchestrator::testing::FakeClock clock(std::chrono::sys_days(std::chrono::year(2026) / 1 / 5));
  orchestrator::testing::idempotency_store_contract([&](std::size_t) {
    return orchestrator::open_redis_idempotency_store(
        {.url = *url, .book = orchestrator::testing::new_book()}, clock);
  });
}
