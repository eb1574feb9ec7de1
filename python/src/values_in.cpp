// Values on their way in. A check that may run code of the caller's object (__index__, a str subclass) comes
// after all that cannot, and never while something borrowed from a container is held.
#include "python/src/values.hpp"

#include <datetime.h>  // after Python.h

#include <algorithm>
#include <limits>

#include "python/src/decimal_object.hpp"

namespace orchestrator::python {
namespace {

PyTypeObject* decimal_type_ = nullptr;
PyObject* utc_offset_ = nullptr;  // the name of the method

constexpr const char* kDecimalKinds = "pass a decimal.Decimal, an int or a string";

// What an object's own code raised is answered by a refusal; a KeyboardInterrupt and its like are passed on.
void forget_exception() {
  if (PyErr_ExceptionMatches(PyExc_Exception) == 0) throw py::error_already_set();
  PyErr_Clear();
}

// At most 40 characters of the object's repr.
std::string shown(PyObject* value) {
  constexpr Py_ssize_t kShownMax = 40;
  // An int of many digits has no text (sys.set_int_max_str_digits), and other objects' own code may fail.
  const auto text = py::reinterpret_steal<py::object>(PyObject_Repr(value));
  const auto front =
      py::reinterpret_steal<py::object>(text ? PyUnicode_Substring(text.ptr(), 0, kShownMax) : nullptr);
  const auto bytes = py::reinterpret_steal<py::object>(
      front ? PyUnicode_AsEncodedString(front.ptr(), "utf-8", "backslashreplace") : nullptr);
  if (!bytes) {
    forget_exception();
    return kind_of(value);
  }
  const std::string words(PyBytes_AS_STRING(bytes.ptr()),
                          static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr())));
  return PyUnicode_GetLength(text.ptr()) > kShownMax ? words + "..." : words;
}

std::chrono::microseconds duration_of(PyObject* delta) {
  return std::chrono::days(PyDateTime_DELTA_GET_DAYS(delta)) +
         std::chrono::seconds(PyDateTime_DELTA_GET_SECONDS(delta)) +
         std::chrono::microseconds(PyDateTime_DELTA_GET_MICROSECONDS(delta));
}

