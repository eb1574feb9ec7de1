#include "examples/http_server/settings.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdlib>

#include "cli/input.hpp"
#include "cli/setting_options.hpp"
#include "examples/http_server/access.hpp"
#include "orchestrator/version.hpp"

namespace orchestrator::http {
namespace {

struct HttpSetting {
  std::string_view option;
  std::string_view variable;
  std::string_view value;
  std::string_view meaning;
  void (*set)(HttpSettings&, const std::string& text);
};

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::kConfiguration, why); }

std::int64_t count(const std::string& text, std::int64_t low, std::int64_t high) {
  const auto number = cli::parse_integer(text);
  if (number && *number >= low && *number <= high) return *number;
  refuse("must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
}

std::string word(const std::string& text, std::initializer_list<std::string_view> allowed) {
  std::string list;
  for (const auto candidate : allowed) {
    if (text == candidate) return text;
    list += (list.empty() ? "" : ", ") + std::string(candidate);
  }
  refuse("must be one of " + list);
}

constexpr std::array kSettings{
    HttpSetting{"--port", "ORCHESTRATOR_HTTP_PORT", "PORT", "to listen on; 0: any that is free [8006]",
                [](HttpSettings& to, const std::string& text) {
                  to.port = static_cast<std::uint16_t>(count(text, 0, 65'535));
                }},
    HttpSetting{"--bind", "ORCHESTRATOR_HTTP_BIND", "ADDRESS",
                "to listen on; another than loopback needs a keys file [127.0.0.1]",
                [](HttpSettings& to, const std::string& text) { to.bind = text; }},
    HttpSetting{"--keys-file", "ORCHESTRATOR_HTTP_KEYS_FILE", "FILE", "API keys, hashed [none]",
                [](HttpSettings& to, const std::string& text) { to.keys_file = text; }},
    HttpSetting{"--requests-per-second", "ORCHESTRATOR_HTTP_REQUESTS_PER_SECOND", "N",
                "of each API key; 0: no limit [1000]",
                [](HttpSettings& to, const std::string& text) {
                  to.requests_per_second = count(text, 0, 1'000'000);
                }},
    HttpSetting{"--threads", "ORCHESTRATOR_HTTP_THREADS", "N", "that answer requests [64]",
                [](HttpSettings& to, const std::string& text) {
                  to.threads = static_cast<std::size_t>(count(text, 16, 1024));
                }},
    HttpSetting{"--max-connections", "ORCHESTRATOR_HTTP_MAX_CONNECTIONS", "N", "at once [4096]",
                [](HttpSettings& to, const std::string& text) {
                  to.connections_max = static_cast<std::size_t>(count(text, 1, 1'000'000));
                }},
    HttpSetting{"--log-format", "ORCHESTRATOR_HTTP_LOG_FORMAT", "WORD", "text or json [text]",
                [](HttpSettings& to, const std::string& text) {
                  to.log_format = word(text, {"text", "json"});
                }},
    HttpSetting{"--log-level", "ORCHESTRATOR_HTTP_LOG_LEVEL", "WORD", "debug, info, warning or error [info]",
                [](HttpSettings& to, const std::string& text) {
                  to.log_level = word(text, {"debug", "info", "warning", "error"});
                }},
};

HttpSettings resolve(const cli::GivenSettings& given, const cli::EnvironmentFile& file) {
  HttpSettings settings;
  for (const auto& setting : kSettings) {
    const auto found = cli::find_setting(setting.option, setting.variable, given, file);
    if (!found) continue;
    try {
      setting.set(settings, found->text);
    } catch (const Error& error) {
      refuse(found->where + ": " + error.what());
    }
  }
  return settings;
}

void add_http_settings(CLI::App& app, cli::GivenSettings& given) {
  for (const auto& setting : kSettings) {
    const std::string option(setting.option);
    app.add_option_function<std::string>(
           option, [&given, option](const std::string& text) { given[option] = text; },
           std::string(setting.meaning) + "; " + std::string(setting.variable))
        ->type_name(std::string(setting.value))
        ->group("Server");
  }
}

// Whose key `key` is to make.
struct KeyWords {
  Caller owner = {};
  std::string role = "read";
};

CLI::App* add_key_command(CLI::App& app, KeyWords& words) {
  auto* key = app.add_subcommand("key", "Make an API key, add it to the keys file and print it, this once");
  key->add_option("name", words.owner.name, "of its owner, for the log")->required();
  key->add_option("--role", words.role, "read, trade or operate [read]");
  key->add_option("--of-tenant", words.owner.tenant,
                  "whose orders it sees and places; an operate key sees all");
  return key;
}

Caller owner_of_key(KeyWords words) {
  const auto known = parse_role(words.role);
  if (!known) refuse("--role must be read, trade or operate");
  words.owner.role = *known;
  return std::move(words.owner);
}

}  // namespace

std::optional<Invocation> read_invocation(int argc, char** argv, int& status) {
  CLI::App app("Serves the order orchestrator over HTTP.", "orchestrator_http");
  app.set_version_flag("--version", "orchestrator_http " ORCHESTRATOR_VERSION);
  cli::GivenSettings given;
  cli::add_settings(app, given);
  add_http_settings(app, given);
  Invocation result;
  auto* routes = app.add_subcommand("routes", "Print the table of routes and end");
  bool json = false;
  routes->add_flag("--json", json, "as one JSON document, which is the only form");
  KeyWords key_words;
  const auto* key = add_key_command(app, key_words);
  cli::HiddenWords words(argc, argv);
  try {
    app.parse(words.argc(), words.argv());
  } catch (const CLI::Success& asked) {
    status = app.exit(asked);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    refuse(cli::without_passwords(error.what(), words.argc(), words.argv()) +
           " (--help shows what is expected)");
  }
  result.print_routes = routes->parsed();
  const auto file = cli::read_environment_file(".env");
  result.engine = cli::resolve_settings(given, file);
  result.http = resolve(given, file);
  if (key->parsed()) result.new_key = owner_of_key(std::move(key_words));
  return result;
}

}  // namespace orchestrator::http
