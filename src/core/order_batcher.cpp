// Micro-batching: one open batch per (tenant, user, portfolio), handed out when full or due.
//
// Invariants: every order is handed out exactly once, with its ticket, in the order it was added; tickets
// are never used twice. Nothing here is durable, and no callback runs under the lock.

#include "orchestrator/order_batcher.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "orchestrator/error.hpp"

namespace orchestrator {

namespace {

class LingerOrderBatcher final : public OrderBatcher {
 public:
  explicit LingerOrderBatcher(const OrderBatcherOptions& options) : options_(options) {
    if (options_.orders_max == 0) {
      throw Error(ErrorCode::kConfiguration, "orders_max of the order batcher must be at least 1");
    }
    if (options_.linger < std::chrono::microseconds(0)) {
      throw Error(ErrorCode::kConfiguration, "linger of the order batcher must not be negative");
    }
  }

  std::int64_t add(const std::string& tenant, UserId user_id, PortfolioId portfolio_id, OrderRequest order,
                   Timestamp now) override {
    const std::scoped_lock lock(mutex_);
    const auto open = open_.try_emplace({tenant, user_id, portfolio_id}).first;
    Pending& pending = open->second;
    if (pending.batch.tickets.empty()) {
      pending.due = due_after(now);
      pending.batch.request.tenant = tenant;
      pending.batch.request.user_id = user_id;
      pending.batch.request.portfolio_id = portfolio_id;
      pending.batch.request.policy = BatchPolicy::kEach;
    }
    const std::int64_t ticket = ++last_ticket_;
    pending.batch.request.orders.push_back(std::move(order));
    pending.batch.tickets.push_back(ticket);
    if (pending.batch.tickets.size() == options_.orders_max) {
      pending.due = now;
      full_.push_back(std::move(pending));
      open_.erase(open);
    }
    return ticket;
  }

  std::vector<ReadyBatch> take_ready(Timestamp now) override {
    return take([now](const Pending& pending) { return pending.due <= now; });
  }

  std::vector<ReadyBatch> take_all() override {
    return take([](const Pending&) { return true; });
  }

  [[nodiscard]] std::optional<Timestamp> next_due() const override {
    const std::scoped_lock lock(mutex_);
    std::optional<Timestamp> next;
    const auto consider = [&next](const Pending& pending) {
      if (!next || pending.due < *next) next = pending.due;
    };
    for (const Pending& pending : full_) consider(pending);
    for (const auto& [key, pending] : open_) consider(pending);
    return next;
  }

  [[nodiscard]] std::vector<std::span<const Order>> split(std::span<const Order> orders,
                                                          std::size_t orders_max) const override {
    if (orders_max == 0) {
      throw Error(ErrorCode::kInvalidArgument, "orders_max of a broker request must be at least 1");
    }
    std::vector<std::span<const Order>> parts;
    parts.reserve(orders.size() / orders_max + 1);
    while (!orders.empty()) {
      const std::size_t size = std::min(orders.size(), orders_max);
      parts.push_back(orders.first(size));
      orders = orders.subspan(size);
    }
    return parts;
  }

 private:
  using Key = std::tuple<std::string, UserId, PortfolioId>;

  struct Pending {
    ReadyBatch batch;
    Timestamp due;
  };

  [[nodiscard]] Timestamp due_after(Timestamp now) const {
    const bool fits = now.time_since_epoch() <= Timestamp::max().time_since_epoch() - options_.linger;
    return fits ? now + options_.linger : Timestamp::max();
  }

  // Full batches always, open ones if `is_due`; in the order in which their first orders came.
  template <class Due>
  std::vector<ReadyBatch> take(const Due& is_due) {
    std::vector<ReadyBatch> ready;
    {
      const std::scoped_lock lock(mutex_);
      for (Pending& pending : full_) ready.push_back(std::move(pending.batch));
      full_.clear();
      for (auto it = open_.begin(); it != open_.end();) {
        if (!is_due(it->second)) {
          ++it;
          continue;
        }
        ready.push_back(std::move(it->second.batch));
        it = open_.erase(it);
      }
    }
    std::sort(ready.begin(), ready.end(),
              [](const ReadyBatch& a, const ReadyBatch& b) { return a.tickets.front() < b.tickets.front(); });
    return ready;
  }

  OrderBatcherOptions options_;
  mutable std::mutex mutex_;
  std::map<Key, Pending> open_;
  std::vector<Pending> full_;
  std::int64_t last_ticket_ = 0;
};

}  // namespace

std::unique_ptr<OrderBatcher> make_order_batcher(const OrderBatcherOptions& options) {
  return std::make_unique<LingerOrderBatcher>(options);
}

}  // namespace orchestrator
