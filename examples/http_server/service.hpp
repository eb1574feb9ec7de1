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
#include "examples/http_server/stays.hpp"
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
  Stays stays;
  ReadLimits limits = {};
  std::string event_source = {};
  std::string tenant = "default";  // of orders that a caller of all tenants places
  // Whoever asks the store may be held up by it. Some threads stay free of requests that write, fewer of
  // those that ask the store at all, and two for what needs no store.
  std::size_t writers_max = 56;
  std::size_t store_users_max = 60;
  std::atomic<std::size_t> writers{0};
  std::atomic<std::size_t> store_users{0};
  std::atomic<std::size_t> health_askers{0};
};

// For the audit trail; without keys nobody is known by name.
[[nodiscard]] inline std::string name_of(const Service& service, const Caller& caller) {
  return service.access.needs_key() ? caller.name : std::string();
}

// A place among the streams and waits of the caller's key.
[[nodiscard]] inline std::shared_ptr<void> take_stay(Service& service, const Caller& caller) {
  return service.stays.take(name_of(service, caller));
}

// One of so many that may do something at once, or none.
class Slot {
 public:
  Slot(std::atomic<std::size_t>& taken, std::size_t max) : taken_(taken), is_mine_(taken.fetch_add(1) < max) {
    if (!is_mine_) taken_.fetch_sub(1);
  }
  ~Slot() {
    if (is_mine_) taken_.fetch_sub(1);
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  explicit operator bool() const { return is_mine_; }

 private:
  std::atomic<std::size_t>& taken_;
  const bool is_mine_;
};

// Whether the request may go on, by its head alone: who sends it, to which route, in which form. Otherwise
// the answer, before any of the body was read.
[[nodiscard]] std::optional<Response> refuse_head(Service& service, Request& request);
// Answers a request whose head was not refused; what goes wrong becomes a problem document. Neither throws
// anything but for want of memory.
[[nodiscard]] Response answer(Service& service, Request& request);

}  // namespace orchestrator::http
