// The rules that one order is checked against by itself: its words, quantity, prices and broker.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/validator.hpp"

namespace orchestrator {

// One order under examination. `violations` is only appended to.
struct OrderUnderCheck {
  std::size_t index;
  const OrderRequest& order;
  const Instrument& instrument;
  const ValidationOptions& options;
  const ValidationSnapshot& snapshot;
  std::vector<Violation>& violations;

  void report(std::string_view field, std::string_view code, std::string message,
              Severity severity = Severity::kError) const;
};

// Reports every broken rule, in the order of the request's fields. Nothing is allocated for an order that
// breaks none.
void check_order_rules(const OrderUnderCheck& check);

}  // namespace orchestrator
