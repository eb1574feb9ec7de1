#include "engine/book_index.hpp"

#include <algorithm>
#include <utility>

namespace orchestrator::engine {
namespace {

const BrokerOrder* find(const std::map<std::string, const BrokerOrder*>& index, const std::string& id) {
  const auto found = index.find(id);
  return found == index.end() ? nullptr : found->second;
}

}  // namespace

BookIndex::BookIndex(BrokerConnector::Book book) : book_(std::move(book)) {
  for (const BrokerOrder& order : book_.orders) {
    const auto [same, only] = by_ext_.emplace(order.ext_order_id, &order);
    if (!only) same->second = nullptr;  // some brokers start their ids again every day
    if (order.client_order_id.empty()) continue;
    const auto [at, first] = by_client_.emplace(order.client_order_id, &order);
    if (!first) at->second = nullptr;
  }
  const std::size_t known = std::min(book_.executions.size(), book_.ext_order_ids.size());
  for (std::size_t i = 0; i < known; ++i) executions_.emplace(book_.ext_order_ids[i], &book_.executions[i]);
}

const BrokerOrder* BookIndex::by_client_order_id(const std::string& id) const { return find(by_client_, id); }

bool BookIndex::several(const std::string& client_order_id) const {
  const auto found = by_client_.find(client_order_id);
  return found != by_client_.end() && found->second == nullptr;
}

const BrokerOrder* BookIndex::by_ext_order_id(const std::string& id) const { return find(by_ext_, id); }

std::vector<Execution> BookIndex::executions_of(const std::string& ext_order_id) const {
  std::vector<Execution> executions;
  const auto [first, last] = executions_.equal_range(ext_order_id);
  for (auto at = first; at != last; ++at) executions.push_back(*at->second);
  return executions;
}

}  // namespace orchestrator::engine
