// `order`: one order, or a list of them.
#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

std::string order_facts(const Session& session, const Order& order) {
  const auto colour = session.colour();
  return facts({{"id", text_cell(std::to_string(order.id))},
                {"batch_id", text_cell(std::to_string(order.batch_id))},
                {"portfolio_id", text_cell(std::to_string(order.portfolio_id))},
                {"status", status_cell(order)},
                {"reason", text_cell(order.reason)},
                {"broker", text_cell(order.broker)},
                {"client_order_id", text_cell(order.client_order_id)},
                {"ext_order_id", text_cell(order.ext_order_id)},
                {"instrument_id", text_cell(std::to_string(order.instrument_id))},
                {"symbol", text_cell(order.symbol)},
                {"side", text_cell(to_string(order.side))},
                {"order_type", text_cell(to_string(order.order_type))},
                {"time_in_force", text_cell(to_string(order.time_in_force))},
                {"qty", text_cell(order.qty.to_string())},
                {"price_limit", text_cell(decimal_cell(order.price_limit).text)},
                {"stop_price", text_cell(decimal_cell(order.stop_price).text)},
                {"fill_qty", text_cell(order.fill_qty.to_string())},
                {"fill_price", text_cell(decimal_cell(order.fill_price()).text)},
                {"fees", text_cell(order.fees.to_string())},
                {"attempt", text_cell(std::to_string(order.attempt))},
                {"created_at", time_cell(order.created_at)},
                {"submitted_at", time_cell(order.submitted_at)},
                {"acked_at", time_cell(order.acked_at)},
                {"executed_at", time_cell(order.executed_at)},
                {"ended_at", time_cell(order.ended_at)},
                {"settled_at", time_cell(order.settled_at)}},
               colour);
}

std::string_view word(ExecutionKind kind) {
  return kind == ExecutionKind::kBust ? "bust" : kind == ExecutionKind::kCorrect ? "correct" : "trade";
}

std::string execution_table(const Session& session, const std::vector<Execution>& executions) {
  Table table({"execution_id", "kind", "qty", "price", "fees", "executed_at", "ref_execution_id"});
  for (const auto& execution : executions) {
    table.add({text_cell(execution.execution_id), text_cell(word(execution.kind)),
               decimal_cell(execution.qty), decimal_cell(execution.price), decimal_cell(execution.fees),
               time_cell(execution.executed_at), text_cell(execution.ref_execution_id)});
  }
  return table.text(session.colour());
}

ExitCode show(Session& session, OrderId id) {
  const auto order = session.order(id);
  const auto executions = session.orchestrator().executions(id);
  session.print([&] { return to_json(order, executions); },
                [&] {
                  auto text = order_facts(session, order);
                  if (!executions.empty()) text += "\n" + execution_table(session, executions);
                  return text;
                });
  return ExitCode::kOk;
}

// After a change: the brokers' answer, if it is there already, belongs to what is shown.
ExitCode show_changed(Session& session, OrderId id) {
  session.catch_up();
  return show(session, id);
}

struct ListOptions {
  OrderQuery query;
  Page page;
  std::vector<std::string> statuses;
  std::string broker;
  std::string client_order_id;
  std::string ext_order_id;
};

ExitCode list(Session& session, const ListOptions& options) {
  auto query = options.query;
  query.tenant = session.settings().tenant;
  for (const auto& status : options.statuses) query.statuses.push_back(*parse_order_status(status));
  if (!options.broker.empty()) query.broker = options.broker;
  if (!options.client_order_id.empty()) query.client_order_id = options.client_order_id;
  if (!options.ext_order_id.empty()) query.ext_order_id = options.ext_order_id;
  apply_page(options.page, query);
  auto orders = session.orchestrator().orders(query);
  print_orders(session, orders, cut_to_page(options.page, orders));
  return ExitCode::kOk;
}

std::vector<std::string> status_words() {
  std::vector<std::string> words;
  words.reserve(kOrderStatusCount);
  for (int i = 0; i < kOrderStatusCount; ++i) words.emplace_back(to_string(static_cast<OrderStatus>(i)));
  return words;
}

void add_list(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<ListOptions>();
  auto* verb = add_verb(line, group, "list", "List orders",
                        "order list --broker zerodha-mock --status acked --status partially_filled",
                        [options](Session& session) { return list(session, *options); });
  verb->add_option("--status", options->statuses, "of this status; may be repeated")
      ->check(CLI::IsMember(status_words()))
      ->expected(1)
      ->take_all()
      ->type_name("STATUS");
  verb->add_option("--broker", options->broker, "of this broker")->type_name("NAME");
  add_id(verb, "--portfolio-id", options->query.portfolio_id, "of this portfolio");
  add_id(verb, "--instrument-id", options->query.instrument_id, "of this instrument");
  add_id(verb, "--batch", options->query.batch_id, "of this batch");
  verb->add_option("--client-order-id", options->client_order_id, "the one with this id");
  verb->add_option("--ext-order-id", options->ext_order_id, "with this id at its broker");
  add_page(verb, options->page);
}

const std::string& operator_of(const Session& session) { return session.settings().engine.operator_name; }

struct ChangeOptions {
  OrderId id = 0;
  std::optional<Quantity> qty;
  std::optional<Price> price;
};

