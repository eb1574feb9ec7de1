// How a verb of the facade becomes a method.
//
// A verb is a function from arguments to work: it reads the arguments with the interpreter lock, and the work
// that it returns, `work(Orchestrator&)`, needs none.
#pragma once

#include <pybind11/pybind11.h>

#include <utility>

#include "python/src/call_queue.hpp"
#include "python/src/session.hpp"

namespace orchestrator::python {

// Each verb in two forms: Session.verb(...) waits, CallQueue.verb(future, ...) is awaited.
struct Verbs {
  py::class_<Session, OwnedHere<Session>> session;
  py::class_<CallQueue, OwnedHere<CallQueue>> queue;

  template <class Work, class... Arguments>
  void add(const char* name, Work (*prepare)(Arguments...)) {
    session.def(name, [prepare](Session& self, Arguments... arguments) {
      return self.call(prepare(std::forward<Arguments>(arguments)...));
    });
    queue.def(name, [prepare](CallQueue& self, py::object future, Arguments... arguments) {
      self.submit(std::move(future), prepare(std::forward<Arguments>(arguments)...));
    });
  }
};

void bind_order_query(py::module_& module);
void add_order_verbs(Verbs& verbs);      // verbs_orders.cpp: placing, changing, reading, driving
void add_operation_verbs(Verbs& verbs);  // verbs_operations.cpp: operating
void add_reference_verbs(Verbs& verbs);  // verbs_reference.cpp: instruments, limits, routing rules, holidays

}  // namespace orchestrator::python