// Of 10^0 to 10^18.
constexpr std::uint64_t power_of_ten(std::int64_t exponent) {
  std::uint64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

// The usual Decimal into 64 bits; false: take the way by its text, which also finds the words for a refusal.
template <class Fixed>
bool read_units(const SmallDecimal& decimal, Fixed& out) {
  const std::int64_t shift = decimal.exponent + Fixed::kDecimals;
  if (decimal.coefficient == 0 || shift < -18 || shift > 18) return false;
  std::uint64_t units = decimal.coefficient;
  if (shift >= 0) {
    if (__builtin_mul_overflow(units, power_of_ten(shift), &units)) return false;
  } else {
    const std::uint64_t divisor = power_of_ten(-shift);
    if (units % divisor != 0) return false;
    units /= divisor;
  }
  if (units > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
  const auto raw = static_cast<std::int64_t>(units);
  out = Fixed::from_units(decimal.negative ? -raw : raw);
  return true;
}

// "1.5E-7" without its exponent; nullopt when that would be longer than any amount.
std::optional<std::string> write_out(const std::string& text) {
  const std::size_t mark = text.find('E');
  if (mark == std::string::npos) return text;
  const bool negative = text.front() == '-';
  std::string digits = text.substr(negative ? 1 : 0, mark - (negative ? 1 : 0));
  std::int64_t exponent = std::stoll(text.substr(mark + 1));
  if (const auto point = digits.find('.'); point != std::string::npos) {
    exponent -= static_cast<std::int64_t>(digits.size() - point - 1);
    digits.erase(point, 1);
  }
  constexpr std::int64_t kLengthMax = 60;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  if (digits == "0") return negative ? "-0" : "0";
  if (exponent > kLengthMax || exponent < -kLengthMax) return std::nullopt;
  if (exponent >= 0) {
    digits.append(static_cast<std::size_t>(exponent), '0');
  } else {
    const auto decimals = static_cast<std::size_t>(-exponent);
    if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
    digits.insert(digits.size() - decimals, ".");
  }
  return (negative ? "-" : "") + digits;
}

template <class Fixed>
Refusal refusal_of(DecimalError error, PyObject* value) {
  return shown(value) + " " + std::string(describe(error, Fixed::kDecimals));
}

template <class Fixed>
Refusal parse_text(const std::string& text, PyObject* value, Fixed& out) {
  const auto parsed = Fixed::parse(text);
  if (!parsed.ok()) return refusal_of<Fixed>(parsed.error, value);
  out = parsed.value;
  return std::nullopt;
}

template <class Fixed>
Refusal read_decimal_object(PyObject* value, Fixed& out) {
  if constexpr (sizeof(Fixed) == 8) {
    SmallDecimal small;
    if (read_small_decimal(value, small) && read_units(small, out)) return std::nullopt;
  }
  const std::string text = text_of_decimal(value);
  if (text.find_first_of("Nn") != std::string::npos) {
    return shown(value) + " is not a finite number";  // NaN, sNaN, Infinity
  }
  auto plain = write_out(text);
  if (!plain) return shown(value) + " is out of range";
  if (plain->size() > 64 && plain->find('.') != std::string::npos) {
    // A long row of zeros behind the point is no other value.
    plain->erase(plain->find_last_not_of('0') + 1);
    if (plain->back() == '.') plain->pop_back();
  }
  return parse_text(*plain, value, out);
}

template <class Fixed>
Refusal read_whole(PyObject* value, Fixed& out) {
  int overflow = 0;
  const long long whole = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (whole == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  constexpr auto kUnits = Fixed::kUnitsPerOne;
  constexpr bool kNarrow = sizeof(Fixed) == 8;
  if (overflow != 0 ||
      (kNarrow && (whole > Fixed::max().units() / kUnits || whole < Fixed::min().units() / kUnits))) {
    return refusal_of<Fixed>(DecimalError::kOutOfRange, value);
  }
  out = Fixed::from_int(static_cast<std::int64_t>(whole));
  return std::nullopt;
}

// The object's __index__, as an exact int; null: it has none that works.
py::object index_of(PyObject* value) {
  if (PyBool_Check(value) || !PyIndex_Check(value)) return {};
  auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value));
  if (!index) forget_exception();
  return index;
}

template <class Fixed>
Refusal read_fixed(py::handle handle, Fixed& out) {
  PyObject* value = handle.ptr();
  if (PyLong_Check(value) && !PyBool_Check(value)) return read_whole(value, out);
  if (PyObject_TypeCheck(value, decimal_type_)) return read_decimal_object(value, out);
  if (PyUnicode_Check(value)) {
    std::string text;
    if (auto refusal = read_text(handle, text)) return refusal;
    return parse_text(text, value, out);
  }
  if (PyFloat_Check(value)) {
    return "a float is not taken, because binary fractions are not exact (0.1 is stored as "
           "0.1000000000000000055...); " +
           std::string(kDecimalKinds);
  }
  if (const py::object index = index_of(value)) return read_whole(index.ptr(), out);
  return kind_of(handle) + " is not an amount; " + kDecimalKinds;
}

template <class Word>
Refusal read_choice(py::handle value, std::optional<Word> (*parse)(std::string_view), const char* choices,
                    Word& out) {
  if (!PyUnicode_Check(value.ptr())) return kind_of(value) + " is not valid; pass " + choices;
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  std::optional<Word> parsed;
  if (text == nullptr) {
    PyErr_Clear();
  } else {
    parsed = parse({text, static_cast<std::size_t>(size)});
  }
  if (!parsed) return shown(value.ptr()) + " is not valid; pass " + choices;
  out = *parsed;
  return std::nullopt;
}

std::optional<DuplicatePolicy> parse_duplicates(std::string_view text) {
  if (text == "allow") return DuplicatePolicy::kAllow;
  if (text == "warn") return DuplicatePolicy::kWarn;
  if (text == "refuse") return DuplicatePolicy::kRefuse;
  return std::nullopt;
}

}  // namespace

void load_input_types(py::handle decimal_type) {
  PyDateTime_IMPORT;
  decimal_type_ = reinterpret_cast<PyTypeObject*>(decimal_type.ptr());
  utc_offset_ = PyUnicode_InternFromString("utcoffset");
}

