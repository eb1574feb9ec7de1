#include "adapters/postgres/connection_pool.hpp"

#include "adapters/postgres/answer_watch.hpp"
#include "adapters/postgres/connection_settings.hpp"

namespace orchestrator::postgres {

ConnectionPool::ConnectionPool(const PostgresOptions& options)
    : options_(options), watch_(std::make_unique<AnswerWatch>()) {
  idle_.reserve(options_.connections);  // give_back() must not fail
}

ConnectionPool::~ConnectionPool() = default;

ConnectionPool::Lease ConnectionPool::lease() {
  std::unique_lock lock(mutex_);
  const auto free = [this] { return !idle_.empty() || open_ < options_.connections; };
  if (!given_back_.wait_for(lock, options_.lock_timeout, free)) {
    throw Error(ErrorCode::kStorageBusy, "all " + std::to_string(options_.connections) +
                                             " database connections have been in use for " +
                                             std::to_string(options_.lock_timeout.count()) +
                                             " ms; nothing was changed, call again");
  }
  if (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    connection->wait_for_answers(answer_patience(options_, options_.statement_timeout));
    return {*this, std::move(connection)};
  }
  ++open_;
  lock.unlock();
  try {
    return {*this, std::make_unique<Connection>(options_, watch_.get())};
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) noexcept {
  {
    const std::lock_guard lock(mutex_);
    const bool usable = connection && connection->usable();
    if (usable && connection->idle()) {
      idle_.push_back(std::move(connection));
    } else {
      open_ -= 1;
      if (connection && !usable) {
        open_ -= idle_.size();
        drop_idle();
      }
    }
  }
  given_back_.notify_one();
}

void ConnectionPool::abandon() {
  for (const auto& connection : idle_) connection->abandon();
  static_cast<void>(watch_.release());  // its thread is the parent's
}

}  // namespace orchestrator::postgres
