// Reading and setting reference data. Every change makes an entry in the audit trail.
#include <algorithm>
#include <string>

#include "orchestrator/json.hpp"
#include "python/src/records.hpp"
#include "python/src/verbs.hpp"

namespace orchestrator::python {
namespace {

using py::object;

// --- instruments ---

auto instruments(const object& ids) {
  std::optional<std::vector<InstrumentId>> wanted;
  if (!ids.is_none()) wanted = to_list<InstrumentId>(to_id, ids, "ids");
  return [wanted = std::move(wanted)](Orchestrator& oms) {
    if (wanted && wanted->empty()) return std::vector<Instrument>();  // to the store, no ids are all
    return oms.reference().instruments(wanted.value_or(std::vector<InstrumentId>()));
  };
}

Instrument to_instrument(py::handle value, const char* name) {
  if (!holds<Instrument>(value)) refuse_argument(name, kind_of(value) + " is not an Instrument");
  return py::cast<Instrument>(value);
}

auto set_instruments(const object& values) {
  return [rows = to_list<Instrument>(to_instrument, values, "instruments")](Orchestrator& oms) {
    if (!rows.empty()) oms.reference().put_instruments(rows);
    return rows.size();
  };
}

auto import_instruments(const object& csv) {
  return [csv = to_text(csv, "csv")](Orchestrator& oms) {
    const InstrumentFile file = parse_instruments_csv(csv);
    oms.reference().put_instruments(file.instruments);
    return file.instruments.size();
  };
}

// --- limits ---

// An id, or 0 for the defaults of all portfolios.
PortfolioId to_portfolio_or_defaults(py::handle value, const char* name) {
  const std::int64_t id = to_integer(value, name);
  if (id < 0) refuse_argument(name, std::to_string(id) + " is no id; pass 0 for the defaults");
  return id;
}

template <class Fixed>
Fixed to_limit(py::handle value, const char* name) {
  const auto limit = to_decimal<Fixed>(value, name);
  if (limit.is_negative())
    refuse_argument(name, limit.to_string() + " is below zero; pass None for no limit");
  return limit;
}

auto limits() {
  return [](Orchestrator& oms) { return oms.reference().limits(); };
}

auto limits_of(const object& portfolio_id) {
  return
      [id = to_id(portfolio_id, "portfolio_id")](Orchestrator& oms) { return oms.reference().limits_of(id); };
}

auto usage_of(const object& portfolio_id) {
  return
      [id = to_id(portfolio_id, "portfolio_id")](Orchestrator& oms) { return oms.reference().usage_of(id); };
}

auto set_limits(const object& portfolio_id, const object& margin_available, const object& margin_rate,
                const object& max_quantity, const object& max_notional_order,
                const object& max_notional_batch, const object& max_notional_day) {
  PortfolioLimits limits;
  limits.portfolio_id = to_portfolio_or_defaults(portfolio_id, "portfolio_id");
  limits.margin_available = to_optional(to_limit<Money>, margin_available, "margin_available");
  limits.margin_rate = to_limit<Rate>(margin_rate, "margin_rate");
  limits.max_quantity = to_optional(to_limit<Quantity>, max_quantity, "max_quantity");
  limits.max_notional_order = to_optional(to_limit<Money>, max_notional_order, "max_notional_order");
  limits.max_notional_batch = to_optional(to_limit<Money>, max_notional_batch, "max_notional_batch");
  limits.max_notional_day = to_optional(to_limit<Money>, max_notional_day, "max_notional_day");
  return [limits](Orchestrator& oms) {
    oms.reference().put_limits(limits);
    return true;
  };
}

// --- routing rules ---

// As large as the program takes them.
constexpr std::int64_t kWeightMax = 1'000'000;

std::int32_t to_small_count(py::handle value, const char* name) {
  const std::int64_t number = to_integer(value, name);
  if (number < 0 || number > kWeightMax) refuse_argument(name, "must be 0 to 1,000,000");
  return static_cast<std::int32_t>(number);
}

// {"broker": weight, ...}, in its order.
std::vector<RoutingRule::Target> to_targets(py::handle value, const char* name) {
  if (!PyDict_Check(value.ptr())) {
    refuse_argument(name, kind_of(value) + " is not a dict of weights by the brokers' names");
  }
  std::vector<RoutingRule::Target> targets;
  const auto rows = py::reinterpret_steal<py::list>(PyDict_Items(value.ptr()));
  for (const py::handle row : rows) {
    const auto items = py::reinterpret_borrow<py::tuple>(row);
    const std::string broker = to_filled_text(items[0], name, "a target is a broker's name");
    targets.push_back({broker, to_small_count(items[1], (std::string(name) + "['" + broker + "']").c_str())});
  }
  if (targets.empty()) refuse_argument(name, "a rule names a broker at least");
  return targets;
}

// A rule for a broker that nobody knows would only show when an order needs it.
void require_known(const Orchestrator& oms, const std::vector<RoutingRule::Target>& targets) {
  const auto brokers = oms.brokers();
  for (const RoutingRule::Target& target : targets) {
    const bool known = std::ranges::any_of(
        brokers, [&](const BrokerInfo& broker) { return broker.config.broker_name == target.broker; });
    if (!known) {
      throw Error(ErrorCode::kUnknownBroker,
                  "targets: there is no broker '" + target.broker + "'; brokers() lists them");
    }
  }
}

auto routing_rules() {
  return [](Orchestrator& oms) { return oms.reference().routing_rules(); };
}

auto add_routing_rule(const object& targets, const object& priority, const object& instrument_id,
                      const object& exchange, const object& portfolio_id) {
  RoutingRule rule;
  rule.targets = to_targets(targets, "targets");
  rule.priority = to_small_count(priority, "priority");
  rule.instrument_id = to_optional(to_id, instrument_id, "instrument_id");
  if (!exchange.is_none()) rule.exchange = to_filled_text(exchange, "exchange", "pass None for any");
  rule.portfolio_id = to_optional(to_id, portfolio_id, "portfolio_id");
  return [rule = std::move(rule)](Orchestrator& oms) {
    require_known(oms, rule.targets);
    return oms.reference().add_routing_rule(rule);
  };
}

auto remove_routing_rule(const object& id) {
  return [id = to_id(id, "id")](Orchestrator& oms) { return oms.reference().remove_routing_rule(id); };
}

// --- stop switches, holidays ---

auto halts() {
  return [](Orchestrator& oms) { return oms.reference().halts(); };
}

auto holidays(const object& calendar) {
  return [calendar = to_filled_text(calendar, "calendar", "name one, such as 'NSE'")](Orchestrator& oms) {
    return oms.reference().holidays(calendar);
  };
}

auto add_holidays(const object& calendar, const object& days) {
  return [calendar = to_filled_text(calendar, "calendar", "name one, such as 'NSE'"),
          days = to_list<Date>(to_date, days, "days")](Orchestrator& oms) {
    oms.reference().put_holidays(calendar, days);
    return true;
  };
}

}  // namespace

void add_reference_verbs(Verbs& verbs) {
  verbs.add("instruments", instruments);
  verbs.add("set_instruments", set_instruments);
  verbs.add("import_instruments", import_instruments);
  verbs.add("limits", limits);
  verbs.add("limits_of", limits_of);
  verbs.add("usage_of", usage_of);
  verbs.add("set_limits", set_limits);
  verbs.add("routing_rules", routing_rules);
  verbs.add("add_routing_rule", add_routing_rule);
  verbs.add("remove_routing_rule", remove_routing_rule);
  verbs.add("halts", halts);
  verbs.add("holidays", holidays);
  verbs.add("add_holidays", add_holidays);
}

}  // namespace orchestrator::python
