// One tenant's view of the book. What belongs to another tenant does not exist: same status, same words.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "examples/http_server/http.hpp"
#include "orchestrator/orchestrator.hpp"

namespace orchestrator::http {

[[nodiscard]] Order order_of(const Orchestrator& oms, const Caller& caller, OrderId id);
[[nodiscard]] OrderBatch batch_of(const Orchestrator& oms, const Caller& caller, BatchId id);

// Whose an event is: the event log is one for all tenants. A batch never changes its tenant, so what was
// looked up once is kept.
class EventOwners {
 public:
  explicit EventOwners(const Orchestrator& oms) : oms_(oms) {}
  // Leaves only the tenant's.
  void keep(const std::string& tenant, std::vector<Event>& events);

 private:
  void look_up(const std::vector<Event>& events);

  const Orchestrator& oms_;
  std::mutex mutex_;
  std::unordered_map<BatchId, std::string> tenants_;
};

}  // namespace orchestrator::http
