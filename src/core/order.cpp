// What an order's own figures say: its average price and what is left of it.

#include "orchestrator/order.hpp"

#include <algorithm>

namespace orchestrator {

std::optional<Price> Order::fill_price() const {
  if (fill_qty.is_zero()) return std::nullopt;
  return average_price(fill_notional, fill_qty, Rounding::kHalfEven);
}

// An overfilled order has nothing left; it does not owe anything.
Quantity Order::remaining_qty() const { return std::max(qty - fill_qty, Quantity()); }

}  // namespace orchestrator
