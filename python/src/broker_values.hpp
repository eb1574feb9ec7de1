// What a broker says, as the dataclasses of python/orchestrator/_extend.py: read from them as strictly as
// from a broker, so that what cannot be read says nothing, and made for those who ask for a broker's book.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <utility>

#include "orchestrator/broker_connector.hpp"
#include "python/src/values.hpp"

namespace orchestrator::python {

// Reads attributes of an object; refusals name `path`.attribute.
class Attributes {
 public:
  Attributes(py::handle object, std::string path) : object_(object), path_(std::move(path)) {}

  template <class Read>
  auto get(const char* attribute, Read read) const {
    const py::object value = object_.attr(attribute);
    return read(value, name_of(attribute).c_str());
  }
  // nullopt: None.
  template <class Read>
  auto get_optional(const char* attribute, Read read) const {
    const py::object value = object_.attr(attribute);
    return to_optional(read, value, name_of(attribute).c_str());
  }
  [[nodiscard]] std::string text(const char* attribute) const { return get(attribute, to_text); }
  // In the caller's order.
  [[nodiscard]] py::tuple items(const char* attribute) const {
    auto items = py::reinterpret_steal<py::object>(PySequence_Tuple(object_.attr(attribute).ptr()));
    if (!items) throw py::error_already_set();
    return py::reinterpret_borrow<py::tuple>(items);
  }
  [[nodiscard]] std::string name_of(const char* attribute) const { return path_ + "." + attribute; }

 private:
  py::handle object_;
  std::string path_;
};

[[nodiscard]] std::string numbered(const std::string& name, std::size_t index);

// Throw Error(invalid_argument) naming what cannot be read, `path`.attribute, and what its code raises.
[[nodiscard]] BrokerOrder read_broker_order(py::handle value, const std::string& path);
[[nodiscard]] Execution read_execution(py::handle value, const std::string& path);
[[nodiscard]] BrokerReport read_report(py::handle value, const std::string& path, const std::string& broker,
                                       const std::string& account);

}  // namespace orchestrator::python
