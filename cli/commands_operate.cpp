// `settle`, `recover`, `halt`, `resume`, `health`: what an operator does to the whole.
#include "cli/activity.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

Cell count_cell(std::size_t count) { return number_cell(static_cast<std::int64_t>(count)); }

ExitCode settle(Session& session, Date as_of) {
  auto& orchestrator = session.orchestrator();
  SettleResult result;
  {
    const Activity activity("settling");
    result = orchestrator.settle(as_of, session.settings().engine.operator_name);
  }
  session.catch_up();
  session.print(
      [&] {
        std::vector<std::string> ids;
        for (const auto id : result.settled) ids.push_back(std::to_string(id));
        return json_object({{"as_of", quote(to_string(as_of))},
                            {"settled", json_array(ids)},
                            {"not_due", std::to_string(result.not_due)}});
      },
      [&] {
        return facts({{"as_of", text_cell(to_string(as_of))},
                      {"settled", count_cell(result.settled.size())},
                      {"not_due", count_cell(result.not_due)}},
                     session.colour());
      });
  return ExitCode::kOk;
}

ExitCode recover(Session& session, std::size_t patience_s) {
  auto& orchestrator = session.orchestrator();
  const auto before = orchestrator.health().unknown_orders;
  RecoveryReport report;
  {
    const Activity activity("recovering", [&orchestrator, before] {
      const auto left = orchestrator.health().unknown_orders;
      return Activity::Progress{before > left ? before - left : 0, before};
    });
    report = orchestrator.recover(std::chrono::seconds(patience_s));
  }
  session.catch_up();
  const auto after = orchestrator.health();
  if (after.parked_orders > 0) {
    session.warn("orders parked: " + std::to_string(after.parked_orders) +
                 "; their broker cannot tell, look there and decide with `orchestrator order resolve`");
  }
  if (after.unknown_orders > 0) {
    session.warn("orders still in doubt: " + std::to_string(after.unknown_orders) +
                 "; run recover again later");
  }
  session.print([&] { return to_json(report); },
                [&] {
                  return facts({{"abandoned", count_cell(report.abandoned)},
                                {"adopted", count_cell(report.adopted)},
                                {"resent", count_cell(report.resent)},
                                {"parked", count_cell(report.parked)},
                                {"waiting", count_cell(report.waiting)},
                                {"sent", count_cell(report.sent)},
                                {"reports", count_cell(report.reports)}},
                               session.colour());
                });
  return ExitCode::kOk;
}

struct HaltOptions {
  PortfolioId portfolio_id = 0;
  std::string broker;
  std::string reason;
  bool cancel_only = false;
};

Halt scope_of(const HaltOptions& options) {
  Halt halt;
  if (options.portfolio_id != 0) {
    halt.scope = ControlScope::kPortfolio;
    halt.target = std::to_string(options.portfolio_id);
  } else if (!options.broker.empty()) {
    halt.scope = ControlScope::kBroker;
    halt.target = options.broker;
  }
  return halt;
}

std::string words(const Halt& halt) {
  switch (halt.scope) {
    case ControlScope::kAll:
      return "everything";
    case ControlScope::kPortfolio:
      return "portfolio " + halt.target;
    case ControlScope::kBroker:
      return "broker " + clean(halt.target);
  }
  return {};
}

ExitCode halt(Session& session, const HaltOptions& options) {
  const auto wanted = scope_of(options);
  const HaltMode mode = options.cancel_only ? HaltMode::kCancelOnly : HaltMode::kHalt;
  session.orchestrator().halt(wanted.scope, wanted.target, options.reason, mode);
  Halt stored = wanted;
  for (const auto& row : session.orchestrator().reference().halts()) {
    if (row.scope == wanted.scope && row.target == wanted.target) stored = row;
  }
  session.print(
      [&] { return to_json(stored); },
      [&] {
        return "halted " + words(stored) +
               (options.cancel_only ? ": only cancels leave\n" : ": nothing leaves, no cancel either\n");
      });
  return ExitCode::kOk;
}

ExitCode resume(Session& session, const HaltOptions& options) {
  const auto wanted = scope_of(options);
  const bool resumed = session.orchestrator().resume(wanted.scope, wanted.target);
  session.print(
      [&] {
        return json_object({{"resumed", resumed ? "true" : "false"}});
      },
      [&] { return (resumed ? "resumed " : "was not halted: ") + words(wanted) + "\n"; });
  return ExitCode::kOk;
}

