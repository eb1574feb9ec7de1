// Session: one opened orchestrator as Python holds it.
//
// Invariants. The library is called without the GIL and never while another session's lock is waited for with
// it, so that a broker that is slow, or a Python object that the library calls back, stops nobody else.
// close() waits for the calls under way; afterwards, and in the child of a fork, every call is refused with
// Error(closed) and touches nothing: threads, locks and connections belong to the process that opened them.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <utility>

#include "orchestrator/open.hpp"
#include "python/src/interpreter.hpp"
#include "python/src/values.hpp"

namespace orchestrator::python {

// Counts the forks between this process and the one that loaded the module.
[[nodiscard]] unsigned fork_generation();
void watch_forks();
// Throws Error(closed) in the child of a fork, for what was made at that count.
void require_own_process(unsigned generation);

// Deletes only in the process that made the object. In a forked child its threads are not there to be ended,
// and its locks may be held for ever: there it is left alone.
template <class Object>
struct DeleteInOwnProcess {
  void operator()(Object* object) const {
    if (object->generation() == fork_generation()) delete object;
  }
};
template <class Object>
using OwnedHere = std::unique_ptr<Object, DeleteInOwnProcess<Object>>;

class Session {
 public:
  // Opens without the GIL.
  explicit Session(OpenOptions options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs `work(orchestrator)` without the GIL and gives its result ...
  template <class Work>
  auto run(Work work) {
    require_interpreter();
    InterruptibleCall interruptible;
    std::optional<std::invoke_result_t<Work&, Orchestrator&>> result;
    try {
      const Unlocked unlocked;
      const Call call(*this);
      result.emplace(work(call.orchestrator()));
    } catch (...) {
      interruptible.raise_interrupt();
      throw;
    }
    interruptible.raise_interrupt();
    return std::move(*result);
  }
  // ... as a Python object.
  template <class Work>
  py::object call(Work work) {
    return to_python(run(std::move(work)));
  }

  // From now on calls are refused, and those under way wait for nothing more.
  void refuse_calls() { closing_.store(true, std::memory_order_relaxed); }
  // Waits, without the GIL, for the calls of other threads; throws Error(invalid_state) from inside one of
  // this session's own. The second time it does nothing.
  void close();
  [[nodiscard]] bool closed() const;
  [[nodiscard]] unsigned generation() const { return generation_; }

  // Holds the orchestrator open for one call of this thread. Made without the GIL. Throws Error(closed).
  class Call {
   public:
    explicit Call(Session& session);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    [[nodiscard]] Orchestrator& orchestrator() const { return *session_.orchestrator_; }
    // Whether the innermost call of this thread shall wait no longer: its session is being closed, or a
    // signal's handler raised what is kept for the call. Asked without the GIL.
    [[nodiscard]] static bool shall_end();

   private:
    Session& session_;
    std::shared_lock<std::shared_mutex> lock_;
    const Call* outer_;
    friend class Session;
  };

 private:
  void require_open() const;
  // Whether this thread is inside a call of this session.
  [[nodiscard]] bool is_calling() const;

  const unsigned generation_;
  std::atomic<bool> closing_ = false;
  mutable std::shared_mutex open_;  // shared: a call is under way
  std::unique_ptr<Orchestrator> orchestrator_;
};

// The options of open() from the settings' names and values. Throws Error(invalid_argument) naming one.
[[nodiscard]] OpenOptions read_settings(const py::object& url, const py::dict& settings);

void bind_session(py::module_& module);
void bind_migration(py::module_& module);  // migration.cpp

}  // namespace orchestrator::python
