// Opening, locking and committing.
//
// Invariants: a file that is not a ledger is not written to. All writes and all checkpoints of the file
// happen under the lock file, because SQLite before 3.51.3 can corrupt a WAL database when two connections
// write and checkpoint side by side; readers neither write nor checkpoint and need no lock. A committed
// transaction is in the hands of the operating system, so it outlives the process; it may not outlive a power
// cut (synchronous = NORMAL), which is enough for a mock.

#include "adapters/brokers/sqlite_ledger_file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>

#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

constexpr int kApplicationId = 0x4f4f4c31;  // "OOL1"
constexpr int kSchemaVersion = 2;
constexpr std::chrono::milliseconds kBusyTimeout{5000};

// Decimals are integers in units of 10^-9, times microseconds since 1970; money is decimal text, because it
// may exceed 64 bits. client_order_ids holds the id an order was placed with and those of its changes.
constexpr const char* kOrdersTable = R"(
CREATE TABLE orders (
  broker_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  ext_order_id TEXT NOT NULL,
  client_order_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  instrument_id INTEGER NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
  multiplier INTEGER NOT NULL,
  placed_at INTEGER NOT NULL,
  qty INTEGER NOT NULL,
  price_limit INTEGER,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  fill_qty INTEGER NOT NULL CHECK (fill_qty >= 0),
  fill_notional TEXT NOT NULL,
  execution_count INTEGER NOT NULL,
  due_price INTEGER,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (broker_id, number)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX orders_by_ext_order_id ON orders (broker_id, ext_order_id);
CREATE INDEX orders_due ON orders (broker_id, number) WHERE due_price IS NOT NULL;
)";

constexpr const char* kOtherTables = R"(
CREATE TABLE brokers (
  broker_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  last_order INTEGER NOT NULL,
  last_report INTEGER NOT NULL) STRICT;
CREATE TABLE client_order_ids (
  broker_id INTEGER NOT NULL,
  client_order_id TEXT NOT NULL,
  order_number INTEGER NOT NULL,
  PRIMARY KEY (broker_id, client_order_id, order_number)) STRICT, WITHOUT ROWID;
CREATE TABLE executions (
  broker_id INTEGER NOT NULL,
  order_number INTEGER NOT NULL,
  number INTEGER NOT NULL,
  execution_id TEXT NOT NULL,
  qty INTEGER NOT NULL,
  price INTEGER NOT NULL,
  fees TEXT NOT NULL,
  executed_at INTEGER NOT NULL,
  kind TEXT NOT NULL DEFAULT 'trade' CHECK (kind IN ('trade', 'bust', 'correct')),
  ref_execution_id TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (broker_id, order_number, number)) STRICT, WITHOUT ROWID;
CREATE TABLE reports (
  broker_id INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  order_number INTEGER NOT NULL,
  execution_number INTEGER NOT NULL,
  qty INTEGER,
  price_limit INTEGER,
  at INTEGER NOT NULL,
  PRIMARY KEY (broker_id, sequence)) STRICT, WITHOUT ROWID;
)";

// Schema 1 knew no order that executed more than it was for, and no execution that was taken back.
constexpr const char* kFromSchema1 = R"(
DROP INDEX orders_by_ext_order_id;
DROP INDEX orders_due;
ALTER TABLE orders RENAME TO orders_of_schema_1;
)";
constexpr const char* kToSchema2 = R"(
INSERT INTO orders SELECT * FROM orders_of_schema_1;
DROP TABLE orders_of_schema_1;
ALTER TABLE executions ADD COLUMN kind TEXT NOT NULL DEFAULT 'trade' CHECK (kind IN ('trade', 'bust', 'correct'));
ALTER TABLE executions ADD COLUMN ref_execution_id TEXT NOT NULL DEFAULT '';
)";

ErrorCode code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kStorageBusy;
    case SQLITE_FULL:
      return ErrorCode::kStorageFull;
    case SQLITE_READONLY:
      return ErrorCode::kStorageReadOnly;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorCode::kPermissionDenied;
    case SQLITE_CORRUPT:
      return ErrorCode::kStorageCorrupt;
    case SQLITE_NOTADB:
      return ErrorCode::kForeignDatabase;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
      return ErrorCode::kInternal;
    default:
      return ErrorCode::kStorageUnavailable;
  }
}

Error to_error(const std::string& path, const SQLite::Exception& failure) {
  std::string message = "broker ledger " + path + ": " + failure.what();
  if ((failure.getErrorCode() & 0xff) == SQLITE_CANTOPEN)
    message += "; check that its folder exists and is writable";
  return {code_of(failure.getErrorCode()), message};
}

// SQLite would let everybody read a file it makes; its -wal and -shm take the mode of the file. An existing
// one is not opened here: closing it would drop the locks of this process's other connections.
void create_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);  // why it cannot be made, SQLite finds again and reports
}

// Opened without a change to the file; a missing one is made, empty.
SQLite::Database open_database(const std::string& path) {
  create_private(path);
  try {
    SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                              static_cast<int>(kBusyTimeout.count()));
    // Closing the last connection would checkpoint without our lock.
    sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return database;
  } catch (const SQLite::Exception& failure) {
    throw to_error(path, failure);
  }
}

