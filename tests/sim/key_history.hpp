// One idempotency key: the request that is asked under it, a rival that is another request under the same
// key, and every answer that clients had, which must never differ.
#pragma once

#include <vector>

#include "sim/world.hpp"

namespace orchestrator::sim {

class KeyHistory {
 public:
  // The rival differs in the quantity of its first order.
  KeyHistory(World& world, BatchRequest request, Quantity rival_qty);

  // What the answer asks the client to do next.
  enum class Next { kAnswered, kAgain, kRecover, kReopen };
  Next attempt(Process& process, bool rival);

  // At the end, when faults have stopped: what was answered is there, and one batch.
  void check_answers(Orchestrator& oms);

  [[nodiscard]] const std::string& key() const { return request_.idempotency_key; }
  // Orders that answers have named.
  [[nodiscard]] std::vector<OrderId> known_orders() const;

 private:
  [[nodiscard]] const BatchRequest& request(bool rival) const { return rival ? rival_ : request_; }
  Next refused(const Error& error, bool rival);
  void answered(const Receipt& receipt, bool rival);

  struct Answer {
    bool rival = false;
    Receipt receipt;
  };
  World& world_;
  BatchRequest request_;
  BatchRequest rival_;
  std::vector<Answer> answers_;
};

}  // namespace orchestrator::sim
