#include "python/src/errors.hpp"

#include <exception>

#include "python/src/records.hpp"
#include "python/src/values.hpp"

namespace orchestrator::python {
namespace {

PyObject* error_type_ = nullptr;

}  // namespace

py::object exception_of(const Error& error) {
  const auto type = py::reinterpret_borrow<py::object>(error_type_);
  return type(to_python(error.code()), to_python(std::string(error.what())),
              py::arg("retryable") = error.retryable(), py::arg("in_doubt") = error.in_doubt(),
              py::arg("violations") = py::tuple(to_python(error.violations())));
}

void translate_errors() {
  error_type_ =
      py::object(py::module_::import("orchestrator._errors").attr("OrchestratorError")).release().ptr();
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    if (!thrown) return;
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& error) {
      PyErr_SetObject(error_type_, exception_of(error).ptr());
    }
  });
}

}  // namespace orchestrator::python
