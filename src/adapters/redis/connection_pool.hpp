// At most so many connections, opened when they are needed and kept. A caller takes one for itself; with none
// left it waits, not for long.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "adapters/redis/connection.hpp"
#include "orchestrator/backends/redis.hpp"

namespace orchestrator::redis {

class ConnectionPool {
 public:
  explicit ConnectionPool(const RedisOptions& options);

  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    ~Lease() { pool_.give_back(std::move(connection_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection* operator->() const { return connection_.get(); }
    // It is closed instead of kept.
    void drop() { connection_.reset(); }

   private:
    ConnectionPool& pool_;
    std::unique_ptr<Connection> connection_;
  };

  // Throws Failure.
  [[nodiscard]] Lease lease();
  [[nodiscard]] const Place& place() const { return place_; }

 private:
  void give_back(std::unique_ptr<Connection> connection) noexcept;

  const RedisOptions& options_;
  const Place place_;
  std::mutex mutex_;
  std::condition_variable given_back_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t open_ = 0;
};

}  // namespace orchestrator::redis
