// Python objects that the library calls: with the interpreter lock, and with an answer for whatever they
// raise.
//
// Invariants. The lock is taken after the library's own locks and left before any of them is waited for again
// (a session leaves it for every call), so that a call back into the same orchestrator cannot wait for
// itself. Nothing that an object raises passes through the engine: it becomes a Failure, with the outcome
// that the rules of python/orchestrator/_extend.py give it.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>
#include <utility>

#include "orchestrator/broker_connector.hpp"
#include "python/src/values.hpp"

namespace orchestrator::python {

class Session;

// Whether this thread runs an object that the library called for this session.
[[nodiscard]] bool is_called_back(const Session& session);

// What was raised, or cannot be understood, for people: "ValueError: no such account". `outcome`: what it
// says about a request to a broker.
struct Failure {
  std::string words;
  SendOutcome outcome = SendOutcome::kInDoubt;
};

// For an exception object. Notes it in the log of the package, unless it is one of the package's own answers;
// one that is no Exception (KeyboardInterrupt) is also kept for the call that this thread is inside.
[[nodiscard]] Failure failure_of(const std::string& where, const py::object& exception);
// For an answer that cannot be understood; noted likewise.
[[nodiscard]] Failure failure_of(const std::string& where, const std::exception& error);

// Throws Error(invalid_argument) for an object without such a method, or with one that is a coroutine.
void require_method(py::handle object, const char* method, const std::string& name);

// One object that the library calls. Destroyed with or without the lock.
class PythonObject {
 public:
  // `name`: who it is, for people: "broker 'mine'".
  PythonObject(py::object object, std::string name);
  virtual ~PythonObject();
  PythonObject(const PythonObject&) = delete;
  PythonObject& operator=(const PythonObject&) = delete;

  // Once, before the library calls it.
  void belong_to(const Session& session) { session_ = &session; }

 protected:
  void require_method(const char* method) const { python::require_method(object_, method, name_); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const py::object& object() const { return object_; }

  // Runs `work` with the lock; what it raises, and an Error about what the object answered, is a Failure.
  template <class Work>
  [[nodiscard]] std::optional<Failure> attempt(const std::string& method, Work&& work) const {
    const Frame frame(*session_);
    const py::gil_scoped_acquire locked;
    try {
      work();
      return std::nullopt;
    } catch (const py::error_already_set& raised) {
      return failure_of(name_ + ", " + method + "()", exception_in(raised));
    } catch (const std::exception& error) {
      return failure_of(name_ + ", " + method + "()", error);
    }
  }

 private:
  // Marks the thread for is_called_back().
  class Frame {
   public:
    explicit Frame(const Session& session);
    ~Frame();
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    const Session* const session;
    const Frame* const outer;
  };
  friend bool is_called_back(const Session& session);

  static py::object exception_in(const py::error_already_set& raised);

  py::object object_;
  const std::string name_;
  const Session* session_ = nullptr;
};

}  // namespace orchestrator::python