void add_replace(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<ChangeOptions>();
  auto* verb =
      add_verb(line, group, "replace", "Ask the broker for another quantity or limit price",
               "order replace 17 --qty 80 --price-limit 2501.5", [options](Session& session) {
                 const auto order = session.order(options->id);
                 session.orchestrator().replace(order.id, options->qty, options->price, operator_of(session));
                 return show_changed(session, order.id);
               });
  add_id(verb, "ORDER_ID", options->id, "the order")->required();
  add_decimal(verb, "--qty", options->qty, "new total quantity, the executed part included");
  add_decimal(verb, "--price-limit,--price", options->price, "new limit price");
}

ExitCode fill(Session& session, const ChangeOptions& options) {
  const auto order = session.order(options.id);
  const auto result = session.orchestrator().simulate_fill(order.id, *options.price, *options.qty);
  session.catch_up();
  session.print(
      [&] {
        return json_object({{"execution", to_json(result.execution)}, {"order", to_json(result.order)}});
      },
      [&] {
        return execution_table(session, {result.execution}) + "\n" + order_facts(session, result.order);
      });
  return ExitCode::kOk;
}

void add_fill(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<ChangeOptions>();
  auto* verb = add_verb(line, group, "fill", "Execute part of an order at its mock broker",
                        "order fill 17 --price 2500 --qty 100",
                        [options](Session& session) { return fill(session, *options); });
  add_id(verb, "ORDER_ID", options->id, "the order")->required();
  add_decimal(verb, "--price", options->price, "price of the execution")->required();
  add_decimal(verb, "--qty", options->qty, "quantity of the execution")->required();
}

struct ResolveOptions {
  OrderId id = 0;
  Resolution resolution;
  bool not_placed = false;
  bool rejected = false;
};

ExitCode resolve(Session& session, const ResolveOptions& options) {
  const auto order = session.order(options.id);
  auto resolution = options.resolution;
  if (options.not_placed) resolution.kind = Resolution::Kind::kNotPlaced;
  if (options.rejected) resolution.kind = Resolution::Kind::kRejected;
  session.orchestrator().resolve(order.id, resolution);
  if (options.not_placed) session.orchestrator().dispatch(order.batch_id);
  return show_changed(session, order.id);
}

void add_resolve(CommandLine& line, CLI::App* group) {
  auto options = std::make_shared<ResolveOptions>();
  auto* verb = add_verb(line, group, "resolve", "Decide about an order in doubt, signed and recorded",
                        "order resolve 17 --accepted 230105000001 --by asha --reason 'seen in the terminal'",
                        [options](Session& session) { return resolve(session, *options); });
  add_id(verb, "ORDER_ID", options->id, "the order")->required();
  auto* decision = verb->add_option_group("Decision (one of)");
  decision
      ->add_option("--accepted", options->resolution.ext_order_id,
                   "the broker has it, under this id of its own")
      ->type_name("EXT_ORDER_ID");
  decision->add_flag("--not-placed", options->not_placed, "the broker never got it: it is sent again");
  decision->add_flag("--rejected", options->rejected, "the broker refused it, or it shall not be sent");
  decision->require_option(1);
  verb->add_option("--by", options->resolution.by, "who decides")->required();
  verb->add_option("--reason", options->resolution.reason, "why")->required();
}

}  // namespace

std::string order_table(const Session& session, const std::vector<Order>& orders) {
  Table table({"id", "batch_id", "portfolio_id", "broker", "instrument_id", "symbol", "side", "qty",
               "price_limit", "fill_qty", "fill_price", "client_order_id", "status"});
  for (const auto& order : orders) {
    table.add({number_cell(order.id), number_cell(order.batch_id), number_cell(order.portfolio_id),
               text_cell(order.broker), number_cell(order.instrument_id), text_cell(order.symbol),
               text_cell(to_string(order.side)), decimal_cell(order.qty), decimal_cell(order.price_limit),
               decimal_cell(order.fill_qty), decimal_cell(order.fill_price()),
               text_cell(order.client_order_id), status_cell(order)});
  }
  return table.text(session.colour());
}

void print_orders(Session& session, const std::vector<Order>& orders,
                  std::optional<std::int64_t> next_cursor) {
  if (next_cursor && !session.json()) {
    session.note("There are more: go on with --after " + std::to_string(*next_cursor));
  }
  session.print(
      [&] {
        return json_object({{"orders", json_array_of(orders)},
                            {"next_cursor", next_cursor ? std::to_string(*next_cursor) : "null"}});
      },
      [&] { return order_table(session, orders); });
}

void add_order_commands(CommandLine& line) {
  auto* group = add_group(line, "order", "Show and change orders");

  auto get_id = std::make_shared<OrderId>(0);
  auto* get = add_verb(line, group, "get", "Show one order with its executions", "order get 17",
                       [get_id](Session& session) { return show(session, *get_id); });
  add_id(get, "ORDER_ID", *get_id, "the order")->required();

  add_list(line, group);

  auto cancel_id = std::make_shared<OrderId>(0);
  auto* cancel = add_verb(line, group, "cancel", "Ask for the cancel of an order", "order cancel 17",
                          [cancel_id](Session& session) {
                            const auto order = session.order(*cancel_id);
                            session.orchestrator().cancel(order.id, operator_of(session));
                            return show_changed(session, order.id);
                          });
  add_id(cancel, "ORDER_ID", *cancel_id, "the order")->required();

  add_replace(line, group);
  add_fill(line, group);
  add_resolve(line, group);
}

}  // namespace orchestrator::cli
