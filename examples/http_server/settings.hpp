// The server's settings: the command line program's table, and what serving needs beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/settings.hpp"
#include "examples/http_server/http.hpp"

namespace orchestrator::http {

struct HttpSettings {
  std::uint16_t port = 8006;
  std::string bind = "127.0.0.1";
  std::string keys_file = {};
  std::int64_t requests_per_second = 1000;  // of each key; 0: no limit
  std::size_t threads = 64;
  std::string log_format = "text";
  std::string log_level = "info";
  std::size_t connections_max = 4096;
};

// What the command line asked for.
struct Invocation {
  HttpSettings http = {};
  cli::Settings engine = {};
  bool print_routes = false;
  std::optional<Caller> new_key = {};  // make a key for this owner
};

// nullopt: --help or --version was printed; end with `status`. Throws Error for a command line or setting
// that is wrong.
[[nodiscard]] std::optional<Invocation> read_invocation(int argc, char** argv, int& status);

}  // namespace orchestrator::http
