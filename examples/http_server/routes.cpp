#include "examples/http_server/routes.hpp"

#include <array>
#include <exception>

#include "examples/http_server/problem.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator::http {
namespace {

constexpr std::array kRoutes{
    Route{"POST", "/api/v1/orders", Role::kTrade, place_orders},
    Route{"GET", "/api/v1/orders", Role::kRead, list_orders},
    Route{"GET", "/api/v1/orders/{id}", Role::kRead, get_order},
    Route{"POST", "/api/v1/orders/{id}/simulate_fill", Role::kTrade, simulate_fill},
    Route{"POST", "/api/v1/orders/{id}/cancel", Role::kTrade, cancel_order},
    Route{"POST", "/api/v1/orders/{id}/replace", Role::kTrade, replace_order},
    Route{"POST", "/api/v1/orders/{id}/resolve", Role::kOperate, resolve_order},
    Route{"GET", "/api/v1/batches", Role::kRead, list_batches},
    Route{"GET", "/api/v1/batches/{id}", Role::kRead, get_batch},
    Route{"GET", "/api/v1/batches/{id}/wait", Role::kRead, wait_for_batch},
    Route{"POST", "/api/v1/batches/{id}/cancel", Role::kTrade, cancel_batch},
    Route{"GET", "/api/v1/reconcile/{id}", Role::kRead, reconcile},
    Route{"GET", "/api/v1/reconcile/{id}/breaks", Role::kOperate, list_breaks},
    Route{"GET", "/api/v1/events", Role::kRead, list_events},
    Route{"POST", "/api/v1/settle", Role::kOperate, settle},
    Route{"POST", "/api/v1/halt", Role::kOperate, halt},
    Route{"POST", "/api/v1/resume", Role::kOperate, resume},
    Route{"GET", "/api/v1/halts", Role::kRead, list_halts},
    Route{"GET", "/api/v1/brokers", Role::kRead, list_brokers},
    Route{"GET", "/health", Role::kNone, health},
    Route{"GET", "/ready", Role::kNone, ready},
    Route{"GET", "/metrics", Role::kOperate, metrics},
    Route{"GET", "/openapi.json", Role::kNone, static_file},
    Route{"GET", "/", Role::kNone, static_file},
    Route{"GET", "/page.css", Role::kNone, static_file},
    Route{"GET", "/page.js", Role::kNone, static_file},
    Route{"GET", "/page.svg", Role::kNone, static_file},
    Route{"GET", "/page_batches.js", Role::kNone, static_file},
    Route{"GET", "/page_charts.js", Role::kNone, static_file},
    Route{"GET", "/page_elements.js", Role::kNone, static_file},
    Route{"GET", "/page_exact.js", Role::kNone, static_file},
    Route{"GET", "/page_health.js", Role::kNone, static_file},
    Route{"GET", "/page_orders.js", Role::kNone, static_file},
    Route{"GET", "/page_service.js", Role::kNone, static_file},
};

bool take_segment(std::string_view& text, std::string_view& segment) {
  if (text.empty()) return false;
  const auto end = text.find('/', 1);
  segment = text.substr(1, end == std::string_view::npos ? end : end - 1);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end);
  return true;
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& captured) {
  captured.clear();
  std::string_view wanted;
  std::string_view found;
  while (take_segment(pattern, wanted)) {
    if (!take_segment(path, found)) return false;
    if (wanted.starts_with('{')) {
      captured.emplace_back(found);
    } else if (wanted != found) {
      return false;
    }
  }
  return path.empty();
}

void check_role(const Route& route, const Caller& caller) {
  if (caller.role >= route.role) return;
  if (caller.role == Role::kNone) {
    throw Refusal{401,
                  "not_authenticated",
                  "send an API key: Authorization: Bearer KEY",
                  {{"WWW-Authenticate", "Bearer"}}};
  }
  throw Refusal{403, "permission_denied", "this key's role may not do this"};
}

// A form of another site can send text, but not this type without asking first.
void check_content_type(const Request& request) {
  const auto* given = request.header("content-type");
  std::string_view type = given == nullptr ? std::string_view() : std::string_view(*given);
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (type == "application/json") return;
  throw Refusal{415, "unsupported_media_type", "send Content-Type: application/json"};
}

