// Values on their way out, and the objects of Python that both directions share.
#include "python/src/values.hpp"

#include <datetime.h>  // after Python.h

#include <array>
#include <utility>

#include "python/src/decimal_object.hpp"

namespace orchestrator::python {
namespace {

PyObject* decimal_type_ = nullptr;
PyObject* json_loads_ = nullptr;

// Owned for the life of the process, as the module is.
template <class Enum>
std::vector<PyObject*>& members() {
  static std::vector<PyObject*> all;
  return all;
}

template <class Enum>
py::object member(Enum value) {
  return py::reinterpret_borrow<py::object>(members<Enum>().at(static_cast<std::size_t>(value)));
}

// The members in the order of the enumerators, found by their words.
template <class Enum>
void load_members(const py::module_& enums, const char* name, std::size_t count) {
  const py::object type = enums.attr(name);
  auto& all = members<Enum>();
  all.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view word = to_string(static_cast<Enum>(i));
    all.push_back(type(py::str(word.data(), word.size())).release().ptr());
  }
  if (py::len(type) != count) {
    throw py::import_error(std::string("orchestrator.") + name +
                           " has members that the library does not know");
  }
}

// A broker, and whoever wrote to the database, may have given any time.
std::chrono::year_month_day date_in_reach(std::chrono::sys_days day) {
  using std::chrono::year;
  if (day < std::chrono::sys_days(year(1) / 1 / 1) || day >= std::chrono::sys_days(year(10000) / 1 / 1)) {
    throw Error(ErrorCode::kNumberOverflow,
                "the time, " + std::to_string(day.time_since_epoch().count()) +
                    " days from 1970-01-01, is outside the years 1 to 9999 that a datetime holds");
  }
  return day;
}

template <class Fixed>
py::object decimal(Fixed value) {
  std::array<char, Fixed::kTextSizeMax> text{};
  return decimal_from_text({text.data(), static_cast<std::size_t>(value.write(text.data()) - text.data())});
}

}  // namespace

void load_values() {
  PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) throw py::error_already_set();
  const py::object decimal_type = py::module_::import("decimal").attr("Decimal");
  decimal_type_ = decimal_type.ptr();
  json_loads_ = py::object(py::module_::import("json").attr("loads")).release().ptr();
  load_decimal_layout(decimal_type);
  load_input_types(decimal_type);

  const auto enums = py::module_::import("orchestrator._enums");
  load_members<Side>(enums, "Side", 2);
  load_members<OrderType>(enums, "OrderType", 4);
  load_members<TimeInForce>(enums, "TimeInForce", 4);
  load_members<OrderStatus>(enums, "OrderStatus", kOrderStatusCount);
  load_members<BatchStatus>(enums, "BatchStatus", 6);
  load_members<BatchPolicy>(enums, "BatchPolicy", 2);
  load_members<ExecutionKind>(enums, "ExecutionKind", 3);
  load_members<EventType>(enums, "EventType", static_cast<std::size_t>(EventType::kBatchReopened) + 1);
  load_members<BreakType>(enums, "BreakType", static_cast<std::size_t>(BreakType::kFee) + 1);
  load_members<Severity>(enums, "Severity", 2);
  load_members<ControlScope>(enums, "ControlScope", 3);
  load_members<HaltMode>(enums, "HaltMode", 2);
  load_members<CircuitState>(enums, "CircuitState", 3);
  load_members<DependencyState>(enums, "DependencyState", 3);
  load_members<BrokerClass>(enums, "BrokerClass", 4);
  load_members<ErrorCode>(enums, "ErrorCode", all_error_codes().size());
}

py::object decimal_from_text(std::string_view text) {
  const auto string = py::reinterpret_steal<py::object>(
      PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, text.data(), static_cast<Py_ssize_t>(text.size())));
  if (!string) throw py::error_already_set();
  auto result = py::reinterpret_steal<py::object>(PyObject_CallOneArg(decimal_type_, string.ptr()));
  if (!result) throw py::error_already_set();
  return result;
}

py::object to_python(const std::string& text) {
  auto result = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
  if (!result) throw py::error_already_set();
  return result;
}

py::object from_json(const std::string& text) {
  return py::handle(json_loads_)(to_python(text), py::arg("parse_float") = py::handle(decimal_type_));
}

py::object to_python(Price value) { return decimal(value); }
py::object to_python(Quantity value) { return decimal(value); }
py::object to_python(Rate value) { return decimal(value); }
py::object to_python(Money value) { return decimal(value); }

py::object to_python(Timestamp at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const auto date = date_in_reach(day);
  const std::chrono::hh_mm_ss time(at - day);
  auto result = py::reinterpret_steal<py::object>(PyDateTimeAPI->DateTime_FromDateAndTime(
      static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
      static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(time.hours().count()),
      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
      static_cast<int>(time.subseconds().count()), PyDateTime_TimeZone_UTC, PyDateTimeAPI->DateTimeType));
  if (!result) throw py::error_already_set();
  return result;
}

py::object to_python(Date day) {
  const auto date = date_in_reach(day);
  auto result = py::reinterpret_steal<py::object>(
      PyDate_FromDate(static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
                      static_cast<int>(static_cast<unsigned>(date.day()))));
  if (!result) throw py::error_already_set();
  return result;
}

py::object to_python(std::chrono::microseconds duration) {
  const auto days = std::chrono::floor<std::chrono::days>(duration);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration - days);
  auto result = py::reinterpret_steal<py::object>(
      PyDelta_FromDSU(static_cast<int>(days.count()), static_cast<int>(seconds.count()),
                      static_cast<int>((duration - days - seconds).count())));
  if (!result) throw py::error_already_set();
  return result;
}

py::object to_python(Side value) { return member(value); }
py::object to_python(OrderType value) { return member(value); }
py::object to_python(TimeInForce value) { return member(value); }
py::object to_python(OrderStatus value) { return member(value); }
py::object to_python(BatchStatus value) { return member(value); }
py::object to_python(BatchPolicy value) { return member(value); }
py::object to_python(ExecutionKind value) { return member(value); }
py::object to_python(EventType value) { return member(value); }
py::object to_python(BreakType value) { return member(value); }
py::object to_python(Severity value) { return member(value); }
py::object to_python(ControlScope value) { return member(value); }
py::object to_python(HaltMode value) { return member(value); }
py::object to_python(CircuitState value) { return member(value); }
py::object to_python(DependencyState value) { return member(value); }
py::object to_python(BrokerClass value) { return member(value); }
py::object to_python(ErrorCode value) { return member(value); }

}  // namespace orchestrator::python
