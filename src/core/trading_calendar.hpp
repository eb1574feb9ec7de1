// When executions settle: T+n in trading days.
#pragma once

#include <chrono>
#include <span>

#include "orchestrator/types.hpp"

namespace orchestrator {

// Monday to Friday, unless it is one of the holidays (in any order).
[[nodiscard]] bool is_trading_day(Date day, std::span<const Date> holidays);

// The trading day `settlement_days` after the trade date, which is the exchange's own day: `utc_offset` ahead
// of UTC. An execution on a day that is no trading day counts as one of the next trading day. Throws
// Error(invalid_argument) unless settlement_days is 0 to 365.
[[nodiscard]] Date settlement_date(Timestamp executed_at, std::chrono::minutes utc_offset,
                                   int settlement_days, std::span<const Date> holidays);

}  // namespace orchestrator
