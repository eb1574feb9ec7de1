// Orders of different callers share a batch with policy `each`, so that one caller's bad order does not
// refuse another's.
#include "engine/micro_batches.hpp"

#include <algorithm>

namespace orchestrator::engine {

void MicroBatches::add(const std::string& tenant, UserId user_id, PortfolioId portfolio_id,
                       OrderRequest order, Orchestrator::EnqueueCallback done) {
  const std::scoped_lock lock(mutex_);
  const std::int64_t ticket =
      context_.batcher->add(tenant, user_id, portfolio_id, std::move(order), context_.clock->now());
  waiting_.emplace(ticket, std::move(done));
}

void MicroBatches::place_due(const Place& place) {
  place_each(place, context_.batcher->take_ready(context_.clock->now()));
}

void MicroBatches::place_all(const Place& place) { place_each(place, context_.batcher->take_all()); }

std::vector<Orchestrator::EnqueueCallback> MicroBatches::take_waiting(
    const std::vector<std::int64_t>& tickets) {
  const std::scoped_lock lock(mutex_);
  std::vector<Orchestrator::EnqueueCallback> callbacks;
  callbacks.reserve(tickets.size());
  for (const std::int64_t ticket : tickets) callbacks.push_back(std::move(waiting_.extract(ticket).mapped()));
  return callbacks;
}

void MicroBatches::place_each(const Place& place, std::vector<ReadyBatch> batches) {
  for (ReadyBatch& batch : batches) {
    const auto callbacks = take_waiting(batch.tickets);
    batch.request.policy = BatchPolicy::kEach;
    try {
      const Receipt receipt = place(batch.request);
      for (std::size_t i = 0; i < callbacks.size(); ++i) {
        const auto leg = std::ranges::find(receipt.orders, i, &Receipt::Leg::index);
        callbacks[i](&receipt, static_cast<std::size_t>(leg - receipt.orders.begin()), nullptr);
      }
    } catch (const Error& error) {
      for (const auto& callback : callbacks) callback(nullptr, 0, &error);
    }
  }
}

}  // namespace orchestrator::engine
