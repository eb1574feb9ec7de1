#include "fake_broker/protocol.hpp"

#include <string>

#include "orchestrator/error.hpp"

namespace orchestrator::testing {

namespace {

std::int64_t micros_of(Timestamp at) { return at.time_since_epoch().count(); }
Timestamp time_of(const Json& json) { return Timestamp(std::chrono::microseconds(json.get<std::int64_t>())); }

template <class Enum>
std::string word(Enum value) {
  return std::string(to_string(value));
}

template <class Enum>
Enum required(const std::optional<Enum>& parsed, const Json& json) {
  if (!parsed) throw Error(ErrorCode::kInvalidArgument, "not a word of the protocol: " + json.dump());
  return *parsed;
}

Side side_of(const Json& json) { return required(parse_side(json.get<std::string>()), json); }

Json wire_of(const BrokerOrder& order) {
  return {{"ext_order_id", order.ext_order_id},
          {"client_order_id", order.client_order_id},
          {"symbol", order.symbol},
          {"instrument_id", order.instrument_id},
          {"side", word(order.side)},
          {"qty", order.qty.to_string()},
          {"price_limit", to_wire(order.price_limit)},
          {"status", word(order.status)},
          {"fill_qty", order.fill_qty.to_string()},
          {"fill_notional", order.fill_notional.to_string()},
          {"reason", order.reason},
          {"updated_at", micros_of(order.updated_at)}};
}

BrokerOrder broker_order_of(const Json& json) {
  BrokerOrder order;
  order.ext_order_id = json.at("ext_order_id");
  order.client_order_id = json.at("client_order_id");
  order.symbol = json.at("symbol");
  order.instrument_id = json.at("instrument_id");
  order.side = side_of(json.at("side"));
  order.qty = Quantity::from_string(json.at("qty").get<std::string>());
  order.price_limit = decimal_of<Price>(json.at("price_limit"));
  order.status = required(parse_order_status(json.at("status").get<std::string>()), json.at("status"));
  order.fill_qty = Quantity::from_string(json.at("fill_qty").get<std::string>());
  order.fill_notional = Money::from_string(json.at("fill_notional").get<std::string>());
  order.reason = json.at("reason");
  order.updated_at = time_of(json.at("updated_at"));
  return order;
}

Json wire_of(const Execution& execution) {
  return {{"execution_id", execution.execution_id},         {"kind", word(execution.kind)},
          {"ref_execution_id", execution.ref_execution_id}, {"qty", execution.qty.to_string()},
          {"price", execution.price.to_string()},           {"fees", execution.fees.to_string()},
          {"executed_at", micros_of(execution.executed_at)}};
}

Execution execution_of(const Json& json) {
  Execution execution;
  execution.execution_id = json.at("execution_id");
  execution.kind = required(parse_execution_kind(json.at("kind").get<std::string>()), json.at("kind"));
  execution.ref_execution_id = json.at("ref_execution_id");
  execution.qty = Quantity::from_string(json.at("qty").get<std::string>());
  execution.price = Price::from_string(json.at("price").get<std::string>());
  execution.fees = Money::from_string(json.at("fees").get<std::string>());
  execution.executed_at = time_of(json.at("executed_at"));
  return execution;
}

Json wire_of(const BrokerReport& report) {
  return {{"kind", static_cast<int>(report.kind)},
          {"ext_order_id", report.ext_order_id},
          {"client_order_id", report.client_order_id},
          {"execution", wire_of(report.execution)},
          {"qty", to_wire(report.qty)},
          {"price_limit", to_wire(report.price_limit)},
          {"reason", report.reason},
          {"at", micros_of(report.at)}};
}

BrokerReport report_of(const Json& json) {
  BrokerReport report;
  const int kind = json.at("kind");
  if (kind < 0 || kind > static_cast<int>(BrokerReport::Kind::kReplaceRefused)) {
    throw Error(ErrorCode::kInvalidArgument, "not a kind of report: " + std::to_string(kind));
  }
  report.kind = static_cast<BrokerReport::Kind>(kind);
  report.ext_order_id = json.at("ext_order_id");
  report.client_order_id = json.at("client_order_id");
  report.execution = execution_of(json.at("execution"));
  report.qty = decimal_of<Quantity>(json.at("qty"));
  report.price_limit = decimal_of<Price>(json.at("price_limit"));
  report.reason = json.at("reason");
  report.at = time_of(json.at("at"));
  return report;
}

}  // namespace

Json to_wire(const Order& order) {
  return {{"client_order_id", order.client_order_id},
          {"ext_order_id", order.ext_order_id},
          {"instrument_id", order.instrument_id},
          {"symbol", order.symbol},
          {"side", word(order.side)},
          {"order_type", word(order.order_type)},
          {"qty", order.qty.to_string()},
          {"price_limit", to_wire(order.price_limit)},
          {"stop_price", to_wire(order.stop_price)},
          {"multiplier", order.multiplier},
          {"attempt", order.attempt}};
}

Order order_of(const Json& json) {
  Order order;
  order.client_order_id = json.at("client_order_id");
  order.ext_order_id = json.at("ext_order_id");
  order.instrument_id = json.at("instrument_id");
  order.symbol = json.at("symbol");
  order.side = side_of(json.at("side"));
  order.order_type = required(parse_order_type(json.at("order_type").get<std::string>()), json);
  order.qty = Quantity::from_string(json.at("qty").get<std::string>());
  order.price_limit = decimal_of<Price>(json.at("price_limit"));
  order.stop_price = decimal_of<Price>(json.at("stop_price"));
  order.multiplier = json.at("multiplier");
  order.attempt = json.at("attempt");
  return order;
}

Json to_wire(const std::vector<SendResult>& results) {
  Json list = Json::array();
  for (const SendResult& result : results) {
    list.push_back({{"accepted", result.outcome == SendOutcome::kAccepted},
                    {"ext_order_id", result.ext_order_id},
                    {"reason", result.reason}});
  }
  return {{"results", list}};
}

std::vector<SendResult> results_of(const Json& json) {
  std::vector<SendResult> results;
  for (const Json& item : json.at("results")) {
    const bool accepted = item.at("accepted");
    results.push_back({accepted ? SendOutcome::kAccepted : SendOutcome::kRejected, item.at("ext_order_id"),
                       item.at("reason")});
  }
  return results;
}

Json to_wire(const LookUp& answer) {
  Json json = {{"found", answer.kind == LookUp::Kind::kFound}, {"reason", answer.reason}};
  if (answer.kind == LookUp::Kind::kFound) json["order"] = wire_of(answer.order);
  return json;
}

LookUp look_up_of(const Json& json) {
  LookUp answer;
  answer.kind = json.at("found").get<bool>() ? LookUp::Kind::kFound : LookUp::Kind::kNotFound;
  if (answer.kind == LookUp::Kind::kFound) answer.order = broker_order_of(json.at("order"));
  answer.reason = json.at("reason");
  return answer;
}

Json to_wire(const BrokerConnector::Book& book) {
  Json orders = Json::array();
  Json executions = Json::array();
  for (const BrokerOrder& order : book.orders) orders.push_back(wire_of(order));
  for (const Execution& execution : book.executions) executions.push_back(wire_of(execution));
  return {{"orders", orders},
          {"executions", executions},
          {"ext_order_ids", book.ext_order_ids},
          {"from", book.from ? Json(micros_of(*book.from)) : Json()}};
}

BrokerConnector::Book book_of(const Json& json) {
  BrokerConnector::Book book;
  for (const Json& order : json.at("orders")) book.orders.push_back(broker_order_of(order));
  for (const Json& execution : json.at("executions")) book.executions.push_back(execution_of(execution));
  book.ext_order_ids = json.at("ext_order_ids").get<std::vector<std::string>>();
  if (!json.at("from").is_null()) book.from = time_of(json.at("from"));
  return book;
}

Json to_wire(const ReportPage& page) {
  Json reports = Json::array();
  for (const BrokerReport& report : page.reports) reports.push_back(wire_of(report));
  return {{"reports", reports}, {"cursor", page.cursor}, {"more", page.more}};
}

ReportPage page_of(const Json& json) {
  ReportPage page;
  for (const Json& report : json.at("reports")) page.reports.push_back(report_of(report));
  page.cursor = json.at("cursor");
  page.more = json.at("more");
  return page;
}

}  // namespace orchestrator::testing
