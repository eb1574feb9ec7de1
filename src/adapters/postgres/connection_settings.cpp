// See the header.

#include "adapters/postgres/connection_settings.hpp"

#include <algorithm>

namespace orchestrator::postgres {

void add_defaults(Settings& settings, const PostgresOptions& options) {
  settings.try_emplace("connect_timeout", std::to_string(connect_patience(options).count()));
  settings.try_emplace("application_name", "orchestrator");
  settings.try_emplace("target_session_attrs", "read-write");
  settings.try_emplace("keepalives_idle", "30");
  // A server that vanished must not hold a statement longer than a slow one would.
  const auto silence = options.statement_timeout + std::chrono::seconds(5);
  settings.try_emplace("tcp_user_timeout", std::to_string(silence.count()));
  settings["client_encoding"] = "UTF8";
}

std::string to_connection_string(const Settings& settings) {
  std::string text;
  for (const auto& [keyword, value] : settings) {
    text += keyword + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "' ";
  }
  return text;
}

std::string place_of(const Settings& settings) {
  const auto value = [&settings](const char* keyword, const char* otherwise) {
    const auto found = settings.find(keyword);
    return found == settings.end() || found->second.empty() ? std::string(otherwise) : found->second;
  };
  return "database " + value("dbname", "of the user's name") + " at " + value("host", "the local socket") +
         ":" + value("port", "5432") + ": ";
}

std::string clean(std::string words, const Settings& settings) {
  if (const auto password = settings.find("password");
      password != settings.end() && !password->second.empty()) {
    for (auto at = words.find(password->second); at != std::string::npos;
         at = words.find(password->second, at + 3)) {
      words.replace(at, password->second.size(), "***");
    }
  }
  std::string line;
  for (const char c : words) {
    if (c == '\n') {
      line += "; ";
    } else if (c != '\t') {
      line += c;
    }
  }
  while (line.ends_with("; ")) line.resize(line.size() - 2);
  return line;
}

std::chrono::seconds connect_patience(const PostgresOptions& options) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(options.connect_timeout), std::chrono::seconds(2));
}

std::chrono::milliseconds answer_patience(const PostgresOptions& options,
                                          std::chrono::milliseconds statement_timeout) {
  return statement_timeout.count() == 0 ? statement_timeout : statement_timeout + connect_patience(options);
}

}  // namespace orchestrator::postgres
