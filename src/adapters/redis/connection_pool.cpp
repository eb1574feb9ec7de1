#include "adapters/redis/connection_pool.hpp"

namespace orchestrator::redis {
namespace {

// What a reply has beside the entry in it.
constexpr std::size_t kReplyMargin = 1024;

}  // namespace

ConnectionPool::ConnectionPool(const RedisOptions& options)
    : options_(options), place_(parse_url(options.url)) {
  idle_.reserve(options_.connections);  // give_back() must not fail
}

ConnectionPool::Lease ConnectionPool::lease() {
  std::unique_lock lock(mutex_);
  const auto free = [this] { return !idle_.empty() || open_ < options_.connections; };
  if (!given_back_.wait_for(lock, options_.command_timeout, free))
    throw Failure("every connection is in use");
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    // One that the server has closed meanwhile, or on which it said something, is of no use; nor is it a
    // failure.
    if (connection->quiet()) return {*this, std::move(connection)};
    open_ -= 1;
  }
  open_ += 1;
  lock.unlock();
  try {
    return {*this,
            std::make_unique<Connection>(place_, std::chrono::steady_clock::now() + options_.connect_timeout,
                                         options_.entry_bytes_max + kReplyMargin)};
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (connection && connection->usable()) {
      idle_.push_back(std::move(connection));
    } else {
      open_ -= 1;
      if (connection) {  // those that wait here have died with it: nobody tries them one by one
        open_ -= idle_.size();
        idle_.clear();
      }
    }
  }
  given_back_.notify_one();
}

}  // namespace orchestrator::redis
