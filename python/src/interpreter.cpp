#include "python/src/interpreter.hpp"

#include <pthread.h>

#include <chrono>
#include <thread>
#include <vector>

#include "python/src/errors.hpp"
#include "python/src/session.hpp"

namespace orchestrator::python {
namespace {

// Guarded by the interpreter lock, as the list below: a fork finds them in order, because Python forks with
// the lock held.
int absent_threads = 0;
PyObject* ended = nullptr;  // what calls raise since the sessions were closed at exit

std::vector<Session*>& open_sessions() {
  static std::vector<Session*> sessions;
  return sessions;
}

thread_local InterruptibleCall* innermost_call = nullptr;

// The child's own thread is not counted any more either; see ~AbsentThread.
void forget_the_parents() {
  absent_threads = 0;
  open_sessions().clear();
}

void close_sessions() {
  ended = exception_of(Error(ErrorCode::kClosed, "the interpreter is ending; every orchestrator was closed"))
              .release()
              .ptr();
  while (!open_sessions().empty()) {
    Session* const session = open_sessions().front();
    const py::object held = py::cast(session, py::return_value_policy::reference);
    session->close();
    remove_open_session(*session);
  }
  // Each of them waits for the lock, and has nothing else to wait for.
  while (absent_threads > 0) {
    const py::gil_scoped_release released;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

AbsentThread::AbsentThread() : generation_(fork_generation()) { ++absent_threads; }

AbsentThread::~AbsentThread() {
  if (generation_ == fork_generation()) --absent_threads;
}

void add_open_session(Session& session) { open_sessions().push_back(&session); }

void remove_open_session(const Session& session) { std::erase(open_sessions(), &session); }

void require_interpreter() {
  if (ended == nullptr) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(ended)), ended);
  throw py::error_already_set();
}

void close_sessions_at_exit() {
  pthread_atfork(nullptr, nullptr, forget_the_parents);
  py::module_::import("atexit").attr("register")(py::cpp_function(&close_sessions));
}

InterruptibleCall::InterruptibleCall() : outer_(innermost_call) { innermost_call = this; }

InterruptibleCall::~InterruptibleCall() { innermost_call = outer_; }

void InterruptibleCall::raise_interrupt() {
  if (!interrupt_) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(interrupt_.ptr())), interrupt_.ptr());
  throw py::error_already_set();
}

bool InterruptibleCall::interrupt(const py::object& exception) {
  if (innermost_call == nullptr) return false;
  if (!innermost_call->interrupt_) innermost_call->interrupt_ = exception;
  return true;
}

bool InterruptibleCall::interrupted() {
  if (innermost_call == nullptr) return false;
  const py::gil_scoped_acquire locked;
  if (PyErr_CheckSignals() != 0) interrupt(py::error_already_set().value());
  return static_cast<bool>(innermost_call->interrupt_);
}

}  // namespace orchestrator::python
