// The command line program: it parses, calls the library and prints. No rule of the business lives here.
//
// This file sets up: the command line, then the settings, then one action inside one session.
#include <csignal>
#include <exception>
#include <stdexcept>
#include <string_view>

#include "cli/commands.hpp"
#include "cli/setting_options.hpp"
#include "core/failpoint.hpp"
#include "orchestrator/version.hpp"

namespace orchestrator::cli {
namespace {

std::string exit_code_help() {
  std::string text = "Exit status:\n";
  for (const auto& [code, meaning] : kExitCodes) {
    const auto number = std::to_string(static_cast<int>(code));
    text += std::string(4 - number.size(), ' ') + number + "  " + std::string(meaning) + "\n";
  }
  return text;
}

void add_commands(CommandLine& line) {
  add_place_command(line);
  add_order_commands(line);
  add_batch_commands(line);
  add_reconcile_command(line);
  add_operate_commands(line);
  add_broker_commands(line);
  add_event_commands(line);
  add_instrument_commands(line);
  add_limit_commands(line);
  add_route_commands(line);
  add_audit_command(line);
  add_migrate_commands(line);
  add_copy_command(line);
  add_completion_command(line);
}

// An empty value is nearly always a variable that was not set, and taken as `not given` it would widen what a
// command does. Asked as a check, before the option's own text is read.
void refuse_empty_values(CLI::App& app) {
  for (auto* option : app.get_options(nullptr)) {
    if (option->get_items_expected_max() == 0) continue;  // a switch
    option->check([option](const std::string& text) -> std::string {
      if (!text.empty()) return {};
      throw Error(ErrorCode::kInvalidArgument, option->get_name() + " must not be empty");
    });
  }
  for (auto* verb : app.get_subcommands([](CLI::App*) { return true; })) refuse_empty_values(*verb);
}

// The parser would take the next word for the value of `--name=`.
void refuse_missing_values(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return;
    if (!word.starts_with("--") || word.find('=') != word.size() - 1) continue;
    throw Error(ErrorCode::kInvalidArgument,
                std::string(word.substr(0, word.size() - 1)) + " must not be empty");
  }
}

// For a command line that does not parse: did it ask for JSON?
bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return false;
    if (word == "--json") return true;
  }
  return false;
}

int parse_and_run(int argc, char** argv) {
  CommandLine line;
  GivenSettings given;
  bool json = false;
  line.app.name("orchestrator");
  line.app.description("Places orders with brokers: each at most once, none lost, every figure exact.");
  line.app.set_version_flag("--version", "orchestrator " ORCHESTRATOR_VERSION);
  line.app.add_flag("--json", json, "print exactly one JSON document on standard output");
  line.app.require_subcommand(1);
  line.app.footer("Example:\n  orchestrator place orders.json --idempotency-key morning-1 --wait\n\n" +
                  exit_code_help());
  add_settings(line.app, given);
  add_commands(line);
  refuse_empty_values(line.app);
  refuse_missing_values(argc, argv);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return line.app.exit(asked);
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorCode::kInvalidArgument,
                without_passwords(error.what(), argc, argv) + " (--help shows what is expected)");
  } catch (const std::logic_error& error) {  // how the parser refuses --switch=text
    throw Error(ErrorCode::kInvalidArgument,
                "a switch takes no value but true or false: " + without_passwords(error.what(), argc, argv));
  }
  Session session(resolve_settings(given, read_environment_file(".env")), json);
  return static_cast<int>(line.action(session));
}

}  // namespace
}  // namespace orchestrator::cli

int main(int argc, char** argv) {
  using orchestrator::Error;
  using orchestrator::ErrorCode;
  namespace cli = orchestrator::cli;
  std::signal(SIGPIPE, SIG_IGN);  // until results are printed
  const bool json = cli::asks_for_json(argc, argv);
  cli::HiddenWords words(argc, argv);
  ORCHESTRATOR_FAILPOINT("cli.started");
  try {
    return cli::parse_and_run(words.argc(), words.argv());
  } catch (const Error& error) {
    return cli::report(error, json);
  } catch (const std::exception& error) {
    return cli::report(Error(ErrorCode::kInternal, error.what()), json);
  }
}
