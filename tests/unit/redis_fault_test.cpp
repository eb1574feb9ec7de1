// What goes wrong with Redis: it is silent, slow, gone, full, emptied or filled by others, or something else
// altogether. The cache then knows nothing, soon, and says nothing that was not remembered.

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "adapters/redis/entry.hpp"
#include "orchestrator/backends/redis.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/testing/idempotency_store_contract.hpp"
#include "support/child_process.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_redis.hpp"
#include "support/redis_server.hpp"

namespace orchestrator::testing {
namespace {

using Answer = FakeRedis::Answer;
using std::chrono::milliseconds;

// A cache on the test's clock, and a record for it.
struct Cache {
  explicit Cache(const std::string& url, RedisOptions options = {}) {
    options.url = url;
    if (options.book.empty()) options.book = new_book();
    book = options.book;
    store = open_redis_idempotency_store(options, clock);
  }
  bool knows(const IdempotencyRecord& record) const {
    const auto found = store->find(record.scope, clock.now());
    CHECK(is_right(found, record));
    return found.has_value();
  }
  // Past every pause.
  void wait() { clock.advance(std::chrono::seconds(10)); }
  [[nodiscard]] std::string key(const IdempotencyRecord& record) const {
    return redis::entry_key(book, record.scope);
  }

  FakeClock clock;
  std::string book;
  std::unique_ptr<IdempotencyStore> store;
};

IdempotencyRecord record_of(const std::string& key) { return sample_record(key, FakeClock::kStart); }

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

// Runs `check` with a server and its URL, where there is one. What the test keeps there is thrown away.
template <class Check>
void with_server(Check&& check) {
  const auto url = redis_url();
  if (!url) {
    MESSAGE("SKIPPED: ORCHESTRATOR_TEST_REDIS_URL names no server");
    return;
  }
  RedisServer server(*url);
  check(server, *url);
  server.run({"FLUSHDB"});
}

TEST_CASE("a Redis that is not there is no error, and is asked again when its pause is over") {
  const Cache cache("redis://desk:hunter2@127.0.0.1:1");
  cache.store->remember(record_of("k"));
  CHECK_FALSE(cache.knows(record_of("k")));
}

TEST_CASE("a Redis that is silent is asked three times, then left alone, then tried by one call") {
  std::atomic<bool> silent{true};
  const IdempotencyRecord record = record_of("k");
  const std::string entry = redis::encode_entry("book", record);
  FakeRedis server([&](std::string_view) { return Answer{silent ? "" : bulk(entry)}; });
  Cache cache(server.url(), {.book = "book"});
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(cache.knows(record));
    cache.store->remember(record);
  }
  CHECK(server.requests() == 3);
  cache.wait();
  for (int i = 0; i < 5; ++i) CHECK_FALSE(cache.knows(record));
  CHECK(server.requests() == 4);
  silent = false;
  cache.wait();
  for (int i = 0; i < 5; ++i) CHECK(cache.knows(record));
  CHECK(server.requests() == 9);
}

TEST_CASE("an answer of Redis that comes too late is never taken for that to the next question") {
  const IdempotencyRecord record = record_of("k");
  const std::string entry = redis::encode_entry("book", record);
  // The answer to the first request, which arrives with the second, would be that to the second; and so on.
  std::atomic<int> asked{0};
  FakeRedis server([&](std::string_view) { return Answer{++asked == 1 ? "" : bulk(entry)}; });
  Cache cache(server.url(), {.book = "book"});
  CHECK_FALSE(cache.knows(record));
  CHECK(server.connections() == 1);
  CHECK(cache.knows(record));
  CHECK(server.connections() == 2);
}

TEST_CASE("an answer that Redis would not give is none, and ends the connection it came on") {
  const IdempotencyRecord record = record_of("k");
  const std::string entry = bulk(redis::encode_entry("book", record));
  const std::string much(3000, 'x');
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("*1\r\n") + entry,
        std::string("*2147483647\r\n"), std::string("*-1\r\n"), std::string("$-7\r\n"), std::string(":1\r\n"),
        std::string("$5000000000\r\n") + much, std::string("$99999999999999999999\r\n"), "+" + much,
        "-" + much, "$" + much, std::string("\0\0\0\0", 4), std::string("\r\n"),
        std::string("%1\r\n+a\r\n+b\r\n"), std::string("$3\r\nabcdef\r\n"), entry + entry, entry + "+",
        std::string("~1\r\n")}) {
    CAPTURE(bytes);
    std::atomic<bool> lies{true};
    FakeRedis server([&](std::string_view) { return Answer{lies ? bytes : entry}; });
    Cache cache(server.url(), {.book = "book", .entry_bytes_max = 1000});
    CHECK_FALSE(cache.knows(record));
    lies = false;
    CHECK(cache.knows(record));
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("an answer of Redis that comes byte by byte ends with the time for it") {
  const IdempotencyRecord record = record_of("k");
  FakeRedis server([](std::string_view) { return Answer{.bytes = "$1000000\r\n", .drip = true}; });
  Cache cache(server.url());
  CHECK_FALSE(cache.knows(record));
  CHECK_FALSE(cache.knows(record));
  CHECK(server.connections() == 2);
}

TEST_CASE("a connection that Redis closes in the middle of an answer is a miss") {
  const IdempotencyRecord record = record_of("k");
  const std::string entry = bulk(redis::encode_entry("book", record));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{30}, entry.size() - 1}) {
    CAPTURE(size);
    FakeRedis server([&](std::string_view) { return Answer{.bytes = entry.substr(0, size), .close = true}; });
    Cache cache(server.url(), {.book = "book"});
    CHECK_FALSE(cache.knows(record));
  }
}

