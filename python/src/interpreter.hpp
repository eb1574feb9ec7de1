// When a thread holds the interpreter lock, and when it must not.
//
// Invariants. Whoever leaves the lock to work in the library is counted, and the interpreter does not end
// before all of them are back: a thread that asks for the lock of an interpreter that is ending is ended by
// it, in the middle of a C++ frame. So every session is closed at exit, while Python still works, and no call
// leaves the lock any more after that.
#pragma once

#include <pybind11/pybind11.h>

namespace orchestrator::python {

namespace py = pybind11;

class Session;

// Counts this thread, or the thread that it is moved to, among those that work without the lock. Made with
// the lock, and ended with it.
class AbsentThread {
 public:
  AbsentThread();
  ~AbsentThread();
  AbsentThread(const AbsentThread&) = delete;
  AbsentThread& operator=(const AbsentThread&) = delete;

 private:
  const unsigned generation_;
};

// Leaves the lock for as long as it lives.
class Unlocked {
 private:
  const AbsentThread absent_;
  const py::gil_scoped_release released_;
};

// The sessions that are closed at exit. Called with the lock, which guards the list.
void add_open_session(Session& session);
void remove_open_session(const Session& session);
void close_sessions_at_exit();
// Called with the lock. Raises OrchestratorError(closed) once the sessions were closed at exit; from then on
// a thread may be ended whenever it runs Python code, so this runs none.
void require_interpreter();

// One call that Python made: a KeyboardInterrupt or SystemExit of an object that the library called meanwhile
// is raised when the library has done its bookkeeping, and not in the middle of it. Made and ended with the
// lock.
class InterruptibleCall {
 public:
  InterruptibleCall();
  ~InterruptibleCall();
  InterruptibleCall(const InterruptibleCall&) = delete;
  InterruptibleCall& operator=(const InterruptibleCall&) = delete;

  // Throws what came meanwhile.
  void raise_interrupt();

  // Keeps it for the innermost call of this thread; false: there is none. Called with the lock.
  static bool interrupt(const py::object& exception);

  // Runs the handlers of signals that came, as Python does between two lines of code; false: nothing is kept
  // for the innermost call of this thread. Called without the lock.
  static bool interrupted();

 private:
  InterruptibleCall* outer_;
  py::object interrupt_;
};

}  // namespace orchestrator::python
