#include "cli/setting_options.hpp"

#include <cstring>
#include <string_view>

namespace orchestrator::cli {
namespace {

void blot_out(char* begin, const char* end) {
  for (; begin < end; ++begin) *begin = '*';
}

}  // namespace

void add_settings(CLI::App& app, GivenSettings& given) {
  // A switch takes no value: what releases of the option parser make of `--strict=maybe` differs.
  app.option_defaults()->disable_flag_override();
  for (const auto& setting : all_settings()) {
    const std::string option(setting.option);
    if (option.empty()) continue;
    const auto description = std::string(setting.meaning) + "; " + std::string(setting.variable);
    auto* added =
        setting.value.empty()
            ? app.add_flag_function(
                  option + ",!--no-" + option.substr(2),
                  [&given, option](std::int64_t count) { given[option] = count > 0 ? "1" : "0"; },
                  description)
            : app.add_option_function<std::string>(
                     option, [&given, option](const std::string& text) { given[option] = text; }, description)
                  ->type_name(std::string(setting.value));
    added->group("Settings");
  }
}

// Everybody on the machine can read a command line as long as the program runs, and messages go to logs; so
// the password of a URL stays in neither. Of what stands in front of the last @ all counts as the password:
// it may hold any character.
void hide_passwords(char* word) {
  char* authority = std::strstr(word, "://");
  if (authority == nullptr) return;
  authority += 3;
  const std::string_view rest(authority);
  const auto colon = rest.find(':');
  const auto at = rest.rfind('@');
  if (at != std::string_view::npos && colon < at) blot_out(authority + colon + 1, authority + at);
  for (char* found = std::strstr(authority, "password="); found != nullptr;
       found = std::strstr(found, "password=")) {
    found += std::strlen("password=");
    blot_out(found, found + std::strcspn(found, "&"));
  }
}

std::string without_passwords(std::string message, int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    std::string shown = word;
    hide_passwords(shown.data());
    if (shown == word) continue;
    // Of --name=value it may repeat the value alone.
    const std::size_t value = word.starts_with("--") ? word.find('=') + 1 : 0;
    for (const std::size_t from : {std::size_t{0}, value}) {
      if (word.substr(from) == shown.substr(from)) continue;
      for (auto at = message.find(word.substr(from)); at != std::string::npos;
           at = message.find(word.substr(from))) {
        message.replace(at, word.size() - from, shown.substr(from));
      }
    }
  }
  return message;
}

HiddenWords::HiddenWords(int argc, char** argv) : words_(argv, argv + argc) {
  for (int i = 1; i < argc; ++i) hide_passwords(argv[i]);
  for (auto& word : words_) pointers_.push_back(word.data());
}

}  // namespace orchestrator::cli
