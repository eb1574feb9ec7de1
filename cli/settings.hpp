// Settings of the program: where each comes from, and what it may be.
//
// Option > environment variable > `.env` in the working folder > default. A message about a bad setting
// says where it was read and never repeats its value: a database URL may hold a password.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "orchestrator/json.hpp"
#include "orchestrator/open.hpp"

namespace orchestrator::cli {

struct Settings {
  std::string database_url = "sqlite:///orchestrator.db";
  bool auto_migrate = true;
  std::string redis_url;
  std::string mock_ledger;
  std::string events_file;
  KafkaOptions kafka;
  std::chrono::milliseconds busy_timeout{5000};
  std::optional<std::string> tenant;  // given: only this tenant's batches and orders exist for us
  ReadLimits limits;
  EngineOptions engine;

  [[nodiscard]] bool publishes() const { return !events_file.empty() || !kafka.bootstrap_servers.empty(); }
};

// One row of the table of settings.
struct Setting {
  std::string_view option;    // "--price-collar"; empty: a secret, which a command line would show to others
  std::string_view variable;  // "ORCHESTRATOR_PRICE_COLLAR"
  std::string_view value;     // what --help calls the value; empty: a switch with a --no- twin
  std::string_view meaning;
  void (*set)(Settings&, std::string_view text);  // throws Error(configuration) without saying where
};

[[nodiscard]] std::span<const Setting> all_settings();

// The variables of a `.env` file, with the line each stands on.
struct EnvironmentLine {
  std::string value;
  std::size_t line = 0;
};
using EnvironmentFile = std::map<std::string, EnvironmentLine, std::less<>>;

// Lines of NAME=VALUE, with an optional `export ` before and a ` # comment` behind; VALUE plain, in 'single
// quotes' (taken as it is) or in "double quotes" (\n \t \" \\ \$ mean what they do in a shell's $"").
// Throws Error(configuration) naming the line.
[[nodiscard]] EnvironmentFile parse_environment_file(std::string_view text);
// The file of that name, or nothing when there is none.
[[nodiscard]] EnvironmentFile read_environment_file(const std::string& path);

// What the command line gave, by option name.
using OptionTexts = std::map<std::string, std::string, std::less<>>;

// The text of one setting, and where it stands, for messages. The command line counts first, then the
// environment, then the file; nullopt: it is nowhere.
struct SettingText {
  std::string text;
  std::string where;
};
[[nodiscard]] std::optional<SettingText> find_setting(std::string_view option, std::string_view variable,
                                                      const OptionTexts& options,
                                                      const EnvironmentFile& file);

[[nodiscard]] Settings resolve_settings(const OptionTexts& options, const EnvironmentFile& file);

[[nodiscard]] OpenOptions open_options(const Settings& settings);

}  // namespace orchestrator::cli
