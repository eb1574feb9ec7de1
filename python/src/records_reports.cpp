// What reconciling and driving answer.
#include <array>

#include "orchestrator/json.hpp"
#include "python/src/records.hpp"

namespace orchestrator::python {
namespace {

constexpr std::array<Field<InstrumentReport>, 11> kInstrument{{
    {"instrument_id", read<&InstrumentReport::instrument_id>, "int"},
    {"symbol", read<&InstrumentReport::symbol>, "str"},
    {"bought_qty", read<&InstrumentReport::bought_qty>, "Decimal"},
    {"sold_qty", read<&InstrumentReport::sold_qty>, "Decimal"},
    {"vwap_buy", read<&InstrumentReport::vwap_buy>, "Decimal | None: None: nothing bought"},
    {"vwap_sell", read<&InstrumentReport::vwap_sell>, "Decimal | None: None: nothing sold"},
    {"net_position_change", read<&InstrumentReport::net_position_change>, "Decimal: bought - sold"},
    {"cash_flow", read<&InstrumentReport::cash_flow>, "Decimal: sold value - bought value, before fees"},
    {"matched_pnl", read<&InstrumentReport::matched_pnl>,
     "Decimal | None: min(bought, sold) x (VWAP sell - VWAP buy)"},
    {"slippage", read<&InstrumentReport::slippage>,
     "Decimal: cost against the limit prices; positive is worse"},
    {"fees", read<&InstrumentReport::fees>, "Decimal"},
}};

constexpr std::array<Field<BatchReport>, 16> kReport{{
    {"batch_id", read<&BatchReport::batch_id>, "int"},
    {"total_orders", read<&BatchReport::total_orders>, "int"},
    {"filled_orders", read<&BatchReport::filled_orders>, "int: filled or settled in full"},
    {"pending_orders", read<&BatchReport::pending_orders>, "int: still open"},
    {"cancelled_orders", read<&BatchReport::cancelled_orders>, "int: cancelled or expired"},
    {"total_qty", read<&BatchReport::total_qty>, "Decimal"},
    {"filled_qty", read<&BatchReport::filled_qty>, "Decimal"},
    {"total_value", read<&BatchReport::total_value>, "Decimal: sum of price_limit x qty x multiplier"},
    {"filled_value", read<&BatchReport::filled_value>,
     "Decimal: sum of execution price x quantity x multiplier"},
    {"expected_pnl", read<&BatchReport::expected_pnl>,
     "Decimal | None: matched P&L at limit prices; None: one-sided"},
    {"actual_pnl", read<&BatchReport::actual_pnl>,
     "Decimal | None: matched P&L of the executions; None: one-sided"},
    {"status", read<&BatchReport::status>, "BatchStatus"},
    {"rejected_orders", read<&BatchReport::rejected_orders>, "int"},
    {"fees", read<&BatchReport::fees>, "Decimal"},
    {"instruments", read<&BatchReport::instruments>, "list[InstrumentReport]: by instrument_id"},
    {"orders", read<&BatchReport::orders>, "list[Order]: by leg"},
}};

constexpr std::array<Field<Break>, 8> kBreak{{
    {"type", read<&Break::type>, "BreakType"},
    {"order_id", read_or_none<&Break::order_id>, "int | None: None: not ours"},
    {"client_order_id", read_or_none<&Break::client_order_id>, "str | None"},
    {"ext_order_id", read_or_none<&Break::ext_order_id>, "str | None"},
    {"execution_id", read_or_none<&Break::execution_id>, "str | None: of an execution's break"},
    {"field", read_or_none<&Break::field>, "str | None: what differs"},
    {"ours", read_or_none<&Break::ours>, "str | None: our side, in words"},
    {"theirs", read_or_none<&Break::theirs>, "str | None: the broker's side, in words"},
}};

constexpr std::array<Field<StepResult>, 4> kStep{{
    {"sent", read<&StepResult::sent>, "int: orders sent to brokers"},
    {"reports", read<&StepResult::reports>, "int: broker reports applied"},
    {"resolved", read<&StepResult::resolved>, "int: orders in doubt that broker evidence settled"},
    {"published", read<&StepResult::published>, "int: events confirmed by the publisher"},
}};

constexpr std::array<Field<RecoveryReport>, 7> kRecovery{{
    {"abandoned", read<&RecoveryReport::abandoned>, "int: claimed by a sender that is gone, now in doubt"},
    {"adopted", read<&RecoveryReport::adopted>, "int: found at the broker"},
    {"resent", read<&RecoveryReport::resent>, "int: denied by a broker that refuses duplicates, sent again"},
    {"parked", read<&RecoveryReport::parked>, "int: the broker cannot tell; waits for a person"},
    {"waiting", read<&RecoveryReport::waiting>, "int: still in doubt"},
    {"sent", read<&RecoveryReport::sent>, "int: accepted earlier and never sent, sent now"},
    {"reports", read<&RecoveryReport::reports>, "int: broker reports applied"},
}};

constexpr std::array<Field<SettleResult>, 2> kSettle{{
    {"settled", read<&SettleResult::settled>, "list[int]: ids of the orders that were settled"},
    {"not_due", read<&SettleResult::not_due>, "int: orders whose day has not come"},
}};

py::object subject(const Event& event) { return to_python(event.subject()); }
py::object data(const Event& event) { return from_json(event.data); }

constexpr std::array<Field<Event>, 8> kEvent{{
    {"log_id", read<&Event::log_id>, "int: position in the event log; go on from it with events(after=...)"},
    {"type", read<&Event::type>, "EventType"},
    {"order_id", read_or_none<&Event::order_id>, "int | None: None: an event of the batch"},
    {"batch_id", read<&Event::batch_id>, "int"},
    {"seq", read<&Event::seq>, "int: 1, 2, 3, ... of its order or batch, without holes"},
    {"at", read<&Event::at>, "datetime: in UTC"},
    {"subject", subject, "str: 'order/17' or 'batch/4'"},
    {"data", data, "dict[str, Any]: what happened, with amounts as int or Decimal"},
}};

}  // namespace

void bind_reports(py::module_& module) {
  bind_record<InstrumentReport>(module, "InstrumentReport",
                                "One instrument's part of a batch, in the instrument's currency.",
                                kInstrument);
  auto report = bind_record<BatchReport>(
      module, "BatchReport", "What a batch did: quantities, values, P&L, and each instrument.", kReport);
  bind_json(report);
  bind_pandas<BatchReport>(report, read<&BatchReport::instruments>, "InstrumentReport",
                           "A data frame with a row for each instrument. Needs pandas.");
  auto difference =
      bind_record<Break>(module, "Break", "One difference between our book and the broker's.", kBreak);
  bind_json(difference);
  bind_record<StepResult>(module, "StepResult", "What one call of a driving method did.", kStep);
  auto recovery =
      bind_record<RecoveryReport>(module, "RecoveryReport", "What recover() found and did.", kRecovery);
  bind_json(recovery);
  bind_record<SettleResult>(module, "SettleResult", "What settle() did.", kSettle);
  auto event = bind_record<Event>(module, "Event", "Something that happened to an order or a batch.", kEvent);
  event.def(
      "to_json",
      [](const Event& value, const py::object& source) {
        return to_python(to_cloud_event(value, to_text(source, "source")));
      },
      py::arg("source") = "/orchestrator", "The CloudEvents 1.0 envelope, as a publisher sends it.");
}

}  // namespace orchestrator::python
