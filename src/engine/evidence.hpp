// What a broker's answer about one order proves.
#pragma once

#include <string>
#include <vector>

#include "core/order_life.hpp"
#include "engine/context.hpp"

namespace orchestrator::engine {

// What the broker's view of the order says about its life. Executions are not taken from here: they come
// one by one, with their ids, as reports.
[[nodiscard]] std::vector<Signal> evidence_of(const BrokerOrder& found, Timestamp at);

// Calls `visit` for every order of the query, page by page, oldest first.
template <class Visit>
void for_each_order(const Context& context, OrderQuery query, Visit&& visit) {
  query.limit = kPageSize;
  for (;;) {
    const auto page = context.store->orders(query);
    for (const Order& order : page) visit(order);
    if (page.size() < kPageSize) return;
    query.after_id = page.back().id;
  }
}

}  // namespace orchestrator::engine
