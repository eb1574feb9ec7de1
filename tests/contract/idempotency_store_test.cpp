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

TEST_CASE("two caches, one in front of the other, keep the idempotency store's contract") {
  testing::idempotency_store_contract([](std::size_t entries) {
    return make_memory_in_front_of(make_memory_idempotency_store(entries), entries / 2);
  });
}

namespace {

// Says what it knows, and counts how often it is asked.
class AskedStore final : public IdempotencyStore {
 public:
  explicit AskedStore(int& asked) : asked_(asked) {}
  std::optional<IdempotencyRecord> find(const IdempotencyScope& scope, Timestamp now) noexcept override {
    ++asked_;
    return inner_->find(scope, now);
  }
  void remember(const IdempotencyRecord& record) noexcept override { inner_->remember(record); }

 private:
  int& asked_;
  std::unique_ptr<IdempotencyStore> inner_ = make_memory_idempotency_store();
};

}  // namespace

TEST_CASE("what the shared cache has answered once is not asked again") {
  const Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5);
  int asked = 0;
  auto shared = std::make_unique<AskedStore>(asked);
  const IdempotencyRecord of_another_process = testing::sample_record("theirs", now);
  shared->remember(of_another_process);
  const auto cache = make_memory_in_front_of(std::move(shared));
  for (int i = 0; i < 3; ++i) CHECK(cache->find(of_another_process.scope, now).has_value());
  CHECK(asked == 1);
  const IdempotencyRecord own = testing::sample_record("mine", now);
  cache->remember(own);
  CHECK(cache->find(own.scope, now).has_value());
  CHECK(asked == 1);
  CHECK_FALSE(cache->find({"default", "place", "nobody's"}, now).has_value());
  CHECK(asked == 2);
}
