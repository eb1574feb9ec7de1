// The contract of IdempotencyStore as doctest cases: run it against a cache of your own.
//
//   #include <doctest/doctest.h>
//   #include <orchestrator/testing/idempotency_store_contract.hpp>
//
//   TEST_CASE("my cache keeps the contract") {
//     orchestrator::testing::idempotency_store_contract([](std::size_t entries) { return
//     make_my_cache(entries); });
//   }
//
// doctest 2.4 or later is needed, included first. `make` gives a new, empty cache that is meant for so many
// entries. Forgetting is always right, so nothing here demands that a record is found; a cache that forgets
// everything passes. That yours remembers is a test of your own.
#pragma once

#ifndef DOCTEST_LIBRARY_INCLUDED
#error "include <doctest/doctest.h> before orchestrator/testing/idempotency_store_contract.hpp"
#endif

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/idempotency_store.hpp"

namespace orchestrator::testing {

using MakeIdempotencyStore = std::function<std::unique_ptr<IdempotencyStore>(std::size_t entries)>;

inline IdempotencyRecord sample_record(const std::string& key, Timestamp now) {
  IdempotencyRecord record;
  record.scope = {"default", "place", key};
  record.fingerprint.fill(static_cast<std::byte>(key.size()));
  record.batch_id = static_cast<BatchId>(key.size()) + 1;
  record.response = "response to " + key;
  record.created_at = now;
  record.expires_at = now + std::chrono::hours(1);
  return record;
}

// Nothing, or exactly what was remembered last for that scope.
inline bool is_right(const std::optional<IdempotencyRecord>& found, const IdempotencyRecord& expected) {
  return !found || (found->scope == expected.scope && found->fingerprint == expected.fingerprint &&
                    found->batch_id == expected.batch_id && found->response == expected.response &&
                    found->created_at == expected.created_at && found->expires_at == expected.expires_at);
}

inline void idempotency_store_contract(const MakeIdempotencyStore& make) {
  const Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5);

  SUBCASE("it knows nothing that it was not told") {
    const auto cache = make(10);
    CHECK_FALSE(cache->find({"default", "place", "k"}, now).has_value());
  }
  SUBCASE("it answers with what was remembered for exactly this scope, or not at all") {
    const auto cache = make(10);
    IdempotencyRecord record = sample_record("k", now);
    record.response = std::string("\0bytes\xff\"'\r\n", 11);
    cache->remember(record);
    CHECK(is_right(cache->find(record.scope, now), record));
    CHECK_FALSE(cache->find({"other", "place", "k"}, now).has_value());
    CHECK_FALSE(cache->find({"default", "cancel", "k"}, now).has_value());
    CHECK_FALSE(cache->find({"default", "place", "K"}, now).has_value());
    CHECK_FALSE(cache->find({"defaultplace", "", "k"}, now).has_value());
    CHECK_FALSE(cache->find({"default", "place", ""}, now).has_value());
  }
  SUBCASE("what is remembered again replaces what was") {
    const auto cache = make(10);
    IdempotencyRecord record = sample_record("k", now);
    cache->remember(record);
    record.response = "another";
    record.expires_at += std::chrono::hours(1);
    cache->remember(record);
    CHECK(is_right(cache->find(record.scope, now), record));
  }
  SUBCASE("an expired record is not found") {
    const auto cache = make(10);
    const IdempotencyRecord record = sample_record("k", now);
    cache->remember(record);
    CHECK(is_right(cache->find(record.scope, record.expires_at - std::chrono::microseconds(1)), record));
    CHECK_FALSE(cache->find(record.scope, record.expires_at).has_value());
  }
  SUBCASE("more records than it has room for are forgotten, never mixed up") {
    for (const std::size_t entries : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
      const auto cache = make(entries);
      for (int i = 0; i < 50; ++i) {
        cache->remember(sample_record("key" + std::to_string(i), now));
        for (int j = 0; j <= i; ++j) {
          const IdempotencyRecord expected = sample_record("key" + std::to_string(j), now);
          CHECK(is_right(cache->find(expected.scope, now), expected));
        }
      }
    }
  }
  SUBCASE("many threads never see each other's records") {
    const auto cache = make(20);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const IdempotencyRecord mine = sample_record("key" + std::to_string((i * 7 + t) % 40), now);
          cache->remember(mine);
          const IdempotencyRecord other = sample_record("key" + std::to_string((i + t) % 40), now);
          if (!is_right(cache->find(mine.scope, now), mine) ||
              !is_right(cache->find(other.scope, now), other))
            ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
  }
}

}  // namespace orchestrator::testing
