// Where a Redis is, read from its URL.
#pragma once

#include <string>
#include <string_view>

namespace orchestrator::redis {

struct Place {
  bool tls = false;
  std::string user = {};
  std::string password = {};  // empty: no login
  std::string host = {};
  int port = 6379;
  int database = 0;

  // Without user and password: for messages.
  [[nodiscard]] std::string shown() const;
};

// Throws Error(configuration) and repeats nothing of the URL: who forgot to escape a character of the
// password would read the rest of it as a host or a port.
[[nodiscard]] Place parse_url(std::string_view url);

}  // namespace orchestrator::redis
