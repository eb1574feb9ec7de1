// Connections for reading. Each read takes one for itself, so that reads wait neither for writes nor for each
// other.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "adapters/sqlite/database_file.hpp"
#include "adapters/sqlite/lock_file.hpp"

namespace orchestrator::sqlite {

class ReadPool {
 public:
  ReadPool(std::string path, std::chrono::milliseconds busy_timeout, const LockFile& lock_file)
      : path_(std::move(path)), busy_timeout_(busy_timeout), lock_file_(lock_file) {
    idle_.reserve(kIdleMax);  // give_back() must not fail
  }

  class Lease {
   public:
    Lease(ReadPool& pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    ~Lease() { pool_.give_back(std::move(connection_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection* operator->() const { return connection_.get(); }
    Connection& operator*() const { return *connection_; }

   private:
    ReadPool& pool_;
    std::unique_ptr<Connection> connection_;
  };

  [[nodiscard]] Lease lease();
  // Leaves the connections to the parent of a forked process.
  void abandon();

 private:
  static constexpr std::size_t kIdleMax = 8;

  void give_back(std::unique_ptr<Connection> connection) noexcept;

  std::string path_;
  std::chrono::milliseconds busy_timeout_;
  const LockFile& lock_file_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

// Several statements that see the same state. Ends with the object.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection) : connection_(connection) { connection_.query("BEGIN").run(); }
  ~Snapshot() { sqlite3_exec(connection_.handle(), "COMMIT", nullptr, nullptr, nullptr); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Connection& connection_;
};

}  // namespace orchestrator::sqlite
