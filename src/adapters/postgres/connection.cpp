// libpqxx 6 and 7, libpq's URLs, and the meaning of PostgreSQL's error codes.
//
// libpq quotes the whole URL, password included, when it cannot read it; so the URL is read here first, and
// nothing of what is wrong with it is repeated.

#include "adapters/postgres/connection.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <pqxx/pqxx>
#include <unordered_map>
#include <vector>

#include "core/sha256.hpp"

namespace orchestrator::postgres {
namespace {

constexpr int kServerVersionMin = 130000;
// More shapes of statements than there are; beyond it they are not prepared.
constexpr std::size_t kPreparedMax = 128;
// A session that does not know what was prepared in it, or knows what was not: a pooler has changed it.
constexpr std::string_view kNotPrepared = "26000";
constexpr std::string_view kPreparedTwice = "42P05";
using Kind = DatabaseError::Kind;

// --- settings -------------------------------------------------------------------------------------

using Settings = std::map<std::string, std::string>;

Settings read_url(const std::string& url) {
  const bool scheme = url.starts_with("postgresql://") || url.starts_with("postgres://");
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      scheme ? PQconninfoParse(url.c_str(), nullptr) : nullptr, &PQconninfoFree);
  if (!parsed) {
    throw Error(
        ErrorCode::kConfiguration,
        "the database URL does not read as postgresql://user:password@host:port/database?setting=value; "
        "write special characters of its parts as %XX");
  }
  Settings settings;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) settings[option->keyword] = option->val;
  }
  return settings;
}

// What the URL does not say.
void add_defaults(Settings& settings, const PostgresOptions& options) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count();
  settings.try_emplace("connect_timeout", std::to_string(std::max<std::int64_t>(seconds, 2)));
  settings.try_emplace("application_name", "orchestrator");
  settings.try_emplace("target_session_attrs", "read-write");
  settings.try_emplace("keepalives_idle", "30");
  // A server that vanished must not hold a statement longer than a slow one would.
  const auto silence = options.statement_timeout + std::chrono::seconds(5);
  settings.try_emplace("tcp_user_timeout", std::to_string(silence.count()));
  settings["client_encoding"] = "UTF8";
}

std::string to_connection_string(const Settings& settings) {
  std::string text;
  for (const auto& [keyword, value] : settings) {
    text += keyword + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "' ";
  }
  return text;
}

// Where messages say the trouble is: without user and password.
std::string place_of(const Settings& settings) {
  const auto value = [&settings](const char* keyword, const char* otherwise) {
    const auto found = settings.find(keyword);
    return found == settings.end() || found->second.empty() ? std::string(otherwise) : found->second;
  };
  return "database " + value("dbname", "of the user's name") + " at " + value("host", "the local socket") +
         ":" + value("port", "5432") + ": ";
}

// --- failures -------------------------------------------------------------------------------------

// As one line, and without the password should a server have repeated it.
std::string clean(std::string words, const Settings& settings) {
  if (const auto password = settings.find("password");
      password != settings.end() && !password->second.empty()) {
    for (auto at = words.find(password->second); at != std::string::npos;
         at = words.find(password->second, at + 3)) {
      words.replace(at, password->second.size(), "***");
    }
  }
  std::string line;
  for (const char c : words) {
    if (c == '\n') {
      line += "; ";
    } else if (c != '\t') {
      line += c;
    }
  }
  while (line.ends_with("; ")) line.resize(line.size() - 2);
  return line;
}

bool has(const std::string& words, const char* part) { return words.find(part) != std::string::npos; }

