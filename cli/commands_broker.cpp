// `broker`: the connectors' settings rows, and a broker's own view.
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "codec/json_value.hpp"

namespace orchestrator::cli {
namespace {

BrokerInfo broker_info(Session& session, const std::string& name) {
  for (auto& broker : session.orchestrator().brokers()) {
    if (broker.config.broker_name == name) return std::move(broker);
  }
  throw Error(ErrorCode::kUnknownBroker,
              "there is no broker " + name + "; `orchestrator broker list` shows them");
}

std::string broker_table(const Session& session, const std::vector<BrokerInfo>& brokers) {
  Table table({"broker_name", "active", "class", "simulated", "orders_max", "settlement_days", "calendar",
               "config_json"});
  for (const auto& broker : brokers) {
    const auto& can = broker.capabilities;
    table.add({text_cell(broker.config.broker_name), text_cell(broker.config.active ? "yes" : "no"),
               text_cell(can ? to_string(can->broker_class) : "no connector"),
               text_cell(broker.simulated ? "yes" : "no"),
               can ? number_cell(static_cast<std::int64_t>(can->orders_max)) : Cell{"-", true, Tone::kPlain},
               can ? number_cell(can->settlement_days) : Cell{"-", true, Tone::kPlain},
               text_cell(can ? can->calendar : ""), text_cell(broker.config.config_json)});
  }
  return table.text(session.colour());
}

ExitCode list(Session& session) {
  const auto brokers = session.orchestrator().brokers();
  session.print(
      [&] {
        return json_object({{"brokers", json_array_of(brokers)}});
      },
      [&] { return broker_table(session, brokers); });
  return ExitCode::kOk;
}

ExitCode show_one(Session& session, const std::string& name) {
  const auto broker = broker_info(session, name);
  session.print([&] { return to_json(broker); }, [&] { return broker_table(session, {broker}); });
  return ExitCode::kOk;
}

struct SetOptions {
  std::string name;
  std::string config_json;
  std::string fault_script;  // a file
  std::optional<bool> active;
};

// What is not given stays as it is; a new row is active and has the connector's defaults.
ExitCode set(Session& session, const SetOptions& options, std::optional<bool> active) {
  auto config_json = options.config_json;
  for (const auto& broker : session.orchestrator().brokers()) {
    if (broker.config.broker_name != options.name) continue;
    if (config_json.empty()) config_json = broker.config.config_json;
    if (!active) active = broker.config.active;
  }
  if (config_json.empty()) config_json = "{}";
  if (!options.fault_script.empty()) {
    const auto text = read_input(options.fault_script, session.settings().limits.bytes_max);
    config_json = codec::Settings::parse(config_json, options.name).with_text("fault_script", text);
  }
  session.orchestrator().set_broker(options.name, config_json, active.value_or(true));
  return show_one(session, options.name);
}

ExitCode orders(Session& session, const std::string& name) {
  const auto book = session.orchestrator().broker_book(name);
  session.print(
      [&] {
        return json_object({{"broker", quote(name)}, {"orders", json_array_of(book.orders)}});
      },
      [&] {
        Table table({"ext_order_id", "client_order_id", "instrument_id", "symbol", "side", "qty",
                     "price_limit", "fill_qty", "status", "updated_at", "reason"});
        for (const auto& order : book.orders) {
          table.add(
              {text_cell(order.ext_order_id), text_cell(order.client_order_id),
               number_cell(order.instrument_id), text_cell(order.symbol), text_cell(to_string(order.side)),
               decimal_cell(order.qty), decimal_cell(order.price_limit), decimal_cell(order.fill_qty),
               text_cell(to_string(order.status)), time_cell(order.updated_at), text_cell(order.reason)});
        }
        return table.text(session.colour());
      });
  return ExitCode::kOk;
}

void add_set(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<SetOptions>();
  auto* verb = add_verb(line, group, "set", "Change a broker's settings",
                        "broker set alpaca-mock --config '{\"fill_model\":\"immediate\"}'",
                        [options](Session& session) { return set(session, *options, options->active); });
  verb->add_option("NAME", options->name, "the broker")->required();
  verb->add_option("--config", options->config_json, "the connector's settings, a JSON object")
      ->type_name("JSON");
  verb->add_option("--fault-script", options->fault_script,
                   "what goes wrong at a mock broker, one fault a line; - reads standard input")
      ->type_name("FILE");
  auto* active = verb->add_flag_function(
      "--active", [options](std::int64_t count) { options->active = count > 0; }, "take orders");
  verb->add_flag_function(
          "--inactive", [options](std::int64_t count) { options->active = count <= 0; }, "take no orders")
      ->excludes(active);
}

}  // namespace

void add_broker_commands(CommandLine& line) {
  auto* group = add_group(line, "broker", "Show and change broker connectors");
  add_verb(line, group, "list", "List the brokers", "broker list", list);
  add_set(line, group);

  const auto add_named = [&](const char* name, const char* description, const char* example, auto run) {
    auto options = std::make_shared<SetOptions>();
    auto* verb = add_verb(line, group, name, description, example,
                          [options, run](Session& session) { return run(session, *options); });
    verb->add_option("NAME", options->name, "the broker")->required();
  };
  add_named("enable", "Let a broker take orders", "broker enable alpaca-mock",
            [](Session& session, const SetOptions& options) { return set(session, options, true); });
  add_named("disable", "Route no further orders to a broker", "broker disable alpaca-mock",
            [](Session& session, const SetOptions& options) { return set(session, options, false); });
  add_named("orders", "Show the broker's own view of its orders", "broker orders zerodha-mock",
            [](Session& session, const SetOptions& options) { return orders(session, options.name); });
}

}  // namespace orchestrator::cli