TEST_CASE("what Redis refuses is a miss, whatever it says") {
  const IdempotencyRecord record = record_of("k");
  for (const char* words :
       {"LOADING Redis is loading", "READONLY You can't write", "OOM command not allowed",
        "NOAUTH Authentication required.", "MISCONF", "MOVED 1 10.0.0.1:6379", "ERR", ""}) {
    CAPTURE(words);
    FakeRedis server([&](std::string_view) { return Answer{"-" + std::string(words) + "\r\n"}; });
    Cache cache(server.url());
    for (int i = 0; i < 5; ++i) CHECK_FALSE(cache.knows(record));
    CHECK(server.requests() == 3);
  }
}

// The one socket of this process that leads to the port.
int socket_to(int port) {
  for (int socket = 3; socket < 1024; ++socket) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sin_family == AF_INET &&
        ntohs(peer.sin_port) == port) {
      return socket;
    }
  }
  return -1;
}

TEST_CASE("writing to a Redis connection that is gone does not end the program with SIGPIPE") {
  FakeRedis server([](std::string_view) { return Answer{bulk("")}; });
  struct sigaction before = {};
  struct sigaction deadly = {};
  deadly.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, &deadly, &before);
  Cache cache(server.url());
  // The next write raises the signal; the server answers what it has got, and does not hang up.
  REQUIRE(::shutdown(socket_to(server.port()), SHUT_WR) == 0);
  cache.store->remember(record_of("k"));
  CHECK_FALSE(cache.knows(record_of("k")));
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGPIPE) == 0);
  ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_CASE("more callers than Redis connections wait a little, and then know nothing") {
  const IdempotencyRecord record = record_of("k");
  FakeRedis server([](std::string_view) { return Answer{}; });
  Cache cache(server.url(), {.connections = 2});
  std::atomic<int> found{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 12; ++i) {
    callers.emplace_back([&] { found += cache.store->find(record.scope, FakeClock::kStart) ? 1 : 0; });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(found == 0);
}

TEST_CASE("a forked child knows nothing of its parent's Redis cache and leaves its sockets alone") {
  const IdempotencyRecord record = record_of("k");
  const std::string entry = bulk(redis::encode_entry("book", record));
  FakeRedis server([&](std::string_view) { return Answer{entry}; });
  auto cache = std::make_unique<Cache>(server.url(), RedisOptions{.book = "book"});
  CHECK(cache->knows(record));
  ChildProcess child([&](const Channel&) {
    const bool knows = cache->store->find(record.scope, FakeClock::kStart).has_value();
    cache->store->remember(record);
    cache.reset();
    return knows ? 1 : 0;
  });
  CHECK(child.wait() == 0);
  CHECK(server.requests() == 1);
  CHECK(cache->knows(record));
  CHECK(server.connections() == 1);
}

// --- with a real server ---------------------------------------------------------------------------

TEST_CASE("what one process remembers in Redis another one finds, for a day at most") {
  with_server([](RedisServer& server, const std::string& url) {
    const Cache one(url);
    const Cache two(url, {.book = one.book});
    const Cache stranger(url);
    IdempotencyRecord record = record_of("k");
    record.response = std::string("\0bytes\xff\r\n", 9);
    record.expires_at = FakeClock::kStart + std::chrono::hours(48);
    one.store->remember(record);
    CHECK(two.knows(record));
    CHECK_FALSE(stranger.knows(record));
    const int day_ms = 24 * 60 * 60 * 1000;
    const int kept_ms = std::stoi(server.number("'PTTL', KEYS[1]", one.key(record)));
    CHECK(kept_ms > day_ms - 60'000);
    CHECK(kept_ms <= day_ms);

    IdempotencyRecord over = record_of("over");
    over.expires_at = FakeClock::kStart;
    one.store->remember(over);
    CHECK(server.run({"GET", one.key(over)}).empty());
    IdempotencyRecord large = record_of("large");
    large.response.assign(1024 * 1024, 'x');
    one.store->remember(large);
    CHECK_FALSE(two.knows(large));
    large.response.resize(1000 * 1000);
    one.store->remember(large);
    CHECK(two.knows(large));
  });
}

TEST_CASE("whatever lies in Redis under a key's name, only its own whole entry is an answer") {
  with_server([](RedisServer& server, const std::string& url) {
    const Cache cache(url);
    const IdempotencyRecord record = record_of("k");
    IdempotencyRecord foreign = record;
    foreign.scope.tenant = "other";
    cache.store->remember(record);
    cache.store->remember(foreign);
    const std::string key = cache.key(record);
    const std::string entry = server.run({"GET", key});
    const std::string of_other_tenant = server.run({"GET", cache.key(foreign)});
    REQUIRE(cache.knows(record));

    for (std::size_t i = 0; i < entry.size(); ++i) {
      std::string rotten = entry;
      rotten[i] = static_cast<char>(rotten[i] ^ (1 << (i % 8)));
      server.run({"SET", key, rotten});
      CHECK_FALSE(cache.knows(record));
    }
    std::string old_form = entry;
    old_form.replace(old_form.find("idempotency 1"), 13, "idempotency 0");
    for (const std::string& junk :
         {of_other_tenant, old_form, std::string("OK"), std::string("{}"), entry + entry,
          std::string(3'000'000, 'x'), entry + std::string(3'000'000, 'x')}) {
      server.run({"SET", key, junk});
      CHECK_FALSE(cache.knows(record));
    }
    for (const char* other_type :
         {"'RPUSH', KEYS[1], 'x'", "'SADD', KEYS[1], 'x'", "'HSET', KEYS[1], 'x', 'y'"}) {
      server.number("'DEL', KEYS[1]", key);
      server.number(other_type, key);
      CHECK_FALSE(cache.knows(record));
    }
    // None of it was a failure of the server, and all of it is overwritten.
    cache.store->remember(record);
    CHECK(cache.knows(record));
    server.run({"SET", key, entry});
    CHECK(cache.knows(record));
  });
}

TEST_CASE("a Redis that is emptied, evicts or is full forgets, and goes on") {
  with_server([](RedisServer& server, const std::string& url) {
    Cache cache(url);
    cache.store->remember(record_of("k"));
    REQUIRE(cache.knows(record_of("k")));
    server.run({"FLUSHDB"});
    CHECK_FALSE(cache.knows(record_of("k")));
    cache.store->remember(record_of("k"));
    CHECK(cache.knows(record_of("k")));

    for (const char* policy : {"allkeys-random", "noeviction"}) {
      CAPTURE(policy);
      server.run({"CONFIG", "SET", "maxmemory-policy", policy});
      server.run({"CONFIG", "SET", "maxmemory", "1mb"});
      int known = 0;
      for (int i = 0; i < 300; ++i) {
        IdempotencyRecord record = record_of("key" + std::to_string(i));
        record.response.assign(10'000, static_cast<char>('a' + i % 26));
        cache.store->remember(record);
        known += cache.knows(record) ? 1 : 0;
      }
      CHECK(known < 300);
      server.run({"CONFIG", "SET", "maxmemory", "0"});
      server.run({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
    }
    cache.wait();
    cache.store->remember(record_of("k"));
    CHECK(cache.knows(record_of("k")));
  });
}

TEST_CASE("a Redis that drops its connections while they are idle is asked over new ones") {
  with_server([](RedisServer& server, const std::string& url) {
    const Cache cache(url);
    cache.store->remember(record_of("k"));
    for (int i = 0; i < 5; ++i) {
      CHECK_THROWS_AS(server.run({"CLIENT", "KILL", "TYPE", "normal"}), redis::Failure);  // answers a number
      server = RedisServer(url);
      CHECK(cache.knows(record_of("k")));
    }
  });
}

TEST_CASE("a Redis that is stopped, or killed and started empty, is back when it is back") {
  with_server([](RedisServer& server, const std::string& url) {
    Cache cache(url);
    const IdempotencyRecord record = record_of("k");
    cache.store->remember(record);
    REQUIRE(cache.knows(record));
    if (!steer_redis("pause")) {
      MESSAGE("SKIPPED: this Redis was not started by tests/servers/run");
      return;
    }
    for (int i = 0; i < 10; ++i) CHECK_FALSE(cache.knows(record));
    REQUIRE(steer_redis("resume"));
    CHECK_FALSE(cache.knows(record));  // it is left alone
    cache.wait();
    CHECK(cache.knows(record));

    REQUIRE(steer_redis("kill"));
    for (int i = 0; i < 10; ++i) CHECK_FALSE(cache.knows(record));
    REQUIRE(steer_redis("start"));
    server = RedisServer(url);
    cache.wait();
    CHECK_FALSE(cache.knows(record));
    cache.store->remember(record);
    CHECK(cache.knows(record));
  });
}

TEST_CASE("a Redis that refuses the login or has no such database is a miss, and health says why") {
  with_server([](RedisServer& server, const std::string& url) {
    const redis::Place place = redis::parse_url(url);
    const std::string where = place.host + ":" + std::to_string(place.port);
    server.run({"ACL", "SETUSER", "desk", "on", ">s3cret", "+@all", "allkeys"});
    const auto refused = [](const std::string& bad) {
      const FakeClock clock;
      const auto cache = open_redis_idempotency_store({.url = bad, .book = "b"}, clock);
      CHECK_FALSE(cache->find(record_of("k").scope, clock.now()));
      const Dependency told = cache->dependency();
      CHECK(told.state == DependencyState::kDown);
      CHECK(told.detail.find("hunter2") == std::string::npos);
      CHECK(told.detail.find("s3cret") == std::string::npos);
      return told.detail.find("check user, password and database") != std::string::npos;
    };
    CHECK(refused("redis://desk:hunter2@" + where));
    CHECK(refused("redis://nobody:hunter2@" + where));
    CHECK(refused("redis://:hunter2@" + where));
    CHECK(refused("redis://desk:s3cret@" + where + "/9999"));
    if (!place.password.empty()) CHECK(refused("redis://" + where));
    Cache cache("redis://desk:s3cret@" + where + "/1");
    cache.store->remember(record_of("k"));
    CHECK(cache.knows(record_of("k")));
    RedisServer("redis://desk:s3cret@" + where + "/1").run({"FLUSHDB"});
    server.run({"ACL", "SETUSER", "desk", "off"});
  });
}

TEST_CASE("a Redis whose password changes under way is a miss until it is let in again") {
  with_server([](RedisServer& server, const std::string& url) {
    const redis::Place place = redis::parse_url(url);
    server.run({"ACL", "SETUSER", "desk", "on", ">s3cret", "+@all", "allkeys"});
    Cache cache("redis://desk:s3cret@" + place.host + ":" + std::to_string(place.port));
    cache.store->remember(record_of("k"));
    server.run({"ACL", "SETUSER", "desk", "resetpass", ">another"});
    CHECK_THROWS_AS(server.run({"CLIENT", "KILL", "USER", "desk"}), redis::Failure);
    RedisServer again(url);
    for (int i = 0; i < 5; ++i) CHECK_FALSE(cache.knows(record_of("k")));
    again.run({"ACL", "SETUSER", "desk", "resetpass", ">s3cret"});
    cache.wait();
    CHECK(cache.knows(record_of("k")));
    again.number("'DEL', KEYS[1]", cache.key(record_of("k")));
    server = std::move(again);
    server.run({"ACL", "SETUSER", "desk", "off"});
  });
}

}  // namespace
}  // namespace orchestrator::testing
