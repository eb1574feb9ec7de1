// The facade's verbs for operators.
#include <string>

#include "python/src/broker_values.hpp"
#include "python/src/verbs.hpp"

namespace orchestrator::python {
namespace {

using py::object;

Resolution::Kind to_resolution(py::handle value, const char* name) {
  const std::string word = to_text(value, name);
  if (word == "accepted") return Resolution::Kind::kAccepted;
  if (word == "not_placed") return Resolution::Kind::kNotPlaced;
  if (word == "rejected") return Resolution::Kind::kRejected;
  refuse_argument(name, "'" + word + "' is not valid; pass accepted, not_placed or rejected");
}

std::string text_or_empty(const object& value, const char* name) {
  return value.is_none() ? std::string() : to_text(value, name);
}

auto resolve(const object& id, const object& decision, const object& by, const object& reason,
             const object& ext_order_id) {
  Resolution resolution{.kind = to_resolution(decision, "decision"),
                        .ext_order_id = text_or_empty(ext_order_id, "ext_order_id"),
                        .by = to_text(by, "by"),
                        .reason = to_text(reason, "reason")};
  return [id = to_id(id, "id"), resolution = std::move(resolution)](Orchestrator& oms) {
    return oms.resolve(id, resolution);
  };
}

auto batches(const object& portfolio_id, const object& status, const object& idempotency_key,
             const object& tenant, const object& newest_first, const object& limit) {
  BatchQuery query;
  query.portfolio_id = to_optional(to_id, portfolio_id, "portfolio_id");
  query.status = to_optional(to_word<BatchStatus>, status, "status");
  query.idempotency_key = to_optional(to_filter, idempotency_key, "idempotency_key");
  query.tenant = to_optional(to_filter, tenant, "tenant");
  query.newest_first = to_bool(newest_first, "newest_first");
  query.limit = to_count(limit, "limit");
  return [query = std::move(query)](Orchestrator& oms) { return oms.batches(query); };
}

auto compare_with_broker(const object& batch_id, const object& qty, const object& price, const object& fees) {
  const Tolerance tolerance{.qty = to_decimal<Quantity>(qty, "qty"),
                            .price = to_decimal<Price>(price, "price"),
                            .fees = to_decimal<Money>(fees, "fees")};
  return [id = to_id(batch_id, "batch_id"), tolerance](Orchestrator& oms) {
    return oms.compare_with_broker(id, tolerance);
  };
}

auto health() {
  return [](Orchestrator& oms) { return oms.health(); };
}

// Verbs without an answer give whether they changed something, or True.
auto halt(const object& scope, const object& target, const object& reason, const object& mode) {
  return [scope = to_word<ControlScope>(scope, "scope"), target = text_or_empty(target, "target"),
          reason = to_text(reason, "reason"), mode = to_word<HaltMode>(mode, "mode")](Orchestrator& oms) {
    oms.halt(scope, target, reason, mode);
    return true;
  };
}

auto resume(const object& scope, const object& target) {
  return [scope = to_word<ControlScope>(scope, "scope"),
          target = text_or_empty(target, "target")](Orchestrator& oms) { return oms.resume(scope, target); };
}

auto brokers() {
  return [](Orchestrator& oms) { return oms.brokers(); };
}

auto set_broker(const object& name, const object& config_json, const object& active) {
  return [name = to_text(name, "name"), config = to_text(config_json, "config"),
          active = to_bool(active, "active")](Orchestrator& oms) {
    oms.set_broker(name, config, active);
    return true;
  };
}

auto audit(const object& brokers, const object& expected_head) {
  AuditOptions options;
  options.brokers = to_bool(brokers, "brokers");
  if (!expected_head.is_none()) {
    options.expected_head = to_filled_text(expected_head, "expected_head", "pass None to compare with none");
  }
  return [options = std::move(options)](Orchestrator& oms) { return oms.audit(options); };
}

auto audit_trail(const object& after, const object& limit) {
  return [after = static_cast<std::int64_t>(to_count(after, "after")),
          limit = to_count(limit, "limit")](Orchestrator& oms) { return oms.audit_trail(after, limit); };
}

auto broker_book(const object& name) {
  return [name = to_text(name, "name")](Orchestrator& oms) { return oms.broker_book(name); };
}

void require_type(py::handle value, const char* type, const std::string& name) {
  if (!py::isinstance(value, py::module_::import("orchestrator._extend").attr(type))) {
    refuse_argument(name, kind_of(value) + " is not a " + type);
  }
}

// Which account it is about, its connector knows.
auto apply(const object& broker, const object& report) {
  require_type(report, "BrokerReport", "report");
  const object execution = report.attr("execution");
  if (!execution.is_none()) require_type(execution, "BrokerExecution", "report.execution");
  return [report = read_report(report, "report", to_text(broker, "broker"), {})](Orchestrator& oms) {
    BrokerReport of_account = report;
    for (const BrokerInfo& info : oms.brokers()) {
      if (info.config.broker_name == report.broker && info.capabilities) {
        of_account.account = info.capabilities->account;
      }
    }
    of_account.execution.broker = of_account.broker;
    of_account.execution.account = of_account.account;
    oms.apply(of_account);
    return true;
  };
}

}  // namespace

void add_operation_verbs(Verbs& verbs) {
  verbs.add("resolve", resolve);
  verbs.add("batches", batches);
  verbs.add("compare_with_broker", compare_with_broker);
  verbs.add("health", health);
  verbs.add("halt", halt);
  verbs.add("resume", resume);
  verbs.add("brokers", brokers);
  verbs.add("set_broker", set_broker);
  verbs.add("audit", audit);
  verbs.add("audit_trail", audit_trail);
  verbs.add("broker_book", broker_book);
  verbs.add("apply", apply);
}

}  // namespace orchestrator::python
