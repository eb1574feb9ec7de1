// Opening and closing the store, and its identity as a sender.

#include "adapters/sqlite/sqlite_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "adapters/sqlite/schema.hpp"

namespace orchestrator::sqlite {
namespace {

// The version the file has when it may be worked with, or the Error that says why not. A new file is made
// ready whatever options.migrate says.
bool needs_migration(Connection& connection, const SqliteOptions& options, bool fresh) {
  const int version = schema_version(connection);
  if (version == latest_schema_version()) return false;
  if (options.migrate || fresh) return true;
  throw Error(ErrorCode::kSchemaOutdated, "database " + options.path + ": has schema version " +
                                              std::to_string(version) + ", this program needs " +
                                              std::to_string(latest_schema_version()) + "; run `migrate up`");
}

}  // namespace

SqliteStore::SqliteStore(const SqliteOptions& options) : options_(options), process_(::getpid()) {
  const bool fresh = !file_exists(options.path);
  prepare_file(options);
  // First with a connection that changes nothing, because the file may be another program's.
  const bool outdated = needs_migration(*open_reader(options.path, options.busy_timeout), options, fresh);
  lock_file_ = std::make_unique<LockFile>(lock_path(options.path), file_mode(options.path));
  writer_ = open_writer(options);
  if (outdated || writer_->text("PRAGMA journal_mode") != "wal") {
    const LockFile::Turn turn(*lock_file_, options.busy_timeout);
    migrate_to(*writer_, *lock_file_, latest_schema_version());
  }
  queue_ = std::make_unique<CommitQueue>(*writer_, *lock_file_, options.busy_timeout);
  readers_ = std::make_unique<ReadPool>(options.path, options.busy_timeout, *lock_file_);
}

SqliteStore::~SqliteStore() {
  if (::getpid() != process_) {
    writer_->abandon();
    readers_->abandon();
    return;
  }
  readers_.reset();
  // The last connection to a database checkpoints when it closes, and that takes a turn like any write.
  try {
    const LockFile::Turn turn(*lock_file_, std::chrono::milliseconds(0));
    queue_.reset();
    writer_.reset();
  } catch (const Error&) {
    sqlite3_db_config(writer_->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    queue_.reset();
    writer_.reset();
  }
}

void SqliteStore::refuse_after_fork() const {
  if (::getpid() == process_) return;
  throw Error(ErrorCode::kClosed,
              "database " + options_.path +
                  ": the store was opened before this process was forked; open it again here");
}

void SqliteStore::write(const CommitQueue::Unit& unit) {
  refuse_after_fork();
  queue_->run(unit);
}

ReadPool::Lease SqliteStore::read() const {
  refuse_after_fork();
  return readers_->lease();
}

std::int64_t SqliteStore::owner() {
  refuse_after_fork();  // before the lock, which a thread of the parent may have held
  const std::lock_guard lock(owner_mutex_);
  if (owner_ != 0) return owner_;
  std::int64_t number = 0;
  write([&](WriteTransaction& transaction) {
    // An owner that lives keeps others from migrating; until now there was none.
    if (const auto version = transaction.connection().integer("PRAGMA user_version");
        version != latest_schema_version()) {
      throw Error(ErrorCode::kClosed, "database " + options_.path + ": was migrated to schema version " +
                                          std::to_string(version) +
                                          " since it was opened here; open it again");
    }
    // Held before anybody can read the number. One that somebody holds already was given out by a commit that
    // did not survive.
    do {
      number = ++transaction.sequences().owner;
    } while (!lock_file_->hold_owner(number));
    transaction.query("UPDATE sequences SET owner = ?").bind(number).run();
    return true;
  });
  owner_ = number;
  return owner_;
}

Dependency SqliteStore::dependency() const {
  Dependency file{.name = "sqlite", .version = sqlite3_libversion(), .location = options_.path};
  try {
    const auto connection = read();
    const auto began = std::chrono::steady_clock::now();
    static_cast<void>(connection->integer("SELECT version FROM schema_migrations LIMIT 1"));
    file.latency =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    file.detail = queue_->why_stopped();
  } catch (const Error& error) {
    file.detail = error.what();
  }
  if (!file.detail.empty()) file.state = DependencyState::kDown;
  return file;
}

// A copy has another inode or path, a new file another time, and one that got the inode of a removed file
// another time of birth, where the file system keeps that.
std::string SqliteStore::book_id() const {
  struct statx file {};
  std::error_code unknown;
  const std::string path = std::filesystem::canonical(options_.path, unknown).string();
  if (unknown || ::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &file) != 0) return {};
  std::string id = "sqlite";
  for (const auto& part :
       {std::to_string(file.stx_dev_major), std::to_string(file.stx_dev_minor), std::to_string(file.stx_ino),
        std::to_string(file.stx_btime.tv_sec), std::to_string(file.stx_btime.tv_nsec)}) {
    id += "/" + part;
  }
  return id + "/" + read()->text("SELECT applied_at FROM schema_migrations WHERE version = 1") + path;
}

}  // namespace orchestrator::sqlite

namespace orchestrator {

std::unique_ptr<Store> open_sqlite_store(const SqliteOptions& options) {
  return std::make_unique<sqlite::SqliteStore>(options);
}

}  // namespace orchestrator
