// The server's metrics in Prometheus' text format.
//
// What happens is counted as it happens: requests by the server, everything else by the orchestrator's
// observer. What is (open orders, the outbox, circuits) is read when somebody scrapes. Orders that have ended
// are counted as they end and not as they lie in the database, where they grow without end and a count reads
// all of them.
//
// Labels have few values: the patterns of routes and never paths, statuses, names of connectors. Nothing of a
// client is one.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "examples/http_server/state_reader.hpp"
#include "orchestrator/observer.hpp"

namespace orchestrator::http {

// Called from any thread.
class Metrics {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // For OpenOptions::observer; the orchestrator must be gone before the metrics are.
  [[nodiscard]] std::unique_ptr<Observer> observer();

  // `route`: the pattern that matched, "" when none did. A method that HTTP does not know counts as "other".
  void answered(std::string_view method, std::string_view route, int status,
                std::chrono::microseconds latency) noexcept;

  // A scrape. With `state` the figures that are read for it, and how old they are.
  [[nodiscard]] std::string text(const StateReader::Latest& state) const;

 private:
  class Registry;
  std::unique_ptr<Registry> registry_;
};

}  // namespace orchestrator::http
