// What the audit trail says about each kind of change. Who and when are added by the store that makes it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "orchestrator/audit.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator::codec {

[[nodiscard]] AuditEntry halted(const Halt& halt);
[[nodiscard]] AuditEntry resumed(ControlScope scope, const std::string& target, const std::string& by);
// Settings may hold secrets: the entry has their SHA-256 only.
[[nodiscard]] AuditEntry broker_set(const BrokerConnectorConfig& config);
[[nodiscard]] AuditEntry limits_set(const PortfolioLimits& limits);
[[nodiscard]] AuditEntry rule_added(std::int64_t id, const RoutingRule& rule);
[[nodiscard]] AuditEntry rule_removed(std::int64_t id);
// How many, and the SHA-256 of all of them as JSON lines.
[[nodiscard]] AuditEntry instruments_set(std::span<const Instrument> instruments);
[[nodiscard]] AuditEntry holidays_added(const std::string& calendar, std::span<const Date> days);
// An order that something was decided about: by a person (order.resolve) or by the library (incident).
[[nodiscard]] AuditEntry order_decided(const std::string& action, const Order& order,
                                       const std::string& reason);
// An order as it stood when somebody asked for this, and the terms he asked for.
[[nodiscard]] AuditEntry order_asked(const std::string& action, const Order& order,
                                     const std::optional<Quantity>& qty,
                                     const std::optional<Price>& price_limit);

}  // namespace orchestrator::codec
