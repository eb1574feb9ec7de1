// `place`: from a file to a durable batch and its receipt.
//
// What is printed with --json is the stored receipt, byte for byte, on the first run and on every replay.
// Whatever goes wrong after the batch is durable must therefore not take the receipt away: it becomes a
// warning and the exit status.
#include <map>

#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

// How long a replay goes on asking about orders that the first run left in doubt.
constexpr std::chrono::seconds kReplayPatience{5};

struct PlaceOptions {
  std::string file;
  std::string format;
  std::string idempotency_key;
  std::string policy;
  PortfolioId portfolio_id = 0;
  UserId user_id = 0;
  bool dry_run = false;
  bool wait = false;
  std::size_t wait_timeout_s = 30;
};

// An option that repeats what the body says is fine; one that contradicts it is a mistake somewhere.
template <class Value>
void take_option(Value& field, const Value& option, const char* name) {
  if (option == Value{}) return;
  if (field != Value{} && field != option) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string("the input's own ") + name + " differs from the option; give one of them");
  }
  field = option;
}

bool is_csv(const PlaceOptions& options) {
  if (!options.format.empty()) return options.format == "csv";
  return options.file.ends_with(".csv") || options.file.ends_with(".CSV");
}

BatchRequest read_request(const PlaceOptions& options, const Settings& settings) {
  const auto text = read_input(options.file, settings.limits.bytes_max);
  BatchRequest request;
  if (is_csv(options)) {
    if (options.portfolio_id == 0) {
      throw Error(ErrorCode::kInvalidArgument, "a CSV basket names no portfolio: give --portfolio-id");
    }
    request = parse_batch_csv(text, options.portfolio_id, settings.limits);
  } else {
    request = parse_batch_json(text, settings.limits);
  }
  take_option(request.portfolio_id, options.portfolio_id, "portfolio_id");
  take_option(request.user_id, options.user_id, "user_id");
  take_option(request.idempotency_key, options.idempotency_key, "idempotency_key");
  if (options.policy == "each") request.policy = BatchPolicy::kEach;
  if (options.policy == "all" && request.policy == BatchPolicy::kEach) {
    throw Error(ErrorCode::kInvalidArgument,
                "the input's own policy differs from the option; give one of them");
  }
  if (settings.tenant) request.tenant = *settings.tenant;
  return request;
}

bool has_orders(Session& session, BatchId batch_id, std::vector<OrderStatus> statuses) {
  OrderQuery query;
  query.batch_id = batch_id;
  query.statuses = std::move(statuses);
  query.limit = 1;
  return !session.orchestrator().orders(query).empty();
}

bool in_doubt(Session& session, BatchId batch_id) {
  return has_orders(session, batch_id, {OrderStatus::kSubmitting, OrderStatus::kUnknown});
}

// place() has sent the orders of a new batch. A replay finds what the first run left: it may have died
// anywhere after the batch became durable.
ExitCode drive(Session& session, const Receipt& receipt, const PlaceOptions& options) {
  auto& orchestrator = session.orchestrator();
  const auto batch_id = receipt.batch_id;
  if (receipt.replayed) {
    orchestrator.dispatch(batch_id);
    if (in_doubt(session, batch_id)) orchestrator.recover(kReplayPatience);
  }
  session.catch_up();
  const bool arrived =
      !options.wait || orchestrator.wait(batch_id, std::chrono::seconds(options.wait_timeout_s));
  if (options.wait) session.catch_up();
  const bool doubtful = in_doubt(session, batch_id);
  if (doubtful) session.warn("some orders are in doubt: run `orchestrator recover`; do not place them again");
  if (has_orders(session, batch_id, {OrderStatus::kPlaced})) {
    session.warn(
        "some orders are not sent yet: `orchestrator recover` sends them when their broker takes orders");
  }
  if (!options.wait) return ExitCode::kOk;
  return doubtful ? ExitCode::kInDoubt : arrived ? ExitCode::kOk : ExitCode::kTimedOut;
}

