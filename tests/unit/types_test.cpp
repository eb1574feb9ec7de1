// Words, times and days as text: exact on the way out, strict on the way in.
#include <doctest/doctest.h>

#include <cstdio>
#include <random>
#include <string>

#include "orchestrator/error.hpp"
#include "orchestrator/types.hpp"

using namespace orchestrator;

namespace {

constexpr std::uint64_t kSeed = 20260105;

Timestamp at_micros(std::int64_t micros) { return Timestamp(std::chrono::microseconds(micros)); }

// What the text means, or "refused".
std::string read(std::string_view text) {
  const auto at = parse_timestamp(text);
  return at ? to_string(*at) : "refused";
}

// Gauss's and Zeller's rules are not used by the library: an independent count of days since 1970.
std::int64_t days_by_counting(int year, unsigned month, unsigned day) {
  const auto leap = [](int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; };
  constexpr int kLengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::int64_t days = 0;
  for (int y = 1970; y < year; ++y) days += leap(y) ? 366 : 365;
  for (int y = year; y < 1970; ++y) days -= leap(y) ? 366 : 365;
  for (unsigned m = 1; m < month; ++m) days += kLengths[m - 1] + (m == 2 && leap(year) ? 1 : 0);
  return days + day - 1;
}

}  // namespace

