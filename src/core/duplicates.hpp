// Finds orders that look like the same order twice: equal in instrument, side, quantity and prices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "orchestrator/validator.hpp"

namespace orchestrator {

class DuplicateFinder {
 public:
  // Keeps references to `request` and `snapshot`. Recent orders count when they are of the request's tenant
  // and portfolio, accepted within the window, and have not ended without executing anything.
  DuplicateFinder(const BatchRequest& request, const ValidationSnapshot& snapshot,
                  std::chrono::seconds window);

  // The first order of the batch that this one equals, when that is an earlier one. Slices of one order
  // equal one another by nature and are not reported.
  [[nodiscard]] std::optional<std::size_t> earlier_in_batch(std::size_t index,
                                                            const Instrument& instrument) const;
  // A recent order that this one equals, or nullptr. An order that will be sliced is compared by its full
  // piece, because that is what an earlier acceptance of it has left behind.
  [[nodiscard]] const Order* recent(std::size_t index, const Instrument& instrument) const;

 private:
  const BatchRequest& request_;
  std::vector<std::size_t> first_equal_;  // per order of the batch
  std::vector<const Order*> recent_;      // sorted like the orders they are compared with
};

}  // namespace orchestrator
