// `instrument` and `limit`: what orders are checked against.
#include "cli/activity.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

// Read whole before the first row is written, and written in one transaction.
ExitCode import_instruments(Session& session, const std::string& path) {
  InstrumentFile file;
  {
    const Activity activity("importing instruments");
    file = parse_instruments_csv(read_input(path, session.settings().limits.bytes_max),
                                 session.settings().limits);
    session.orchestrator().reference().put_instruments(file.instruments);
  }
  if (file.skipped > 0) {
    session.warn("rows skipped: " + std::to_string(file.skipped) + ", the first: " + file.first_skipped);
  }
  session.print(
      [&] {
        return json_object({{"imported", std::to_string(file.instruments.size())},
                            {"skipped", std::to_string(file.skipped)},
                            {"first_skipped", file.skipped > 0 ? quote(file.first_skipped) : "null"}});
      },
      [&] { return "imported " + std::to_string(file.instruments.size()) + " instruments\n"; });
  return ExitCode::kOk;
}

ExitCode list_instruments(Session& session, const std::vector<std::string>& ids) {
  std::vector<InstrumentId> wanted;
  wanted.reserve(ids.size());
  for (const auto& id : ids) wanted.push_back(parse_id(id, "INSTRUMENT_ID"));
  const auto instruments = session.orchestrator().reference().instruments(wanted);
  session.print(
      [&] {
        return json_object({{"instruments", json_array_of(instruments)}});
      },
      [&] {
        Table table({"id", "symbol", "exchange", "currency", "lot_size", "tick_size", "price_band_low",
                     "price_band_high", "last_price", "freeze_quantity", "multiplier"});
        for (const auto& row : instruments) {
          table.add({number_cell(row.id), text_cell(row.symbol), text_cell(row.exchange),
                     text_cell(row.currency), decimal_cell(row.lot_size), decimal_cell(row.tick_size),
                     decimal_cell(row.price_band_low), decimal_cell(row.price_band_high),
                     decimal_cell(row.last_price), decimal_cell(row.freeze_quantity),
                     number_cell(row.multiplier)});
        }
        return table.text(session.colour());
      });
  return ExitCode::kOk;
}

// An option of `limit set`: absent leaves the limit, "none" takes it away, anything else sets it.
template <class Value>
void change(std::optional<Value>& limit, const std::string& text, const char* name) {
  if (text.empty()) return;
  limit = text == "none" ? std::nullopt : std::optional(parse_decimal<Value>(text, name));
  if (limit && limit->is_negative()) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(name) + " must not be negative; write none for no limit");
  }
}

struct LimitOptions {
  std::string portfolio_id;
  std::string margin_available;
  std::string margin_rate;
  std::string max_quantity;
  std::string max_notional_order;
  std::string max_notional_batch;
  std::string max_notional_day;
};

bool changes_nothing(const LimitOptions& options) {
  return options.margin_available.empty() && options.margin_rate.empty() && options.max_quantity.empty() &&
         options.max_notional_order.empty() && options.max_notional_batch.empty() &&
         options.max_notional_day.empty();
}

PortfolioLimits stored_limits(Session& session, PortfolioId portfolio_id) {
  for (const auto& row : session.orchestrator().reference().limits()) {
    if (row.portfolio_id == portfolio_id) return row;
  }
  PortfolioLimits fresh;
  fresh.portfolio_id = portfolio_id;
  return fresh;
}

std::string limits_table(Session& session, const std::vector<PortfolioLimits>& rows) {
  Table table({"portfolio_id", "margin_available", "margin_reserved", "margin_rate", "max_quantity",
               "max_notional_order", "max_notional_batch", "max_notional_day", "day", "day_notional"});
  for (const auto& row : rows) {
    const auto usage = session.orchestrator().reference().usage_of(row.portfolio_id);
    table.add({number_cell(row.portfolio_id), decimal_cell(row.margin_available),
               decimal_cell(usage.margin_reserved), decimal_cell(row.margin_rate),
               decimal_cell(row.max_quantity), decimal_cell(row.max_notional_order),
               decimal_cell(row.max_notional_batch), decimal_cell(row.max_notional_day),
               text_cell(to_string(usage.day)), decimal_cell(usage.day_notional)});
  }
  return table.text(session.colour());
}