std::string dependency_table(const Session& session, const std::vector<Dependency>& dependencies) {
  Table table({"role", "name", "version", "location", "latency_us", "state", "detail"});
  for (const auto& dependency : dependencies) {
    const bool ok = dependency.state == DependencyState::kOk;
    const auto or_dash = [](const std::string& text) { return text_cell(text.empty() ? "-" : text); };
    table.add({text_cell(dependency.role),
               text_cell(dependency.name),
               or_dash(dependency.version),
               or_dash(dependency.location),
               {dependency.latency ? std::to_string(dependency.latency->count()) : "-", true, Tone::kPlain},
               {std::string(to_string(dependency.state)), false, ok ? Tone::kGood : Tone::kBad},
               or_dash(dependency.detail)});
  }
  return table.text(session.colour());
}

ExitCode health(Session& session) {
  auto health = session.orchestrator().health();
  health.brokers.clear();  // circuits belong to a process, and this one has called nobody yet
  session.print([&] { return to_json(health); },
                [&] {
                  std::vector<std::pair<std::string, Cell>> rows{
                      {"ok", {health.ok ? "yes" : "no", false, health.ok ? Tone::kGood : Tone::kBad}},
                      {"unknown_orders", count_cell(health.unknown_orders)},
                      {"parked_orders", count_cell(health.parked_orders)},
                      {"outbox_rows", number_cell(health.outbox.rows)},
                      {"outbox_oldest", time_cell(health.outbox.oldest)}};
                  for (const auto& halt : health.halts) {
                    rows.emplace_back(halt.mode == HaltMode::kHalt ? "halted" : "cancel_only",
                                      text_cell(words(halt) + ": " + halt.reason));
                  }
                  if (!health.detail.empty()) rows.emplace_back("detail", text_cell(health.detail));
                  return facts(rows, session.colour()) + "\n" +
                         dependency_table(session, health.dependencies);
                });
  return health.ok ? ExitCode::kOk : ExitCode::kHalted;
}

void add_scope(CLI::App* verb, const std::shared_ptr<HaltOptions>& options) {
  auto* portfolio = add_id(verb, "--portfolio-id", options->portfolio_id, "only this portfolio");
  auto* broker = verb->add_option("--broker", options->broker, "only this broker")->type_name("NAME");
  portfolio->excludes(broker);
}

}  // namespace

void add_operate_commands(CommandLine& line) {
  auto as_of = std::make_shared<Date>();
  auto* settle_verb =
      add_verb(line, &line.app, "settle", "Settle what is due on or before a day",
               "settle --as-of 2026-01-06", [as_of](Session& session) { return settle(session, *as_of); });
  add_day(settle_verb, "--as-of", *as_of, "the day")->required();

  auto patience_s = std::make_shared<std::size_t>(5);
  auto* recover_verb = add_verb(
      line, &line.app, "recover", "Find what an earlier run left in doubt, and settle it by broker evidence",
      "recover --json", [patience_s](Session& session) { return recover(session, *patience_s); });
  add_count(recover_verb, "--wait-timeout", *patience_s, 86'400,
            "seconds to go on asking while a broker's answer is awaited [5]");

  auto halt_options = std::make_shared<HaltOptions>();
  auto* halt_verb = add_verb(line, &line.app, "halt", "Refuse new orders and send nothing any more",
                             "halt --portfolio-id 1 --reason 'limit breach'",
                             [halt_options](Session& session) { return halt(session, *halt_options); });
  add_scope(halt_verb, halt_options);
  halt_verb->add_flag("--cancel-only", halt_options->cancel_only, "let cancels through");
  halt_verb->add_option("--reason", halt_options->reason, "why; shown with every refusal")->required();

  auto resume_options = std::make_shared<HaltOptions>();
  auto* resume_verb =
      add_verb(line, &line.app, "resume", "Take a halt back", "resume --portfolio-id 1",
               [resume_options](Session& session) { return resume(session, *resume_options); });
  add_scope(resume_verb, resume_options);

  add_verb(line, &line.app, "health", "Tell whether new orders are accepted; exit status 7 when not",
           "health --json", health);
}

}  // namespace orchestrator::cli
