// orchestrator::Error as orchestrator.OrchestratorError, the one exception of the package.
#pragma once

#include <pybind11/pybind11.h>

#include "orchestrator/error.hpp"

namespace orchestrator::python {

// From here on every orchestrator::Error that leaves a function of the module is raised as OrchestratorError.
// Needs the package's _errors module.
void translate_errors();

// The exception object for `error`, to be raised or handed to a Future.
[[nodiscard]] pybind11::object exception_of(const Error& error);

}  // namespace orchestrator::python
