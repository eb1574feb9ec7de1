// What needs no Redis: its URL, the form of what is kept there, and when it is left alone.

#include <doctest/doctest.h>

#include "adapters/redis/circuit_breaker.hpp"
#include "adapters/redis/entry.hpp"
#include "adapters/redis/url.hpp"
#include "orchestrator/backends/redis.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/testing/idempotency_store_contract.hpp"
#include "support/fake_clock.hpp"

namespace orchestrator::testing {
namespace {

using redis::decode_entry;
using redis::encode_entry;
using redis::entry_key;

TEST_CASE("a Redis URL names a server, a login and a database") {
  struct Row {
    const char* url;
    bool tls;
    const char* user;
    const char* password;
    const char* shown;
  };
  for (const Row& row : {
           Row{"redis://cache", false, "", "", "cache:6379/0"},
           Row{"redis://cache/", false, "", "", "cache:6379/0"},
           Row{"redis://10.1.2.3:7000/15", false, "", "", "10.1.2.3:7000/15"},
           Row{"redis://:pass@cache", false, "", "pass", "cache:6379/0"},
           Row{"redis://desk:pa%40%2fss@cache:1", false, "desk", "pa@/ss", "cache:1/0"},
           Row{"redis://desk:p@ss:w/rd@cache", false, "desk", "p@ss:w/rd", "cache:6379/0"},
           Row{"rediss://desk:pass@[2001:db8::1]:6390/2", true, "desk", "pass", "[2001:db8::1]:6390/2"},
           Row{"redis://[::1]", false, "", "", "[::1]:6379/0"},
       }) {
    CAPTURE(std::string(row.url));
    const redis::Place place = redis::parse_url(row.url);
    CHECK(place.tls == row.tls);
    CHECK(place.user == row.user);
    CHECK(place.password == row.password);
    CHECK(place.shown() == row.shown);
  }
}

TEST_CASE("a URL that does not read as Redis's is refused in one line without its password") {
  const FakeClock clock;
  for (const char* url : {"",
                          "hunter2",
                          "http://desk:hunter2@cache",
                          "redis:/hunter2",
                          "redis://",
                          "redis://desk:hunter2@",
                          "redis://hunter2@cache",
                          "redis://desk:@cache/hunter2",
                          "redis://desk:hunter2@cache:port",
                          "redis://desk:hunter2@cache:0",
                          "redis://desk:hunter2@cache:65536",
                          "redis://desk:hunter2@cache:",
                          "redis://desk:hunter2@cache/one",
                          "redis://desk:hunter2@cache/-1",
                          "redis://desk:hunter2@cache/0?x=1",
                          "redis://desk:hun%zzter2@cache",
                          "redis://desk:hunter2%4@cache",
                          "redis://desk:hunter2@[::1",
                          "redis://desk:hunter2@[::1]6379",
                          "redis://desk:hunter2@ca che",
                          "redis://:hunter2?more@cache",
                          "redis://desk:hunter2#@cache"}) {
    CAPTURE(std::string(url));
    try {
      static_cast<void>(open_redis_idempotency_store({.url = url, .book = "b"}, clock));
      FAIL_CHECK("it was taken");
    } catch (const Error& error) {
      const std::string words = error.what();
      CHECK(error.code() == ErrorCode::kConfiguration);
      CHECK(words.find("hun") == std::string::npos);
      CHECK(words.find("ter2") == std::string::npos);
      CHECK(words.find('\n') == std::string::npos);
    }
  }
}

TEST_CASE("settings that no Redis cache could work with are refused") {
  const FakeClock clock;
  const std::string url = "redis://127.0.0.1:1";
  for (const RedisOptions& options : {
           RedisOptions{.url = url},
           RedisOptions{.url = url, .book = "b", .connections = 0},
           RedisOptions{.url = url, .book = "b", .connect_timeout = std::chrono::milliseconds(0)},
           RedisOptions{.url = url, .book = "b", .command_timeout = std::chrono::milliseconds(-1)},
       }) {
    try {
      static_cast<void>(open_redis_idempotency_store(options, clock));
      FAIL_CHECK("they were taken");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kConfiguration);
    }
  }
}

IdempotencyRecord sample() {
  IdempotencyRecord record = sample_record("key", FakeClock::kStart);
  record.response = std::string("\0{\"batch_id\": 7}\xff\r\n", 19);
  record.batch_id = -3;
  return record;
}

TEST_CASE("an entry of Redis holds the whole record") {
  const IdempotencyRecord record = sample();
  const auto found = decode_entry("book", record.scope, encode_entry("book", record));
  REQUIRE(found);
  CHECK(is_right(found, record));
  CHECK(found->response == record.response);
}

TEST_CASE("an entry of Redis with any of its bits turned over, or any part of it missing, is none") {
  const IdempotencyRecord record = sample();
  const std::string entry = encode_entry("book", record);
  REQUIRE(entry.size() > 100);
  for (std::size_t i = 0; i < entry.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string rotten = entry;
      rotten[i] = static_cast<char>(rotten[i] ^ (1 << bit));
      CHECK_FALSE(decode_entry("book", record.scope, rotten));
    }
    CHECK_FALSE(decode_entry("book", record.scope, std::string_view(entry).substr(0, i)));
    CHECK_FALSE(decode_entry("book", record.scope, std::string_view(entry).substr(i + 1)));
  }
  CHECK_FALSE(decode_entry("book", record.scope, entry + "x"));
}

TEST_CASE("an entry of another book, tenant, operation or key is none, under whatever name it lies") {
  const IdempotencyRecord record = sample();
  const std::string entry = encode_entry("book", record);
  const IdempotencyScope& scope = record.scope;
  const IdempotencyScope others[] = {{"other", scope.operation, scope.key},
                                     {scope.tenant, "cancel", scope.key},
                                     {scope.tenant, scope.operation, "Key"},
                                     {scope.tenant + scope.operation, "", scope.key},
                                     {"", scope.tenant + scope.operation, scope.key}};
  CHECK_FALSE(decode_entry("another", scope, entry));
  CHECK(entry_key("another", scope) != entry_key("book", scope));
  for (const IdempotencyScope& other : others) {
    CHECK_FALSE(decode_entry("book", other, entry));
    CHECK(entry_key("book", other) != entry_key("book", scope));
  }
}

TEST_CASE(
    "a Redis that fails three times in a row is left alone, longer each time, and tried by one caller") {
  using std::chrono::milliseconds;
  redis::CircuitBreaker circuit;
  Timestamp now = FakeClock::kStart;
  for (int i = 0; i < 2; ++i) circuit.failed(now, "gone");
  CHECK(circuit.allows(now));
  circuit.succeeded();
  for (int i = 0; i < 2; ++i) circuit.failed(now, "gone");
  CHECK(circuit.allows(now));
  circuit.failed(now, "gone");
  circuit.failed(now, "gone");  // one that was under way
  for (const int pause : {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
    CAPTURE(pause);
    CHECK_FALSE(circuit.allows(now + milliseconds(pause - 1)));
    now += milliseconds(pause);
    CHECK(circuit.allows(now));
    CHECK_FALSE(circuit.allows(now));
    circuit.failed(now, "still gone");
  }
  CHECK(circuit.reason() == "still gone");
  circuit.succeeded();
  CHECK(circuit.allows(now));
  CHECK(circuit.reason().empty());
}

}  // namespace
}  // namespace orchestrator::testing
