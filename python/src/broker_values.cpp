#include "python/src/broker_values.hpp"

#include <array>
#include <string_view>

namespace orchestrator::python {
namespace {

ExecutionKind to_execution_kind(py::handle value, const char* name) {
  const std::string word = to_text(value, name);
  const auto kind = parse_execution_kind(word);
  if (!kind) refuse_argument(name, "'" + word + "' is not valid; pass trade, bust or correct");
  return *kind;
}

constexpr std::array<std::string_view, 8> kReportKinds{
    "ack", "reject", "execution", "cancelled", "cancel_refused", "expired", "replaced", "replace_refused"};

BrokerReport::Kind to_report_kind(py::handle value, const char* name) {
  const std::string word = to_text(value, name);
  for (std::size_t i = 0; i < kReportKinds.size(); ++i) {
    if (kReportKinds[i] == word) return static_cast<BrokerReport::Kind>(i);
  }
  refuse_argument(name, "'" + word + "' is not valid; pass a member of ReportKind or its word");
}

py::object order_of(const py::object& type, const BrokerOrder& order) {
  return type(
      py::arg("ext_order_id") = to_python(order.ext_order_id),
      py::arg("client_order_id") = to_python(order.client_order_id), py::arg("side") = to_python(order.side),
      py::arg("qty") = to_python(order.qty), py::arg("status") = to_python(order.status),
      py::arg("updated_at") = to_python(order.updated_at), py::arg("symbol") = to_python(order.symbol),
      py::arg("instrument_id") = to_python(order.instrument_id),
      py::arg("price_limit") = to_python(order.price_limit), py::arg("fill_qty") = to_python(order.fill_qty),
      py::arg("fill_notional") = to_python(order.fill_notional), py::arg("reason") = to_python(order.reason));
}

py::object execution_of(const py::object& type, const Execution& execution, const std::string& ext_order_id) {
  return type(py::arg("execution_id") = to_python(execution.execution_id),
              py::arg("qty") = to_python(execution.qty), py::arg("price") = to_python(execution.price),
              py::arg("executed_at") = to_python(execution.executed_at),
              py::arg("fees") = to_python(execution.fees), py::arg("kind") = to_python(execution.kind),
              py::arg("ref_execution_id") = to_python(execution.ref_execution_id),
              py::arg("ext_order_id") = to_python(ext_order_id));
}

}  // namespace

std::string numbered(const std::string& name, std::size_t index) {
  return name + "[" + std::to_string(index) + "]";
}

BrokerOrder read_broker_order(py::handle value, const std::string& path) {
  const Attributes of(value, path);
  BrokerOrder order;
  order.ext_order_id = of.text("ext_order_id");
  order.client_order_id = of.text("client_order_id");
  order.symbol = of.text("symbol");
  order.instrument_id = of.get("instrument_id", to_integer);
  order.side = of.get("side", to_word<Side>);
  order.qty = of.get("qty", to_decimal<Quantity>);
  order.price_limit = of.get_optional("price_limit", to_decimal<Price>);
  order.status = of.get("status", to_word<OrderStatus>);
  order.fill_qty = of.get("fill_qty", to_decimal<Quantity>);
  order.fill_notional = of.get("fill_notional", to_decimal<Money>);
  order.reason = of.text("reason");
  order.updated_at = of.get("updated_at", to_timestamp);
  return order;
}

Execution read_execution(py::handle value, const std::string& path) {
  const Attributes of(value, path);
  Execution execution;
  execution.execution_id = of.text("execution_id");
  execution.kind = of.get("kind", to_execution_kind);
  execution.ref_execution_id = of.text("ref_execution_id");
  execution.qty = of.get("qty", to_decimal<Quantity>);
  execution.price = of.get("price", to_decimal<Price>);
  execution.fees = of.get("fees", to_decimal<Money>);
  execution.executed_at = of.get("executed_at", to_timestamp);
  return execution;
}

BrokerReport read_report(py::handle value, const std::string& path, const std::string& broker,
                         const std::string& account) {
  const Attributes of(value, path);
  BrokerReport report;
  report.kind = of.get("kind", to_report_kind);
  report.broker = broker;
  report.account = account;
  report.ext_order_id = of.text("ext_order_id");
  report.client_order_id = of.text("client_order_id");
  if (report.ext_order_id.empty() && report.client_order_id.empty()) {
    refuse_argument(path, "names its order neither by ext_order_id nor by client_order_id");
  }
  if (report.kind == BrokerReport::Kind::kExecution) {
    report.execution = of.get("execution", [](py::handle execution, const char* name) {
      if (execution.is_none()) refuse_argument(name, "an execution report has one");
      return read_execution(execution, name);
    });
  }
  report.qty = of.get_optional("qty", to_decimal<Quantity>);
  report.price_limit = of.get_optional("price_limit", to_decimal<Price>);
  report.reason = of.text("reason");
  report.at = of.get("at", to_timestamp);
  return report;
}

py::object to_python(const BrokerConnector::Book& book) {
  const auto package = py::module_::import("orchestrator._extend");
  const py::object order_type = package.attr("BrokerOrder");
  const py::object execution_type = package.attr("BrokerExecution");
  py::list orders;
  for (const BrokerOrder& order : book.orders) orders.append(order_of(order_type, order));
  py::list executions;
  for (std::size_t i = 0; i < book.executions.size(); ++i) {
    executions.append(execution_of(execution_type, book.executions[i], book.ext_order_ids.at(i)));
  }
  return package.attr("BrokerBook")(py::arg("orders") = orders, py::arg("executions") = executions,
                                    py::arg("since") = to_python(book.from));
}

}  // namespace orchestrator::python
