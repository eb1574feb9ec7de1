// Telling the observer. Without one nothing is measured: no clock is read and nothing is counted.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "engine/accept.hpp"
#include "engine/context.hpp"

namespace orchestrator::engine {

// Runs from its making on, when somebody listens.
class Stopwatch {
 public:
  explicit Stopwatch(const Context& context)
      : context_(context), began_(context.observer ? context.clock->monotonic() : Timestamp()) {}
  [[nodiscard]] std::chrono::microseconds elapsed() const { return context_.clock->monotonic() - began_; }

 private:
  const Context& context_;
  Timestamp began_;
};

// Orders that come into a status, gathered before a commit and told after it.
class EnteredOrders {
 public:
  void add(const std::string& broker, OrderStatus status);
  void tell(const Context& context) const;

 private:
  struct Count {
    std::string broker;
    OrderStatus status;
    std::size_t orders;
  };
  std::vector<Count> counts_;  // few: an order has one of a handful of brokers and statuses
};

// accept(), and what became of it.
[[nodiscard]] Accepted accept_observed(Context& context, const BatchRequest& request, bool claim);
// Orders of a new batch, some of them claimed in the same commit.
void tell_accepted(const Context& context, std::span<const Order> orders);
// Orders that were claimed for sending.
void tell_claimed(const Context& context, std::span<const Order> orders);

}  // namespace orchestrator::engine
