// What every handler works with. The one place where the server's parts meet.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>

#include "examples/http_server/access.hpp"
#include "examples/http_server/feed.hpp"
#include "examples/http_server/log.hpp"
#include "examples/http_server/metrics.hpp"
#include "orchestrator/json.hpp"
#include "orchestrator/orchestrator.hpp"

namespace orchestrator::http {

class Driver;

struct Service {
  Orchestrator& oms;
  Access& access;
  Metrics& metrics;
  StateReader& state;  // what the metrics ask the orchestrator for
  Log& log;
  Feed& feed;
  Driver& driver;
  ReadLimits limits = {};
  std::string event_source = {};
  std::string tenant = "default";  // of orders that a caller of all tenants places
  // Requests that write may block; the threads beyond this stay free for those that read.
  std::size_t writers_max = 56;
  std::atomic<std::size_t> writers{0};
};

// Whether the request may go on, by its head alone: who sends it, to which route, in which form. Otherwise
// the answer, before any of the body was read.
[[nodiscard]] std::optional<Response> refuse_head(Service& service, Request& request);
// Answers a request whose head was not refused; what goes wrong becomes a problem document. Neither throws
// anything but for want of memory.
[[nodiscard]] Response answer(Service& service, Request& request);

}  // namespace orchestrator::http
