// What an operator does to the whole, and how the whole does.
#include <chrono>
#include <optional>

#include "examples/http_server/driver.hpp"
#include "examples/http_server/parameters.hpp"
#include "examples/http_server/routes.hpp"

namespace orchestrator::http {
namespace {

struct Stop {
  ControlScope scope = ControlScope::kAll;
  std::string target;
};

Stop read_stop(Members& members) {
  Stop stop;
  const auto scope = parse_control_scope(members.required_text("scope"));
  if (!scope) members.refuse("scope", "must be all, portfolio or broker");
  stop.scope = *scope;
  if (stop.scope == ControlScope::kPortfolio) {
    const Json* target = members.take("target");
    const auto id = target == nullptr ? std::nullopt : cli::parse_integer(target->text);
    if (!id || *id < 1) members.refuse("target", "must be a portfolio's id");
    stop.target = std::to_string(*id);
  } else {
    stop.target = members.text("target").value_or("");
    if (stop.scope == ControlScope::kBroker && stop.target.empty())
      members.refuse("target", "must name a broker");
    if (stop.scope == ControlScope::kAll && !stop.target.empty())
      members.refuse("target", "has no meaning for all");
  }
  return stop;
}

constexpr std::size_t kHealthAskersMax = 2;
constexpr std::chrono::seconds kHealthAgeMax{10};

// Anybody may ask, and a store that hangs must not hold a thread for each: who comes beside the first few
// gets what was read for the metrics. nullopt: nothing that is new enough.
std::optional<Health> current_health(Service& service) {
  const Slot slot(service.health_askers, kHealthAskersMax);
  if (slot) return service.oms.health();
  const auto latest = service.state.latest();
  if (!latest.state || latest.age > kHealthAgeMax) return std::nullopt;
  return latest.state->health;
}

}  // namespace

Response settle(Service& service, Request& request) {
  const auto body = parse_json(request.body, service.limits);
  Members members(body, "");
  const auto as_of = cli::parse_day(members.required_text("as_of"), "as_of");
  members.finish();
  const auto result = service.oms.settle(as_of, name_of(service, request.caller));
  service.feed.wake();
  std::string ids;
  for (const auto id : result.settled) ids += (ids.empty() ? "" : ",") + std::to_string(id);
  return {.body = "{\"as_of\":" + quote(orchestrator::to_string(as_of)) + ",\"settled\":[" + ids +
                  "],\"not_due\":" + std::to_string(result.not_due) + "}"};
}

Response halt(Service& service, Request& request) {
  const auto body = parse_json(request.body, service.limits);
  Members members(body, "");
  const auto stop = read_stop(members);
  const auto reason = members.required_text("reason");
  const auto mode = parse_halt_mode(members.text("mode").value_or("halt"));
  if (!mode) members.refuse("mode", "must be halt or cancel_only");
  members.finish();
  service.oms.halt(stop.scope, stop.target, reason, *mode, name_of(service, request.caller));
  for (const auto& row : service.oms.reference().halts()) {
    if (row.scope == stop.scope && row.target == stop.target) return {.body = to_json(row)};
  }
  throw Error(ErrorCode::kConflict, "somebody resumed it at the same moment; look at the halts");
}

Response resume(Service& service, Request& request) {
  const auto body = parse_json(request.body, service.limits);
  Members members(body, "");
  const auto stop = read_stop(members);
  members.finish();
  const bool resumed = service.oms.resume(stop.scope, stop.target, name_of(service, request.caller));
  service.driver.wake();
  return {.body = std::string("{\"resumed\":") + (resumed ? "true" : "false") + "}"};
}

// Why, and by whom, is for operators: a reason may name another tenant's orders.
Response list_halts(Service& service, Request& request) {
  auto halts = service.oms.reference().halts();
  if (request.caller.role < Role::kOperate) {
    for (auto& halt : halts) halt.reason = halt.by = "";
  }
  return {.body = "{\"halts\":" + json_array(halts) + "}"};
}

// A connector's settings may hold its credentials: they stay in the database.
Response list_brokers(Service& service, Request&) {
  auto brokers = service.oms.brokers();
  for (auto& broker : brokers) broker.config.config_json = "{}";
  return {.body = "{\"brokers\":" + json_array(brokers) + "}"};
}

// A stop switch is an operator's wish, not an illness: nobody shall restart the server for it. See /ready.
Response health(Service& service, Request& request) {
  const auto found = current_health(service);
  if (!found) return {.status = 503, .body = R"({"status":"unavailable"})"};
  const auto& health = *found;
  bool degraded = !health.ok;
  for (const auto& dependency : health.dependencies) degraded |= dependency.state != DependencyState::kOk;
  const bool store_ok =
      !health.dependencies.empty() && health.dependencies.front().state == DependencyState::kOk;
  const bool well = store_ok && (health.ok || !health.halts.empty());
  Response response;
  response.status = well ? 200 : 503;
  response.body = "{\"status\":" + quote(!well ? "unavailable" : degraded ? "degraded" : "ok");
  if (request.caller.role >= Role::kRead)
    response.body += ",\"role\":" + quote(to_string(request.caller.role));
  // They are of all tenants.
  if (request.caller.role == Role::kOperate) response.body += ",\"health\":" + to_json(health);
  response.body += "}";
  return response;
}

Response ready(Service& service, Request&) {
  const auto health = current_health(service);
  const bool ok = health && health->ok;
  return {.status = ok ? 200 : 503, .body = std::string("{\"ready\":") + (ok ? "true" : "false") + "}"};
}

Response metrics(Service& service, Request&) {
  return {.content_type = std::string(Metrics::kContentType),
          .body = service.metrics.text(service.state.latest())};
}

}  // namespace orchestrator::http
