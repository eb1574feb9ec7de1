// `reconcile`: what a batch did, or where our book and the broker's differ.
#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

enum class Format : std::uint8_t { kTable, kJson, kCsv };

struct ReconcileOptions {
  BatchId batch_id = 0;
  bool broker = false;
  std::string format;
  std::string section;
  std::optional<Quantity> tolerance_qty;
  std::optional<Price> tolerance_price;
  std::optional<Money> tolerance_fees;
};

Format format_of(const Session& session, const ReconcileOptions& options) {
  if (session.json() && !options.format.empty() && options.format != "json") {
    throw Error(ErrorCode::kInvalidArgument, "--json and --format " + options.format + " exclude each other");
  }
  const auto format = options.format == "csv"                      ? Format::kCsv
                      : options.format == "json" || session.json() ? Format::kJson
                                                                   : Format::kTable;
  if (format != Format::kCsv && !options.section.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--section chooses a part for --format csv only");
  }
  return format;
}

using Facts = std::vector<std::pair<std::string, Cell>>;

Facts totals(const BatchReport& report) {
  return {{"total_orders", number_cell(report.total_orders)},
          {"filled_orders", number_cell(report.filled_orders)},
          {"pending_orders", number_cell(report.pending_orders)},
          {"cancelled_orders", number_cell(report.cancelled_orders)},
          {"rejected_orders", number_cell(report.rejected_orders)},
          {"total_qty", decimal_cell(report.total_qty)},
          {"filled_qty", decimal_cell(report.filled_qty)},
          {"total_value", decimal_cell(report.total_value)},
          {"filled_value", decimal_cell(report.filled_value)},
          {"expected_pnl", decimal_cell(report.expected_pnl)},
          {"actual_pnl", decimal_cell(report.actual_pnl)},
          {"fees", decimal_cell(report.fees)}};
}

Table totals_table(const BatchReport& report) {
  std::vector<std::string> columns{"batch_id", "status"};
  std::vector<Cell> row{number_cell(report.batch_id), text_cell(to_string(report.status))};
  for (auto& [name, cell] : totals(report)) {
    columns.push_back(name);
    row.push_back(cell);
  }
  Table table(columns);
  table.add(row);
  return table;
}

Table instruments_table(const BatchReport& report) {
  Table table({"instrument_id", "symbol", "bought_qty", "sold_qty", "vwap_buy", "vwap_sell",
               "net_position_change", "cash_flow", "matched_pnl", "slippage", "fees"});
  for (const auto& row : report.instruments) {
    table.add({number_cell(row.instrument_id), text_cell(row.symbol), decimal_cell(row.bought_qty),
               decimal_cell(row.sold_qty), decimal_cell(row.vwap_buy), decimal_cell(row.vwap_sell),
               decimal_cell(row.net_position_change), decimal_cell(row.cash_flow),
               decimal_cell(row.matched_pnl), decimal_cell(row.slippage), decimal_cell(row.fees)});
  }
  return table;
}

Table orders_table(const BatchReport& report) {
  Table table({"id", "broker", "instrument_id", "symbol", "side", "qty", "price_limit", "fill_qty",
               "fill_price", "filled_value", "fees", "client_order_id", "ext_order_id", "status"});
  for (const auto& order : report.orders) {
    table.add({number_cell(order.id), text_cell(order.broker), number_cell(order.instrument_id),
               text_cell(order.symbol), text_cell(to_string(order.side)), decimal_cell(order.qty),
               decimal_cell(order.price_limit), decimal_cell(order.fill_qty),
               decimal_cell(order.fill_price()), decimal_cell(order.fill_notional), decimal_cell(order.fees),
               text_cell(order.client_order_id), text_cell(order.ext_order_id), status_cell(order)});
  }
  return table;
}

