// The native half of the package `orchestrator`: records, sessions, and nothing that a person calls directly.
// python/orchestrator/ is the face of it, and _native.pyi its types.
#include <pybind11/pybind11.h>

#include "orchestrator/version.hpp"
#include "python/src/decimal_object.hpp"
#include "python/src/errors.hpp"
#include "python/src/extend.hpp"
#include "python/src/order_input.hpp"
#include "python/src/records.hpp"
#include "python/src/session.hpp"

PYBIND11_MODULE(_native, module) {
  namespace python = orchestrator::python;
  module.doc() = "The native half of the package orchestrator; use the package.";
  module.attr("__version__") = ORCHESTRATOR_VERSION;
  python::load_values();
  python::load_order_fields();
  python::translate_errors();
  python::watch_forks();
  python::close_sessions_at_exit();
  python::bind_orders(module);
  python::bind_reports(module);
  python::bind_operations(module);
  python::bind_reference(module);
  python::bind_order_request(module);
  python::bind_extensions(module);
  python::bind_session(module);
  python::bind_migration(module);
  module.def(
      "_read_orders", [](const pybind11::object& orders) { return python::OrderInput::read(orders).size(); },
      "Reads orders as place() does, and answers how many. For benchmarks and tests.");
  module.def("_set_direct_decimals", &python::set_direct_decimals, pybind11::arg("on"),
             "Reads Decimals by their text when off; answers whether they can be read directly. For tests.");
}
