// libpqxx 6 and 7, and libpq below them.
//
// libpq quotes the whole URL, password included, when it cannot read it; so the URL is read here first, and
// nothing of what is wrong with it is repeated.

#include "adapters/postgres/connection.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <pqxx/pqxx>
#include <unordered_map>
#include <vector>

#include "adapters/postgres/answer_watch.hpp"
#include "adapters/postgres/connection_settings.hpp"
#include "adapters/postgres/failures.hpp"
#include "adapters/postgres/link.hpp"
#include "core/database_url.hpp"
#include "core/sha256.hpp"

namespace orchestrator::postgres {
namespace {

constexpr int kServerVersionMin = 130000;
// More shapes of statements than there are; beyond it they are not prepared.
constexpr std::size_t kPreparedMax = 128;

// libpq takes a / or a second @ in a password for the beginning of the next part, and that part is named in
// messages.
bool hides_no_password(std::string_view url) {
  url = url.substr(0, url.find('?'));
  const auto authority = url.find("://") + 3;
  const auto at = url.rfind('@');
  return at == std::string_view::npos || (url.find('@') == at && url.find('/', authority) > at);
}

}  // namespace

Settings read_url(const std::string& url) {
  const bool scheme = is_postgres_url(url) && hides_no_password(url);
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

// --- libpqxx --------------------------------------------------------------------------------------

namespace {
using PipelineResult = std::shared_ptr<PGresult>;
}

// Either libpqxx's, or libpq's own.
struct Result::Rows {
  pqxx::result result;
  PipelineResult single = {};
};

Result::Result(std::unique_ptr<Rows> rows) : rows_(std::move(rows)) {}
Result::~Result() = default;
Result::Result(Result&& other) noexcept = default;
Result& Result::operator=(Result&& other) noexcept = default;

std::size_t Result::size() const {
  if (rows_->single) return static_cast<std::size_t>(PQntuples(rows_->single.get()));
  return static_cast<std::size_t>(rows_->result.size());
}

std::int64_t Result::affected() const {
  if (rows_->single) {
    std::int64_t count = 0;
    if (const char* text = PQcmdTuples(rows_->single.get()); *text != '\0') parse_value(text, count);
    return count;
  }
  return static_cast<std::int64_t>(rows_->result.affected_rows());
}

std::optional<std::string_view> Result::value(std::size_t row, std::size_t column) const {
  if (const PGresult* single = rows_->single.get()) {
    const int at[2] = {static_cast<int>(row), static_cast<int>(column)};
    if (PQgetisnull(single, at[0], at[1]) != 0) return std::nullopt;
    return std::string_view(PQgetvalue(single, at[0], at[1]),
                            static_cast<std::size_t>(PQgetlength(single, at[0], at[1])));
  }
  const auto field =
      rows_->result[static_cast<pqxx::result::size_type>(row)][static_cast<pqxx::row::size_type>(column)];
  if (field.is_null()) return std::nullopt;
  return std::string_view(field.c_str(), static_cast<std::size_t>(field.size()));
}

struct Connection::Session {
  explicit Session(const std::string& connection_string) : link(connection_string) {}

  Link link;
  Settings settings;
  std::string place;
  bool lost = false;
  bool prepares = true;
  std::unordered_map<std::string, std::string> prepared;              // names by statement
  std::unordered_map<std::string, std::string> prepared_in_pipeline;  // libpqxx does not know of these
  std::string read_settings;  // SQL that a single read goes behind; empty: the session has them
  std::unique_ptr<AnswerWatch> own_watch;
  std::optional<AnswerWatch::Line> line;
  std::chrono::milliseconds patience{0};

  template <class Call>
  Result guarded(Call&& call);
  template <class Call>
  Result translated(Call&& call);
  [[nodiscard]] bool silent() const { return line && line->cut(); }
  [[noreturn]] void throw_silent();
};

namespace {

using NullableText = const char*;

// Behind a pooler a name may be another session's; a schema that was migrated makes plans useless.
bool is_of_prepared(std::string_view state) {
  return state == kNotPrepared || state == kPreparedTwice || state == kPlanOutdated;
}

// Behind a pooler a session may have been another client's: one name never stands for two statements.
std::string name_of(const std::string& sql) { return to_hex(sha256(sql)).substr(0, 40); }

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

void Connection::Session::throw_silent() {
  lost = true;
  throw DatabaseError(ErrorCode::kStorageUnavailable,
                      place + "the server did not answer for " + std::to_string(patience.count()) +
                          " ms, and the connection was closed; call again",
                      DatabaseError::Kind::kSilent);
}

template <class Call>
Result Connection::Session::guarded(Call&& call) {
  const AnswerWatch::Wait wait(*line, patience);
  try {
    return translated(call);
  } catch (const DatabaseError&) {
    if (silent()) throw_silent();
    throw;
  }
}

template <class Call>
Result Connection::Session::translated(Call&& call) {
  try {
    pqxx::nontransaction work(link);
    return Result(std::make_unique<Result::Rows>(Result::Rows{call(work), {}}));
  } catch (const pqxx::broken_connection& error) {
    lost = true;
    throw_meaning(place, clean(error.what(), settings), "08006");
  } catch (const pqxx::deadlock_detected& error) {  // in libpqxx 6 these two have no SQLSTATE
    throw_meaning(place, clean(error.what(), settings), "40P01");
  } catch (const pqxx::transaction_rollback& error) {
    throw_meaning(place, clean(error.what(), settings), "40001");
  } catch (const pqxx::sql_error& error) {
    lost = !link.is_open();
    if (is_of_prepared(error.sqlstate())) prepares = false;
    throw_meaning(place, clean(error.what(), settings), lost ? "08006" : error.sqlstate());
  } catch (const pqxx::failure& error) {
    lost = true;
    throw_meaning(place, clean(error.what(), settings), "08006");
  }
}

#ifdef LIBPQ_HAS_PIPELINING
// Statements that are sent together and run one behind the other up to the first that fails.
class Connection::Pipeline {
 public:
  explicit Pipeline(Session& session)
      : session_(session),
        wait_(*session.line, session.patience),
        raw_(session.link.raw()),
        sent_(PQenterPipelineMode(raw_) == 1) {}
  ~Pipeline() { session_.lost = session_.lost || !ended_; }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void send(const std::string& sql, const std::vector<NullableText>& values) {
    const auto& prepared = session_.prepared_in_pipeline;
    const auto known = prepared.find(sql);
    const bool fresh = known == prepared.end();
    if (!session_.prepares || (fresh && prepared.size() >= kPreparedMax)) return send_once(sql, values);
    const std::string name = fresh ? "orchestrator_p_" + name_of(sql) : known->second;
    if (fresh) {
      sent_ = sent_ && PQsendPrepare(raw_, name.c_str(), sql.c_str(), 0, nullptr) == 1;
      steps_.push_back({sql, name});
    }
    sent_ = sent_ && PQsendQueryPrepared(raw_, name.c_str(), static_cast<int>(values.size()),
                                         texts_of(values), nullptr, nullptr, 0) == 1;
    steps_.emplace_back();
  }
  // Planned for these values.
  void send_once(const std::string& sql, const std::vector<NullableText>& values) {
    sent_ = sent_ && PQsendQueryParams(raw_, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                       texts_of(values), nullptr, nullptr, 0) == 1;
    steps_.emplace_back();
  }

  void take_results(std::vector<Result>& done) {
    if (sent_ && PQpipelineSync(raw_) == 1) read_all(done);
    session_.lost =
        session_.lost || !ended_ || PQexitPipelineMode(raw_) != 1 || PQstatus(raw_) != CONNECTION_OK;
    if (failure_ || session_.lost) fail();
  }

 private:
  static const char* const* texts_of(const std::vector<NullableText>& values) {
    return values.empty() ? nullptr : values.data();
  }

  void read_all(std::vector<Result>& done) {
    auto step = steps_.begin();
    for (int nothing = 0; nothing < 2 && !ended_;) {
      wait_.renew();  // each statement has its own time-out
      PipelineResult result(PQgetResult(raw_), &PQclear);
      nothing = result ? 0 : nothing + 1;  // once between two statements, again when the connection is lost
      if (!result) continue;
      const ExecStatusType status = PQresultStatus(result.get());
      ended_ = status == PGRES_PIPELINE_SYNC;
      if (ended_ || status == PGRES_PIPELINE_ABORTED) continue;
      if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        if (!failure_) failure_ = std::move(result);
        continue;
      }
      if (step == steps_.end()) continue;
      if (step->name.empty()) {
        done.emplace_back(std::make_unique<Result::Rows>(Result::Rows{{}, std::move(result)}));
      } else {
        session_.prepared_in_pipeline.emplace(std::move(step->sql), std::move(step->name));
      }
      ++step;
    }
  }

  [[noreturn]] void fail() {
    if (session_.silent()) session_.throw_silent();
    const char* const state = failure_ ? PQresultErrorField(failure_.get(), PG_DIAG_SQLSTATE) : nullptr;
    const std::string words = failure_ ? PQresultErrorMessage(failure_.get()) : PQerrorMessage(raw_);
    const std::string_view code = state == nullptr || session_.lost ? "08006" : state;
    if (is_of_prepared(code)) session_.prepares = false;
    throw_meaning(session_.place, clean(words, session_.settings), code);
  }

  Session& session_;
  AnswerWatch::Wait wait_;
  PGconn* raw_;
  bool sent_;
  bool ended_ = false;
  struct Step {  // empty: a statement is run
    std::string sql;
    std::string name;  // as which it is prepared
  };
  std::vector<Step> steps_;
  PipelineResult failure_;
};
#endif

Connection::Connection(const PostgresOptions& options) : Connection(options, nullptr) {}

Connection::Connection(const PostgresOptions& options, AnswerWatch* watch) {
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
  if (watch == nullptr) {
    session_->own_watch = std::make_unique<AnswerWatch>();
    watch = session_->own_watch.get();
  }
  session_->line.emplace(*watch, session_->link.sock());
  wait_for_answers(connect_patience(options));
  set_for_reads(options);
  wait_for_answers(answer_patience(options, options.statement_timeout));
}

Connection::~Connection() = default;

// What bounds single reads; transactions say for themselves. A session that a pooler shares out belongs to
// others as well, and whatever was set in it would go on to hold for them. The number by which a client would
// cancel a statement is the session's own only without a pooler.
void Connection::set_for_reads(const PostgresOptions& options) {
  const auto settings = [&options](const char* local) {
    const auto set = [local](const char* name, const std::string& value) {
      return "set_config('" + std::string(name) + "', '" + value + "', " + local + ")";
    };
    return "SELECT " + set("statement_timeout", std::to_string(options.statement_timeout.count())) + ", " +
           set("lock_timeout", std::to_string(options.lock_timeout.count())) + ", " + set("jit", "off");
  };
  const std::string own = std::to_string(session_->link.backendpid());
  if (query(settings("false") + " WHERE pg_backend_pid() = " + own).size() == 0) {
    session_->read_settings = settings("true");
  }
}

void Connection::wait_for_answers(std::chrono::milliseconds patience) { session_->patience = patience; }

Result Connection::query(const std::string& sql, const Parameters& parameters) {
  const auto values = to_values(parameters);
#ifdef LIBPQ_HAS_PIPELINING
  // Statements of one round trip are one transaction, so that what they set ends with them.
  if (!session_->read_settings.empty() && session_->link.raw() != nullptr && idle()) {
    Pipeline pipeline(*session_);
    pipeline.send_once(session_->read_settings, {});
    pipeline.send_once(sql, values);
    std::vector<Result> done;
    pipeline.take_results(done);
    return std::move(done.back());
  }
#endif
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
    const std::string name = "orchestrator_" + name_of(sql);
    session_->link.prepare(name, sql);
    prepared.emplace(sql, name);
    return execute_prepared(work, name, values);
  });
}