ExitCode show_report(Session& session, const ReconcileOptions& options, Format format) {
  const auto report = session.orchestrator().reconcile(options.batch_id);
  if (format == Format::kJson) {
    session.print(to_json(report) + "\n");
  } else if (format == Format::kCsv) {
    session.print((options.section == "totals"        ? totals_table(report)
                   : options.section == "instruments" ? instruments_table(report)
                                                      : orders_table(report))
                      .csv());
  } else {
    const bool colour = session.colour();
    session.print("Batch " + std::to_string(report.batch_id) + ": " + std::string(to_string(report.status)) +
                  "\n\n" + facts(totals(report), colour) + "\n" + instruments_table(report).text(colour) +
                  "\n" + orders_table(report).text(colour));
  }
  return ExitCode::kOk;
}

ExitCode show_breaks(Session& session, const ReconcileOptions& options, Format format) {
  const Tolerance tolerance{options.tolerance_qty.value_or(Quantity{}),
                            options.tolerance_price.value_or(Price{}),
                            options.tolerance_fees.value_or(Money{})};
  const auto breaks = session.orchestrator().compare_with_broker(options.batch_id, tolerance);
  Table table(
      {"type", "order_id", "field", "ours", "theirs", "client_order_id", "ext_order_id", "execution_id"});
  for (const auto& row : breaks) {
    table.add({text_cell(to_string(row.type)), number_cell(row.order_id), text_cell(row.field),
               text_cell(row.ours), text_cell(row.theirs), text_cell(row.client_order_id),
               text_cell(row.ext_order_id), text_cell(row.execution_id)});
  }
  if (format == Format::kJson) {
    session.print(
        json_object({{"batch_id", std::to_string(options.batch_id)}, {"breaks", json_array_of(breaks)}}) +
        "\n");
  } else if (format == Format::kCsv) {
    session.print(table.csv());
  } else if (breaks.empty()) {
    session.print("Batch " + std::to_string(options.batch_id) + ": no differences from the brokers' books\n");
  } else {
    session.print(table.text(session.colour()));
  }
  return breaks.empty() ? ExitCode::kOk : ExitCode::kBreaks;
}

ExitCode reconcile(Session& session, const ReconcileOptions& options) {
  const auto format = format_of(session, options);
  static_cast<void>(session.batch(options.batch_id));  // not_found for another tenant's
  return options.broker ? show_breaks(session, options, format) : show_report(session, options, format);
}

template <class Value>
void add_tolerance(CLI::App* verb, const std::string& name, std::optional<Value>& to,
                   const std::string& description) {
  add_decimal(verb, name, to, description)->check([name](const std::string& text) -> std::string {
    const auto parsed = Value::parse(text);
    if (!parsed.ok() || !parsed.value.is_negative())
      return {};  // what is no decimal is refused when it is read
    throw Error(ErrorCode::kInvalidArgument, name + " must not be negative");
  });
}

}  // namespace

void add_reconcile_command(CommandLine& line) {
  auto options = std::make_shared<ReconcileOptions>();
  auto* verb =
      add_verb(line, &line.app, "reconcile", "Report what a batch did, or compare it with its brokers",
               "reconcile 3\n  orchestrator reconcile 3 --broker --tolerance-price 0.01",
               [options](Session& session) { return reconcile(session, *options); });
  add_id(verb, "BATCH_ID", options->batch_id, "the batch")->required();
  verb->add_flag("--broker", options->broker,
                 "list the differences from the brokers' own books; exit status 10 when there are any");
  verb->add_option("--format", options->format, "of the output [table]")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  verb->add_option("--section", options->section, "what --format csv writes [orders]")
      ->check(CLI::IsMember({"totals", "instruments", "orders"}));
  add_tolerance(verb, "--tolerance-qty", options->tolerance_qty, "differences up to this are none [0]");
  add_tolerance(verb, "--tolerance-price", options->tolerance_price, "likewise for prices [0]");
  add_tolerance(verb, "--tolerance-fees", options->tolerance_fees, "likewise for fees [0]");
}

}  // namespace orchestrator::cli
