// PostgreSQL URLs: read, or refused without a word of theirs; and no message shows the password.
#include "adapters/postgres/connection_settings.hpp"
#include "fuzz/target.hpp"

namespace orchestrator::fuzz {
namespace {

void run(std::string_view bytes) {
  const std::string url(bytes);
  const auto settings = accepted({ErrorCode::kConfiguration}, [&] { return postgres::read_url(url); });
  if (!settings) return;
  auto complete = *settings;
  postgres::add_defaults(complete, {.url = url});
  for (const auto& [keyword, value] : *settings) {
    if (keyword == "client_encoding") continue;
    require(complete.at(keyword) == value, "a default changes nothing that was said: " + keyword);
  }
  require(postgres::to_connection_string(complete).find('\0') == std::string::npos, "a text of C");

  const auto password = complete.find("password");
  if (password == complete.end() || password->second.empty()) return;
  const std::string said = postgres::clean("no entry for \"" + password->second + "\"\nhint", complete);
  require(said.find('\n') == std::string::npos, "a message is one line");
  const bool part_of_ours =
      std::string_view("no entry for \"***\"; hint").find(password->second) != std::string::npos;
  require(part_of_ours || said.find(password->second) == std::string::npos, "no message holds the password");
}

const Registration kRegistered({"postgres_url", run});

}  // namespace
}  // namespace orchestrator::fuzz
