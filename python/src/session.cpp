#include "python/src/session.hpp"

#include <pthread.h>

#include <mutex>
#include <thread>

#include "python/src/extend.hpp"
#include "python/src/verbs.hpp"

namespace orchestrator::python {
namespace {

std::atomic<unsigned> generation_now{0};
thread_local const Session::Call* innermost_call = nullptr;

}  // namespace

unsigned fork_generation() { return generation_now.load(std::memory_order_relaxed); }

void watch_forks() {
  pthread_atfork(nullptr, nullptr, [] { generation_now.fetch_add(1, std::memory_order_relaxed); });
}

void require_own_process(unsigned generation) {
  if (generation == fork_generation()) return;
  throw Error(ErrorCode::kClosed,
              "this orchestrator was opened before fork() and belongs to the parent process; open one in "
              "this process");
}

Session::Session(OpenOptions options) : generation_(fork_generation()) {
  require_interpreter();
  own_extensions(options, *this);
  // Before it opens, so that an interpreter that ends meanwhile waits for it.
  add_open_session(*this);
  try {
    const Unlocked unlocked;
    const std::unique_lock lock(open_);
    orchestrator_ = open(std::move(options));
  } catch (...) {
    remove_open_session(*this);
    throw;
  }
}

Session::~Session() {
  remove_open_session(*this);
  if (is_called_back(*this)) {
    // Let go by an object that one of its own threads has called, which cannot wait for itself.
    std::thread([orchestrator = std::move(orchestrator_),
                 absent = std::make_unique<AbsentThread>()]() mutable {
      orchestrator.reset();
      const py::gil_scoped_acquire locked;
      absent.reset();
    }).detach();
    return;
  }
  const Unlocked unlocked;
  orchestrator_.reset();
}

void Session::require_open() const {
  require_own_process(generation_);
  if (closing_.load(std::memory_order_relaxed)) {
    throw Error(ErrorCode::kClosed, "this orchestrator was closed; open another one");
  }
}

Session::Call::Call(Session& session) : session_(session), outer_(innermost_call) {
  // Waiting for the lock could be for ever: close() holds it while it waits for the library's threads, and
  // this may be one of them, called back.
  lock_ = std::shared_lock(session.open_, std::defer_lock);
  do {
    session.require_open();
  } while (!lock_.try_lock());
  session.require_open();
  innermost_call = this;
}

Session::Call::~Call() { innermost_call = outer_; }

bool Session::Call::shall_end() {
  if (innermost_call != nullptr && innermost_call->session_.closed()) return true;
  return InterruptibleCall::interrupted();
}

bool Session::is_calling() const {
  for (const Call* call = innermost_call; call != nullptr; call = call->outer_) {
    if (&call->session_ == this) return true;
  }
  return false;
}

void Session::close() {
  if (generation_ != fork_generation()) return;
  if (is_calling() || is_called_back(*this)) {
    throw Error(
        ErrorCode::kInvalidState,
        "close() was called from inside a call of the same orchestrator; close it when that has returned");
  }
  refuse_calls();
  const Unlocked unlocked;
  const std::unique_lock lock(open_);
  orchestrator_.reset();
}

bool Session::closed() const {
  return closing_.load(std::memory_order_relaxed) || generation_ != fork_generation();
}

void bind_session(py::module_& module) {
  bind_order_query(module);
  Verbs verbs{{module, "Session"}, {module, "CallQueue"}};
  verbs.session
      .def(py::init([](const py::object& url, const py::dict& settings) {
        return OwnedHere<Session>(new Session(read_settings(url, settings)));
      }))
      .def("close", &Session::close)
      .def_property_readonly("closed", &Session::closed, "bool");
  verbs.queue
      .def(py::init([](py::object session, const py::object& calls_max) {
        return OwnedHere<CallQueue>(new CallQueue(std::move(session), to_count(calls_max, "calls_max")));
      }))
      .def("close", &CallQueue::close, py::call_guard<py::gil_scoped_release>())
      .def("drain", &CallQueue::drain)
      .def("fileno", &CallQueue::descriptor);
  add_order_verbs(verbs);
  add_operation_verbs(verbs);
  add_reference_verbs(verbs);
}

}  // namespace orchestrator::python
