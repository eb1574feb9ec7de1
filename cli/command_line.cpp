#include "cli/commands.hpp"

namespace orchestrator::cli {

CLI::App* add_group(CommandLine& line, const std::string& name, const std::string& description) {
  auto* group = line.app.add_subcommand(name, description);
  group->require_subcommand(1);
  group->fallthrough();
  group->footer("Example:\n  orchestrator " + name + " VERB --help");
  return group;
}

CLI::App* add_verb(CommandLine& line, CLI::App* parent, const std::string& name,
                   const std::string& description, const std::string& example, Action action) {
  auto* verb = parent->add_subcommand(name, description);
  verb->fallthrough();  // --json and the settings may stand behind the verb
  verb->footer("Example:\n  orchestrator " + example +
               "\n\n--json and the settings of `orchestrator --help` go with every command.");
  verb->callback([&line, action = std::move(action)] { line.action = action; });
  return verb;
}

}  // namespace orchestrator::cli
