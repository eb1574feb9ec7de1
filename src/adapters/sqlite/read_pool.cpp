// Connections for reading.

#include "adapters/sqlite/read_pool.hpp"

namespace orchestrator::sqlite {
namespace {

// SQL function owner_alive(owner).
void owner_alive(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  const auto* lock_file = static_cast<const LockFile*>(sqlite3_user_data(context));
  sqlite3_result_int(context, lock_file->owner_alive(sqlite3_value_int64(values[0])) ? 1 : 0);
}

}  // namespace

ReadPool::Lease ReadPool::lease() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(connection)};
    }
  }
  auto connection = open_reader(path_, busy_timeout_);
  auto* probe = const_cast<LockFile*>(&lock_file_);  // SQLite hands it back untouched
  const int result = sqlite3_create_function_v2(connection->handle(), "owner_alive", 1, SQLITE_UTF8, probe,
                                                &owner_alive, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) throw_result(connection->handle(), result, path_);
  return {*this, std::move(connection)};
}

void ReadPool::give_back(std::unique_ptr<Connection> connection) noexcept {
  // Without memory for its COMMIT a snapshot is still open, and the next reader would see the past.
  if (connection->in_transaction()) return;
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(connection));
}

void ReadPool::abandon() {
  for (const auto& connection : idle_) connection->abandon();
}

}  // namespace orchestrator::sqlite