std::string limits_json(Session& session, const PortfolioLimits& row) {
  return to_json(row, session.orchestrator().reference().usage_of(row.portfolio_id));
}

ExitCode set_limits(Session& session, const LimitOptions& options) {
  const auto portfolio_id =
      options.portfolio_id == "0" ? 0 : parse_id(options.portfolio_id, "PORTFOLIO_ID (0 for the defaults)");
  if (changes_nothing(options)) {
    throw Error(ErrorCode::kInvalidArgument,
                "nothing to change: give --margin-available, --margin-rate, --max-quantity, "
                "--max-notional-order, --max-notional-batch or --max-notional-day");
  }
  auto limits = stored_limits(session, portfolio_id);
  change(limits.margin_available, options.margin_available, "--margin-available");
  if (!options.margin_rate.empty())
    limits.margin_rate = parse_decimal<Rate>(options.margin_rate, "--margin-rate");
  change(limits.max_quantity, options.max_quantity, "--max-quantity");
  change(limits.max_notional_order, options.max_notional_order, "--max-notional-order");
  change(limits.max_notional_batch, options.max_notional_batch, "--max-notional-batch");
  change(limits.max_notional_day, options.max_notional_day, "--max-notional-day");
  session.orchestrator().reference().put_limits(limits);
  session.print([&] { return limits_json(session, limits); },
                [&] { return limits_table(session, {limits}); });
  return ExitCode::kOk;
}

ExitCode list_limits(Session& session) {
  const auto rows = session.orchestrator().reference().limits();
  session.print(
      [&] {
        std::vector<std::string> documents;
        documents.reserve(rows.size());
        for (const auto& row : rows) documents.push_back(limits_json(session, row));
        return json_object({{"limits", json_array(documents)}});
      },
      [&] { return limits_table(session, rows); });
  return ExitCode::kOk;
}

}  // namespace

void add_instrument_commands(CommandLine& line) {
  auto* group = add_group(line, "instrument", "Import and show instruments");
  auto path = std::make_shared<std::string>();
  auto* import =
      add_verb(line, group, "import", "Import an instrument file, Kite's CSV layout or a plain one",
               "instrument import instruments.csv",
               [path](Session& session) { return import_instruments(session, *path); });
  import->add_option("FILE", *path, "CSV; - for standard input")->required();

  auto ids = std::make_shared<std::vector<std::string>>();
  auto* list = add_verb(line, group, "list", "List instruments", "instrument list 738561 408065",
                        [ids](Session& session) { return list_instruments(session, *ids); });
  list->add_option("INSTRUMENT_ID", *ids, "only these [all]")->type_name("ID");
}

void add_limit_commands(CommandLine& line) {
  auto* group = add_group(line, "limit", "Show and change the limits of portfolios");
  auto options = std::make_shared<LimitOptions>();
  auto* set = add_verb(line, group, "set", "Change a portfolio's limits; those not given stay",
                       "limit set 1 --margin-available 5000000 --max-notional-order none",
                       [options](Session& session) { return set_limits(session, *options); });
  set->add_option("PORTFOLIO_ID", options->portfolio_id, "the portfolio; 0: all without limits of their own")
      ->required()
      ->type_name("ID");
  const auto add = [&](const char* name, std::string& to, const char* description) {
    set->add_option(name, to, description)->type_name("DECIMAL|none");
  };
  add("--margin-available", options->margin_available, "margin that open orders may hold together");
  set->add_option("--margin-rate", options->margin_rate, "margin per unit of notional")->type_name("RATE");
  add("--max-quantity", options->max_quantity, "quantity of an order");
  add("--max-notional-order", options->max_notional_order, "price x quantity of an order");
  add("--max-notional-batch", options->max_notional_batch, "of a batch");
  add("--max-notional-day", options->max_notional_day, "accepted in one UTC day");
  add_verb(line, group, "list", "List limits and what is used of them", "limit list", list_limits);
}

}  // namespace orchestrator::cli
