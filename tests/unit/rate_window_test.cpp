// The sliding window of a broker credential's requests.
#include "core/rate_window.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>

#include "orchestrator/error.hpp"

using namespace orchestrator;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr Timestamp kStart{std::chrono::hours(5)};

RateLimit limit_of(std::size_t requests_max, std::size_t reserved = 0) {
  return {.requests_max = requests_max, .per = std::chrono::seconds(1), .reserved_for_cancels = reserved};
}

}  // namespace

TEST_CASE("a broker without a rate limit grants everything") {
  RateWindow window;
  CHECK(window.take({}, RateUse::kOrder, 1'000'000, kStart) == 1'000'000);
}

TEST_CASE("a burst may use the whole limit, and what it used comes back after the window") {
  RateWindow window;
  CHECK(window.take(limit_of(10), RateUse::kCancel, 7, kStart) == 7);
  CHECK(window.take(limit_of(10), RateUse::kCancel, 7, kStart + milliseconds(500)) == 3);
  CHECK(window.take(limit_of(10), RateUse::kCancel, 1, kStart + milliseconds(999)) == 0);
  CHECK(window.take(limit_of(10), RateUse::kCancel, 9, kStart + milliseconds(1100)) == 7);
}

TEST_CASE("what is reserved for cancels is used by nothing else") {
  RateWindow window;
  CHECK(window.take(limit_of(10, 3), RateUse::kOrder, 10, kStart) == 6);
  CHECK(window.take(limit_of(10, 3), RateUse::kOther, 10, kStart) == 1);
  CHECK(window.take(limit_of(10, 3), RateUse::kCancel, 5, kStart) == 3);
  CHECK(window.take(limit_of(10, 99), RateUse::kOther, 1, kStart + std::chrono::hours(1)) == 0);
}

TEST_CASE("orders leave a tenth of the limit to reads and changes, and these half of it to orders") {
  RateWindow window;
  CHECK(window.take(limit_of(30, 3), RateUse::kOrder, 100, kStart) == 24);
  CHECK(window.take(limit_of(30, 3), RateUse::kOther, 100, kStart) == 3);
  CHECK(window.take(limit_of(30, 3), RateUse::kCancel, 100, kStart) == 3);
  RateWindow reading;
  CHECK(reading.take(limit_of(30, 3), RateUse::kOther, 100, kStart) == 13);
  CHECK(reading.take(limit_of(30, 3), RateUse::kOrder, 100, kStart) == 14);
  RateWindow small;
  CHECK(small.take(limit_of(3, 1), RateUse::kOrder, 100, kStart) == 1);
  CHECK(small.take(limit_of(3, 1), RateUse::kOther, 100, kStart) == 1);
  RateWindow one;
  CHECK_MESSAGE(one.take(limit_of(2, 1), RateUse::kOrder, 100, kStart) == 1, "an order can always leave");
}

TEST_CASE("requests under limits of different lengths count for one another, each in its own window") {
  const RateLimit second = limit_of(5);
  const RateLimit minute{.requests_max = 20, .per = std::chrono::minutes(1)};
  RateWindow window;
  std::size_t in_minute = 0;
  CHECK(window.take(minute, RateUse::kCancel, 3, kStart) == 3);
  for (int i = 0; i < 50; ++i) {
    const Timestamp now = kStart + milliseconds(100 * i);
    const std::size_t by_second = window.take(second, RateUse::kCancel, 9, now);
    const std::size_t by_minute = window.take(minute, RateUse::kCancel, 1, now);
    in_minute += by_second + by_minute;
    INFO("round ", i);
    CHECK(by_second <= 5);
    if (by_minute > 0) CHECK(in_minute <= 20);
    window = RateWindow::parse(window.to_string());
  }
  CHECK_MESSAGE(in_minute >= 20, "the longer one does not hold back the shorter");
  CHECK_MESSAGE(window.take(second, RateUse::kCancel, 9, kStart + std::chrono::seconds(7)) == 5,
                "and is not read as it");
  CHECK_MESSAGE(window.take(minute, RateUse::kCancel, 1, kStart + std::chrono::seconds(8)) == 0,
                "nor emptied by it");
}

TEST_CASE("property: no window of the limit's length ever holds more than the limit (I7)") {
  std::mt19937_64 random(20'260'105);
  for (int run = 0; run < 200; ++run) {
    const RateLimit limit{.requests_max = 1 + random() % 20, .per = microseconds(1'000 + random() % 100'000)};
    RateWindow window;
    std::deque<Timestamp> sent;
    Timestamp now = kStart;
    for (int step = 0; step < 300; ++step) {
      now += microseconds(random() % static_cast<std::uint64_t>(limit.per.count() / 3));
      const auto use = static_cast<RateUse>(random() % 3);
      for (std::size_t n = window.take(limit, use, random() % 5, now); n > 0; --n) sent.push_back(now);
      while (!sent.empty() && sent.front() <= now - limit.per) sent.pop_front();
      INFO("run ", run, " step ", step);
      REQUIRE(sent.size() <= limit.requests_max);
      window = RateWindow::parse(window.to_string());
    }
  }
}

TEST_CASE("a clock that begins anew frees nothing before a whole window has passed") {
  RateWindow window;
  CHECK(window.take(limit_of(5), RateUse::kCancel, 5, kStart) == 5);
  const Timestamp rebooted{milliseconds(20)};
  CHECK(window.take(limit_of(5), RateUse::kCancel, 1, rebooted) == 0);
  CHECK(window.take(limit_of(5), RateUse::kCancel, 1, rebooted + milliseconds(900)) == 0);
  CHECK(window.take(limit_of(5), RateUse::kCancel, 9, rebooted + milliseconds(1200)) == 5);
}

TEST_CASE("a stored window that does not read as one is corrupt storage") {
  for (const char* text : {"", "1 2", "1 1 1 1 1 1 1 1 1 1 1 1 1 1", "x", "0 1 0 0 0 0 0 0 0 0 0 0 0",
                           "1 1 -1 0 0 0 0 0 0 0 0 0 0"}) {
    INFO(text);
    CHECK_THROWS_AS(static_cast<void>(RateWindow::parse(text)), Error);
  }
}
