// What the fake broker and its connector say to each other: one JSON object a line, one request and one
// answer on each connection. Decimals travel as text.
//
//   {"kind": "place", "orders": [order...]}          {"results": [{"outcome", "ext_order_id", "reason"}...]}
//   {"kind": "cancel", "order": order}               {"results": [...]}
//   {"kind": "replace", "order": order, "client_order_id", "qty", "price_limit"}     {"results": [...]}
//   {"kind": "look_up", "client_order_id"}           {"found": true, "order": broker order, "reason"}
//   {"kind": "book"}                                 {"orders", "executions", "ext_order_ids", "from"}
//   {"kind": "poll", "cursor"}                       {"reports", "cursor", "more"}
//
// An answer {"status": 502} is a server's failure, {"status": 429} a refusal for haste.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "orchestrator/broker_connector.hpp"

namespace orchestrator::testing {

using Json = nlohmann::json;

// Each throws nlohmann's exception or Error for what is not of its shape.
[[nodiscard]] Json to_wire(const Order& order);
[[nodiscard]] Order order_of(const Json& json);
[[nodiscard]] Json to_wire(const std::vector<SendResult>& results);
[[nodiscard]] std::vector<SendResult> results_of(const Json& json);
[[nodiscard]] Json to_wire(const LookUp& answer);
[[nodiscard]] LookUp look_up_of(const Json& json);
[[nodiscard]] Json to_wire(const BrokerConnector::Book& book);
[[nodiscard]] BrokerConnector::Book book_of(const Json& json);
[[nodiscard]] Json to_wire(const ReportPage& page);
[[nodiscard]] ReportPage page_of(const Json& json);

template <class Decimal>
[[nodiscard]] Json to_wire(const std::optional<Decimal>& value) {
  return value ? Json(value->to_string()) : Json();
}
template <class Decimal>
[[nodiscard]] std::optional<Decimal> decimal_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return Decimal::from_string(json.get<std::string>());
}

}  // namespace orchestrator::testing
