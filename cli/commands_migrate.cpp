// `migrate`: the database's schema, by itself; the other commands bring it up to date when they open it.
#include <algorithm>

#include "cli/commands.hpp"
#include "cli/options.hpp"

namespace orchestrator::cli {
namespace {

OpenOptions schema_options(const Session& session, bool create) {
  auto options = open_options(session.settings());
  options.migrate = false;
  options.create = create;
  return options;
}

// Only an up-to-date database can be looked into; any other may hold some.
bool holds_batches(const Session& session, const MigrationStatus& status) {
  if (status.version == 0) return false;
  if (status.version != status.latest) return true;
  auto options = schema_options(session, false);
  options.mock_ledger = "memory:";
  options.events_file.clear();
  BatchQuery query;
  query.limit = 1;
  return !open(std::move(options))->batches(query).empty();
}

ExitCode show(Session& session, const MigrationStatus& status) {
  session.print(
      [&] {
        std::vector<std::string> steps;
        for (const auto& step : status.steps) {
          steps.push_back(json_object({{"version", std::to_string(step.version)},
                                       {"name", quote(step.name)},
                                       {"applied", step.applied ? "true" : "false"}}));
        }
        return json_object({{"version", std::to_string(status.version)},
                            {"latest", std::to_string(status.latest)},
                            {"steps", json_array(steps)}});
      },
      [&] {
        Table table({"version", "name", "applied"});
        for (const auto& step : status.steps) {
          table.add(
              {number_cell(step.version), text_cell(step.name), text_cell(step.applied ? "yes" : "no")});
        }
        return "schema version " + std::to_string(status.version) + " of " + std::to_string(status.latest) +
               "\n\n" + table.text(session.colour());
      });
  return ExitCode::kOk;
}

// Read before the database is touched.
std::optional<int> parse_version(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto version = parse_integer(text);
  if (!version || *version < 0 || *version > 9999) {
    throw Error(ErrorCode::kInvalidArgument, "--to must be a schema version: a whole number from 0 to 9999");
  }
  return static_cast<int>(*version);
}

ExitCode up(Session& session, const std::string& to) {
  const auto target = parse_version(to);
  const auto options = schema_options(session, true);
  const auto status = migration_status(options);
  if (target && *target < status.version) {
    throw Error(ErrorCode::kInvalidArgument,
                "the database is above that version: `migrate down` takes steps back");
  }
  return show(session, migrate(options, target.value_or(-1)));
}

ExitCode down(Session& session, const std::string& to, bool confirmed) {
  const auto wanted = parse_version(to);
  const auto options = schema_options(session, false);
  const auto status = migration_status(options);
  const auto target = wanted.value_or(std::max(status.version - 1, 0));
  if (target > status.version) {
    throw Error(ErrorCode::kInvalidArgument, "the database is below that version: `migrate up` goes there");
  }
  if (target < status.version && !confirmed && holds_batches(session, status)) {
    throw Error(ErrorCode::kInvalidState,
                "taking a migration back loses what its tables hold, and this database may hold orders: keep "
                "a copy and confirm with --yes");
  }
  return show(session, migrate(options, target));
}

ExitCode status(Session& session) { return show(session, migration_status(schema_options(session, false))); }

}  // namespace

void add_migrate_commands(CommandLine& line) {
  auto* group = add_group(line, "migrate", "Show and change the schema of the database");

  auto up_to = std::make_shared<std::string>();
  auto* up_verb = add_verb(line, group, "up", "Apply what is missing; a missing file is created",
                           "migrate up", [up_to](Session& session) { return up(session, *up_to); });
  up_verb->add_option("--to", *up_to, "stop at this version [the latest]")->type_name("VERSION");

  auto down_to = std::make_shared<std::string>();
  auto confirmed = std::make_shared<bool>(false);
  auto* down_verb = add_verb(line, group, "down", "Take migrations back; what their tables hold is lost",
                             "migrate down --to 0 --yes", [down_to, confirmed](Session& session) {
                               return down(session, *down_to, *confirmed);
                             });
  down_verb->add_option("--to", *down_to, "go back to this version [one step]")->type_name("VERSION");
  down_verb->add_flag("--yes", *confirmed, "also when the database holds orders");

  add_verb(line, group, "status", "List the migrations and which are applied", "migrate status", status);
}

}  // namespace orchestrator::cli
