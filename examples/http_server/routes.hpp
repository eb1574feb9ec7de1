// The one table of routes: what the server answers, whom, and the function that does it. Authorisation,
// metrics and the tests of the OpenAPI document all read it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "examples/http_server/service.hpp"

namespace orchestrator::http {

struct Route {
  std::string_view method;
  std::string_view pattern;  // "{...}" stands for one segment, see Request::captured
  Role role;                 // kNone: everybody
  Response (*handler)(Service&, Request&);
};

[[nodiscard]] std::span<const Route> all_routes();

// Fills request.captured. Throws Refusal: 404, or 405 with what is allowed. HEAD is served as GET.
[[nodiscard]] const Route& find_route(Request& request);

// [{"method", "pattern", "role"}, ...]
[[nodiscard]] std::string routes_json();

// orders_api.cpp
Response place_orders(Service& service, Request& request);
Response list_orders(Service& service, Request& request);
Response get_order(Service& service, Request& request);
Response simulate_fill(Service& service, Request& request);
Response cancel_order(Service& service, Request& request);
Response replace_order(Service& service, Request& request);
Response resolve_order(Service& service, Request& request);

// batches_api.cpp
Response list_batches(Service& service, Request& request);
Response get_batch(Service& service, Request& request);
Response wait_for_batch(Service& service, Request& request);
Response cancel_batch(Service& service, Request& request);
Response reconcile(Service& service, Request& request);
Response list_breaks(Service& service, Request& request);

// events_api.cpp
Response list_events(Service& service, Request& request);

// operate_api.cpp
Response settle(Service& service, Request& request);
Response halt(Service& service, Request& request);
Response resume(Service& service, Request& request);
Response list_halts(Service& service, Request& request);
Response list_brokers(Service& service, Request& request);
Response health(Service& service, Request& request);
Response ready(Service& service, Request& request);
Response metrics(Service& service, Request& request);

// static_files.cpp
Response static_file(Service& service, Request& request);

}  // namespace orchestrator::http