std::string kind_of(py::handle value) {
  if (value.is_none()) return "None";
  const std::string name = Py_TYPE(value.ptr())->tp_name;
  const std::size_t dot = name.rfind('.');
  const std::string word = dot == std::string::npos ? name : name.substr(dot + 1);
  const bool vowel = word.find_first_of("aeiouAEIOU") == 0;
  return (vowel ? "an " : "a ") + word;
}

Refusal read_integer(py::handle value, std::int64_t& out) {
  PyObject* number = value.ptr();
  py::object index;
  if (!PyLong_Check(number) || PyBool_Check(number)) {
    index = index_of(number);
    if (!index) return kind_of(value) + " is not an int";
    number = index.ptr();
  }
  int overflow = 0;
  out = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (overflow != 0) return "does not fit 64 bits";
  if (out == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return std::nullopt;
}

Refusal read_text(py::handle value, std::string& out) {
  if (!PyUnicode_Check(value.ptr())) return kind_of(value) + " is not a string";
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text == nullptr) {
    PyErr_Clear();
    return shown(value.ptr()) + " has a lone surrogate, which is no character";
  }
  out.assign(text, static_cast<std::size_t>(size));
  return std::nullopt;
}

Refusal read_decimal(py::handle value, Price& out) { return read_fixed(value, out); }
Refusal read_decimal(py::handle value, Quantity& out) { return read_fixed(value, out); }
Refusal read_decimal(py::handle value, Rate& out) { return read_fixed(value, out); }
Refusal read_decimal(py::handle value, Money& out) { return read_fixed(value, out); }

Refusal read_word(py::handle value, Side& out) { return read_choice(value, parse_side, "BUY or SELL", out); }
Refusal read_word(py::handle value, OrderType& out) {
  return read_choice(value, parse_order_type, "market, limit, stop or stop_limit", out);
}
Refusal read_word(py::handle value, TimeInForce& out) {
  return read_choice(value, parse_time_in_force, "day, gtc, ioc or fok", out);
}
Refusal read_word(py::handle value, OrderStatus& out) {
  return read_choice(value, parse_order_status, "a member of OrderStatus or its word", out);
}
Refusal read_word(py::handle value, BatchStatus& out) {
  return read_choice(value, parse_batch_status, "a member of BatchStatus or its word", out);
}
Refusal read_word(py::handle value, BatchPolicy& out) {
  return read_choice(value, parse_batch_policy, "all or each", out);
}
Refusal read_word(py::handle value, ControlScope& out) {
  return read_choice(value, parse_control_scope, "all, portfolio or broker", out);
}
Refusal read_word(py::handle value, HaltMode& out) {
  return read_choice(value, parse_halt_mode, "cancel_only or halt", out);
}
Refusal read_word(py::handle value, DuplicatePolicy& out) {
  return read_choice(value, parse_duplicates, "allow, warn or refuse", out);
}

void refuse_argument(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, name + ": " + why);
}

py::list items_of(py::handle values, const char* name, std::size_t count_max) {
  py::object iterator;
  if (!PyUnicode_Check(values.ptr()) && !PyBytes_Check(values.ptr())) {
    iterator = py::reinterpret_steal<py::object>(PyObject_GetIter(values.ptr()));
    if (!iterator) forget_exception();
  }
  if (!iterator) refuse_argument(name, kind_of(values) + " is not a list");
  py::list items;
  while (const auto item = py::reinterpret_steal<py::object>(PyIter_Next(iterator.ptr()))) {
    if (items.size() == count_max) {
      throw Error(ErrorCode::kLimitExceeded, std::string(name) + ": more than the limit of " +
                                                 std::to_string(count_max) + "; split the batch");
    }
    items.append(item);
  }
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  return items;
}

std::int64_t to_integer(py::handle value, const char* name) {
  std::int64_t result = 0;
  if (const auto refusal = read_integer(value, result)) refuse_argument(name, *refusal);
  return result;
}

std::int64_t to_id(py::handle value, const char* name) {
  const std::int64_t id = to_integer(value, name);
  if (id <= 0) refuse_argument(name, std::to_string(id) + " is no id; ids are above zero");
  return id;
}

std::size_t to_count(py::handle value, const char* name) {
  const std::int64_t count = to_integer(value, name);
  if (count < 0) refuse_argument(name, std::to_string(count) + " is below zero");
  return static_cast<std::size_t>(count);
}

