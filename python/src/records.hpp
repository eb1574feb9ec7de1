// Records: the library's structs as immutable Python objects.
//
// Each record has one table of fields, in the order of its JSON, and everything else follows from the table:
// read-only properties, to_dict(), repr and equality. A value is converted when it is asked for, so that a
// list of a thousand orders costs the time of a thousand copies and no more. A pickle holds the struct itself
// (record_state.hpp), and a copy is the record, because nothing can change it.
#pragma once

#include <pybind11/pybind11.h>

#include <span>
#include <string>

#include "orchestrator/orchestrator.hpp"
#include "python/src/record_state.hpp"
#include "python/src/values.hpp"

namespace orchestrator::python {

template <class Record>
struct Field {
  const char* name;
  py::object (*get)(const Record&);
  const char* doc;
};

// The getter of a plain member.
template <auto kMember, class Record>
py::object read(const Record& record) {
  return to_python(record.*kMember);
}

// Of a member whose empty value means that there is none: "" and 0 become None.
template <auto kMember, class Record>
py::object read_or_none(const Record& record) {
  const auto& value = record.*kMember;
  if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, std::string>) {
    if (value.empty()) return py::none();
  } else {
    if (value == 0) return py::none();
  }
  return to_python(value);
}

// Values as they are, records and lists of records as dicts and lists of dicts.
[[nodiscard]] inline py::object plain_of(py::object value) {
  if (py::isinstance<py::list>(value)) {
    py::list plain;
    for (const py::handle item : value) plain.append(plain_of(py::reinterpret_borrow<py::object>(item)));
    return plain;
  }
  return py::hasattr(value, "to_dict") ? value.attr("to_dict")() : value;
}

template <class Record>
py::dict dict_of(const Record& record, std::span<const Field<Record>> fields) {
  py::dict dict;
  for (const auto& field : fields) dict[field.name] = plain_of(field.get(record));
  return dict;
}

// Order(id=1, qty=Decimal('100'), ...): what is None is left out.
template <class Record>
std::string repr_of(const char* name, const Record& record, std::span<const Field<Record>> fields) {
  std::string text = std::string(name) + "(";
  const char* comma = "";
  for (const auto& field : fields) {
    const py::object value = field.get(record);
    if (value.is_none()) continue;
    text += std::string(comma) + field.name + "=" + py::cast<std::string>(py::repr(value));
    comma = ", ";
  }
  return text + ")";
}

template <class Record>
bool equal(const Record& left, const Record& right, std::span<const Field<Record>> fields) {
  for (const auto& field : fields) {
    if (!field.get(left).equal(field.get(right))) return false;
  }
  return true;
}

// Whether it is a record whose value is there: a subclass may show itself before its __init__ made one.
template <class Record>
[[nodiscard]] bool holds(py::handle object) {
  if (!py::isinstance<Record>(object)) return false;
  return reinterpret_cast<py::detail::instance*>(object.ptr())->get_value_and_holder().holder_constructed();
}

// A __new__ without an __init__ would leave memory that nobody wrote. Python refuses the inherited __new__ of
// a type whose tp_new is its own, so that a record is made by the library or by a call of its type alone.
inline PyObject* refuse_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyErr_Format(PyExc_TypeError, "%s is made by the library alone", type->tp_name);
  return nullptr;
}
inline PyObject* new_for_init(PyTypeObject* type, PyObject*, PyObject*) {
  return py::detail::make_new_instance(type);
}

template <class Record>
void bind_copies(py::class_<Record>& type, const char* name) {
  static_assert(std::tuple_size_v<decltype(kMembers<Record>)> > 0, "record_state.hpp has its members");
  type.def("__copy__", [](const py::object& self) { return self; });
  type.def("__deepcopy__", [](const py::object& self, const py::object&) { return self; });
  type.def("__reduce__", [name](const Record& record) {
    StateWriter state;
    state.write(record);
    return py::make_tuple(py::module_::import("orchestrator._pickles").attr("restored"),
                          py::make_tuple(name, py::bytes(state.bytes())));
  });
  type.def_static("_restored", [name](const py::bytes& bytes) {
    StateReader state(static_cast<std::string_view>(bytes), name);
    Record record;
    state.read(record);
    state.finish();
    return record;
  });
}

template <class Record>
py::class_<Record> bind_record(py::module_& module, const char* name, const char* doc,
                               std::span<const Field<Record>> fields) {
  py::class_<Record> type(module, name, doc);
  reinterpret_cast<PyTypeObject*>(type.ptr())->tp_new = refuse_new;
  py::list names;
  for (const auto& field : fields) {
    type.def_property_readonly(field.name, field.get, field.doc);
    names.append(field.name);
  }
  type.attr("__module__") = "orchestrator";
  type.attr("__match_args__") = py::tuple(names);
  type.def(
      "to_dict", [fields](const Record& record) { return dict_of(record, fields); },
      "The fields by name, in the order of to_json(); nested records as dicts.");
  type.def("__repr__", [name, fields](const Record& record) { return repr_of(name, record, fields); });
  type.def("_repr_html_", [name, fields](const Record& record) {
    return py::module_::import("orchestrator._tables").attr("html_of")(name, dict_of(record, fields));
  });
  type.def("__eq__", [fields](const Record& record, const py::object& other) -> py::object {
    if (!py::isinstance<Record>(other)) return py::reinterpret_borrow<py::object>(Py_NotImplemented);
    return py::bool_(equal(record, py::cast<const Record&>(other), fields));
  });
  bind_copies(type, name);
  return type;
}

// For records that a caller makes: with an __init__ of their own.
template <class Record>
void allow_new(py::class_<Record>& type) {
  reinterpret_cast<PyTypeObject*>(type.ptr())->tp_new = new_for_init;
}

// For records that the library writes as JSON.
template <class Record>
void bind_json(py::class_<Record>& type) {
  type.def(
      "to_json", [](const Record& record) { return to_python(to_json(record)); },
      "One JSON document, byte for byte what the program prints with --json; amounts are exact JSON "
      "numbers.");
}

// For records with a list of rows in them.
template <class Record>
void bind_pandas(py::class_<Record>& type, py::object (*rows)(const Record&), const char* row_type,
                 const char* doc) {
  type.def(
      "to_pandas",
      [rows, row_type](const Record& record) {
        const auto frame_of = py::module_::import("orchestrator._tables").attr("frame_of");
        const auto columns =
            py::module_::import("orchestrator._native").attr(row_type).attr("__match_args__");
        return frame_of(plain_of(rows(record)), py::arg("columns") = columns);
      },
      doc);
}

void bind_orders(py::module_& module);      // Order, OrderBatch, Execution, FillResult, Receipt, Violation
void bind_reports(py::module_& module);     // BatchReport, Break, and what the driving calls return
void bind_operations(py::module_& module);  // health, brokers, stops, the audit
void bind_reference(py::module_& module);   // instruments, limits, routing rules
void bind_order_request(py::module_& module);

}  // namespace orchestrator::python