[[noreturn]] void refuse_for_now(const char* detail) {
  throw Refusal{503, "overloaded", detail, {{"Retry-After", "1"}}};
}

void check_head(Service& service, Request& request) {
  if (!split_target(request)) throw Refusal{400, "invalid_target", "the request target is not a path"};
  request.caller = service.access.authenticate(request);
  request.route = &find_route(request);
  check_role(*request.route, request.caller);
  if (request.method == "POST") check_content_type(request);
}

Response run(Service& service, Request& request) {
  const auto& route = *request.route;
  if (!route.pattern.starts_with("/api/")) return route.handler(service, request);
  const Slot user(service.store_users, service.store_users_max);
  if (!user) refuse_for_now("too many requests are running; nothing happened, send it again");
  if (request.method != "POST") return route.handler(service, request);
  const Slot writer(service.writers, service.writers_max);
  if (!writer) refuse_for_now("too many requests that write are running; nothing happened, send it again");
  return route.handler(service, request);
}

template <typename Work>
std::optional<Response> guarded(Service& service, const Request& request, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    return problem(error, request, service.log);
  } catch (const Refusal& refusal) {
    return problem(refusal, request.id);
  } catch (const std::exception& error) {
    return problem(Error(ErrorCode::kInternal, error.what()), request, service.log);
  }
}

// The order or batch that the path names; "" where it names none.
std::string subject_of(const Request& request) {
  if (request.route == nullptr || request.captured.empty()) return {};
  const bool order = request.route->pattern.starts_with("/api/v1/orders/");
  return (order ? "order/" : "batch/") + request.captured.front();
}

// What is counted and logged of a request when its answer is there, which may be long after it was handled.
class Account {
 public:
  Account(Service& service, const Request& request)
      : service_(service),
        id_(request.id),
        method_(request.method),
        caller_(request.caller.name),
        subject_(subject_of(request)),
        pattern_(request.route == nullptr ? std::string_view() : request.route->pattern) {}

  void close(const Response& response) const noexcept {
    const auto duration =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start_);
    service_.metrics.answered(method_, pattern_, response.status, duration);
    service_.log.answered({.id = id_,
                           .method = method_,
                           .route = pattern_,
                           .status = response.status,
                           .duration = duration,
                           .caller = caller_,
                           .bytes = response.body.size(),
                           .subject = response.subject.empty() ? subject_ : response.subject});
  }

 private:
  Service& service_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const std::string id_;
  const std::string method_;
  const std::string caller_;
  const std::string subject_;
  const std::string_view pattern_;
};

}  // namespace

std::span<const Route> all_routes() { return kRoutes; }

const Route& find_route(Request& request) {
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allowed;
  for (const auto& route : kRoutes) {
    if (!matches(route.pattern, request.path, request.captured)) continue;
    if (route.method == method) return route;
    if (!allowed.empty()) allowed += ", ";
    allowed += route.method == "GET" ? "GET, HEAD" : std::string(route.method);
  }
  if (allowed.empty()) throw Refusal{404, "not_found", "there is nothing at this path"};
  throw Refusal{405, "method_not_allowed", "this path takes " + allowed, {{"Allow", allowed}}};
}

std::string routes_json() {
  std::string text = "[";
  for (const auto& route : kRoutes) {
    if (text.size() > 1) text += ",";
    text += "{\"method\":" + quote(route.method) + ",\"pattern\":" + quote(route.pattern) +
            ",\"role\":" + quote(to_string(route.role)) + "}";
  }
  return text + "]";
}

std::optional<Response> refuse_head(Service& service, Request& request) {
  auto refused = guarded(service, request, [&]() -> std::optional<Response> {
    check_head(service, request);
    return std::nullopt;
  });
  if (refused) Account(service, request).close(*refused);
  return refused;
}

Response answer(Service& service, Request& request) {
  const Account account(service, request);
  auto response =
      *guarded(service, request, [&]() -> std::optional<Response> { return run(service, request); });
  if (!response.later) {
    account.close(response);
    return response;
  }
  response.later = [account, later = std::move(response.later)](std::function<void(Response)> done) {
    later([account, done = std::move(done)](Response answer) {
      account.close(answer);
      done(std::move(answer));
    });
  };
  return response;
}

}  // namespace orchestrator::http