// The batch is durable whatever happens here, and its receipt will be printed.
ExitCode drive_or_warn(Session& session, const Receipt& receipt, const PlaceOptions& options) {
  try {
    return drive(session, receipt, options);
  } catch (const Error& error) {
    session.warn(std::string("the batch is accepted and stored, but: ") + error.what());
    session.note("Run `orchestrator recover`, or the same command again with the same idempotency key.");
    return exit_code_of(error);
  }
}

std::string receipt_table(Session& session, const Receipt& receipt) {
  std::map<OrderId, Order> orders;
  if (receipt.batch_id != 0) {
    for (auto& order : session.orders_of(receipt.batch_id)) orders.emplace(order.id, std::move(order));
  }
  Table table({"index", "id", "client_order_id", "instrument_id", "side", "qty", "price_limit", "broker",
               "proposed_routing", "status"});
  for (const auto& leg : receipt.orders) {
    const auto stored = orders.find(leg.id);
    const bool refused = !leg.violations.empty() && leg.id == 0;
    table.add({number_cell(static_cast<std::int64_t>(leg.index)), number_cell(leg.id),
               text_cell(leg.client_order_id), number_cell(leg.instrument_id), text_cell(to_string(leg.side)),
               decimal_cell(leg.qty), decimal_cell(leg.price_limit), text_cell(leg.broker),
               text_cell(leg.routing_reason),
               stored != orders.end() ? status_cell(stored->second) : text_cell(refused ? "refused" : "")});
  }
  std::string title = "dry run: nothing was written or sent\n";
  if (receipt.batch_id != 0) {
    title = "batch_id " + std::to_string(receipt.batch_id) + "  portfolio_id " +
            std::to_string(receipt.portfolio_id) + "  idempotency_key " + clean(receipt.idempotency_key) +
            (receipt.replayed ? "  (replayed)" : "") + "\n";
  }
  return title + "\n" + table.text(session.colour());
}

void warn_of_violations(const Session& session, const Receipt& receipt) {
  for (const auto& warning : receipt.warnings) session.warn(sentence_of(warning));
  for (const auto& leg : receipt.orders) {
    if (leg.id != 0 || receipt.batch_id == 0) continue;
    for (const auto& violation : leg.violations) session.warn("not placed: " + sentence_of(violation));
  }
}

ExitCode place(Session& session, const PlaceOptions& options) {
  const auto request = read_request(options, session.settings());
  if (options.dry_run) {
    const auto preview = session.orchestrator().preview(request);
    warn_of_violations(session, preview);
    session.print([&] { return to_json(preview); }, [&] { return receipt_table(session, preview); });
    return ExitCode::kOk;
  }
  const auto receipt = session.orchestrator().place(request);
  const auto exit_code = drive_or_warn(session, receipt, options);
  warn_of_violations(session, receipt);
  session.print([&] { return receipt.json; }, [&] { return receipt_table(session, receipt); });
  return exit_code;
}

}  // namespace

void add_place_command(CommandLine& line) {
  auto options = std::make_shared<PlaceOptions>();
  auto* verb = add_verb(line, &line.app, "place", "Place a batch of orders and print its receipt",
                        "place orders.json --idempotency-key morning-1\n"
                        "  orchestrator place basket.csv --portfolio-id 1 --wait",
                        [options](Session& session) { return place(session, *options); });
  verb->add_option("FILE", options->file, "JSON body or CSV basket; - for standard input")->required();
  verb->add_option("--format", options->format, "of the input [csv for *.csv, else json]")
      ->check(CLI::IsMember({"json", "csv"}));
  verb->add_option("--idempotency-key", options->idempotency_key,
                   "the same key and input again give the same receipt and no second order");
  verb->add_option("--policy", options->policy, "what one bad order does: refuse the batch, or itself [all]")
      ->check(CLI::IsMember({"all", "each"}));
  add_id(verb, "--portfolio-id", options->portfolio_id, "of the batch; a CSV basket needs it");
  add_id(verb, "--user-id", options->user_id, "who places it");
  verb->add_flag("--wait", options->wait, "until every order is acked, ended or in doubt");
  add_count(verb, "--wait-timeout", options->wait_timeout_s, 86'400, "seconds, for --wait [30]");
  verb->add_flag("--dry-run", options->dry_run, "validate and route; write and send nothing");
}

}  // namespace orchestrator::cli
