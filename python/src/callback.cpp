#include "python/src/callback.hpp"

#include "python/src/errors.hpp"
#include "python/src/interpreter.hpp"

namespace orchestrator::python {
namespace {

thread_local const void* innermost_frame = nullptr;

// Enough to see what is wrong; the whole of it is in the log.
constexpr Py_ssize_t kWordsMax = 300;

std::string text_of(const py::object& exception) {
  const auto text = py::reinterpret_steal<py::object>(PyObject_Str(exception.ptr()));
  const auto front =
      py::reinterpret_steal<py::object>(text ? PyUnicode_Substring(text.ptr(), 0, kWordsMax) : nullptr);
  const auto bytes = py::reinterpret_steal<py::object>(
      front ? PyUnicode_AsEncodedString(front.ptr(), "utf-8", "replace") : nullptr);
  if (bytes) return {PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
  PyErr_Clear();
  return {};
}

std::string words_of(const py::object& exception) {
  const std::string type = Py_TYPE(exception.ptr())->tp_name;
  const std::string text = text_of(exception);
  return text.empty() ? type : type + ": " + text;
}

// The log's handlers are the caller's, and may fail as well.
void note(const std::string& where, const py::object& exception) {
  try {
    py::module_::import("orchestrator._extend").attr("note_failure")(where, exception);
  } catch (const py::error_already_set& raised) {
    const py::object of_the_log = raised.value();
    if (PyObject_IsInstance(of_the_log.ptr(), PyExc_Exception) != 1) InterruptibleCall::interrupt(of_the_log);
  }
}

bool is_a(const py::object& exception, const char* type) {
  const py::object of_the_package = py::module_::import("orchestrator._extend").attr(type);
  return PyErr_GivenExceptionMatches(exception.ptr(), of_the_package.ptr()) != 0;
}

}  // namespace

Failure failure_of(const std::string& where, const py::object& exception) {
  if (is_a(exception, "NotSent")) return {text_of(exception), SendOutcome::kNotSent};
  if (is_a(exception, "Rejected")) return {text_of(exception), SendOutcome::kRejected};
  if (PyErr_GivenExceptionMatches(exception.ptr(), PyExc_Exception) == 0) {
    InterruptibleCall::interrupt(exception);
  }
  note(where, exception);
  return {words_of(exception), SendOutcome::kInDoubt};
}

void require_method(py::handle object, const char* method, const std::string& name) {
  const py::object found = py::getattr(object, method, py::none());
  if (PyCallable_Check(found.ptr()) == 0) {
    refuse_argument(name, kind_of(object) + " has no method " + method + "()");
  }
  const bool is_async = py::cast<bool>(py::module_::import("inspect").attr("iscoroutinefunction")(found));
  if (is_async) refuse_argument(name, std::string(method) + "() is a coroutine; pass a plain method");
}

Failure failure_of(const std::string& where, const std::exception& error) {
  note(where, exception_of(Error(ErrorCode::kInvalidArgument, error.what())));
  return {error.what(), SendOutcome::kInDoubt};
}

PythonObject::PythonObject(py::object object, std::string name)
    : object_(std::move(object)), name_(std::move(name)) {}

PythonObject::~PythonObject() {
  const py::gil_scoped_acquire locked;
  object_ = py::object();
}

py::object PythonObject::exception_in(const py::error_already_set& raised) {
  py::object exception = raised.value();
  if (raised.trace()) PyException_SetTraceback(exception.ptr(), raised.trace().ptr());
  return exception;
}

PythonObject::Frame::Frame(const Session& of)
    : session(&of), outer(static_cast<const Frame*>(innermost_frame)) {
  innermost_frame = this;
}

PythonObject::Frame::~Frame() { innermost_frame = outer; }

bool is_called_back(const Session& session) {
  for (auto frame = static_cast<const PythonObject::Frame*>(innermost_frame); frame != nullptr;
       frame = frame->outer) {
    if (frame->session == &session) return true;
  }
  return false;
}

}  // namespace orchestrator::python
