// Stored records as JSON: orders, batches, executions, receipts and reference data.
//
// Field names are the specification's, in a fixed order, so that equal values give equal bytes. What is
// absent is null and never left out: a reader sees every field that there is.

#include <algorithm>
#include <string>

#include "codec/json_block.hpp"
#include "codec/json_events.hpp"
#include "codec/json_writer.hpp"
#include "codec/record_json.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator {

namespace codec {

JsonWriter& member_or_null(JsonWriter& json, std::string_view name, std::string_view text) {
  return text.empty() ? json.member_null(name) : json.member(name, text);
}

JsonWriter& member_or_null(JsonWriter& json, std::string_view name, std::int64_t id) {
  return id == 0 ? json.member_null(name) : json.member(name, id);
}

void write_limits(JsonWriter& json, const PortfolioLimits& limits) {
  json.member("portfolio_id", limits.portfolio_id)
      .member("margin_available", limits.margin_available)
      .member("margin_rate", limits.margin_rate)
      .member("max_quantity", limits.max_quantity)
      .member("max_notional_order", limits.max_notional_order)
      .member("max_notional_batch", limits.max_notional_batch)
      .member("max_notional_day", limits.max_notional_day);
}

void write_execution(JsonWriter& json, const Execution& execution) {
  json.begin_object()
      .member("execution_id", execution.execution_id)
      .member("broker", execution.broker)
      .member("account", execution.account);
  member_or_null(json, "order_id", execution.order_id).member("kind", execution.kind);
  member_or_null(json, "ref_execution_id", execution.ref_execution_id)
      .member("qty", execution.qty)
      .member("price", execution.price)
      .member("fees", execution.fees)
      .member("executed_at", execution.executed_at)
      .member("recorded_at", execution.recorded_at)
      .end_object();
}

namespace {

void write_order_terms(JsonWriter& json, const Order& order) {
  json.member("id", order.id)
      .member("batch_id", order.batch_id)
      .member("portfolio_id", order.portfolio_id)
      .member("broker", order.broker)
      .member("instrument_id", order.instrument_id)
      .member("symbol", order.symbol)
      .member("qty", order.qty)
      .member("price_limit", order.price_limit)
      .member("stop_price", order.stop_price)
      .member("side", order.side)
      .member("order_type", order.order_type)
      .member("time_in_force", order.time_in_force)
      .member("status", order.status);
}

void write_order_progress(JsonWriter& json, const Order& order) {
  member_or_null(json, "client_order_id", order.client_order_id);
  member_or_null(json, "ext_order_id", order.ext_order_id)
      .member("fill_price", order.fill_price())
      .member("fill_qty", order.fill_qty)
      .member("fill_notional", order.fill_notional)
      .member("remaining_qty", order.remaining_qty())
      .member("fees", order.fees);
  member_or_null(json, "reason", order.reason)
      .member("pending_qty", order.pending_qty)
      .member("pending_price_limit", order.pending_price_limit)
      .member("overfilled", order.overfilled)
      .member("late_fill", order.late_fill)
      .member("busted", order.busted)
      .member("parked", order.parked)
      .member("incident", order.incident);
}

void write_order_bookkeeping(JsonWriter& json, const Order& order) {
  json.member("leg", order.leg)
      .member("multiplier", order.multiplier)
      .member("margin_reserved", order.margin_reserved)
      .member("attempt", order.attempt)
      .member("replace_count", order.replace_count)
      .member("created_at", order.created_at)
      .member("submitted_at", order.submitted_at)
      .member("acked_at", order.acked_at)
      .member("executed_at", order.executed_at)
      .member("ended_at", order.ended_at)
      .member("settled_at", order.settled_at)
      .member("version", order.version);
}

}  // namespace

void write_order(JsonWriter& json, const Order& order) {
  json.begin_object();
  write_order_terms(json, order);
  write_order_progress(json, order);
  write_order_bookkeeping(json, order);
  json.end_object();
}

void write_violation(JsonWriter& json, const Violation& violation) {
  json.begin_object();
  if (violation.order_index == Violation::kWholeBatch) {
    json.member_null("order_index");
  } else {
    json.member("order_index", violation.order_index);
  }
  member_or_null(json, "field", violation.field)
      .member("code", violation.code)
      .member("message", violation.message)
      .member("severity", violation.severity)
      .end_object();
}

void write_violations(JsonWriter& json, std::string_view name, const std::vector<Violation>& violations) {
  json.key(name).begin_array();
  for (const Violation& violation : violations) write_violation(json, violation);
  json.end_array();
}

namespace {

bool is_rejected(const Receipt::Leg& leg) {
  return std::any_of(leg.violations.begin(), leg.violations.end(),
                     [](const Violation& violation) { return violation.severity == Severity::kError; });
}

template <std::size_t kSize>
JsonBlock& member_or_null(JsonBlock& json, const char (&name)[kSize], std::string_view text) {
  return text.empty() ? json.key(name).null() : json.member(name, text);
}

template <std::size_t kSize>
JsonBlock& member_or_null(JsonBlock& json, const char (&name)[kSize], std::int64_t id) {
  return id == 0 ? json.key(name).null() : json.member(name, id);
}

void write_violations(JsonBlock& json, const std::vector<Violation>& violations) {
  json.begin_array();
  for (const Violation& violation : violations) {
    std::string text;
    JsonWriter writer(text);
    write_violation(writer, violation);
    json.raw(text);
  }
  json.end_array();
}

void write_leg(JsonBlock& json, const Receipt::Leg& leg) {
  json.begin_object().member("index", leg.index);
  member_or_null(json, "id", leg.id);
  member_or_null(json, "client_order_id", leg.client_order_id)
      .member("instrument_id", leg.instrument_id)
      .member("side", leg.side)
      .member("qty", leg.qty)
      .member("price_limit", leg.price_limit)
      .member("status", is_rejected(leg) ? "rejected" : "placed");
  write_violations(json.key("violations"), leg.violations);
  json.end_object();
}

void write_routing(JsonBlock& json, const Receipt::Leg& leg) {
  json.begin_object();
  member_or_null(json, "order_id", leg.id).member("index", leg.index);
  member_or_null(json, "broker", leg.broker);
  member_or_null(json, "reason", leg.routing_reason);
  json.end_object();
}

void write_receipt(JsonBlock& json, const Receipt& receipt) {
  json.begin_object();
  member_or_null(json, "batch_id", receipt.batch_id).member("portfolio_id", receipt.portfolio_id);
  member_or_null(json, "idempotency_key", receipt.idempotency_key)
      .member("status", BatchStatus::kPending)
      .member("created_at", receipt.created_at)
      .key("orders")
      .begin_array();
  for (const Receipt::Leg& leg : receipt.orders) write_leg(json, leg);
  json.end_array().key("proposed_routing").begin_array();
  for (const Receipt::Leg& leg : receipt.orders) {
    if (!is_rejected(leg)) write_routing(json, leg);
  }
  json.end_array();
  write_violations(json.key("warnings"), receipt.warnings);
  json.end_object();
}

}  // namespace

}  // namespace codec

