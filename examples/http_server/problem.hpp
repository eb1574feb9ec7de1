// Refusals as RFC 9457 problem documents. The `code` is the library's error code where the library refused,
// and one of the server's own words (not_authenticated, too_large, ...) where HTTP did.
#pragma once

#include <string>
#include <string_view>

#include "examples/http_server/http.hpp"
#include "examples/http_server/log.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::http {

// What the server itself refuses. Thrown by handlers and by Access; answered as a problem document.
struct Refusal {
  int status = 400;
  std::string code = {};                                          // stable snake_case
  std::string detail = {};                                        // for people
  std::vector<std::pair<std::string, std::string>> headers = {};  // Retry-After, Allow, WWW-Authenticate
};

[[nodiscard]] int status_of(ErrorCode code);
[[nodiscard]] Response problem(const Error& error, std::string_view request_id);
// The same for who asked. Only an operator is told what is about the server itself, or why orders are
// stopped: it may name databases, and orders of other tenants. The log has the former in full.
[[nodiscard]] Response problem(const Error& error, const Request& request, Log& log);
[[nodiscard]] Response problem(const Refusal& refusal, std::string_view request_id);

}  // namespace orchestrator::http
