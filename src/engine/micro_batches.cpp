// Orders of different callers share a batch with policy `each`, so that one caller's bad order does not
// refuse another's.
#include "engine/micro_batches.hpp"

#include <algorithm>
#include <optional>

namespace orchestrator::engine {
namespace {

// What became of one batch: the receipt, or else the error.
struct Outcome {
  std::optional<Receipt> receipt;
  std::optional<Error> error;
};

// Whatever goes wrong here is this batch's own: the others that were taken with it still have to be placed.
// A failure that is no Error says nothing about how far the batch got, so its next step is to recover.
Outcome try_to_place(const MicroBatches::Place& place, const BatchRequest& request) {
  try {
    return {place(request), std::nullopt};
  } catch (const Error& error) {
    return {std::nullopt, error};
  } catch (const std::exception& failure) {
    return {std::nullopt, Error(ErrorCode::kInternal, failure.what(), NextStep::kRecover)};
  } catch (...) {
    return {std::nullopt,
            Error(ErrorCode::kInternal, "placing failed with an unknown exception", NextStep::kRecover)};
  }
}

// A callback's exception is its own business: the batch stands as it is and the others must hear of it.
void tell(const Orchestrator::EnqueueCallback& done, std::size_t index, const Outcome& outcome) {
  if (!done) return;
  try {
    if (!outcome.receipt) return done(nullptr, 0, &*outcome.error);
    const auto& orders = outcome.receipt->orders;
    const auto leg = std::ranges::find(orders, index, &Receipt::Leg::index);
    done(&*outcome.receipt, static_cast<std::size_t>(leg - orders.begin()), nullptr);
  } catch (...) {
  }
}

}  // namespace

void MicroBatches::add(const std::string& tenant, UserId user_id, PortfolioId portfolio_id,
                       OrderRequest order, Orchestrator::EnqueueCallback done) {
  // Nothing may fail once the batcher has the order: it would be placed and its caller told otherwise.
  std::map<std::int64_t, Orchestrator::EnqueueCallback> made;
  auto node = made.extract(made.emplace(0, std::move(done)).first);
  const std::scoped_lock lock(mutex_);
  node.key() = context_.batcher->add(tenant, user_id, portfolio_id, std::move(order), context_.clock->now());
  waiting_.insert(std::move(node));
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
  for (const std::int64_t ticket : tickets) {
    // A batcher of the embedding program may hand out what nobody waits for.
    auto node = waiting_.extract(ticket);
    callbacks.push_back(node ? std::move(node.mapped()) : nullptr);
  }
  return callbacks;
}

void MicroBatches::place_each(const Place& place, std::vector<ReadyBatch> batches) {
  for (ReadyBatch& batch : batches) {
    const auto callbacks = take_waiting(batch.tickets);
    batch.request.policy = BatchPolicy::kEach;
    const Outcome outcome = try_to_place(place, batch.request);
    for (std::size_t i = 0; i < callbacks.size(); ++i) tell(callbacks[i], i, outcome);
  }
}

}  // namespace orchestrator::engine
