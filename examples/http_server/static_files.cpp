// Serves the page and the OpenAPI document. The page may load what is beside it and ask this server, and
// nothing else: no inline script, no other host, no frame around it.
#include "examples/http_server/static_files.hpp"

#include "examples/http_server/problem.hpp"
#include "examples/http_server/routes.hpp"

namespace orchestrator::http {
namespace {

constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view type_of(std::string_view path) {
  if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".svg")) return "image/svg+xml";
  if (path.ends_with(".json")) return "application/json";
  return "text/html; charset=utf-8";
}

}  // namespace

Response static_file(Service&, Request& request) {
  for (const auto& file : static_files()) {
    if (file.path != request.path) continue;
    Response response;
    response.content_type = type_of(file.path);
    response.body = file.bytes;
    response.headers = {{"Content-Security-Policy", std::string(kContentSecurityPolicy)},
                        {"Referrer-Policy", "no-referrer"}};
    return response;
  }
  throw Refusal{404, "not_found", "there is nothing at this path"};
}

}  // namespace orchestrator::http
