// Settlement dates.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/trading_calendar.hpp"
#include "orchestrator/error.hpp"

using namespace orchestrator;

namespace {

constexpr std::chrono::minutes kIndia{330};
constexpr std::chrono::minutes kNewYork{-300};

std::string settles(const char* executed_at, std::chrono::minutes offset, int days,
                    const std::vector<Date>& holidays = {}) {
  return to_string(settlement_date(*parse_timestamp(executed_at), offset, days, holidays));
}

}  // namespace

TEST_CASE("T+n counts trading days") {
  // 2026-01-05 is a Monday.
  CHECK(settles("2026-01-05T05:00:00Z", kIndia, 0) == "2026-01-05");
  CHECK(settles("2026-01-05T05:00:00Z", kIndia, 1) == "2026-01-06");
  CHECK(settles("2026-01-08T05:00:00Z", kIndia, 2) == "2026-01-12");
  CHECK(settles("2026-01-09T05:00:00Z", kIndia, 1) == "2026-01-12");
  CHECK(settles("2026-01-05T05:00:00Z", kIndia, 5) == "2026-01-12");
  CHECK(settles("2026-01-05T05:00:00Z", kIndia, 10) == "2026-01-19");
}

TEST_CASE("holidays are no trading days, in any order") {
  const std::vector<Date> holidays{*parse_date("2026-01-26"), *parse_date("2026-01-06"),
                                   *parse_date("2026-01-07")};
  CHECK(settles("2026-01-05T05:00:00Z", kIndia, 1, holidays) == "2026-01-08");
  CHECK(settles("2026-01-23T05:00:00Z", kIndia, 1, holidays) == "2026-01-27");
  CHECK_FALSE(is_trading_day(*parse_date("2026-01-26"), holidays));
  CHECK(is_trading_day(*parse_date("2026-01-26"), {}));
}

TEST_CASE("the trade date is the exchange's own day") {
  CHECK(settles("2026-01-05T18:29:59.999999Z", kIndia, 0) == "2026-01-05");
  CHECK(settles("2026-01-05T18:30:00Z", kIndia, 0) == "2026-01-06");
  CHECK(settles("2026-01-06T04:59:59Z", kNewYork, 0) == "2026-01-05");
  CHECK(settles("2026-01-06T05:00:00Z", kNewYork, 0) == "2026-01-06");
}

TEST_CASE("an execution on a day without trading counts for the next trading day") {
  CHECK(settles("2026-01-10T05:00:00Z", kIndia, 0) == "2026-01-12");
  CHECK(settles("2026-01-11T05:00:00Z", kIndia, 1) == "2026-01-13");
}

TEST_CASE("settlement days outside 0 to 365 are refused") {
  CHECK_THROWS_AS((void)settles("2026-01-05T05:00:00Z", kIndia, -1), Error);
  CHECK_THROWS_AS((void)settles("2026-01-05T05:00:00Z", kIndia, 366), Error);
  CHECK(settles("2026-01-05T05:00:00Z", kIndia, 365) == "2027-05-31");
}
