// Reading decimal.Decimal objects exactly.
//
// CPython's Decimal is a C object around libmpdec's number, and has no C interface. Asking it by way of
// Python (str, as_tuple) takes five to twenty times as long as reading an order's other fields together, so
// the number is read where it lies; docs/adr/0017 says why that is safe. Where the object is not laid out as
// expected, which load_decimal_layout() finds out when the module is imported, its text is taken instead.
// Both ways give the same answer for every value.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

namespace orchestrator::python {

// Compares the layout against values whose text is known. `decimal_type` is decimal.Decimal.
void load_decimal_layout(pybind11::handle decimal_type);

// Turned off, every Decimal is read by its text; for the tests, which compare the two.
bool set_direct_decimals(bool on);

// A finite number as it is in most Decimals: coefficient x 10^exponent, the coefficient below 10^19.
struct SmallDecimal {
  bool negative = false;
  std::uint64_t coefficient = 0;
  std::int64_t exponent = 0;
};

// False: not a small one, or nothing can be read directly. `value` must be a Decimal.
bool read_small_decimal(PyObject* value, SmallDecimal& out);

// decimal.Decimal.__str__, whatever a subclass makes of it. Throws what Python throws.
[[nodiscard]] std::string text_of_decimal(PyObject* value);

}  // namespace orchestrator::python
