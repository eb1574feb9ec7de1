// Connections and the meaning of SQLite's result codes.

#include "adapters/sqlite/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

namespace orchestrator::sqlite {
namespace {

// More shapes of built statements than any front end asks for; beyond it all are prepared anew.
constexpr std::size_t kBuiltStatementsMax = 64;

// The system's reason for the last failure; 0: unknown. SQLite does not pass it on when a commit fails, but
// the write-ahead log's file knows.
int system_error(sqlite3* db) {
  if (db == nullptr) return 0;
  if (const int error = sqlite3_system_errno(db); error != 0) return error;
  sqlite3_file* log = nullptr;
  int error = 0;
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log != nullptr &&
      log->pMethods != nullptr && log->pMethods->xFileControl != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  return error;
}

std::string system_reason(sqlite3* db) {
  const int error = system_error(db);
  return error == 0 ? std::string() : ": " + std::generic_category().message(error);
}

}  // namespace

bool is_full(sqlite3* db, int result) {
  if ((result & 0xff) == SQLITE_FULL) return true;
  if (result != SQLITE_IOERR_WRITE && result != SQLITE_IOERR_SHMSIZE) return false;
  const int error = system_error(db);
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

void throw_result(sqlite3* db, int result, const std::string& path) {
  const std::string file = "database " + path + ": ";
  const std::string words = db == nullptr ? sqlite3_errstr(result) : sqlite3_errmsg(db);
  const auto refuse = [&](ErrorCode code, const std::string& message) {
    throw DatabaseError(code, file + message, default_next_step(code), result);
  };
  if (is_full(db, result)) {
    refuse(ErrorCode::kStorageFull,
           "no space left to write" + system_reason(db) + "; nothing was changed, free some");
  }
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      refuse(ErrorCode::kStorageBusy, "another process keeps it locked; nothing was changed, call again");
      break;
    case SQLITE_READONLY:
      refuse(ErrorCode::kStorageReadOnly,
             "cannot be written (" + words + "); check the file's and folder's permissions");
      break;
    case SQLITE_CORRUPT:
      refuse(ErrorCode::kStorageCorrupt, "damaged (" + words + "); stop writing and restore a backup");
      break;
    case SQLITE_NOTADB:
      refuse(ErrorCode::kStorageCorrupt,
             "not an SQLite database, or its beginning is damaged; restore a backup");
      break;
    case SQLITE_CANTOPEN:
      refuse(ErrorCode::kStorageUnavailable, "cannot be opened" + system_reason(db));
      break;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      refuse(ErrorCode::kPermissionDenied, "access denied (" + words + ")" + system_reason(db));
      break;
    case SQLITE_NOMEM:
      refuse(ErrorCode::kStorageUnavailable, "out of memory; nothing was changed");
      break;
    case SQLITE_IOERR:
      refuse(ErrorCode::kStorageUnavailable, words + system_reason(db) + "; check the disk");
      break;
    case SQLITE_ERROR:
      // SQLite has no result code of its own for a header that no version of it writes, nor for tables that
      // are not what the file's schema version, which was checked, says.
      if (words.find("unsupported file format") == std::string::npos && !words.starts_with("no such ") &&
          words.find("has no column named") == std::string::npos) {
        break;
      }
      refuse(ErrorCode::kStorageCorrupt, "damaged (" + words + "); stop writing and restore a backup");
      break;
    default:
      break;
  }
  throw Error(ErrorCode::kInternal, file + words + " (SQLite result " + std::to_string(result) + ")");
}

// --- Query ----------------------------------------------------------------------------------------

void Query::check(int result) const {
  if (result != SQLITE_OK) throw_result(connection_.handle(), result, connection_.path());
}

Query& Query::restart() {
  // A reset repeats the error of the run before it, which was dealt with then.
  sqlite3_reset(statement_);
  parameter_ = 0;
  return *this;
}

bool Query::next() {
  const int result = step();
  column_ = 0;
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) check(sqlite3_extended_errcode(connection_.handle()));
  return false;
}

