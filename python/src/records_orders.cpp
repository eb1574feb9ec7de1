// The records of placing: what an accepted request answers, and how its orders stand.
#include <array>

#include "orchestrator/json.hpp"
#include "python/src/records.hpp"

namespace orchestrator::python {
namespace {

py::object index_or_none(const Violation& violation) {
  if (violation.order_index == Violation::kWholeBatch) return py::none();
  return to_python(violation.order_index);
}

constexpr std::array<Field<Violation>, 5> kViolation{{
    {"order_index", index_or_none, "int | None: position in the request, from 0; None: the whole batch"},
    {"field", read_or_none<&Violation::field>, "str | None: the request's own field, such as 'price_limit'"},
    {"code", read<&Violation::code>, "str: stable name of the rule, such as 'qty.off_lot'"},
    {"message", read<&Violation::message>, "str: what was found and what is allowed, for people"},
    {"severity", read<&Violation::severity>, "Severity: an error refuses the order, a warning does not"},
}};

// One that a validation rule found.
Violation make_violation(const py::object& order_index, const py::object& field, const py::object& code,
                         const py::object& message, const py::object& severity) {
  Violation violation;
  if (!order_index.is_none()) violation.order_index = to_count(order_index, "order_index");
  if (!field.is_none()) violation.field = to_text(field, "field");
  violation.code = to_text(code, "code");
  if (violation.code.empty()) refuse_argument("code", "a violation needs one");
  violation.message = to_text(message, "message");
  const std::string word = to_text(severity, "severity");
  if (word != "error" && word != "warning")
    refuse_argument("severity", "'" + word + "' is not valid; pass error or warning");
  violation.severity = word == "error" ? Severity::kError : Severity::kWarning;
  return violation;
}

py::object fill_price(const Order& order) { return to_python(order.fill_price()); }
py::object remaining_qty(const Order& order) { return to_python(order.remaining_qty()); }

constexpr std::array<Field<Order>, 40> kOrder{{
    {"id", read<&Order::id>, "int: the order's id"},
    {"batch_id", read<&Order::batch_id>, "int: its batch"},
    {"portfolio_id", read<&Order::portfolio_id>, "int"},
    {"broker", read<&Order::broker>, "str: the broker it is routed to"},
    {"instrument_id", read<&Order::instrument_id>, "int"},
    {"symbol", read<&Order::symbol>,
     "str: as the broker knows it; '#<instrument_id>' without an instrument row"},
    {"qty", read<&Order::qty>, "Decimal: ordered quantity, in units of the instrument, at most 9 decimals"},
    {"price_limit", read<&Order::price_limit>, "Decimal | None: per unit, in the instrument's currency"},
    {"stop_price", read<&Order::stop_price>, "Decimal | None: trigger of a stop or stop_limit order"},
    {"side", read<&Order::side>, "Side"},
    {"order_type", read<&Order::order_type>, "OrderType"},
    {"time_in_force", read<&Order::time_in_force>, "TimeInForce"},
    {"status", read<&Order::status>, "OrderStatus"},
    {"client_order_id", read_or_none<&Order::client_order_id>, "str | None: ours, the same on every attempt"},
    {"ext_order_id", read_or_none<&Order::ext_order_id>, "str | None: the broker's, once it is known"},
    {"fill_price", fill_price,
     "Decimal | None: volume-weighted average of the executions, half-even to 9 decimals"},
    {"fill_qty", read<&Order::fill_qty>, "Decimal: executed so far"},
    {"fill_notional", read<&Order::fill_notional>,
     "Decimal: sum of price x quantity of the executions, exact"},
    {"remaining_qty", remaining_qty, "Decimal: not executed yet, never negative"},
    {"fees", read<&Order::fees>, "Decimal: sum of the executions' fees"},
    {"reason", read_or_none<&Order::reason>, "str | None: why it was rejected, parked or ended"},
    {"pending_qty", read<&Order::pending_qty>, "Decimal | None: asked of the broker, not answered yet"},
    {"pending_price_limit", read<&Order::pending_price_limit>, "Decimal | None: asked, not answered yet"},
    {"overfilled", read<&Order::overfilled>, "bool: executed more than ordered"},
    {"late_fill", read<&Order::late_fill>, "bool: executed after it had ended"},
    {"busted", read<&Order::busted>, "bool: an execution was taken back or corrected"},
    {"parked", read<&Order::parked>, "bool: in doubt at a broker that cannot tell; waits for a person"},
    {"incident", read<&Order::incident>, "bool: the broker said what cannot be; see reason"},
    {"leg", read<&Order::leg>, "int: position in the batch, from 0"},
    {"multiplier", read<&Order::multiplier>, "int: the instrument's, when the order was accepted"},
    {"margin_reserved", read<&Order::margin_reserved>, "Decimal: what it holds of its portfolio's margin"},
    {"attempt", read<&Order::attempt>, "int: sends so far"},
    {"replace_count", read<&Order::replace_count>, "int: changes so far"},
    {"created_at", read<&Order::created_at>, "datetime: in UTC; accepted"},
    {"submitted_at", read<&Order::submitted_at>, "datetime | None: in UTC; last sent"},
    {"acked_at", read<&Order::acked_at>, "datetime | None: in UTC; acknowledged by the broker"},
    {"executed_at", read<&Order::executed_at>,
     "datetime | None: in UTC; last execution, in the broker's time"},
    {"ended_at", read<&Order::ended_at>, "datetime | None: in UTC; filled, cancelled, rejected or expired"},
    {"settled_at", read<&Order::settled_at>, "datetime | None: in UTC"},
    {"version", read<&Order::version>, "int: grows with every change"},
}};

py::object orders_asked(const OrderBatch& batch) { return from_json(batch.orders_json); }

constexpr std::array<Field<OrderBatch>, 14> kBatch{{
    {"id", read<&OrderBatch::id>, "int: the batch's id"},
    {"user_id", read_or_none<&OrderBatch::user_id>, "int | None"},
    {"portfolio_id", read<&OrderBatch::portfolio_id>, "int"},
    {"idempotency_key", read<&OrderBatch::idempotency_key>, "str: given, or made for the batch"},
    {"status", read<&OrderBatch::status>, "BatchStatus: follows from its orders"},
    {"total_orders", read<&OrderBatch::total_orders>, "int"},
    {"open_orders", read<&OrderBatch::open_orders>, "int: not ended yet"},
    {"filled_orders", read<&OrderBatch::filled_orders>, "int: filled or settled in full"},
    {"executed_orders", read<&OrderBatch::executed_orders>, "int: cancelled or expired after some execution"},
    {"cancelled_orders", read<&OrderBatch::cancelled_orders>, "int: cancelled or expired, nothing executed"},
    {"rejected_orders", read<&OrderBatch::rejected_orders>, "int"},
    {"created_at", read<&OrderBatch::created_at>, "datetime: in UTC"},
    {"version", read<&OrderBatch::version>, "int: grows with every change"},
    {"orders", orders_asked,
     "list[dict[str, Any]]: the orders as they were asked for, amounts as int or Decimal"},
}};

constexpr std::array<Field<Execution>, 11> kExecution{{
    {"execution_id", read<&Execution::execution_id>, "str: the broker's"},
    {"broker", read<&Execution::broker>, "str"},
    {"account", read<&Execution::account>, "str: the broker account; unique with broker and execution_id"},
    {"order_id", read_or_none<&Execution::order_id>, "int | None"},
    {"kind", read<&Execution::kind>, "ExecutionKind"},
    {"ref_execution_id", read_or_none<&Execution::ref_execution_id>,
     "str | None: what a bust or correction is about"},
    {"qty", read<&Execution::qty>, "Decimal"},
    {"price", read<&Execution::price>, "Decimal: per unit"},
    {"fees", read<&Execution::fees>, "Decimal"},
    {"executed_at", read<&Execution::executed_at>, "datetime: in UTC; the broker's time"},
    {"recorded_at", read<&Execution::recorded_at>, "datetime: in UTC; ours"},
}};

constexpr std::array<Field<FillResult>, 2> kFill{{
    {"execution", read<&FillResult::execution>, "Execution: the one that was made"},
    {"order", read<&FillResult::order>, "Order: as it stands after it"},
}};

using Leg = Receipt::Leg;
constexpr std::array<Field<Leg>, 10> kLeg{{
    {"index", read<&Leg::index>, "int: of the request, from 0"},
    {"id", read_or_none<&Leg::id>, "int | None: the order's id; None: not placed, see violations"},
    {"client_order_id", read_or_none<&Leg::client_order_id>, "str | None"},
    {"instrument_id", read<&Leg::instrument_id>, "int"},
    {"side", read<&Leg::side>, "Side"},
    {"qty", read<&Leg::qty>, "Decimal"},
    {"price_limit", read<&Leg::price_limit>, "Decimal | None"},
    {"broker", read_or_none<&Leg::broker>, "str | None: the proposed broker"},
    {"routing_reason", read_or_none<&Leg::routing_reason>, "str | None: why this broker"},
    {"violations", read<&Leg::violations>, "list[Violation]: of this order"},
}};

constexpr std::array<Field<Receipt>, 7> kReceipt{{
    {"batch_id", read_or_none<&Receipt::batch_id>, "int | None: None in a preview"},
    {"portfolio_id", read<&Receipt::portfolio_id>, "int"},
    {"idempotency_key", read<&Receipt::idempotency_key>, "str: the one given, or the one that was made"},
    {"created_at", read<&Receipt::created_at>, "datetime: in UTC"},
    {"orders", read<&Receipt::orders>, "list[ReceiptOrder]: one for each order of the request, in its order"},
    {"warnings", read<&Receipt::warnings>, "list[Violation]: of the batch as a whole"},
    {"replayed", read<&Receipt::replayed>, "bool: answered from the stored receipt of an earlier call"},
}};

}  // namespace

void bind_orders(py::module_& module) {
  auto violation =
      bind_record<Violation>(module, "Violation", "One broken rule of one order, or of a batch.", kViolation);
  bind_json(violation);
  allow_new(violation);
  violation.def(py::init(&make_violation), py::arg("order_index"), py::arg("field"), py::arg("code"),
                py::arg("message"), py::arg("severity") = "error");
  auto order = bind_record<Order>(module, "Order", "A stored order, as it stood when it was read.", kOrder);
  bind_json(order);
  auto batch =
      bind_record<OrderBatch>(module, "OrderBatch", "A stored batch, as it stood when it was read.", kBatch);
  bind_json(batch);
  auto execution =
      bind_record<Execution>(module, "Execution", "One execution, as the broker reported it.", kExecution);
  bind_json(execution);
  bind_record<FillResult>(module, "FillResult", "What simulate_fill() did.", kFill);
  bind_record<Leg>(module, "ReceiptOrder", "One order of a receipt.", kLeg);
  auto receipt = bind_record<Receipt>(
      module, "Receipt",
      "The answer to an accepted request. The same key and request get the same receipt, byte for byte, so "
      "it "
      "holds no broker's results: follow an order with get_order(), orders() or events().",
      kReceipt);
  bind_pandas<Receipt>(receipt, read<&Receipt::orders>, "ReceiptOrder",
                       "A data frame with a row for each order. Needs pandas.");
  receipt.def(
      "to_json", [](const Receipt& value) { return to_python(value.json); },
      "The stored bytes of the receipt, as text; a preview's, composed.");
}

}  // namespace orchestrator::python
