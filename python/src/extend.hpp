// The parts of an orchestrator that may be Python objects. What each method of theirs means, and what becomes
// of an exception in it, is written for callers in python/orchestrator/_extend.py.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "orchestrator/open.hpp"
#include "python/src/callback.hpp"

namespace orchestrator::python {

// From the values of the settings; throw Error(invalid_argument) for objects that cannot be that part.
[[nodiscard]] std::vector<std::unique_ptr<BrokerConnector>> to_brokers(py::handle value, const char* name);
[[nodiscard]] std::unique_ptr<Validator> to_validator(py::handle rules, const char* name);
[[nodiscard]] std::unique_ptr<Router> to_router(py::handle value, const char* name);
[[nodiscard]] std::unique_ptr<EventPublisher> to_publisher(py::handle value, const char* name);

// Once all settings are read: tells the Python objects among the parts whose they are, and the rules beside
// which validator they stand.
void own_extensions(OpenOptions& options, const Session& session);

// What rules and routers are given: BatchRequest, BrokerState.
void bind_extensions(py::module_& module);

}  // namespace orchestrator::python
