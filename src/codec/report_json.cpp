// What the engine, a broker or a reconciliation reports, as JSON.

#include <string>

#include "codec/json_events.hpp"
#include "codec/json_writer.hpp"
#include "codec/record_json.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator {

using codec::JsonWriter;
using codec::member_or_null;

namespace {

void write_instrument_report(JsonWriter& json, const InstrumentReport& report) {
  json.begin_object()
      .member("instrument_id", report.instrument_id)
      .member("symbol", report.symbol)
      .member("bought_qty", report.bought_qty)
      .member("sold_qty", report.sold_qty)
      .member("vwap_buy", report.vwap_buy)
      .member("vwap_sell", report.vwap_sell)
      .member("net_position_change", report.net_position_change)
      .member("cash_flow", report.cash_flow)
      .member("matched_pnl", report.matched_pnl)
      .member("slippage", report.slippage)
      .member("fees", report.fees)
      .end_object();
}

void write_halt(JsonWriter& json, const Halt& halt) {
  json.begin_object().member("scope", halt.scope);
  member_or_null(json, "target", halt.target);
  json.member("mode", halt.mode).member("reason", halt.reason).member("since", halt.since);
  member_or_null(json, "by", halt.by).end_object();
}

void write_broker_health(JsonWriter& json, const BrokerHealth& broker) {
  const auto retry_ms = std::chrono::duration_cast<std::chrono::milliseconds>(broker.retry_in).count();
  json.begin_object()
      .member("broker", broker.broker)
      .member("circuit", broker.circuit)
      .member("failures", broker.failures)
      .member("retry_in_ms", retry_ms);
  member_or_null(json, "reason", broker.reason).end_object();
}

void write_dependency(JsonWriter& json, const Dependency& dependency) {
  json.begin_object().member("role", dependency.role).member("name", dependency.name);
  member_or_null(json, "version", dependency.version);
  member_or_null(json, "location", dependency.location);
  json.key("latency_us");
  dependency.latency ? json.value(dependency.latency->count()) : json.null();
  json.member("state", dependency.state);
  member_or_null(json, "detail", dependency.detail).end_object();
}

void write_capabilities(JsonWriter& json, const BrokerCapabilities& capabilities) {
  const auto quiet_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(capabilities.quiet_period).count();
  json.begin_object()
      .member("account", capabilities.account)
      .member("broker_class", capabilities.broker_class)
      .member("orders_max", capabilities.orders_max)
      .member("replaces", capabilities.replaces)
      .member("reports_name_our_id", capabilities.reports_name_our_id)
      .member("one_sender", capabilities.one_sender)
      .member("quiet_period_ms", quiet_ms)
      .member("settlement_days", capabilities.settlement_days)
      .member("utc_offset_minutes", capabilities.utc_offset.count())
      .member("calendar", capabilities.calendar)
      .end_object();
}

// A settings row is text that anybody may have written: what is not JSON is shown as a string.
void write_config(JsonWriter& json, const std::string& config_json) {
  json.key("config_json");
  std::string compact;
  try {
    compact = codec::compact_json(config_json);
  } catch (const Error&) {
    json.value(config_json);
    return;
  }
  json.raw(compact);
}

}  // namespace

std::string to_json(const BatchReport& report) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .member("batch_id", report.batch_id)
      .member("total_orders", report.total_orders)
      .member("filled_orders", report.filled_orders)
      .member("pending_orders", report.pending_orders)
      .member("cancelled_orders", report.cancelled_orders)
      .member("total_qty", report.total_qty)
      .member("filled_qty", report.filled_qty)
      .member("total_value", report.total_value)
      .member("filled_value", report.filled_value)
      .member("expected_pnl", report.expected_pnl)
      .member("actual_pnl", report.actual_pnl)
      .member("status", report.status)
      .member("rejected_orders", report.rejected_orders)
      .member("fees", report.fees)
      .key("instruments")
      .begin_array();
  for (const InstrumentReport& instrument : report.instruments) write_instrument_report(json, instrument);
  json.end_array().key("orders").begin_array();
  for (const Order& order : report.orders) codec::write_order(json, order);
  json.end_array().end_object();
  return out;
}

