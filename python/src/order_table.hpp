// Orders as columns, for data frames: built straight from the library's records, without an object for each
// order.
#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "orchestrator/order.hpp"

namespace orchestrator::python {

// A dict from each field of Order to (kind, values): kind "i8", "?", "M8[ns]" or "category" with the bytes of
// such an array (a category's are int8 codes; the third item is its words), or "O" with a list.
[[nodiscard]] pybind11::dict columns_of(const std::vector<Order>& orders);

}  // namespace orchestrator::python
