// What Prometheus reads.
#pragma once

#include <chrono>
#include <string>

#include "examples/http_server/http.hpp"
#include "orchestrator/orchestrator.hpp"

namespace orchestrator::http {

class Metrics {
 public:
  // One answered request. `route`: the pattern of the table, so that ids make no series.
  void answered(std::string_view method, std::string_view route, int status,
                std::chrono::microseconds duration);
  void placed(const Receipt& receipt);
  void refused_placement(const Error& error);
  // The exposition format.
  [[nodiscard]] std::string text(const Orchestrator& oms);
};

}  // namespace orchestrator::http
