// `batch`: one batch, or a list of them.
#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

ExitCode show(Session& session, BatchId id) {
  const auto batch = session.batch(id);
  session.print([&] { return to_json(batch); },
                [&] {
                  const auto count = [](std::int32_t n) { return text_cell(std::to_string(n)); };
                  return facts({{"id", text_cell(std::to_string(batch.id))},
                                {"portfolio_id", text_cell(std::to_string(batch.portfolio_id))},
                                {"status", text_cell(to_string(batch.status))},
                                {"idempotency_key", text_cell(batch.idempotency_key)},
                                {"created_at", time_cell(batch.created_at)},
                                {"total_orders", count(batch.total_orders)},
                                {"open_orders", count(batch.open_orders)},
                                {"filled_orders", count(batch.filled_orders)},
                                {"executed_orders", count(batch.executed_orders)},
                                {"cancelled_orders", count(batch.cancelled_orders)},
                                {"rejected_orders", count(batch.rejected_orders)}},
                               session.colour()) +
                         "\n" + order_table(session, session.orders_of(id));
                });
  return ExitCode::kOk;
}

struct ListOptions {
  BatchQuery query;
  Page page;
  std::string status;
  std::string idempotency_key;
};

ExitCode list(Session& session, const ListOptions& options) {
  auto query = options.query;
  query.tenant = session.settings().tenant;
  if (!options.status.empty()) query.status = parse_batch_status(options.status);
  if (!options.idempotency_key.empty()) query.idempotency_key = options.idempotency_key;
  apply_page(options.page, query);
  auto batches = session.orchestrator().batches(query);
  const auto next_cursor = cut_to_page(options.page, batches);
  if (next_cursor && !session.json()) {
    session.note("There are more: go on with --after " + std::to_string(*next_cursor));
  }
  session.print(
      [&] {
        return json_object({{"batches", json_array_of(batches)},
                            {"next_cursor", next_cursor ? std::to_string(*next_cursor) : "null"}});
      },
      [&] {
        Table table({"id", "portfolio_id", "total_orders", "open_orders", "filled_orders", "rejected_orders",
                     "status", "created_at", "idempotency_key"});
        for (const auto& batch : batches) {
          table.add({number_cell(batch.id), number_cell(batch.portfolio_id), number_cell(batch.total_orders),
                     number_cell(batch.open_orders), number_cell(batch.filled_orders),
                     number_cell(batch.rejected_orders), text_cell(to_string(batch.status)),
                     time_cell(batch.created_at), text_cell(batch.idempotency_key)});
        }
        return table.text(session.colour());
      });
  return ExitCode::kOk;
}

ExitCode cancel(Session& session, BatchId id) {
  const auto batch = session.batch(id);
  session.orchestrator().cancel_batch(batch.id, session.settings().engine.operator_name);
  session.catch_up();
  print_orders(session, session.orders_of(batch.id), std::nullopt);
  return ExitCode::kOk;
}

}  // namespace

void add_batch_commands(CommandLine& line) {
  auto* group = add_group(line, "batch", "Show and cancel batches");

  auto get_id = std::make_shared<BatchId>(0);
  auto* get = add_verb(line, group, "get", "Show one batch", "batch get 3",
                       [get_id](Session& session) { return show(session, *get_id); });
  add_id(get, "BATCH_ID", *get_id, "the batch")->required();

  auto options = std::make_shared<ListOptions>();
  auto* list_verb = add_verb(line, group, "list", "List batches", "batch list --newest --limit 10",
                             [options](Session& session) { return list(session, *options); });
  add_id(list_verb, "--portfolio-id", options->query.portfolio_id, "of this portfolio");
  list_verb->add_option("--status", options->status, "of this status")
      ->check(CLI::IsMember(
          {"pending", "processing", "completed", "partially_completed", "cancelled", "failed"}));
  list_verb->add_option("--idempotency-key", options->idempotency_key, "placed under this key");
  add_page(list_verb, options->page);

  auto cancel_id = std::make_shared<BatchId>(0);
  auto* cancel_verb =
      add_verb(line, group, "cancel", "Ask for the cancel of every open order of a batch", "batch cancel 3",
               [cancel_id](Session& session) { return cancel(session, *cancel_id); });
  add_id(cancel_verb, "BATCH_ID", *cancel_id, "the batch")->required();
}

}  // namespace orchestrator::cli
