#include "python/src/decimal_object.hpp"

#include <array>
#include <utility>

namespace orchestrator::python {
namespace {

namespace py = pybind11;

// The layout of CPython's _decimal.c and libmpdec on 64-bit machines: words hold 19 decimal digits each, and
// the words of a short number lie in the object itself.
struct MpdNumber {
  std::uint8_t flags;
  Py_ssize_t exponent;
  Py_ssize_t digits;
  Py_ssize_t words_used;
  Py_ssize_t words_allocated;
  std::uint64_t* words;
};

struct DecimalObject {
  PyObject_HEAD  // ends without a semicolon of its own
      Py_hash_t hash;
  MpdNumber number;
  std::array<std::uint64_t, 4> inside;
};

constexpr std::uint8_t kNegative = 1;
constexpr std::uint8_t kSpecial = 2 | 4 | 8;  // infinity, NaN, signalling NaN
constexpr std::uint64_t kWordLimit = 10'000'000'000'000'000'000U;

PyTypeObject* decimal_type_ = nullptr;
PyObject* decimal_str_ = nullptr;
bool layout_known_ = false;
bool direct_ = false;

// Looks at the number only where each value that leads there makes sense.
bool looks_sane(const DecimalObject& object, const SmallDecimal& expected, Py_ssize_t digits) {
  const MpdNumber& number = object.number;
  return number.words == object.inside.data() && number.words_allocated == 4 && number.words_used == 1 &&
         number.digits == digits && number.exponent == expected.exponent && (number.flags & kSpecial) == 0 &&
         ((number.flags & kNegative) != 0) == expected.negative && object.inside[0] == expected.coefficient;
}

bool layout_holds(py::handle decimal_type) {
  if (decimal_type_->tp_basicsize != static_cast<Py_ssize_t>(sizeof(DecimalObject))) return false;
  struct Sample {
    const char* text;
    SmallDecimal value;
    Py_ssize_t digits;
  };
  static constexpr std::array<Sample, 7> kSamples{
      {{"0", {false, 0, 0}, 1},
       {"-1", {true, 1, 0}, 1},
       {"2500.05", {false, 250'005, -2}, 6},
       {"7E+3", {false, 7, 3}, 1},
       {"-0.000000001", {true, 1, -9}, 1},
       {"9999999999999999999", {false, kWordLimit - 1, 0}, 19},
       {"123456789.987654321", {false, 123456789987654321U, -9}, 18}}};
  for (const Sample& sample : kSamples) {
    const py::object value = decimal_type(sample.text);
    if (!looks_sane(*reinterpret_cast<const DecimalObject*>(value.ptr()), sample.value, sample.digits)) {
      return false;
    }
  }
  for (const char* text : {"NaN", "sNaN", "Infinity", "-Infinity"}) {
    const py::object value = decimal_type(text);
    if ((reinterpret_cast<const DecimalObject*>(value.ptr())->number.flags & kSpecial) == 0) return false;
  }
  const py::object two_words = decimal_type("10000000000000000000");
  return reinterpret_cast<const DecimalObject*>(two_words.ptr())->number.words_used == 2;
}

}  // namespace

void load_decimal_layout(py::handle decimal_type) {
  decimal_type_ = reinterpret_cast<PyTypeObject*>(decimal_type.ptr());
  decimal_str_ = py::object(decimal_type.attr("__str__")).release().ptr();
  layout_known_ = direct_ = layout_holds(decimal_type);
}

bool set_direct_decimals(bool on) {
  direct_ = on && layout_known_;
  return layout_known_;
}

bool read_small_decimal(PyObject* value, SmallDecimal& out) {
  if (!direct_) return false;
  const auto& number = reinterpret_cast<const DecimalObject*>(value)->number;
  if ((number.flags & kSpecial) != 0 || number.words_used != 1) return false;
  out = {(number.flags & kNegative) != 0, number.words[0], number.exponent};
  return true;
}

std::string text_of_decimal(PyObject* value) {
  const auto text = py::reinterpret_steal<py::object>(PyObject_CallOneArg(decimal_str_, value));
  if (!text) throw py::error_already_set();
  return py::cast<std::string>(text);
}

}  // namespace orchestrator::python