void Query::run() {
  if (next()) throw Error(ErrorCode::kInternal, "a statement returned a row where none was expected");
}

bool Query::run_unless_exists() {
  if (step() == SQLITE_DONE) return true;
  const int result = sqlite3_extended_errcode(connection_.handle());
  if (result == SQLITE_CONSTRAINT_UNIQUE) return false;
  check(result);
  return true;
}

void Query::take(Money& value) {
  const std::int64_t whole = take_integer();
  const std::int64_t fraction = take_integer();
  try {
    value = Money::from_parts(whole, fraction);
  } catch (const Error& error) {
    throw_damaged(error.what());
  }
}

void Query::take(std::array<std::byte, 32>& blob) {
  const void* bytes = sqlite3_column_blob(statement_, column_);
  if (sqlite3_column_bytes(statement_, column_++) != static_cast<int>(blob.size())) {
    throw_damaged("a fingerprint has the wrong size");
  }
  std::memcpy(blob.data(), bytes, blob.size());
}

void Query::throw_damaged(const std::string& what) const {
  throw Error(ErrorCode::kStorageCorrupt,
              "database " + connection_.path() + ": a row is damaged: " + what + "; restore a backup");
}

// --- Connection -----------------------------------------------------------------------------------

Connection::Connection(const std::string& path, int flags, std::chrono::milliseconds busy_timeout)
    : path_(path) {
  const int result =
      sqlite3_open_v2(path.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (result != SQLITE_OK) {
    sqlite3* failed = db_;
    db_ = nullptr;
    try {
      throw_result(failed, result, path_);
    } catch (...) {
      sqlite3_close_v2(failed);
      throw;
    }
  }
  constexpr std::int64_t kMax = std::numeric_limits<int>::max();
  sqlite3_busy_timeout(db_, static_cast<int>(std::clamp<std::int64_t>(busy_timeout.count(), 0, kMax)));
}

Connection::~Connection() {
  if (db_ == nullptr) return;
  for (const auto& [sql, statement] : fixed_) sqlite3_finalize(statement);
  finalize_built();
  sqlite3_close_v2(db_);
}

void Connection::finalize_built() {
  for (const auto& [sql, statement] : built_) sqlite3_finalize(statement);
  built_.clear();
}

sqlite3_stmt* Connection::prepare(std::string_view sql, unsigned flags) {
  sqlite3_stmt* statement = nullptr;
  const int result =
      sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), flags, &statement, nullptr);
  if (result != SQLITE_OK) throw_result(db_, result, path_);
  return statement;
}

void Connection::execute(const char* sql) {
  const int result = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) throw_result(db_, sqlite3_extended_errcode(db_), path_);
}

Query Connection::query(const char* sql) {
  sqlite3_stmt*& statement = fixed_[sql];
  if (statement == nullptr) statement = prepare(sql, SQLITE_PREPARE_PERSISTENT);
  return Query(*this, statement);
}

Query Connection::query(const std::string& sql) {
  const auto found = built_.find(sql);
  if (found != built_.end()) return Query(*this, found->second);
  if (built_.size() >= kBuiltStatementsMax) finalize_built();
  sqlite3_stmt* statement = prepare(sql, SQLITE_PREPARE_PERSISTENT);
  built_.emplace(sql, statement);
  return Query(*this, statement);
}

std::optional<std::uint32_t> Connection::data_version() const {
  std::uint32_t version = 0;
  const int result = sqlite3_file_control(db_, "main", SQLITE_FCNTL_DATA_VERSION, &version);
  return result == SQLITE_OK ? std::optional(version) : std::nullopt;
}

std::int64_t Connection::integer(const char* sql) {
  const std::string value = text(sql);
  return value.empty() ? 0 : std::stoll(value);
}

std::string Connection::text(const char* sql) {
  sqlite3_stmt* statement = prepare(sql, 0);
  std::string value;
  try {
    Query query(*this, statement);
    if (query.next()) query.read(value);
  } catch (...) {
    sqlite3_finalize(statement);
    throw;
  }
  sqlite3_finalize(statement);
  return value;
}

}  // namespace orchestrator::sqlite