void Connection::query_all(std::span<const Statement> statements, std::vector<Result>& done) {
  done.reserve(statements.size());  // what was done must not be forgotten
#ifdef LIBPQ_HAS_PIPELINING
  if (session_->link.raw() != nullptr) {
    Pipeline pipeline(*session_);
    for (const Statement& one : statements) {
      const auto values =
          one.parameters == nullptr ? std::vector<NullableText>() : to_values(*one.parameters);
      one.planned_once ? pipeline.send(*one.sql, values) : pipeline.send_once(*one.sql, values);
    }
    return pipeline.take_results(done);
  }
#endif
  for (const Statement& one : statements) {
    done.push_back(one.parameters == nullptr ? query(*one.sql) : query_prepared(*one.sql, *one.parameters));
  }
}

void Connection::script(const std::string& sql) {
  session_->guarded([&](pqxx::nontransaction& work) { return work.exec(sql); });
}

// To COMMIT of a transaction that has failed the server answers ROLLBACK, and of none COMMIT: neither is an
// error.
void Connection::require_transaction() {
  const PGconn* const raw = session_->link.raw();
  const PGTransactionStatusType status = raw == nullptr ? PQTRANS_INTRANS : PQtransactionStatus(raw);
  if (status == PQTRANS_INERROR || status == PQTRANS_IDLE) {
    throw DatabaseError(
        ErrorCode::kInternal,
        session_->place +
            (status == PQTRANS_IDLE ? "no transaction was open" : "a statement of the transaction failed") +
            " when it should be committed; nothing was changed",
        DatabaseError::Kind::kRefused);
  }
}

