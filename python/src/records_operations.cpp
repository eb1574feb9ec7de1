// What operating the book answers: its health, its brokers, its stops, its audit.
#include <array>

#include "orchestrator/json.hpp"
#include "python/src/records.hpp"

namespace orchestrator::python {
namespace {

constexpr std::array<Field<Dependency>, 7> kDependency{{
    {"role", read<&Dependency::role>, "str: order_store, idempotency_store or event_publisher"},
    {"name", read<&Dependency::name>, "str: sqlite, postgresql, redis, kafka, ..."},
    {"version", read_or_none<&Dependency::version>, "str | None: of the server or library"},
    {"location", read_or_none<&Dependency::location>, "str | None: a file, or host:port/database"},
    {"latency", read<&Dependency::latency>, "timedelta | None: of one round trip"},
    {"state", read<&Dependency::state>, "DependencyState"},
    {"detail", read_or_none<&Dependency::detail>, "str | None: why it is not ok"},
}};

constexpr std::array<Field<Halt>, 6> kHalt{{
    {"scope", read<&Halt::scope>, "ControlScope"},
    {"target", read_or_none<&Halt::target>, "str | None: portfolio id or broker name; None: all"},
    {"mode", read<&Halt::mode>, "HaltMode"},
    {"reason", read<&Halt::reason>, "str"},
    {"since", read<&Halt::since>, "datetime: in UTC"},
    {"by", read_or_none<&Halt::by>, "str | None: who"},
}};

constexpr std::array<Field<OutboxStatus>, 2> kOutbox{{
    {"rows", read<&OutboxStatus::rows>, "int: log rows not published yet"},
    {"oldest", read<&OutboxStatus::oldest>, "datetime | None: in UTC; since when the oldest waits"},
}};

constexpr std::array<Field<BrokerHealth>, 5> kBrokerHealth{{
    {"broker", read<&BrokerHealth::broker>, "str"},
    {"circuit", read<&BrokerHealth::circuit>,
     "CircuitState: open: no orders are sent, it failed several times"},
    {"failures", read<&BrokerHealth::failures>, "int: in a row"},
    {"retry_in", read<&BrokerHealth::retry_in>, "timedelta: until the next probe of an open circuit"},
    {"reason", read_or_none<&BrokerHealth::reason>, "str | None: of the last failure"},
}};

constexpr std::array<Field<Health>, 8> kHealth{{
    {"ok", read<&Health::ok>, "bool: new orders are accepted"},
    {"dependencies", read<&Health::dependencies>, "list[Dependency]: the store first"},
    {"halts", read<&Health::halts>, "list[Halt]: stop switches that are on"},
    {"outbox", read<&Health::outbox>, "OutboxStatus"},
    {"unknown_orders", read<&Health::unknown_orders>, "int: in doubt"},
    {"parked_orders", read<&Health::parked_orders>, "int: of them, waiting for a person"},
    {"brokers", read<&Health::brokers>, "list[BrokerHealth]"},
    {"detail", read_or_none<&Health::detail>, "str | None"},
}};

py::object broker_id(const BrokerInfo& broker) {
  return read_or_none<&BrokerConnectorConfig::id>(broker.config);
}
py::object broker_name(const BrokerInfo& broker) { return to_python(broker.config.broker_name); }
py::object broker_active(const BrokerInfo& broker) { return to_python(broker.config.active); }
py::object broker_class(const BrokerInfo& broker) {
  return broker.capabilities ? to_python(broker.capabilities->broker_class) : py::none();
}
py::object broker_created(const BrokerInfo& broker) { return to_python(broker.config.created_at); }
py::object broker_updated(const BrokerInfo& broker) { return to_python(broker.config.updated_at); }
// A settings row is text that anybody may have written: what is not JSON is shown as it is.
py::object broker_config(const BrokerInfo& broker) {
  try {
    return from_json(broker.config.config_json);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ValueError)) throw;
    return to_python(broker.config.config_json);
  }
}

