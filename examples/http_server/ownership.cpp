#include "examples/http_server/ownership.hpp"

#include <algorithm>

namespace orchestrator::http {
namespace {

constexpr std::size_t kKeptMax = 100'000;
constexpr std::size_t kAskedAtOnce = 500;

}  // namespace

Order order_of(const Orchestrator& oms, const Caller& caller, OrderId id) {
  auto order = oms.get_order(id);
  if (caller.tenant && order.tenant != *caller.tenant) {
    throw Error(ErrorCode::kNotFound, "there is no order " + std::to_string(id));
  }
  return order;
}

OrderBatch batch_of(const Orchestrator& oms, const Caller& caller, BatchId id) {
  auto batch = oms.get_batch(id);
  if (caller.tenant && batch.tenant != *caller.tenant) {
    throw Error(ErrorCode::kNotFound, "there is no batch " + std::to_string(id));
  }
  return batch;
}

void EventOwners::keep(const std::string& tenant, std::vector<Event>& events) {
  const std::lock_guard lock(mutex_);
  look_up(events);
  std::erase_if(events, [&](const Event& event) {
    const auto found = tenants_.find(event.batch_id);
    return found == tenants_.end() || found->second != tenant;
  });
}

void EventOwners::look_up(const std::vector<Event>& events) {
  if (tenants_.size() > kKeptMax) tenants_.clear();
  BatchQuery query;
  const auto ask = [&] {
    if (query.ids.empty()) return;
    query.limit = query.ids.size();
    for (auto& batch : oms_.batches(query)) tenants_[batch.id] = std::move(batch.tenant);
    query.ids.clear();
  };
  for (const auto& event : events) {
    if (tenants_.contains(event.batch_id)) continue;
    if (std::find(query.ids.begin(), query.ids.end(), event.batch_id) != query.ids.end()) continue;
    query.ids.push_back(event.batch_id);
    if (query.ids.size() == kAskedAtOnce) ask();
  }
  ask();
}

}  // namespace orchestrator::http
