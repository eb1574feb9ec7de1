#include "engine/context.hpp"

namespace orchestrator::engine {

BrokerConnector* Context::broker(const std::string& name) const {
  const auto at = brokers.find(name);
  return at == brokers.end() ? nullptr : at->second.get();
}

BrokerConnector& Context::require_broker(const std::string& name) const {
  if (BrokerConnector* found = broker(name)) return *found;
  std::string known;
  for (const auto& [known_name, connector] : brokers) known += (known.empty() ? "" : ", ") + known_name;
  throw Error(ErrorCode::kUnknownBroker, "no broker connector is named '" + name + "'; known: " + known);
}

Order Context::require_order(OrderId id) const {
  auto found = store->orders({.ids = {id}});
  if (found.empty()) throw Error(ErrorCode::kNotFound, "there is no order " + std::to_string(id));
  return std::move(found.front());
}

OrderBatch Context::require_batch(BatchId id) const {
  auto found = store->batches({.ids = {id}});
  if (found.empty()) throw Error(ErrorCode::kNotFound, "there is no batch " + std::to_string(id));
  return std::move(found.front());
}

}  // namespace orchestrator::engine