using codec::JsonWriter;
using codec::member_or_null;

std::string to_json(const Order& order) {
  constexpr std::size_t kTypicalSize = 1024;
  std::string out;
  out.reserve(kTypicalSize);
  JsonWriter json(out);
  codec::write_order(json, order);
  return out;
}

std::string to_json(const Order& order, std::span<const Execution> executions) {
  std::string out = to_json(order);
  out.pop_back();  // the object is opened again
  out += ",\"executions\":";
  JsonWriter json(out);
  json.begin_array();
  for (const Execution& execution : executions) codec::write_execution(json, execution);
  json.end_array();
  out.push_back('}');
  return out;
}

std::string to_json(const OrderBatch& batch) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("id", batch.id);
  member_or_null(json, "user_id", batch.user_id)
      .member("portfolio_id", batch.portfolio_id)
      .member("idempotency_key", batch.idempotency_key)
      .member("status", batch.status)
      .member("total_orders", batch.total_orders)
      .member("open_orders", batch.open_orders)
      .member("filled_orders", batch.filled_orders)
      .member("executed_orders", batch.executed_orders)
      .member("cancelled_orders", batch.cancelled_orders)
      .member("rejected_orders", batch.rejected_orders)
      .member("created_at", batch.created_at)
      .member("version", batch.version)
      .member_raw("orders", batch.orders_json)
      .end_object();
  return out;
}

std::string to_json(const Execution& execution) {
  std::string out;
  JsonWriter json(out);
  codec::write_execution(json, execution);
  return out;
}

std::string to_json(const Receipt& receipt) {
  constexpr std::size_t kTypicalSize = 320;  // of one leg with its routing
  codec::JsonBlock json(kTypicalSize * (1 + receipt.orders.size()));
  codec::write_receipt(json, receipt);
  return std::string(json.text());
}

std::string to_json(const Instrument& instrument) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("id", instrument.id).member("symbol", instrument.symbol);
  member_or_null(json, "exchange", instrument.exchange)
      .member("currency", instrument.currency)
      .member("lot_size", instrument.lot_size)
      .member("tick_size", instrument.tick_size)
      .member("price_band_low", instrument.price_band_low)
      .member("price_band_high", instrument.price_band_high)
      .member("last_price", instrument.last_price)
      .member("freeze_quantity", instrument.freeze_quantity)
      .member("multiplier", instrument.multiplier)
      .end_object();
  return out;
}

std::string to_json(const PortfolioLimits& limits, const PortfolioUsage& usage) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  codec::write_limits(json, limits);
  json.key("usage")
      .begin_object()
      .member("margin_reserved", usage.margin_reserved)
      .member("day", usage.day)
      .member("day_notional", usage.day_notional)
      .end_object()
      .end_object();
  return out;
}

std::string to_json(const RoutingRule& rule) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .member("id", rule.id)
      .member("priority", rule.priority)
      .member("instrument_id", rule.instrument_id)
      .member("exchange", rule.exchange)
      .member("portfolio_id", rule.portfolio_id)
      .key("targets")
      .begin_array();
  for (const RoutingRule::Target& target : rule.targets) {
    json.begin_object().member("broker", target.broker).member("weight", target.weight).end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace orchestrator
