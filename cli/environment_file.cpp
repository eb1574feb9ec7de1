// Reading `.env`. A line that cannot be understood stops the program: a setting that is silently left out
// may be the one that limits the loss.
#include <filesystem>

#include "cli/input.hpp"
#include "cli/settings.hpp"

namespace orchestrator::cli {
namespace {

constexpr std::size_t kFileBytesMax = 65'536;

[[noreturn]] void refuse(std::size_t line, const std::string& why) {
  throw Error(ErrorCode::kConfiguration, ".env line " + std::to_string(line) + ": " + why);
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  if (text.empty() || !letter(text.front())) return false;
  for (const char c : text) {
    if (!letter(c) && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

std::string plain_value(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && (i == 0 || is_blank(text[i - 1]))) return std::string(trim(text.substr(0, i)));
  }
  return std::string(text);
}

char unescape(char c, std::size_t line) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '"':
    case '\\':
    case '$':
      return c;
    default:
      refuse(line, "only \\n, \\t, \\\", \\\\ and \\$ may follow a backslash in double quotes");
  }
}

// `text` begins with its quote.
std::string quoted_value(std::string_view text, std::size_t line) {
  const char quote = text.front();
  std::string value;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != quote; ++i) {
    if (quote == '"' && text[i] == '\\') {
      if (++i == text.size()) break;
      value += unescape(text[i], line);
    } else {
      value += text[i];
    }
  }
  if (i >= text.size()) refuse(line, "the closing quote is missing");
  const auto rest = trim(text.substr(i + 1));
  if (!rest.empty() && rest.front() != '#') refuse(line, "unexpected text after the closing quote");
  return value;
}

void read_line(std::string_view text, std::size_t line, EnvironmentFile& file) {
  if (text.find('\0') != std::string_view::npos) {
    refuse(line, "holds a NUL byte, at which a value would end unseen");
  }
  text = trim(text);
  if (text.empty() || text.front() == '#') return;
  if (text.starts_with("export") && text.size() > 6 && is_blank(text[6])) text = trim(text.substr(6));
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) refuse(line, "write NAME=VALUE");
  const auto name = text.substr(0, equals);
  if (!is_name(name)) {
    refuse(line, "a name consists of letters, digits and _, with no blank before the equals sign");
  }
  const auto value = trim(text.substr(equals + 1));
  const bool quoted = !value.empty() && (value.front() == '"' || value.front() == '\'');
  const auto [entry, fresh] = file.try_emplace(
      std::string(name), EnvironmentLine{quoted ? quoted_value(value, line) : plain_value(value), line});
  if (!fresh) {
    refuse(line, std::string(name) + " was set on line " + std::to_string(entry->second.line) + " already");
  }
}

}  // namespace

EnvironmentFile parse_environment_file(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  EnvironmentFile file;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    read_line(text.substr(0, end), line, file);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return file;
}

EnvironmentFile read_environment_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  return parse_environment_file(read_input(path, kFileBytesMax));
}

}  // namespace orchestrator::cli
