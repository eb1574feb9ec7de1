// Values in both directions: what Python means by a number, a time or a word, and what the library does.
//
// Out: amounts become decimal.Decimal, times aware datetimes in UTC, words members of the package's enums,
// and what is absent None. In: nothing is rounded, guessed or converted by way of a float; what cannot be
// read exactly is refused with an Error that names the argument. All of it needs the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "orchestrator/broker_connector.hpp"
#include "orchestrator/decimal.hpp"
#include "orchestrator/dependency.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/events.hpp"
#include "orchestrator/order.hpp"
#include "orchestrator/reconciler.hpp"
#include "orchestrator/router.hpp"
#include "orchestrator/types.hpp"
#include "orchestrator/validator.hpp"

namespace orchestrator::python {

namespace py = pybind11;

// Looks up what the conversions need in Python's own modules and in the package's enums; called once, when
// the module is imported. Throws ImportError when an enumerator has no member in the package.
void load_values();
// Its part for what comes in.
void load_input_types(py::handle decimal_type);

// --- out ------------------------------------------------------------------------------------------

// `text` as the library writes amounts.
[[nodiscard]] py::object decimal_from_text(std::string_view text);

[[nodiscard]] inline py::object to_python(bool value) { return py::bool_(value); }
[[nodiscard]] inline py::object to_python(std::int32_t value) { return py::int_(value); }
[[nodiscard]] inline py::object to_python(std::int64_t value) { return py::int_(value); }
[[nodiscard]] inline py::object to_python(std::size_t value) { return py::int_(value); }
// Bytes that are not UTF-8 (a broker's words may be anything) become U+FFFD.
[[nodiscard]] py::object to_python(const std::string& text);
[[nodiscard]] py::object to_python(Price value);
[[nodiscard]] py::object to_python(Quantity value);
[[nodiscard]] py::object to_python(Rate value);
[[nodiscard]] py::object to_python(Money value);
[[nodiscard]] py::object to_python(Timestamp at);
[[nodiscard]] py::object to_python(Date day);
[[nodiscard]] py::object to_python(std::chrono::microseconds duration);
[[nodiscard]] py::object to_python(Side value);
[[nodiscard]] py::object to_python(OrderType value);
[[nodiscard]] py::object to_python(TimeInForce value);
[[nodiscard]] py::object to_python(OrderStatus value);
[[nodiscard]] py::object to_python(BatchStatus value);
[[nodiscard]] py::object to_python(BatchPolicy value);
[[nodiscard]] py::object to_python(ExecutionKind value);
[[nodiscard]] py::object to_python(EventType value);
[[nodiscard]] py::object to_python(BreakType value);
[[nodiscard]] py::object to_python(Severity value);
[[nodiscard]] py::object to_python(ControlScope value);
[[nodiscard]] py::object to_python(HaltMode value);
[[nodiscard]] py::object to_python(CircuitState value);
[[nodiscard]] py::object to_python(DependencyState value);
[[nodiscard]] py::object to_python(BrokerClass value);
[[nodiscard]] py::object to_python(ErrorCode value);

[[nodiscard]] py::object to_python(const BrokerConnector::Book& book);  // broker_values.cpp

// A JSON document; whole numbers are ints, the others Decimals.
[[nodiscard]] py::object from_json(const std::string& text);

// Records: bound by records_*.cpp.
template <class Type>
concept Struct = std::is_class_v<Type>;
template <Struct Record>
[[nodiscard]] py::object to_python(Record record) {
  return py::cast(std::move(record));
}

template <class Value>
[[nodiscard]] py::object to_python(const std::optional<Value>& value) {
  return value ? to_python(*value) : py::none();
}

template <class Value>
[[nodiscard]] py::object to_python(const std::vector<Value>& values) {
  py::list list(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), to_python(values[i]).release().ptr());
  }
  return list;
}

// --- in -------------------------------------------------------------------------------------------

// What became of one value: a reason why not, as the rest of a sentence, or nothing.
using Refusal = std::optional<std::string>;

