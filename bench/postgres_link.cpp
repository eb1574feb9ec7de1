// libpq, and copies of rows.
#include <unistd.h>

#include <stdexcept>

#include "postgres_raw.hpp"

namespace orchestrator::bench {
namespace {

using PqResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::vector<const char*> pointers(const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  return values;
}

PostgresRows read_rows(PostgresLink& link, const std::string& table, const std::string& condition) {
  PostgresRows result{table, {}, {}, {}};
  std::string names;
  for (const auto& row : link.query("SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE "
                                    "attrelid = '" +
                                    table + "'::regclass AND attnum > 0 ORDER BY attnum")) {
    result.columns.push_back(*row[0]);
    result.types.push_back(*row[1]);
    names += (names.empty() ? "" : ", ") + *row[0];
  }
  result.rows = link.query("SELECT " + names + " FROM " + table + " WHERE " + condition + " ORDER BY 1");
  return result;
}

}  // namespace

PostgresLink::PostgresLink(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_) != CONNECTION_OK) {
    const std::string words = PQerrorMessage(connection_);
    PQfinish(connection_);
    throw std::runtime_error("postgresql: " + words);
  }
  query("SET client_min_messages = warning");  // else every table that goes with a schema is told of
}

void PostgresLink::fail() {
  throw std::runtime_error(std::string("postgresql: ") + PQerrorMessage(connection_));
}

std::vector<PostgresLink::Row> PostgresLink::query(const std::string& sql) {
  const PqResult result(PQexec(connection_, sql.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail();
  std::vector<Row> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    Row& values = rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      const bool null = PQgetisnull(result.get(), row, column) != 0;
      values.push_back(null ? std::nullopt
                            : std::optional<std::string>(PQgetvalue(result.get(), row, column)));
    }
  }
  return rows;
}

void PostgresLink::prepare(const std::string& name, const std::string& sql) {
  const PqResult result(PQprepare(connection_, name.c_str(), sql.c_str(), 0, nullptr), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail();
}

void PostgresLink::send(const char* name, const std::vector<std::string>& parameters) {
  if (PQpipelineStatus(connection_) == PQ_PIPELINE_OFF) PQenterPipelineMode(connection_);
  const auto values = pointers(parameters);
  if (PQsendQueryPrepared(connection_, name, static_cast<int>(values.size()), values.data(), nullptr, nullptr,
                          0) != 1) {
    fail();
  }
}

void PostgresLink::finish() {
  std::string failure;
  if (PQpipelineSync(connection_) != 1) fail();
  for (int nothing = 0; nothing < 2;) {
    const PqResult result(PQgetResult(connection_), &PQclear);
    nothing = result ? 0 : nothing + 1;
    if (!result) continue;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_FATAL_ERROR && failure.empty()) failure = PQresultErrorMessage(result.get());
  }
  if (!failure.empty()) throw std::runtime_error("postgresql: " + failure);
  if (PQexitPipelineMode(connection_) != 1) fail();
}

PostgresSchemas::~PostgresSchemas() {
  for (const std::string& name : names_) {
    try {
      link_.query("DROP SCHEMA " + name + " CASCADE");
    } catch (const std::exception&) {  // the server is gone, or going
    }
  }
}

std::string PostgresSchemas::make() {
  static int count = 0;
  const std::string name = "bench_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
  link_.query("CREATE SCHEMA " + name);
  names_.push_back(name);
  return url_ + (url_.find('?') == std::string::npos ? "?" : "&") + "options=-csearch_path%3D" + name;
}

std::optional<std::string>& PostgresRows::at(std::size_t row, const std::string& column) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] == column) return rows.at(row)[i];
  }
  throw std::runtime_error("no column " + column);
}

PostgresBatch read_postgres_batch(const std::string& url, std::int64_t batch_id) {
  PostgresLink link(url);
  const std::string of_batch = "batch_id = " + std::to_string(batch_id);
  PostgresBatch batch{.batch = read_rows(link, "order_batches", "id = " + std::to_string(batch_id)),
                      .key = read_rows(link, "idempotency_keys", of_batch),
                      .usage = read_rows(link, "portfolio_usage", "true"),
                      .events = read_rows(link, "events", of_batch),
                      .orders = read_rows(link, "orders", of_batch)};
  const bool whole = batch.events.rows.size() == 2 && batch.orders.at(0, "status") == "3";
  if (!whole) throw std::runtime_error("the sample batch was not accepted and acknowledged in two commits");
  return batch;
}

}  // namespace orchestrator::bench
