#include "examples/http_server/access.hpp"

#include "examples/http_server/problem.hpp"

namespace orchestrator::http {
namespace {

// `host` or `host:port`.
bool is_loopback_host(std::string_view host) {
  const auto close = host.find(']');
  const auto colon = host.find(':', close == std::string_view::npos ? 0 : close);
  const auto name = host.substr(0, colon);
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

bool is_loopback_origin(std::string_view origin) {
  if (!origin.starts_with("http://")) return false;
  return is_loopback_host(origin.substr(7));
}

}  // namespace

Caller Access::authenticate(const Request& request) const {
  const auto* host = request.header("host");
  if (host == nullptr || !is_loopback_host(*host)) {
    throw Refusal{403, "foreign_host", "without API keys only localhost, 127.0.0.1 and [::1] are served"};
  }
  const auto* origin = request.header("origin");
  if (origin != nullptr && !is_loopback_origin(*origin)) {
    throw Refusal{403, "foreign_origin", "without API keys no page of another site may send requests"};
  }
  return {"local", Role::kOperate, std::nullopt};
}

}  // namespace orchestrator::http