constexpr std::array<Field<BrokerInfo>, 8> kBroker{{
    {"id", broker_id, "int | None"},
    {"broker_name", broker_name, "str"},
    {"active", broker_active, "bool: orders are routed to it"},
    {"simulated", read<&BrokerInfo::simulated>, "bool: simulate_fill() works"},
    {"config", broker_config, "Any: its settings, a dict"},
    {"broker_class", broker_class, "BrokerClass | None: None: no connector of that name is linked in"},
    {"created_at", broker_created, "datetime: in UTC"},
    {"updated_at", broker_updated, "datetime: in UTC"},
}};

constexpr std::array<Field<AuditFinding>, 3> kFinding{{
    {"check", read<&AuditFinding::check>, "str: stable name, such as 'order.fold'"},
    {"subject", read<&AuditFinding::subject>, "str: 'order/17', 'batch/4', 'entry/12', ..."},
    {"detail", read<&AuditFinding::detail>, "str: what is there and what was expected"},
}};

py::object is_clean(const AuditReport& report) { return to_python(report.clean()); }

constexpr std::array<Field<AuditReport>, 10> kAudit{{
    {"clean", is_clean, "bool: nothing was found"},
    {"orders", read<&AuditReport::orders>, "int: how many of each were checked"},
    {"batches", read<&AuditReport::batches>, "int"},
    {"executions", read<&AuditReport::executions>, "int"},
    {"events", read<&AuditReport::events>, "int"},
    {"broker_orders", read<&AuditReport::broker_orders>, "int"},
    {"trail_entries", read<&AuditReport::trail_entries>, "int"},
    {"trail_head", read_or_none<&AuditReport::trail_head>,
     "str | None: hash of the last entry; keep it elsewhere"},
    {"findings_total", read<&AuditReport::findings_total>, "int"},
    {"findings", read<&AuditReport::findings>, "list[AuditFinding]: at most 1,000"},
}};

py::object entry_detail(const AuditEntry& entry) { return from_json(entry.detail); }

constexpr std::array<Field<AuditEntry>, 7> kEntry{{
    {"id", read<&AuditEntry::id>, "int: 1, 2, 3, ..."},
    {"at", read<&AuditEntry::at>, "datetime: in UTC"},
    {"by", read<&AuditEntry::by>, "str: a person, a program, or 'orchestrator' itself"},
    {"action", read<&AuditEntry::action>, "str: 'halt', 'order.resolve', ..."},
    {"subject", read<&AuditEntry::subject>, "str: 'all', 'portfolio/3', 'order/17', ..."},
    {"detail", entry_detail, "dict[str, Any]"},
    {"hash", read<&AuditEntry::hash>, "str: SHA-256 of this entry and the hash before, in hex"},
}};

}  // namespace

void bind_operations(py::module_& module) {
  bind_record<Dependency>(module, "Dependency", "A database, cache or message log that the book works with.",
                          kDependency);
  auto halt = bind_record<Halt>(module, "Halt", "A stop switch that is on.", kHalt);
  bind_json(halt);
  bind_record<OutboxStatus>(module, "OutboxStatus", "What waits to be published.", kOutbox);
  bind_record<BrokerHealth>(module, "BrokerHealth", "Whether a broker is sent orders.", kBrokerHealth);
  auto health = bind_record<Health>(module, "Health", "How the book and all it works with do now.", kHealth);
  bind_json(health);
  auto broker =
      bind_record<BrokerInfo>(module, "BrokerInfo", "A broker, its settings and what it can do.", kBroker);
  bind_json(broker);
  bind_record<AuditFinding>(module, "AuditFinding", "Something stored that does not add up.", kFinding);
  auto audit = bind_record<AuditReport>(module, "AuditReport", "What an audit checked and found.", kAudit);
  bind_json(audit);
  auto entry = bind_record<AuditEntry>(module, "AuditEntry", "Who changed what, when and why.", kEntry);
  bind_json(entry);
}

}  // namespace orchestrator::python