std::string to_json(const Break& difference) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("type", difference.type);
  member_or_null(json, "order_id", difference.order_id);
  member_or_null(json, "client_order_id", difference.client_order_id);
  member_or_null(json, "ext_order_id", difference.ext_order_id);
  member_or_null(json, "execution_id", difference.execution_id);
  member_or_null(json, "field", difference.field);
  member_or_null(json, "ours", difference.ours);
  member_or_null(json, "theirs", difference.theirs);
  json.end_object();
  return out;
}

std::string to_json(const BrokerOrder& order) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("ext_order_id", order.ext_order_id);
  member_or_null(json, "client_order_id", order.client_order_id).member("symbol", order.symbol);
  member_or_null(json, "instrument_id", order.instrument_id)
      .member("side", order.side)
      .member("qty", order.qty)
      .member("price_limit", order.price_limit)
      .member("status", order.status)
      .member("fill_qty", order.fill_qty)
      .member("fill_notional", order.fill_notional);
  member_or_null(json, "reason", order.reason).member("updated_at", order.updated_at).end_object();
  return out;
}

std::string to_json(const BrokerInfo& broker) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  member_or_null(json, "id", broker.config.id)
      .member("broker_name", broker.config.broker_name)
      .member("active", broker.config.active)
      .member("simulated", broker.simulated);
  write_config(json, broker.config.config_json);
  json.member("created_at", broker.config.created_at).member("updated_at", broker.config.updated_at);
  json.key("capabilities");
  if (broker.capabilities) {
    write_capabilities(json, *broker.capabilities);
  } else {
    json.null();
  }
  json.end_object();
  return out;
}

std::string to_json(const Health& health) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("ok", health.ok).key("dependencies").begin_array();
  for (const Dependency& dependency : health.dependencies) write_dependency(json, dependency);
  json.end_array().key("halts").begin_array();
  for (const Halt& halt : health.halts) write_halt(json, halt);
  json.end_array()
      .key("outbox")
      .begin_object()
      .member("rows", health.outbox.rows)
      .member("oldest", health.outbox.oldest)
      .end_object()
      .member("unknown_orders", health.unknown_orders)
      .member("parked_orders", health.parked_orders)
      .key("brokers")
      .begin_array();
  for (const BrokerHealth& broker : health.brokers) write_broker_health(json, broker);
  json.end_array();
  member_or_null(json, "detail", health.detail).end_object();
  return out;
}

std::string to_json(const RecoveryReport& report) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("abandoned", report.abandoned)
      .member("adopted", report.adopted)
      .member("resent", report.resent)
      .member("parked", report.parked)
      .member("waiting", report.waiting)
      .member("sent", report.sent)
      .member("reports", report.reports)
      .end_object();
  return out;
}

std::string to_json(const Halt& halt) {
  std::string out;
  JsonWriter json(out);
  write_halt(json, halt);
  return out;
}

std::string to_json(const AuditEntry& entry) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("id", entry.id)
      .member("at", entry.at)
      .member("by", entry.by)
      .member("action", entry.action)
      .member("subject", entry.subject)
      .key("detail")
      .raw(entry.detail)
      .member("hash", entry.hash)
      .end_object();
  return out;
}

std::string to_json(const AuditReport& report) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .member("clean", report.clean())
      .member("orders", report.orders)
      .member("batches", report.batches)
      .member("executions", report.executions)
      .member("events", report.events)
      .member("broker_orders", report.broker_orders)
      .member("trail_entries", report.trail_entries);
  member_or_null(json, "trail_head", report.trail_head);
  json.member("findings_total", report.findings_total).key("findings").begin_array();
  for (const AuditFinding& finding : report.findings) {
    json.begin_object()
        .member("check", finding.check)
        .member("subject", finding.subject)
        .member("detail", finding.detail)
        .end_object();
  }
  json.end_array().end_object();
  return out;
}

std::string to_json(const Violation& violation) {
  std::string out;
  JsonWriter json(out);
  codec::write_violation(json, violation);
  return out;
}

std::string to_json(const Error& error) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object();
  json.member("code", error.code())
      .member("message", error.what())
      .member("retryable", error.retryable())
      .member("in_doubt", error.in_doubt());
  codec::write_violations(json, "violations", error.violations());
  json.end_object().end_object();
  return out;
}

std::string quote(std::string_view text) {
  std::string out;
  codec::append_quoted(out, text);
  return out;
}

}  // namespace orchestrator
