// The server's words, on standard error.
#pragma once

#include <chrono>
#include <string_view>

#include "examples/http_server/http.hpp"

namespace orchestrator::http {

class Log {
 public:
  Log(std::string_view format, std::string_view level);  // text | json; debug | info | warning | error
  void answered(const Request& request, std::string_view route, int status,
                std::chrono::microseconds duration);
  void info(std::string_view sentence);
  void warn(std::string_view sentence);
};

}  // namespace orchestrator::http