bool to_bool(py::handle value, const char* name) {
  if (!PyBool_Check(value.ptr())) refuse_argument(name, kind_of(value) + " is not True or False");
  return value.ptr() == Py_True;
}

std::string to_text(py::handle value, const char* name) {
  std::string text;
  if (const auto refusal = read_text(value, text)) refuse_argument(name, *refusal);
  return text;
}

std::string to_filled_text(py::handle value, const char* name, const char* instead) {
  std::string text = to_text(value, name);
  if (text.empty()) refuse_argument(name, std::string("empty; ") + instead);
  return text;
}

std::string to_filter(py::handle value, const char* name) {
  return to_filled_text(value, name, "pass None for all");
}

Timestamp to_timestamp(py::handle value, const char* name) {
  if (!PyDateTime_Check(value.ptr())) refuse_argument(name, kind_of(value) + " is not a datetime");
  const auto offset = py::reinterpret_steal<py::object>(PyObject_CallMethodNoArgs(value.ptr(), utc_offset_));
  if (!offset) throw py::error_already_set();
  if (offset.is_none()) {
    refuse_argument(name,
                    "a naive datetime does not say which time it means; give it a tzinfo, such as "
                    "datetime.timezone.utc");
  }
  if (!PyDelta_Check(offset.ptr())) refuse_argument(name, "its utcoffset() gives " + kind_of(offset));
  // A class of the caller's own may give any.
  const int offset_days = PyDateTime_DELTA_GET_DAYS(offset.ptr());
  if (offset_days < -1 || offset_days > 0) refuse_argument(name, "its utcoffset() gives a day or more");
  PyObject* const at = value.ptr();
  using namespace std::chrono;  // NOLINT: the words of a calendar
  const year_month_day date{year(PyDateTime_GET_YEAR(at)),
                            month(static_cast<unsigned>(PyDateTime_GET_MONTH(at))),
                            day(static_cast<unsigned>(PyDateTime_GET_DAY(at)))};
  const auto time = hours(PyDateTime_DATE_GET_HOUR(at)) + minutes(PyDateTime_DATE_GET_MINUTE(at)) +
                    seconds(PyDateTime_DATE_GET_SECOND(at)) +
                    microseconds(PyDateTime_DATE_GET_MICROSECOND(at));
  const Timestamp in_utc = sys_days(date) + time - duration_of(offset.ptr());
  if (in_utc < sys_days(year(1) / 1 / 1) || in_utc >= sys_days(year(10000) / 1 / 1)) {
    refuse_argument(name, "is outside the years 1 to 9999 in UTC");
  }
  return in_utc;
}

Date to_date(py::handle value, const char* name) {
  PyObject* const day = value.ptr();
  if (!PyDate_Check(day) || PyDateTime_Check(day)) {
    refuse_argument(name, kind_of(value) + " is not a datetime.date");
  }
  return std::chrono::year_month_day{std::chrono::year(PyDateTime_GET_YEAR(day)),
                                     std::chrono::month(static_cast<unsigned>(PyDateTime_GET_MONTH(day))),
                                     std::chrono::day(static_cast<unsigned>(PyDateTime_GET_DAY(day)))};
}

namespace {

// More microseconds than 64 bits hold fit into a timedelta.
constexpr std::chrono::days kDurationMax(36'500);

// nullopt: kDurationMax or more.
std::optional<std::chrono::microseconds> read_duration(py::handle value, const char* name) {
  if (!PyDelta_Check(value.ptr())) {
    refuse_argument(name, kind_of(value) + " is not a datetime.timedelta");
  }
  const int days = PyDateTime_DELTA_GET_DAYS(value.ptr());
  if (days < 0) refuse_argument(name, "is below zero");
  return days < kDurationMax.count() ? std::optional(duration_of(value.ptr())) : std::nullopt;
}

}  // namespace

std::chrono::microseconds to_duration(py::handle value, const char* name) {
  const auto duration = read_duration(value, name);
  if (!duration) refuse_argument(name, "is 36,500 days or more");
  return *duration;
}

std::chrono::microseconds to_timeout(py::handle value, const char* name) {
  return read_duration(value, name).value_or(kDurationMax);
}

}  // namespace orchestrator::python
