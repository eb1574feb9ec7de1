// What the orchestrator depends on besides itself and its brokers: a database, a cache, a message log.
//
// Each of them tells its own state; Orchestrator::health() gathers them for operators. No field holds a
// secret: a location names host, port and database, never a user or a password.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orchestrator {

enum class DependencyState : std::uint8_t {
  kOk,
  kDegraded,  // it does its work, but slower or less safely than it should
  kDown,      // it does not answer, or refuses its work
};

// "ok", "degraded" or "down". Lives for the whole program.
[[nodiscard]] std::string_view to_string(DependencyState state);

struct Dependency {
  std::string role = {};      // "order_store", "idempotency_store", "event_publisher"; set by health()
  std::string name = {};      // "sqlite", "postgresql", "redis", "kafka", ...
  std::string version = {};   // of the server or library; empty: not known
  std::string location = {};  // a file, or host:port/database; empty: inside this process
  std::optional<std::chrono::microseconds> latency = {};  // of one round trip; nullopt: there was none
  DependencyState state = DependencyState::kOk;
  std::string detail = {};  // why it is not ok, in one line
};

}  // namespace orchestrator
