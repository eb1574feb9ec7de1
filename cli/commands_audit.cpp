// `audit`: checks everything that is stored, and shows who changed what.
#include "cli/activity.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"

#include <atomic>

namespace orchestrator::cli {
namespace {

struct AuditArguments {
  bool brokers = false;
  bool trail = false;
  std::string head;
  Page page;
};

ExitCode show_trail(Session& session, const Page& page) {
  const auto entries = session.orchestrator().audit_trail(page.after, page.limit);
  session.print(
      [&] {
        const bool more = entries.size() == page.limit;
        return json_object({{"entries", json_array_of(entries)},
                            {"next_cursor", more ? std::to_string(entries.back().id) : "null"}});
      },
      [&] {
        Table table({{"id"}, {"at"}, {"by"}, {"action"}, {"subject"}, {"detail"}});
        for (const auto& entry : entries) {
          table.add({number_cell(entry.id), time_cell(entry.at), text_cell(entry.by), text_cell(entry.action),
                     text_cell(entry.subject), text_cell(entry.detail)});
        }
        return table.text(session.colour());
      });
  return ExitCode::kOk;
}

AuditReport check(Session& session, const AuditArguments& arguments) {
  auto& orchestrator = session.orchestrator();
  std::atomic<std::size_t> done{0};
  std::atomic<std::size_t> total{0};
  const Activity activity("auditing", [&] { return Activity::Progress{done, total}; });
  return orchestrator.audit({.brokers = arguments.brokers,
                             .expected_head = arguments.head,
                             .progress = [&](std::size_t so_far, std::size_t of) {
                               done = so_far;
                               total = of;
                             }});
}

std::string text_of(const AuditReport& report, bool colour) {
  const auto count = [](std::size_t n) { return number_cell(static_cast<std::int64_t>(n)); };
  std::string text =
      facts({{"clean", {report.clean() ? "yes" : "no", false, report.clean() ? Tone::kGood : Tone::kBad}},
             {"batches", count(report.batches)},
             {"orders", count(report.orders)},
             {"executions", count(report.executions)},
             {"events", count(report.events)},
             {"broker_orders", count(report.broker_orders)},
             {"trail_entries", count(report.trail_entries)},
             {"trail_head", text_cell(report.trail_head)},
             {"findings", count(report.findings_total)}},
            colour);
  for (const auto& finding : report.findings) {
    text += clean(finding.check) + " " + clean(finding.subject) + ": " + clean(finding.detail) + "\n";
  }
  return text;
}

ExitCode audit(Session& session, const AuditArguments& arguments) {
  if (arguments.trail) return show_trail(session, arguments.page);
  const AuditReport report = check(session, arguments);
  session.print([&] { return to_json(report); }, [&] { return text_of(report, session.colour()); });
  return report.clean() ? ExitCode::kOk : ExitCode::kBreaks;
}

}  // namespace

void add_audit_command(CommandLine& line) {
  auto arguments = std::make_shared<AuditArguments>();
  auto* verb = add_verb(
      line, &line.app, "audit",
      "Check everything that is stored against everything else; exit status 10 when something "
      "does not add up",
      "audit --brokers --json", [arguments](Session& session) { return audit(session, *arguments); });
  verb->add_flag("--brokers", arguments->brokers, "the brokers' books against our orders, too");
  verb->add_option("--head", arguments->head, "the hash of an earlier trail_head, which must still be there")
      ->type_name("HASH");
  verb->add_flag("--trail", arguments->trail, "list the audit trail instead: who changed what, when and why");
  add_count(verb, "--limit", arguments->page.limit, 100'000, "most entries to show [100]");
  add_id(verb, "--after", arguments->page.after, "go on after this id: the next_cursor of the page before");
}

}  // namespace orchestrator::cli