// An int, or an object with __index__; no bool, no float.
Refusal read_integer(py::handle value, std::int64_t& out);
// Text that is valid Unicode.
Refusal read_text(py::handle value, std::string& out);
// A Decimal, an int or text; Decimals in exponent notation are taken at their value.
Refusal read_decimal(py::handle value, Price& out);
Refusal read_decimal(py::handle value, Quantity& out);
Refusal read_decimal(py::handle value, Rate& out);
Refusal read_decimal(py::handle value, Money& out);
// A member of the enum or its exact word.
Refusal read_word(py::handle value, Side& out);
Refusal read_word(py::handle value, OrderType& out);
Refusal read_word(py::handle value, TimeInForce& out);
Refusal read_word(py::handle value, OrderStatus& out);
Refusal read_word(py::handle value, BatchStatus& out);
Refusal read_word(py::handle value, BatchPolicy& out);
Refusal read_word(py::handle value, ControlScope& out);
Refusal read_word(py::handle value, HaltMode& out);
Refusal read_word(py::handle value, DuplicatePolicy& out);

// For arguments: throw Error(invalid_argument) whose message begins with `name`.
[[nodiscard]] std::int64_t to_integer(py::handle value, const char* name);
// Above zero.
[[nodiscard]] std::int64_t to_id(py::handle value, const char* name);
[[nodiscard]] std::size_t to_count(py::handle value, const char* name);
[[nodiscard]] bool to_bool(py::handle value, const char* name);
[[nodiscard]] std::string to_text(py::handle value, const char* name);
// Text that says something; `instead`: what to pass for nothing.
[[nodiscard]] std::string to_filled_text(py::handle value, const char* name, const char* instead);
// Text that a query looks for; an empty one is refused, because it would look for what has none, or for all.
[[nodiscard]] std::string to_filter(py::handle value, const char* name);
// An aware datetime; in UTC it is of the years 1 to 9999, so that it can go out again.
[[nodiscard]] Timestamp to_timestamp(py::handle value, const char* name);
// A date that is no datetime.
[[nodiscard]] Date to_date(py::handle value, const char* name);
// A timedelta of zero or more, below 36,500 days.
[[nodiscard]] std::chrono::microseconds to_duration(py::handle value, const char* name);
// How long to wait: a longer one is as good as 36,500 days.
[[nodiscard]] std::chrono::microseconds to_timeout(py::handle value, const char* name);

[[noreturn]] void refuse_argument(const std::string& name, const std::string& why);

// A list of what an iterable gives; not of text. Throws limit_exceeded for more than `count_max`; what the
// iterable itself raises on its way is passed on.
[[nodiscard]] py::list items_of(py::handle values, const char* name,
                                std::size_t count_max = std::numeric_limits<std::size_t>::max());

template <class Value>
[[nodiscard]] Value to_decimal(py::handle value, const char* name) {
  Value result;
  if (const auto refusal = read_decimal(value, result)) refuse_argument(name, *refusal);
  return result;
}

template <class Word>
[[nodiscard]] Word to_word(py::handle value, const char* name) {
  Word result{};
  if (const auto refusal = read_word(value, result)) refuse_argument(name, *refusal);
  return result;
}

// None becomes nullopt.
template <class Read>
[[nodiscard]] auto to_optional(Read read, py::handle value, const char* name)
    -> std::optional<decltype(read(value, name))> {
  if (value.is_none()) return std::nullopt;
  return read(value, name);
}

// Every item of a list or another iterable, each read as `name`.
template <class Value, class Read>
[[nodiscard]] std::vector<Value> to_list(Read read, py::handle values, const char* name) {
  std::vector<Value> result;
  const auto list = items_of(values, name);
  for (const py::handle item : list) result.push_back(read(item, name));
  return result;
}

// "a float", "None", "a Widget": for messages. Runs no code of the object.
[[nodiscard]] std::string kind_of(py::handle value);

}  // namespace orchestrator::python
