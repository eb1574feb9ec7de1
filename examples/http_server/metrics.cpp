#include "examples/http_server/metrics.hpp"

namespace orchestrator::http {

void Metrics::answered(std::string_view, std::string_view, int, std::chrono::microseconds) {}

void Metrics::placed(const Receipt&) {}

void Metrics::refused_placement(const Error&) {}

std::string Metrics::text(const Orchestrator& oms) {
  return "# HELP orchestrator_up Whether new orders are accepted.\n# TYPE orchestrator_up "
         "gauge\norchestrator_up " +
         std::string(oms.health().ok ? "1" : "0") + "\n";
}

}  // namespace orchestrator::http
