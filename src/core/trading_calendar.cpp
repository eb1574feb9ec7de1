// Settlement dates. Half days and special weekend sessions are trading days or not, as the holiday list
// says; sessions on weekends are not known to it and count for the next trading day.

#include "core/trading_calendar.hpp"

#include <algorithm>
#include <string>

#include "orchestrator/error.hpp"

namespace orchestrator {

namespace {

constexpr int kSettlementDaysMax = 365;

Date trading_day_from(Date day, std::span<const Date> holidays) {
  while (!is_trading_day(day, holidays)) day += std::chrono::days(1);
  return day;
}

}  // namespace

bool is_trading_day(Date day, std::span<const Date> holidays) {
  const std::chrono::weekday weekday(day);
  if (weekday == std::chrono::Saturday || weekday == std::chrono::Sunday) return false;
  return std::find(holidays.begin(), holidays.end(), day) == holidays.end();
}

Date settlement_date(Timestamp executed_at, std::chrono::minutes utc_offset, int settlement_days,
                     std::span<const Date> holidays) {
  if (settlement_days < 0 || settlement_days > kSettlementDaysMax) {
    throw Error(ErrorCode::kInvalidArgument, "settlement_days must be 0 to " +
                                                 std::to_string(kSettlementDaysMax) + ", not " +
                                                 std::to_string(settlement_days));
  }
  Date day = trading_day_from(std::chrono::floor<std::chrono::days>(executed_at + utc_offset), holidays);
  for (int i = 0; i < settlement_days; ++i) day = trading_day_from(day + std::chrono::days(1), holidays);
  return day;
}

}  // namespace orchestrator
