#include "codec/audit_json.hpp"

#include "codec/json_writer.hpp"
#include "codec/record_json.hpp"
#include "core/sha256.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator::codec {
namespace {

// An entry whose detail is an object of what `write` adds.
template <class Write>
AuditEntry entry_of(std::string action, std::string subject, Write&& write) {
  AuditEntry entry;
  entry.action = std::move(action);
  entry.subject = std::move(subject);
  JsonWriter json(entry.detail);
  json.begin_object();
  write(json);
  json.end_object();
  return entry;
}

std::string subject_of(ControlScope scope, const std::string& target) {
  std::string subject(to_string(scope));
  return scope == ControlScope::kAll ? subject : subject + "/" + target;
}

std::string subject_of(const Order& order) { return "order/" + std::to_string(order.id); }

JsonWriter& write_identity(JsonWriter& json, const Order& order) {
  return json.member("client_order_id", order.client_order_id)
      .member("broker", order.broker)
      .member("ext_order_id", order.ext_order_id)
      .member("status", order.status);
}

}  // namespace

AuditEntry halted(const Halt& halt) {
  AuditEntry entry = entry_of(std::string(to_string(halt.mode)), subject_of(halt.scope, halt.target),
                              [&](JsonWriter& json) { json.member("reason", halt.reason); });
  entry.by = halt.by;
  return entry;
}

AuditEntry resumed(ControlScope scope, const std::string& target, const std::string& by) {
  AuditEntry entry = entry_of("resume", subject_of(scope, target), [](JsonWriter&) {});
  entry.by = by;
  return entry;
}

AuditEntry broker_set(const BrokerConnectorConfig& config) {
  return entry_of("broker.set", "broker/" + config.broker_name, [&](JsonWriter& json) {
    json.member("active", config.active).member("config_sha256", to_hex(sha256(config.config_json)));
  });
}

AuditEntry limits_set(const PortfolioLimits& limits) {
  return entry_of("limits.set", "portfolio/" + std::to_string(limits.portfolio_id),
                  [&](JsonWriter& json) { write_limits(json, limits); });
}

AuditEntry rule_added(std::int64_t id, const RoutingRule& rule) {
  AuditEntry entry;
  entry.action = "route.add";
  entry.subject = "route/" + std::to_string(id);
  RoutingRule numbered = rule;
  numbered.id = id;
  entry.detail = to_json(numbered);
  return entry;
}

AuditEntry rule_removed(std::int64_t id) {
  return entry_of("route.remove", "route/" + std::to_string(id), [](JsonWriter&) {});
}

AuditEntry instruments_set(std::span<const Instrument> instruments) {
  std::string lines;
  for (const Instrument& instrument : instruments) lines += to_json(instrument) + "\n";
  return entry_of("instruments.set", "instruments", [&](JsonWriter& json) {
    json.member("count", static_cast<std::int64_t>(instruments.size()))
        .member("sha256", to_hex(sha256(lines)));
  });
}

AuditEntry holidays_added(const std::string& calendar, std::span<const Date> days) {
  return entry_of("holidays.add", "calendar/" + calendar, [&](JsonWriter& json) {
    json.key("days").begin_array();
    for (const Date day : days) json.value(to_string(day));
    json.end_array();
  });
}

AuditEntry order_decided(const std::string& action, const Order& order, const std::string& reason) {
  return entry_of(action, subject_of(order),
                  [&](JsonWriter& json) { write_identity(json, order).member("reason", reason); });
}

AuditEntry order_asked(const std::string& action, const Order& order, const std::optional<Quantity>& qty,
                       const std::optional<Price>& price_limit) {
  return entry_of(action, subject_of(order), [&](JsonWriter& json) {
    write_identity(json, order);
    if (qty) json.member("qty", *qty);
    if (price_limit) json.member("price_limit", *price_limit);
  });
}

}  // namespace orchestrator::codec
