// Desks of several processes that share a database and a Redis: what they answer is what they would answer
// without it.

#include <doctest/doctest.h>

#include <random>

#include "adapters/redis/entry.hpp"
#include "orchestrator/backends/redis.hpp"
#include "support/desk.hpp"
#include "support/moving_store.hpp"
#include "support/redis_server.hpp"

namespace orchestrator::testing {
namespace {

// A desk of its own process over `database`, with a cache or without.
Desk desk_over(const std::shared_ptr<Store>& database, std::unique_ptr<IdempotencyStore> cache) {
  return Desk(BrokerClass::kEnforced, {}, nullptr, std::make_unique<MovingStore>(database), std::move(cache));
}

std::unique_ptr<IdempotencyStore> redis_cache(const std::string& url, const std::string& book,
                                              const Clock& clock) {
  return open_redis_idempotency_store({.url = url, .book = book}, clock);
}

// What a caller sees of a placement.
std::string outcome(Desk& desk, const BatchRequest& request) {
  try {
    return desk.oms->place(request).json;
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
}

TEST_CASE("a key placed at one desk is answered at another from Redis, without the database") {
  const auto url = redis_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_REDIS_URL names no server");
    return;
  }
  const FakeClock clock;
  const std::string book = new_book();
  const BatchRequest request = Desk::batch({Desk::buy(), Desk::buy(200)}, "morning-1");
  Desk one(BrokerClass::kEnforced, {}, nullptr, make_memory_store(), redis_cache(*url, book, clock));
  const Receipt placed = one.oms->place(request);
  CHECK_FALSE(placed.replayed);
  // The other one's database is empty: had it been asked, the batch would be placed again.
  Desk two(BrokerClass::kEnforced, {}, nullptr, make_memory_store(), redis_cache(*url, book, clock));
  const Receipt replayed = two.oms->place(request);
  CHECK(replayed.replayed);
  CHECK(replayed.json == placed.json);
  CHECK(two.oms->batches({}).empty());
  CHECK(code_of([&] { two.oms->place(Desk::batch({Desk::buy(7)}, "morning-1")); }) ==
        ErrorCode::kIdempotencyConflict);
  // Another book's keys are its own.
  Desk stranger(BrokerClass::kEnforced, {}, nullptr, make_memory_store(),
                redis_cache(*url, new_book(), clock));
  CHECK_FALSE(stranger.oms->place(request).replayed);
}

// Whatever an evil hand can do to a Redis.
void disturb(RedisServer& server, std::mt19937& random, const std::string& url, const std::string& book) {
  const auto key = [&] {
    return redis::entry_key(
        book, {random() % 2 == 0 ? "default" : "other", "place", "key" + std::to_string(random() % 6)});
  };
  const std::string name = key();
  const std::string other = key();
  switch (random() % 8) {
    case 0:
      server.run({"FLUSHDB"});
      break;
    case 1:
      server.number("'DEL', KEYS[1]", name);
      break;
    case 2:
      server.run({"SET", name, "junk"});
      break;
    case 3: {  // another one's entry
      const std::string entry = server.run({"GETRANGE", other, "0", "-1"});
      server.run({"SET", name, entry});
      break;
    }
    case 4: {  // rot
      std::string entry = server.run({"GETRANGE", name, "0", "-1"});
      if (!entry.empty()) entry[random() % entry.size()] ^= 1;
      server.run({"SET", name, entry});
      break;
    }
    case 5:
      server.number("'DEL', KEYS[1]", name);
      server.number("'RPUSH', KEYS[1], 'x'", name);
      break;
    case 6:
      CHECK_THROWS_AS(server.run({"CLIENT", "KILL", "TYPE", "normal"}), redis::Failure);
      server = RedisServer(url);
      break;
    default:
      break;
  }
}

// The same calls at two desks over one database; their outcomes. `cache` makes each desk's cache.
template <class Make, class Between>
std::vector<std::string> history(unsigned seed, const Make& cache, const Between& between) {
  std::mt19937 random(seed);
  const std::shared_ptr<Store> database = make_memory_store();
  Desk desks[] = {desk_over(database, cache()), desk_over(database, cache())};
  std::vector<std::string> outcomes;
  for (int i = 0; i < 150; ++i) {
    const auto draw = [&](unsigned n) { return static_cast<int>(random() % n); };
    Desk& desk = desks[draw(2)];
    BatchRequest request = Desk::batch({Desk::buy(100 * (1 + draw(2)))}, "key" + std::to_string(draw(6)));
    if (draw(3) == 0) request.tenant = "other";
    if (draw(10) == 0) {
      const std::chrono::hours later(draw(14));
      for (Desk& each : desks) each.clock->advance(later);
    }
    outcomes.push_back(outcome(desk, request));
    between();
  }
  return outcomes;
}

TEST_CASE("histories with a Redis that is emptied, filled and cut off at random are those without it") {
  const auto url = redis_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_REDIS_URL names no server");
    return;
  }
  for (unsigned seed = 1; seed <= 10; ++seed) {
    INFO("seed " << seed);
    const auto without = history(
        seed, [] { return std::unique_ptr<IdempotencyStore>(); }, [] {});
    const std::string book = new_book();
    const FakeClock clock;
    RedisServer server(*url);
    std::mt19937 random(seed);
    const auto with = history(
        seed, [&] { return make_memory_in_front_of(redis_cache(*url, book, clock), 2); },
        [&] { disturb(server, random, *url, book); });
    CHECK(with == without);
    server.run({"FLUSHDB"});
  }
}

}  // namespace
}  // namespace orchestrator::testing
