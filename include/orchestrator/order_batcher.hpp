// OrderBatcher: how single orders become batches, and how a batch becomes requests to brokers.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "orchestrator/order.hpp"

namespace orchestrator {

// A batch that is ready to be placed. `ticket` is the value that add() returned for each of its orders,
// in order, so that the caller finds its order in the receipt.
struct ReadyBatch {
  BatchRequest request;
  std::vector<std::int64_t> tickets;
};

// Micro-batching of single orders: orders of the same tenant, user and portfolio travel together until the
// batch is full or has lingered long enough. Nothing is durable here: an order is accepted when its batch is
// placed, not when it is added. The orders of such a batch have nothing to do with one another, so its
// policy is kEach: one bad order does not refuse its neighbours. Thread-safe.
class OrderBatcher {
 public:
  virtual ~OrderBatcher() = default;

  // Adds an order to its portfolio's open batch and returns its ticket.
  virtual std::int64_t add(const std::string& tenant, UserId user_id, PortfolioId portfolio_id,
                           OrderRequest order, Timestamp now) = 0;
  // The batches that are full or due at `now`; each is handed out once.
  virtual std::vector<ReadyBatch> take_ready(Timestamp now) = 0;
  // All batches that are open or ready, due or not: before a shutdown.
  virtual std::vector<ReadyBatch> take_all() = 0;
  // When the next batch falls due, in the past for one that is ready; nullopt when there is none.
  [[nodiscard]] virtual std::optional<Timestamp> next_due() const = 0;

  // Splits a broker's share of a batch into requests of at most `orders_max` orders: consecutive parts, which
  // together are all of it.
  // Throws Error(invalid_argument) when `orders_max` is 0.
  [[nodiscard]] virtual std::vector<std::span<const Order>> split(std::span<const Order> orders,
                                                                  std::size_t orders_max) const = 0;
};

struct OrderBatcherOptions {
  std::size_t orders_max = 100;                                     // a batch is ready at this many orders
  std::chrono::microseconds linger = std::chrono::milliseconds(5);  // ... or this long after its first
};

// Throws Error(configuration) for orders_max 0 or a negative linger.
[[nodiscard]] std::unique_ptr<OrderBatcher> make_order_batcher(const OrderBatcherOptions& options = {});

}  // namespace orchestrator