int pragma(SQLite::Database& database, const char* sql) { return database.execAndGet(sql).getInt(); }

// Whether the file is still empty; throws for one that is not ours to write.
bool is_empty(SQLite::Database& database, const std::string& path) {
  // One snapshot: another process may be making the tables right now.
  const SQLite::Transaction snapshot(database);
  const int application_id = pragma(database, "PRAGMA application_id");
  const int version = pragma(database, "PRAGMA user_version");
  const int objects = pragma(database, "SELECT count(*) FROM sqlite_schema");
  if (application_id == 0 && version == 0 && objects == 0) return true;
  if (application_id != kApplicationId) {
    throw Error(ErrorCode::kForeignDatabase,
                "broker ledger " + path + " belongs to another program; name another file");
  }
  if (version > kSchemaVersion) {
    throw Error(ErrorCode::kSchemaTooNew, "broker ledger " + path + " has schema " + std::to_string(version) +
                                              ", this program knows " + std::to_string(kSchemaVersion) +
                                              "; upgrade this program");
  }
  if (sqlite3_db_readonly(database.getHandle(), "main") == 1) {
    throw Error(ErrorCode::kStorageReadOnly, "broker ledger " + path + " is read-only; make it writable");
  }
  return false;
}

void create_schema(SQLite::Database& database) {
  SQLite::Transaction alone(database, SQLite::TransactionBehavior::IMMEDIATE);
  database.exec(kOrdersTable);
  database.exec(kOtherTables);
  database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  database.exec("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  alone.commit();
}

void upgrade_schema(SQLite::Database& database) {
  SQLite::Transaction alone(database, SQLite::TransactionBehavior::IMMEDIATE);
  database.exec(kFromSchema1);
  database.exec(kOrdersTable);
  database.exec(kToSchema2);
  database.exec("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  alone.commit();
}

// Refuses a foreign file before a lock file appears beside it.
SQLite::Database open_ours(const std::string& path) {
  SQLite::Database database = open_database(path);
  try {
    static_cast<void>(is_empty(database, path));
  } catch (const SQLite::Exception& failure) {
    throw to_error(path, failure);
  }
  return database;
}

class Held {
 public:
  explicit Held(FileLock& lock) : lock_(lock) { lock_.lock(kBusyTimeout); }
  ~Held() { lock_.unlock(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  FileLock& lock_;
};

}  // namespace

LedgerFile::LedgerFile(const std::string& path)
    : path_(path), owner_(::getpid()), database_(open_ours(path)), lock_(path + ".lock") {
  const Held held(lock_);
  guarded([this] { prepare(); });
}

// Under the lock: another process may have made the tables since we looked.
void LedgerFile::prepare() {
  const bool empty = is_empty(database_, path_);
  if (database_.execAndGet("PRAGMA journal_mode = WAL").getString() != "wal") {
    throw Error(
        ErrorCode::kUnsupported,
        "broker ledger " + path_ + " is on a file system without shared memory; move it to a local disk");
  }
  database_.exec("PRAGMA synchronous = NORMAL");
  // Ids that look random touch pages all over the indexes: keep them at hand, and checkpoint less often (in
  // pages).
  database_.exec("PRAGMA cache_size = -32768");
  database_.exec("PRAGMA wal_autocheckpoint = 4000");
  if (empty) {
    create_schema(database_);
  } else if (pragma(database_, "PRAGMA user_version") < kSchemaVersion) {
    upgrade_schema(database_);
  }
}

void LedgerFile::guarded(const std::function<void()>& work) const {
  try {
    work();
  } catch (const SQLite::Exception& failure) {
    throw to_error(path_, failure);
  }
}

void LedgerFile::read(const std::function<void()>& work) {
  refuse_fork();
  const std::lock_guard alone(mutex_);
  run("BEGIN", work);
}

void LedgerFile::write(const std::function<void()>& work) {
  refuse_fork();
  const std::lock_guard alone(mutex_);
  const Held held(lock_);
  run("BEGIN IMMEDIATE", work);
}

void LedgerFile::run(const char* begin, const std::function<void()>& work) {
  guarded([&] { database_.exec(begin); });
  try {
    guarded(work);
  } catch (...) {
    roll_back();
    throw;
  }
  try {
    database_.exec("COMMIT");
  } catch (const SQLite::Exception& failure) {
    roll_back();
    // The commit record may have reached the file before the failure, and count after a crash.
    const Error error = to_error(path_, failure);
    throw Error(error.code(), error.what(), NextStep::kRecover);
  }
}

void LedgerFile::roll_back() noexcept {
  // Some failures have ended the transaction already; then this fails, and nothing is left to do.
  sqlite3_exec(database_.getHandle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

// SQLite connections do not survive a fork.
void LedgerFile::refuse_fork() const {
  if (::getpid() == owner_) return;
  throw Error(ErrorCode::kClosed,
              "broker ledger " + path_ + " was opened by the parent of this forked process; open it again");
}

}  // namespace orchestrator::brokers
