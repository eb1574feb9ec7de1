// Short ways to talk to a mock broker in tests.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/backends/mock_brokers.hpp"
#include "orchestrator/broker_connector.hpp"

namespace orchestrator::testing {

using Maker = std::unique_ptr<BrokerConnector> (*)(const MockBrokerOptions&, Clock&);

[[nodiscard]] inline Price price(const char* text) { return Price::from_string(text); }
[[nodiscard]] inline Quantity quantity(const char* text) { return Quantity::from_string(text); }

// A limit order; without a price, a market order.
[[nodiscard]] inline Order mock_order(std::string client_order_id, const char* qty = "10",
                                      std::optional<const char*> limit = "100", Side side = Side::kBuy) {
  Order order;
  order.client_order_id = std::move(client_order_id);
  order.instrument_id = 7;
  order.symbol = "SBIN";
  order.side = side;
  order.qty = quantity(qty);
  order.order_type = limit ? OrderType::kLimit : OrderType::kMarket;
  if (limit) order.price_limit = price(*limit);
  return order;
}

[[nodiscard]] inline SendResult place_one(BrokerConnector& broker, const Order& order) {
  return broker.place({&order, 1}).at(0);
}

// Places it and gives it back with the broker's id; empty when it was not accepted.
[[nodiscard]] inline Order placed(BrokerConnector& broker, Order order) {
  order.ext_order_id = place_one(broker, order).ext_order_id;
  return order;
}

[[nodiscard]] inline std::vector<BrokerReport> all_reports(BrokerConnector& broker) {
  std::vector<BrokerReport> all;
  std::string cursor;
  for (bool more = true; more;) {
    const ReportPage page = broker.poll(cursor);
    all.insert(all.end(), page.reports.begin(), page.reports.end());
    cursor = page.cursor;
    more = page.more;
  }
  return all;
}

// "4 @ 99.5" for every execution in the book, in its order.
[[nodiscard]] inline std::vector<std::string> executions_of(BrokerConnector& broker) {
  std::vector<std::string> shown;
  for (const Execution& execution : broker.book().executions) {
    shown.push_back(execution.qty.to_string() + " @ " + execution.price.to_string());
  }
  return shown;
}

}  // namespace orchestrator::testing
