// The table of settings as options of a command line, and command lines that may hold a password. Shared by
// the programs that open an orchestrator.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "cli/settings.hpp"

namespace orchestrator::cli {

// What the command line gave, by option name: see resolve_settings().
using GivenSettings = OptionTexts;

void add_settings(CLI::App& app, GivenSettings& given);

// Blots the password of a URL out of a word.
void hide_passwords(char* word);
// A message of the parser, which repeats words of the command line, without them.
[[nodiscard]] std::string without_passwords(std::string message, int argc, const char* const* argv);

// A copy of the command line; in the original, which everybody on the machine can read as long as the program
// runs, the passwords are blotted out.
class HiddenWords {
 public:
  HiddenWords(int argc, char** argv);
  HiddenWords(const HiddenWords&) = delete;
  HiddenWords& operator=(const HiddenWords&) = delete;

  [[nodiscard]] int argc() const { return static_cast<int>(pointers_.size()); }
  [[nodiscard]] char** argv() { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

}  // namespace orchestrator::cli
