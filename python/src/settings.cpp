// The settings of open() by their Python names. The package's signature lists them with their types; this is
// the one place that reads them.
#include <array>
#include <string_view>

#include "python/src/extend.hpp"
#include "python/src/session.hpp"

namespace orchestrator::python {
namespace {

struct Setting {
  std::string_view name;
  void (*set)(OpenOptions& to, py::handle value, const char* name);
};

std::map<std::string, std::string> to_properties(py::handle value, const char* name) {
  if (!py::isinstance<py::dict>(value)) refuse_argument(name, kind_of(value) + " is not a dict of strings");
  std::map<std::string, std::string> properties;
  for (const auto& [key, text] : py::reinterpret_borrow<py::dict>(value)) {
    const std::string property = to_text(key, name);
    properties[property] = to_text(text, (std::string(name) + "['" + property + "']").c_str());
  }
  return properties;
}

Mode to_mode(py::handle value, const char* name) {
  const std::string word = to_text(value, name);
  if (word == "inline") return Mode::kInline;
  if (word == "background") return Mode::kBackground;
  refuse_argument(name, "'" + word + "' is not valid; pass inline or background");
}

std::int32_t to_days(py::handle value, const char* name) {
  const std::size_t days = to_count(value, name);
  if (days > 30) refuse_argument(name, "must be 0 to 30");
  return static_cast<std::int32_t>(days);
}

constexpr std::array<Setting, 28> kSettings{{
    {"migrate",
     [](OpenOptions& to, py::handle value, const char* name) { to.migrate = to_bool(value, name); }},
    {"create", [](OpenOptions& to, py::handle value, const char* name) { to.create = to_bool(value, name); }},
    {"redis_url",
     [](OpenOptions& to, py::handle value, const char* name) { to.redis_url = to_text(value, name); }},
    {"mock_ledger",
     [](OpenOptions& to, py::handle value, const char* name) { to.mock_ledger = to_text(value, name); }},
    {"events_file",
     [](OpenOptions& to, py::handle value, const char* name) { to.events_file = to_text(value, name); }},
    {"kafka_bootstrap_servers", [](OpenOptions& to, py::handle value,
                                   const char* name) { to.kafka.bootstrap_servers = to_text(value, name); }},
    {"kafka_topic",
     [](OpenOptions& to, py::handle value, const char* name) { to.kafka.topic = to_text(value, name); }},
    {"kafka_properties", [](OpenOptions& to, py::handle value,
                            const char* name) { to.kafka.properties = to_properties(value, name); }},
    {"busy_timeout",
     [](OpenOptions& to, py::handle value, const char* name) {
       to.busy_timeout = std::chrono::ceil<std::chrono::milliseconds>(to_duration(value, name));
     }},
    {"mode",
     [](OpenOptions& to, py::handle value, const char* name) { to.engine.mode = to_mode(value, name); }},
    {"deployment", [](OpenOptions& to, py::handle value,
                      const char* name) { to.engine.deployment = to_text(value, name); }},
    {"lease",
     [](OpenOptions& to, py::handle value, const char* name) { to.engine.lease = to_duration(value, name); }},
    {"idempotency_ttl", [](OpenOptions& to, py::handle value,
                           const char* name) { to.engine.idempotency_ttl = to_duration(value, name); }},
    {"poll_interval", [](OpenOptions& to, py::handle value,
                         const char* name) { to.engine.poll_interval = to_duration(value, name); }},
    {"resync_interval", [](OpenOptions& to, py::handle value,
                           const char* name) { to.engine.resync_interval = to_duration(value, name); }},
    {"settlement_days", [](OpenOptions& to, py::handle value,
                           const char* name) { to.engine.settlement_days = to_days(value, name); }},
    {"event_source", [](OpenOptions& to, py::handle value,
                        const char* name) { to.engine.event_source = to_text(value, name); }},
    {"operator_name", [](OpenOptions& to, py::handle value,
                         const char* name) { to.engine.operator_name = to_text(value, name); }},
    {"strict", [](OpenOptions& to, py::handle value,
                  const char* name) { to.engine.validation.strict = to_bool(value, name); }},
    {"orders_max", [](OpenOptions& to, py::handle value,
                      const char* name) { to.engine.validation.orders_max = to_count(value, name); }},
    {"price_collar",
     [](OpenOptions& to, py::handle value, const char* name) {
       to.engine.validation.price_collar = to_decimal<Rate>(value, name);
     }},
    {"max_quantity",
     [](OpenOptions& to, py::handle value, const char* name) {
       to.engine.validation.max_quantity = to_decimal<Quantity>(value, name);
     }},
    {"duplicates",
     [](OpenOptions& to, py::handle value, const char* name) {
       to.engine.validation.duplicates = to_word<DuplicatePolicy>(value, name);
     }},
    {"duplicate_window",
     [](OpenOptions& to, py::handle value, const char* name) {
       to.engine.validation.duplicate_window =
           std::chrono::ceil<std::chrono::seconds>(to_duration(value, name));
     }},
    {"brokers",
     [](OpenOptions& to, py::handle value, const char* name) { to.brokers = to_brokers(value, name); }},
    {"rules",
     [](OpenOptions& to, py::handle value, const char* name) { to.validator = to_validator(value, name); }},
    {"router",
     [](OpenOptions& to, py::handle value, const char* name) { to.router = to_router(value, name); }},
    {"publisher",
     [](OpenOptions& to, py::handle value, const char* name) { to.publisher = to_publisher(value, name); }},
}};

}  // namespace

OpenOptions read_settings(const py::object& url, const py::dict& settings) {
  OpenOptions options;
  options.database_url = to_text(url, "url");
  for (const auto& [key, value] : settings) {
    const std::string name = to_text(key, "settings");
    bool known = false;
    for (const Setting& setting : kSettings) {
      if (setting.name != name) continue;
      setting.set(options, value, name.c_str());
      known = true;
    }
    if (!known) refuse_argument(name, "is not a setting");
  }
  return options;
}

}  // namespace orchestrator::python