void Connection::commit() {
  require_transaction();
  script("COMMIT");
}

std::string Connection::location() const {
  const auto text = [](const char* words) { return std::string(words == nullptr ? "" : words); };
  auto& link = session_->link;  // whose questions are not const in libpqxx 6
  return text(link.hostname()) + ":" + text(link.port()) + "/" + text(link.dbname());
}

bool Connection::usable() const {
  return session_ && !session_->lost && !session_->silent() && session_->link.is_open();
}

bool Connection::idle() const {
  const PGconn* const raw = session_->link.raw();
  return raw == nullptr || PQtransactionStatus(raw) == PQTRANS_IDLE;
}

bool Connection::is_shared() const {
  return session_->link.raw() == nullptr || !session_->read_settings.empty();
}

bool Connection::try_send(const std::string& sql) {
  PGconn* const raw = session_->link.raw();
  return PQtransactionStatus(raw) == PQTRANS_IDLE && PQsendQuery(raw, sql.c_str()) == 1;
}

bool Connection::hears() {
  PGconn* const raw = session_->link.raw();
  if (PQconsumeInput(raw) != 1) {
    session_->lost = true;
    throw_meaning(session_->place, clean(PQerrorMessage(raw), session_->settings), "08006");
  }
  while (PQisBusy(raw) == 0) {
    const PipelineResult answer(PQgetResult(raw), &PQclear);
    if (!answer) break;
  }
  bool others = false;
  while (PGnotify* const one = PQnotifies(raw)) {
    others = others || one->be_pid != PQbackendPID(raw);
    PQfreemem(one);
  }
  return others;
}

int Connection::socket() const { return PQsocket(session_->link.raw()); }

void Connection::abandon() { static_cast<void>(session_.release()); }

}  // namespace orchestrator::postgres