// libpq has only words for why a connection could not be made; those of a server in another language end as
// storage_unavailable, with the words.
[[noreturn]] void throw_not_connected(const std::string& place, const std::string& words) {
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
  if (has(words, "SSL") || has(words, "certificate")) {
    fail(ErrorCode::kConfiguration, "check sslmode and the certificates");
  }
  if (words.starts_with("invalid ")) fail(ErrorCode::kConfiguration, "correct the URL");
  if (has(words, "session is read-only") || has(words, "server is in hot standby")) {
    fail(ErrorCode::kStorageReadOnly, "name the primary server in the URL, or all servers");
  }
  fail(ErrorCode::kStorageUnavailable, "check that the server runs and is reachable");
  throw Error(ErrorCode::kInternal, words);
}

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
    {"55P03", ErrorCode::kStorageBusy, Kind::kRefused, "another session keeps it locked; call again"},
    {"57014", ErrorCode::kStorageBusy, Kind::kRefused,
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
    {"22021", ErrorCode::kInvalidArgument, Kind::kRefused, "texts must be UTF-8"},
    {"XX001", ErrorCode::kStorageCorrupt, Kind::kRefused, "stop writing and restore a backup"},
    {"XX002", ErrorCode::kStorageCorrupt, Kind::kRefused, "stop writing and restore a backup"},
};

[[noreturn]] void throw_meaning(const std::string& place, const std::string& words, std::string_view state) {
  for (const Meaning& meaning : kMeanings) {
    if (!state.starts_with(meaning.state)) continue;
    throw DatabaseError(meaning.code, place + words + "; " + std::string(meaning.remedy), meaning.kind);
  }
  throw DatabaseError(ErrorCode::kInternal, place + words + " (SQLSTATE " + std::string(state) + ")",
                      Kind::kRefused);
}

}  // namespace

// --- libpqxx --------------------------------------------------------------------------------------

struct Result::Rows {
  pqxx::result result;
};

Result::Result(std::unique_ptr<Rows> rows) : rows_(std::move(rows)) {}
Result::~Result() = default;
Result::Result(Result&& other) noexcept = default;
Result& Result::operator=(Result&& other) noexcept = default;

std::size_t Result::size() const { return static_cast<std::size_t>(rows_->result.size()); }
std::int64_t Result::affected() const { return static_cast<std::int64_t>(rows_->result.affected_rows()); }

std::optional<std::string_view> Result::value(std::size_t row, std::size_t column) const {
  const auto field =
      rows_->result[static_cast<pqxx::result::size_type>(row)][static_cast<pqxx::row::size_type>(column)];
  if (field.is_null()) return std::nullopt;
  return std::string_view(field.c_str(), static_cast<std::size_t>(field.size()));
}

struct Connection::Session {
  explicit Session(const std::string& connection_string) : link(connection_string) {}

  pqxx::connection link;
  Settings settings;
  std::string place;
  std::string server_run;
  bool lost = false;
  bool prepares = true;
  std::unordered_map<std::string, std::string> prepared;  // names by statement

  template <class Call>
  Result guarded(Call&& call);
};

namespace {

using NullableText = const char*;

std::vector<NullableText> to_values(const Parameters& parameters) {
  std::vector<NullableText> values;
  values.reserve(parameters.texts().size());
  for (const auto& text : parameters.texts()) values.push_back(text ? text->c_str() : nullptr);
  return values;
}

#if PQXX_VERSION_MAJOR < 7
auto to_pqxx(const std::vector<NullableText>& values) { return pqxx::prepare::make_dynamic_params(values); }
#else
pqxx::params to_pqxx(const std::vector<NullableText>& values) {
  pqxx::params parameters;
  parameters.reserve(values.size());
  for (const NullableText value : values) {
    value == nullptr ? parameters.append() : parameters.append(pqxx::zview(value));
  }
  return parameters;
}
#endif

#if PQXX_VERSION_MAJOR < 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR < 9)
pqxx::result execute(pqxx::nontransaction& work, const std::string& sql,
                     const std::vector<NullableText>& values) {
  return work.exec_params(sql, to_pqxx(values));
}
pqxx::result execute_prepared(pqxx::nontransaction& work, const std::string& name,
                              const std::vector<NullableText>& values) {
  return work.exec_prepared(name, to_pqxx(values));
}
#else
pqxx::result execute(pqxx::nontransaction& work, const std::string& sql,
                     const std::vector<NullableText>& values) {
  return work.exec(sql, to_pqxx(values));
}
pqxx::result execute_prepared(pqxx::nontransaction& work, const std::string& name,
                              const std::vector<NullableText>& values) {
  return work.exec(pqxx::prepped{name}, to_pqxx(values));
}
#endif

}  // namespace

