// The circuit breaker of one broker.
#include "engine/breaker.hpp"

#include <doctest/doctest.h>

using namespace orchestrator;
using namespace orchestrator::engine;
using Call = Breaker::Call;
using std::chrono::milliseconds;

namespace {

constexpr Timestamp kStart{std::chrono::hours(5)};

void fail(Breaker& breaker, Call call, int times, Timestamp now = kStart) {
  for (int i = 0; i < times; ++i) breaker.failed(call, now, "timeout");
}

}  // namespace

TEST_CASE("five failures in a row open the circuit; a success in between does not count them on") {
  Breaker breaker;
  fail(breaker, Call::kSend, 4);
  breaker.succeeded(Call::kSend);
  fail(breaker, Call::kSend, 4);
  CHECK(breaker.allows_sends());
  fail(breaker, Call::kSend, 1);
  CHECK_FALSE(breaker.allows_sends());
  CHECK(breaker.health("x", kStart).circuit == CircuitState::kOpen);
  CHECK(breaker.health("x", kStart).reason == "timeout");
}

TEST_CASE("answered reads do not hide orders that are never answered") {
  Breaker breaker;
  for (int i = 0; i < 5; ++i) {
    fail(breaker, Call::kSend, 1);
    breaker.succeeded(Call::kRead);
  }
  CHECK_FALSE(breaker.allows_sends());
}

TEST_CASE("after the pause one read probes, and only its success lets orders leave again") {
  Breaker breaker;
  fail(breaker, Call::kSend, 5);
  CHECK_FALSE(breaker.allows_read(kStart + milliseconds(249)));
  const Timestamp later = kStart + milliseconds(250);
  CHECK(breaker.allows_read(later));
  CHECK_FALSE_MESSAGE(breaker.allows_read(later), "one probe at a time");
  CHECK_FALSE(breaker.allows_sends());
  breaker.succeeded(Call::kSend);
  CHECK_FALSE_MESSAGE(breaker.allows_sends(), "an order sent before says nothing about now");
  breaker.succeeded(Call::kRead);
  CHECK(breaker.allows_sends());
}

TEST_CASE("each failed probe, and each failure right after a good one, doubles the pause") {
  Breaker breaker;
  fail(breaker, Call::kSend, 5);
  REQUIRE(breaker.allows_read(kStart + milliseconds(250)));
  breaker.failed(Call::kRead, kStart + milliseconds(250), "still down");
  CHECK(breaker.health("x", kStart + milliseconds(250)).retry_in == milliseconds(500));
  REQUIRE(breaker.allows_read(kStart + milliseconds(750)));
  breaker.succeeded(Call::kRead);
  REQUIRE(breaker.allows_sends());
  breaker.failed(Call::kSend, kStart + milliseconds(800), "and again");
  CHECK_FALSE(breaker.allows_sends());
  CHECK(breaker.health("x", kStart + milliseconds(800)).retry_in == milliseconds(1000));
}

TEST_CASE("the pause grows to half a minute and no further, and a success ends it") {
  Breaker breaker;
  Timestamp now = kStart;
  fail(breaker, Call::kRead, 5, now);
  for (int probe = 0; probe < 12; ++probe) {
    now += std::chrono::seconds(30);
    REQUIRE(breaker.allows_read(now));
    breaker.failed(Call::kRead, now, "down");
  }
  CHECK(breaker.health("x", now).retry_in == std::chrono::seconds(30));
  now += std::chrono::seconds(30);
  REQUIRE(breaker.allows_read(now));
  breaker.succeeded(Call::kRead);
  CHECK(breaker.health("x", now).circuit == CircuitState::kClosed);
  CHECK(breaker.health("x", now).reason.empty());
}

TEST_CASE("a probe whose caller never reports blocks the next one for a pause only") {
  Breaker breaker;
  fail(breaker, Call::kSend, 5);
  REQUIRE(breaker.allows_read(kStart + milliseconds(250)));
  CHECK(breaker.allows_read(kStart + milliseconds(750)));
}
