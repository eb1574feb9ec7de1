// At most so many connections, opened when they are needed and kept. A caller takes one for itself; with none
// left it waits, not for ever.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "adapters/postgres/connection.hpp"

namespace orchestrator::postgres {

class ConnectionPool {
 public:
  explicit ConnectionPool(const PostgresOptions& options);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    ~Lease() { pool_.give_back(std::move(connection_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection* operator->() const { return connection_.get(); }
    Connection& operator*() const { return *connection_; }

   private:
    ConnectionPool& pool_;
    std::unique_ptr<Connection> connection_;
  };

  // Throws Error: as a new connection does, or storage_busy.
  [[nodiscard]] Lease lease();
  // Leaves the connections to the parent of a forked process.
  void abandon();

 private:
  void give_back(std::unique_ptr<Connection> connection) noexcept;
  // Connections that wait in the pool die together when a server restarts: nobody tries them one by one.
  void drop_idle() noexcept { idle_.clear(); }

  const PostgresOptions& options_;
  std::unique_ptr<AnswerWatch> watch_;
  std::mutex mutex_;
  std::condition_variable given_back_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t open_ = 0;
};

}  // namespace orchestrator::postgres