template <class Call>
Result Connection::Session::guarded(Call&& call) {
  try {
    pqxx::nontransaction work(link);
    return Result(std::make_unique<Result::Rows>(Result::Rows{call(work)}));
  } catch (const pqxx::broken_connection& error) {
    lost = true;
    throw_meaning(place, clean(error.what(), settings), "08006");
  } catch (const pqxx::deadlock_detected& error) {  // in libpqxx 6 these two have no SQLSTATE
    throw_meaning(place, clean(error.what(), settings), "40P01");
  } catch (const pqxx::transaction_rollback& error) {
    throw_meaning(place, clean(error.what(), settings), "40001");
  } catch (const pqxx::sql_error& error) {
    lost = !link.is_open();
    if (error.sqlstate() == kNotPrepared || error.sqlstate() == kPreparedTwice) prepares = false;
    throw_meaning(place, clean(error.what(), settings), lost ? "08006" : error.sqlstate());
  } catch (const pqxx::failure& error) {
    lost = true;
    throw_meaning(place, clean(error.what(), settings), "08006");
  }
}

Connection::Connection(const PostgresOptions& options) {
  Settings settings = read_url(options.url);
  add_defaults(settings, options);
  const std::string place = place_of(settings);
  try {
    session_ = std::make_unique<Session>(to_connection_string(settings));
  } catch (const pqxx::failure& error) {
    throw_not_connected(place, clean(error.what(), settings));
  }
  session_->settings = std::move(settings);
  session_->place = place;
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  session_->link.inhibit_reactivation(
      true);  // a new session would not know of the transaction in the old one
#pragma GCC diagnostic pop
#endif
  if (const int version = session_->link.server_version(); version < kServerVersionMin) {
    throw Error(ErrorCode::kUnsupported,
                place + "the server is PostgreSQL " + std::to_string(version / 10000) + "; version " +
                    std::to_string(kServerVersionMin / 10000) + " or later is needed");
  }
  // Transactions set these for themselves; here they bound single reads. Behind a pooler that is best effort.
  script("SET statement_timeout = " + std::to_string(options.statement_timeout.count()) +
         "; SET lock_timeout = " + std::to_string(options.lock_timeout.count()) + "; SET jit = off");
  const Result result = query(std::string("SELECT ") + kServerRun);
  Cursor row(result);
  if (row.next()) row.read(session_->server_run);
}

Connection::~Connection() = default;

Result Connection::query(const std::string& sql, const Parameters& parameters) {
  const auto values = to_values(parameters);
  return session_->guarded([&](pqxx::nontransaction& work) { return execute(work, sql, values); });
}

Result Connection::query_prepared(const std::string& sql, const Parameters& parameters) {
  auto& prepared = session_->prepared;
  const auto found = prepared.find(sql);
  if (!session_->prepares || (found == prepared.end() && prepared.size() >= kPreparedMax)) {
    return query(sql, parameters);
  }
  const auto values = to_values(parameters);
  return session_->guarded([&](pqxx::nontransaction& work) {
    if (found != prepared.end()) return execute_prepared(work, found->second, values);
    // Behind a pooler a session may have been another client's: one name never stands for two statements.
    const std::string name = "orchestrator_" + to_hex(sha256(sql)).substr(0, 40);
    session_->link.prepare(name, sql);
    prepared.emplace(sql, name);
    return execute_prepared(work, name, values);
  });
}

void Connection::script(const std::string& sql) {
  session_->guarded([&](pqxx::nontransaction& work) { return work.exec(sql); });
}

std::string Connection::location() const {
  const auto text = [](const char* words) { return std::string(words == nullptr ? "" : words); };
  auto& link = session_->link;  // whose questions are not const in libpqxx 6
  return text(link.hostname()) + ":" + text(link.port()) + "/" + text(link.dbname());
}

bool Connection::usable() const { return session_ && !session_->lost && session_->link.is_open(); }

const std::string& Connection::server_run() const { return session_->server_run; }

void Connection::abandon() { static_cast<void>(session_.release()); }

}  // namespace orchestrator::postgres
