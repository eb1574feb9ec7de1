// `route` and `calendar`: where orders go, and on which days a broker's exchange is open.
#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

struct RouteOptions {
  RoutingRule rule;
  std::string priority;
  std::string exchange;
  std::vector<std::string> brokers;
};

// "NAME" or "NAME:WEIGHT".
RoutingRule::Target parse_target(const std::string& text) {
  RoutingRule::Target target;
  const auto colon = text.find(':');
  target.broker = text.substr(0, colon);
  if (colon != std::string::npos) {
    const auto weight = parse_integer(text.substr(colon + 1));
    if (!weight || *weight < 0 || *weight > 1'000'000) {
      throw Error(ErrorCode::kInvalidArgument, "--broker NAME:WEIGHT wants a whole weight from 0 to 1000000");
    }
    target.weight = static_cast<std::int32_t>(*weight);
  }
  if (target.broker.empty()) throw Error(ErrorCode::kInvalidArgument, "--broker wants NAME or NAME:WEIGHT");
  return target;
}

// A rule that names a broker nobody knows would only show when an order needs it.
void check_broker(Session& session, const std::string& name) {
  for (const auto& broker : session.orchestrator().brokers()) {
    if (broker.config.broker_name == name) return;
  }
  throw Error(ErrorCode::kUnknownBroker,
              "there is no broker " + name + "; `orchestrator broker list` shows them");
}

std::string rules_table(const Session& session, const std::vector<RoutingRule>& rules) {
  Table table({"id", "priority", "instrument_id", "exchange", "portfolio_id", "targets"});
  for (const auto& rule : rules) {
    std::string targets;
    for (const auto& target : rule.targets) {
      targets += (targets.empty() ? "" : ", ") + target.broker + ":" + std::to_string(target.weight);
    }
    const auto id = [](const std::optional<std::int64_t>& value) {
      return text_cell(value ? std::to_string(*value) : "any");
    };
    table.add({number_cell(rule.id), number_cell(rule.priority), id(rule.instrument_id),
               text_cell(rule.exchange.value_or("any")), id(rule.portfolio_id), text_cell(targets)});
  }
  return table.text(session.colour());
}

ExitCode add_rule(Session& session, const RouteOptions& options) {
  auto rule = options.rule;
  if (!options.exchange.empty()) rule.exchange = options.exchange;
  if (!options.priority.empty()) {
    const auto priority = parse_integer(options.priority);
    if (!priority || *priority < 0 || *priority > 1'000'000) {
      throw Error(ErrorCode::kInvalidArgument, "--priority must be a whole number from 0 to 1000000");
    }
    rule.priority = static_cast<std::int32_t>(*priority);
  }
  for (const auto& text : options.brokers) {
    rule.targets.push_back(parse_target(text));
    check_broker(session, rule.targets.back().broker);
  }
  rule.id = session.orchestrator().reference().add_routing_rule(rule);
  session.print([&] { return to_json(rule); }, [&] { return rules_table(session, {rule}); });
  return ExitCode::kOk;
}

ExitCode list_rules(Session& session) {
  const auto rules = session.orchestrator().reference().routing_rules();
  session.print(
      [&] {
        return json_object({{"rules", json_array_of(rules)}});
      },
      [&] { return rules_table(session, rules); });
  return ExitCode::kOk;
}

ExitCode remove_rule(Session& session, std::int64_t id) {
  if (!session.orchestrator().reference().remove_routing_rule(id)) {
    throw Error(ErrorCode::kNotFound, "there is no routing rule " + std::to_string(id));
  }
  session.print(
      [&] {
        return json_object({{"removed", std::to_string(id)}});
      },
      [&] { return "removed rule " + std::to_string(id) + "\n"; });
  return ExitCode::kOk;
}

struct CalendarOptions {
  std::string name;
  std::string path;
};

ExitCode import_calendar(Session& session, const CalendarOptions& options) {
  const auto days = parse_holidays(read_input(options.path, session.settings().limits.bytes_max),
                                   session.settings().limits);
  session.orchestrator().reference().put_holidays(options.name, days);
  session.print(
      [&] {
        return json_object({{"calendar", quote(options.name)}, {"imported", std::to_string(days.size())}});
      },
      [&] { return "imported " + std::to_string(days.size()) + " days into " + clean(options.name) + "\n"; });
  return ExitCode::kOk;
}

}  // namespace

void add_route_commands(CommandLine& line) {
  auto* group = add_group(line, "route", "Show and change the routing rules");
  auto options = std::make_shared<RouteOptions>();
  auto* add = add_verb(line, group, "add", "Add a rule; the first that matches decides",
                       "route add --exchange NSE --broker zerodha-mock:3 --broker alpaca-mock:0",
                       [options](Session& session) { return add_rule(session, *options); });
  add->add_option("--broker", options->brokers,
                  "goes here; several: by weight, 0 for failover only; repeatable")
      ->required()
      ->expected(1)
      ->take_all()
      ->type_name("NAME[:WEIGHT]");
  add->add_option("--priority", options->priority, "the lowest number is asked first [100]")->type_name("N");
  add_id(add, "--instrument-id", options->rule.instrument_id, "only orders for this instrument");
  add->add_option("--exchange", options->exchange, "only orders on this exchange")->type_name("NAME");
  add_id(add, "--portfolio-id", options->rule.portfolio_id, "only orders of this portfolio");

  add_verb(line, group, "list", "List the rules in the order they apply", "route list", list_rules);

  auto id = std::make_shared<std::int64_t>(0);
  auto* remove = add_verb(line, group, "remove", "Remove a rule", "route remove 2",
                          [id](Session& session) { return remove_rule(session, *id); });
  add_id(remove, "RULE_ID", *id, "the rule")->required();

  auto* calendar = add_group(line, "calendar", "Import trading holidays");
  auto import_options = std::make_shared<CalendarOptions>();
  auto* import = add_verb(line, calendar, "import", "Import holidays, one YYYY-MM-DD[,name] a line",
                          "calendar import NSE holidays_nse.txt", [import_options](Session& session) {
                            return import_calendar(session, *import_options);
                          });
  import->add_option("NAME", import_options->name, "the calendar, as brokers name it")->required();
  import->add_option("FILE", import_options->path, "- for standard input")->required();
}

}  // namespace orchestrator::cli
