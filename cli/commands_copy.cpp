// `copy`: a stopped book moves to another database.
#include <atomic>

#include "cli/activity.hpp"
#include "cli/commands.hpp"
#include "orchestrator/copy.hpp"

namespace orchestrator::cli {
namespace {

struct CopyArguments {
  std::string from;
  std::string to;
};

CopyReport run(const Session& session, const CopyArguments& arguments) {
  std::atomic<std::size_t> done{0};
  std::atomic<std::size_t> total{0};
  const Activity activity("copying", [&] { return Activity::Progress{done, total}; });
  return copy_book({.from = arguments.from,
                    .to = arguments.to.empty() ? session.settings().database_url : arguments.to,
                    .busy_timeout = session.settings().busy_timeout,
                    .progress = [&](std::size_t so_far, std::size_t of) {
                      done = so_far;
                      total = of;
                    }});
}

std::string to_json(const CopyReport& report) {
  std::vector<std::string> tables;
  for (const auto& table : report.tables) {
    tables.push_back(json_object({{"name", quote(table.name)},
                                  {"rows", std::to_string(table.rows)},
                                  {"copied", std::to_string(table.copied)}}));
  }
  return json_object({{"rows", std::to_string(report.rows)},
                      {"copied", std::to_string(report.copied)},
                      {"resumed", report.resumed ? "true" : "false"},
                      {"verified", "true"},
                      {"tables", json_array(tables)}});
}

std::string text_of(const CopyReport& report, bool colour) {
  const auto cell = [](std::size_t count) { return number_cell(static_cast<std::int64_t>(count)); };
  Table table({"table", "rows", "copied"});
  for (const auto& row : report.tables) table.add({text_cell(row.name), cell(row.rows), cell(row.copied)});
  return table.text(colour) + "\nevery row is the same on both sides: " + std::to_string(report.rows) + "\n";
}

ExitCode copy(Session& session, const CopyArguments& arguments) {
  const CopyReport report = run(session, arguments);
  session.print([&] { return to_json(report); }, [&] { return text_of(report, session.colour()); });
  return ExitCode::kOk;
}

}  // namespace

void add_copy_command(CommandLine& line) {
  auto arguments = std::make_shared<CopyArguments>();
  auto* verb =
      add_verb(line, &line.app, "copy",
               "Copy a stopped book from SQLite to PostgreSQL and compare every row; given again after "
               "a kill it goes on",
               "copy --from sqlite:///orchestrator.db --to postgresql://desk@db/orders",
               [arguments](Session& session) { return copy(session, *arguments); });
  verb->add_option("--from", arguments->from, "sqlite:///relative.db or sqlite:////absolute/path.db")
      ->type_name("URL")
      ->required();
  verb->add_option("--to", arguments->to, "postgresql://user@host:port/database [DATABASE_URL]")
      ->type_name("URL");
}

}  // namespace orchestrator::cli
