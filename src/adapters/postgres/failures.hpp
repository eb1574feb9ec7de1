// What PostgreSQL's error codes and libpq's words mean for a caller.
#pragma once

#include <string>
#include <string_view>

namespace orchestrator::postgres {

// Both throw DatabaseError; `place` begins the message.
//
// libpq has only words for why a connection could not be made; those of a server in another language end as
// storage_unavailable, with the words.
[[noreturn]] void throw_not_connected(const std::string& place, const std::string& words);
// `state` is an SQLSTATE.
[[noreturn]] void throw_meaning(const std::string& place, const std::string& words, std::string_view state);

// A session that does not know what was prepared in it, or knows what was not: a pooler has changed it.
inline constexpr std::string_view kNotPrepared = "26000";
inline constexpr std::string_view kPreparedTwice = "42P05";
inline constexpr std::string_view kPlanOutdated = "0A000";

// A statement with this among its columns fails, as DatabaseError::Kind::kOvertaken, unless `condition` holds
// when it is done: what it wrote is undone with its transaction, and a COMMIT sent behind it is not run.
std::string condition_sql(const std::string& condition);

}  // namespace orchestrator::postgres
