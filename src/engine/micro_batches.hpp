// Single orders that travel in batches: who waits for which order of which batch.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/context.hpp"

namespace orchestrator::engine {

// Thread-safe. Callbacks are called without any lock held.
class MicroBatches {
 public:
  using Place = std::function<Receipt(const BatchRequest&)>;

  explicit MicroBatches(Context& context) : context_(context) {}

  void add(const std::string& tenant, UserId user_id, PortfolioId portfolio_id, OrderRequest order,
           Orchestrator::EnqueueCallback done);
  // Places the batches that are full or due and tells those who wait.
  void place_due(const Place& place);
  // Places everything, due or not.
  void place_all(const Place& place);

 private:
  void place_each(const Place& place, std::vector<ReadyBatch> batches);
  std::vector<Orchestrator::EnqueueCallback> take_waiting(const std::vector<std::int64_t>& tickets);

  Context& context_;
  std::mutex mutex_;
  std::map<std::int64_t, Orchestrator::EnqueueCallback> waiting_;
};

}  // namespace orchestrator::engine
