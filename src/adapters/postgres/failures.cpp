// What PostgreSQL's error codes and libpq's words mean for a caller.

#include "adapters/postgres/failures.hpp"

#include "adapters/postgres/connection.hpp"

namespace orchestrator::postgres {
namespace {

using Kind = DatabaseError::Kind;

bool has(const std::string& words, const char* part) { return words.find(part) != std::string::npos; }

// In the server's log these are the words of the error.
constexpr const char* kOvertaken = "others were faster, and the unit of work runs again";

struct Meaning {
  std::string_view state;  // or how it begins
  ErrorCode code;
  Kind kind;
  std::string_view remedy;
};

constexpr Meaning kMeanings[] = {
    {kNotPrepared, ErrorCode::kConflict, Kind::kRace, "nothing was changed, call again"},
    {kPreparedTwice, ErrorCode::kConflict, Kind::kRace, "nothing was changed, call again"},
    {"40", ErrorCode::kConflict, Kind::kRace, "nothing was changed, call again"},
    {"55P03", ErrorCode::kStorageBusy, Kind::kTooLong, "another session keeps it locked; call again"},
    {"57014", ErrorCode::kStorageBusy, Kind::kTooLong,
     "it took longer than the statement timeout; call again"},
    {"25P03", ErrorCode::kStorageUnavailable, Kind::kLost, "this process was stopped meanwhile; call again"},
    {"57P", ErrorCode::kStorageUnavailable, Kind::kLost, "the server ended the connection; call again"},
    {"08", ErrorCode::kStorageUnavailable, Kind::kLost, "the connection was lost; call again"},
    {"53100", ErrorCode::kStorageFull, Kind::kRefused, "free some space on the server"},
    {"53300", ErrorCode::kStorageBusy, Kind::kRefused, "raise max_connections, or use fewer connections"},
    {"53", ErrorCode::kStorageUnavailable, Kind::kRefused, "the server lacks resources"},
    {"25006", ErrorCode::kStorageReadOnly, Kind::kRefused,
     "name the primary server in the URL, or all servers"},
    {"42501", ErrorCode::kPermissionDenied, Kind::kRefused, "grant the user what it needs"},
    {"42P01", ErrorCode::kStorageCorrupt, Kind::kRefused, "a table is missing; restore a backup"},
    {"0A000", ErrorCode::kConflict, Kind::kRace, "nothing was changed, call again"},
    {"22021", ErrorCode::kInvalidArgument, Kind::kRefused, "texts must be UTF-8"},
    {"22", ErrorCode::kInvalidArgument, Kind::kRefused, "a value is beyond what the database holds"},
    {"54", ErrorCode::kInvalidArgument, Kind::kRefused, "a text is longer than the database takes"},
    {"58", ErrorCode::kStorageUnavailable, Kind::kRefused, "the server has trouble with its disk"},
    {"XX000", ErrorCode::kStorageUnavailable, Kind::kRefused, "call again; see the server's log"},
    {"XX001", ErrorCode::kStorageCorrupt, Kind::kRefused, "stop writing and restore a backup"},
    {"XX002", ErrorCode::kStorageCorrupt, Kind::kRefused, "stop writing and restore a backup"},
};

}  // namespace

void throw_not_connected(const std::string& place, const std::string& words) {
  const auto fail = [&](ErrorCode code, const char* remedy) {
    throw DatabaseError(code, place + words + "; " + remedy,
                        code == ErrorCode::kStorageUnavailable ? Kind::kLost : Kind::kRefused);
  };
  if (has(words, "too many clients") || has(words, "remaining connection slots") ||
      has(words, "too many connections")) {
    fail(ErrorCode::kStorageBusy, "raise max_connections, or use fewer connections");
  }
  if (has(words, "password") || has(words, "pg_hba.conf") ||
      (has(words, "role") && has(words, "does not exist"))) {
    fail(ErrorCode::kPermissionDenied, "check user and password, and what the server's pg_hba.conf allows");
  }
  if (has(words, "database") && has(words, "does not exist")) {
    fail(ErrorCode::kConfiguration, "create the database, or correct its name in the URL");
  }
  if (has(words, "does not support SSL") || has(words, "SSL was required") || has(words, "certificate")) {
    fail(ErrorCode::kConfiguration, "check sslmode and the certificates");
  }
  if (words.starts_with("invalid ")) fail(ErrorCode::kConfiguration, "correct the URL");
  if (has(words, "session is read-only") || has(words, "server is in hot standby")) {
    fail(ErrorCode::kStorageReadOnly, "name the primary server in the URL, or all servers");
  }
  fail(ErrorCode::kStorageUnavailable, "check that the server runs and is reachable");
  throw Error(ErrorCode::kInternal, words);
}

// Of what SQL can fail with by itself, a text that is no number shows why.
std::string condition_sql(const std::string& condition) {
  return "CAST(CASE WHEN " + condition + " THEN '1' ELSE '" + kOvertaken + "' END AS integer)";
}

void throw_meaning(const std::string& place, const std::string& words, std::string_view state) {
  if (state == "22P02" && has(words, kOvertaken)) {
    throw DatabaseError(ErrorCode::kConflict, place + words + "; nothing was changed, call again",
                        Kind::kOvertaken);
  }
  // A sequence is behind its table. Run again, the unit draws other numbers.
  if (state == "23505" && has(words, "_pkey")) {
    throw DatabaseError(ErrorCode::kConflict, place + words + "; nothing was changed, call again",
                        Kind::kRace);
  }
  for (const Meaning& meaning : kMeanings) {
    if (!state.starts_with(meaning.state)) continue;
    throw DatabaseError(meaning.code, place + words + "; " + std::string(meaning.remedy), meaning.kind);
  }
  throw DatabaseError(ErrorCode::kInternal, place + words + " (SQLSTATE " + std::string(state) + ")",
                      Kind::kRefused);
}

}  // namespace orchestrator::postgres