TEST_CASE("a timestamp is written as RFC 3339 in UTC with six decimals") {
  CHECK(to_string(at_micros(0)) == "1970-01-01T00:00:00.000000Z");
  CHECK(to_string(at_micros(-1)) == "1969-12-31T23:59:59.999999Z");
  CHECK(to_string(at_micros(1'767'604'500'000'001)) == "2026-01-05T09:15:00.000001Z");
}

TEST_CASE("a time whose year has no four digits is refused, not written wrongly") {
  CHECK(to_string(*parse_timestamp("0000-01-01T00:00:00Z")) == "0000-01-01T00:00:00.000000Z");
  CHECK(to_string(*parse_timestamp("9999-12-31T23:59:59.999999Z")) == "9999-12-31T23:59:59.999999Z");
  for (const Timestamp at :
       {Timestamp::max(), Timestamp::min(),
        *parse_timestamp("9999-12-31T23:59:59.999999Z") + std::chrono::microseconds(1)}) {
    CHECK_THROWS_AS((void)to_string(at), Error);
  }
  CHECK_THROWS_AS((void)to_string(*parse_date("9999-12-31") + std::chrono::days(1)), Error);
  CHECK_THROWS_AS((void)to_string(*parse_date("0000-01-01") - std::chrono::days(1)), Error);
}

TEST_CASE("a timestamp is read with any offset and up to nine decimals") {
  CHECK(read("2026-01-05T09:15:00Z") == "2026-01-05T09:15:00.000000Z");
  CHECK(read("2026-01-05t09:15:00z") == "2026-01-05T09:15:00.000000Z");
  CHECK(read("2026-01-05T09:15:00.5Z") == "2026-01-05T09:15:00.500000Z");
  CHECK(read("2026-01-05T09:15:00.123456789Z") == "2026-01-05T09:15:00.123456Z");
  CHECK(read("2026-01-05T09:15:00+05:30") == "2026-01-05T03:45:00.000000Z");
  CHECK(read("2026-01-05T00:15:00+05:30") == "2026-01-04T18:45:00.000000Z");
  CHECK(read("2025-12-31T20:00:00-05:00") == "2026-01-01T01:00:00.000000Z");
  CHECK(read("2026-01-05T09:15:00-00:00") == "2026-01-05T09:15:00.000000Z");
  CHECK(read("2026-01-05T09:15:00+23:59") == "2026-01-04T09:16:00.000000Z");
}

TEST_CASE("a leap second is the midnight after it, and exists only there") {
  CHECK(read("2016-12-31T23:59:60Z") == "2017-01-01T00:00:00.000000Z");
  CHECK(read("2016-12-31T23:59:60.25Z") == "2017-01-01T00:00:00.250000Z");
  CHECK(read("2017-01-01T05:29:60+05:30") == "2017-01-01T00:00:00.000000Z");
  CHECK(read("2016-12-30T23:59:60Z") == "refused");
  CHECK(read("2016-12-31T22:59:60Z") == "refused");
  CHECK(read("2016-12-31T23:59:61Z") == "refused");
}

TEST_CASE("anything else than RFC 3339 is refused") {
  for (const char* text : {"",
                           "2026-01-05",
                           "2026-01-05T09:15:00",
                           "2026-01-05 09:15:00Z",
                           "2026-01-05T09:15Z",
                           "2026-01-05T9:15:00Z",
                           "26-01-05T09:15:00Z",
                           "2026-1-05T09:15:00Z",
                           "2026-01-05T24:00:00Z",
                           "2026-01-05T09:60:00Z",
                           "2026-13-05T09:15:00Z",
                           "2026-00-05T09:15:00Z",
                           "2026-02-29T09:15:00Z",
                           "2026-01-05T09:15:00.Z",
                           "2026-01-05T09:15:00,5Z",
                           "2026-01-05T09:15:00.1234567890Z",
                           "2026-01-05T09:15:00+0530",
                           "2026-01-05T09:15:00+24:00",
                           "2026-01-05T09:15:00+05:60",
                           "2026-01-05T09:15:00+05",
                           "2026-01-05T09:15:00Z ",
                           " 2026-01-05T09:15:00Z",
                           "2026-01-05T09:15:00ZZ",
                           "-026-01-05T09:15:00Z",
                           "2026-01-05T-9:15:00Z",
                           "2026-01-05T09:15:00UTC",
                           "9999-12-31T23:59:59-00:01",
                           "0000-01-01T00:00:00+00:01"}) {
    INFO(text);
    CHECK(read(text) == "refused");
  }
  CHECK_FALSE(parse_timestamp(std::string_view("2026-01-05T09:15:00Z\0", 21)));
}

TEST_CASE("every day of the calendar is read and written, and only those") {
  std::int64_t expected = days_by_counting(1896, 1, 1);
  for (int year = 1896; year <= 2104; ++year) {
    for (unsigned month = 1; month <= 12; ++month) {
      for (unsigned day = 1; day <= 32; ++day) {
        char text[32];
        std::snprintf(text, sizeof text, "%04d-%02u-%02u", year, month, day);
        const auto parsed = parse_date(text);
        const bool exists =
            day <= 31 && days_by_counting(year, month, day) <
                             days_by_counting(month == 12 ? year + 1 : year, month % 12 + 1, 1);
        if (parsed.has_value() != exists) FAIL(text);
        if (!exists) continue;
        if (parsed->time_since_epoch().count() != expected || to_string(*parsed) != text) FAIL(text);
        ++expected;
      }
    }
  }
  CHECK(to_string(*parse_date("2104-12-31")) == "2104-12-31");
}

TEST_CASE("a date has exactly its ten characters") {
  for (const char* text : {"", "2026-1-5", "20260105", "2026-01-05T", "2026-01-05 ", "2026/01/05",
                           "2026-02-30", "1900-02-29", "2026-04-31", "2026-01-00"}) {
    INFO(text);
    CHECK_FALSE(parse_date(text));
  }
  CHECK(parse_date("2000-02-29"));
}

TEST_CASE("every timestamp within four-digit years comes back from its text") {
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  const std::int64_t first = parse_timestamp("0000-01-01T00:00:00Z")->time_since_epoch().count();
  const std::int64_t last = parse_timestamp("9999-12-31T23:59:59.999999Z")->time_since_epoch().count();
  std::uniform_int_distribution<std::int64_t> micros(first, last);
  for (int i = 0; i < 20'000; ++i) {
    const Timestamp at = at_micros(micros(random));
    if (parse_timestamp(to_string(at)) != at) FAIL(to_string(at));
  }
  CHECK(to_string(at_micros(first)) < to_string(at_micros(last)));
}

TEST_CASE("text that is nearly a timestamp is read or refused, and never anything else") {
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  const std::string valid = "2026-01-05T09:15:00.123456+05:30";
  constexpr std::string_view kAlphabet = "0123456789-+:.TZ z\0\xff";
  int read_back = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = valid;
    text[random() % text.size()] = kAlphabet[random() % kAlphabet.size()];
    if (random() % 4 == 0) text.resize(random() % text.size());
    const auto at = parse_timestamp(text);
    if (at && parse_timestamp(to_string(*at)) != at) FAIL(text);
    if (at) ++read_back;
  }
  CHECK(read_back > 1000);
}

TEST_CASE("every word is read back, in its exact spelling only") {
  const auto check_words = [](auto parse, int count, auto first) {
    for (int i = 0; i < count; ++i) {
      const auto value = static_cast<decltype(first)>(i);
      CHECK(parse(to_string(value)) == value);
    }
    CHECK(to_string(static_cast<decltype(first)>(count)) == "invalid");
    CHECK_FALSE(parse("invalid"));
    CHECK_FALSE(parse(""));
  };
  check_words(parse_side, 2, Side::kBuy);
  check_words(parse_order_type, 4, OrderType::kMarket);
  check_words(parse_time_in_force, 4, TimeInForce::kDay);
  check_words(parse_order_status, kOrderStatusCount, OrderStatus::kPlaced);
  check_words(parse_batch_status, 6, BatchStatus::kPending);
  CHECK(to_string(Side::kSell) == "SELL");
  CHECK(to_string(OrderStatus::kPartiallyFilled) == "partially_filled");
  CHECK(to_string(OrderStatus::kSettled) == "settled");
  CHECK(to_string(BatchStatus::kFailed) == "failed");
  CHECK(to_string(OrderType::kStopLimit) == "stop_limit");
  CHECK(to_string(TimeInForce::kFok) == "fok");
  CHECK_FALSE(parse_side("buy"));
  CHECK_FALSE(parse_side("BUY "));
  CHECK_FALSE(parse_order_type("LIMIT"));
}
