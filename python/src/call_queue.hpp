// CallQueue: calls of a session that somebody awaits.
//
// Threads of its own make the calls, as many at once as a group commit can use, and never touch the
// interpreter: arguments were read before, and what is done waits in a list. The event loop is woken by a
// file descriptor, once for all that is done by then, and takes the whole list in one go (drain), converting
// results with the lock held.
#pragma once

#include <pybind11/pybind11.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "python/src/session.hpp"

namespace orchestrator::python {

// One call: run() once without the interpreter lock, then result() once with it.
class AwaitedCall {
 public:
  virtual ~AwaitedCall() = default;
  virtual void run(Orchestrator& orchestrator) = 0;
  [[nodiscard]] virtual py::object result() = 0;
};

template <class Work>
class AwaitedWork final : public AwaitedCall {
 public:
  explicit AwaitedWork(Work work) : work_(std::move(work)) {}
  void run(Orchestrator& orchestrator) override { result_.emplace(work_(orchestrator)); }
  [[nodiscard]] py::object result() override { return to_python(std::move(*result_)); }

 private:
  Work work_;
  std::optional<std::invoke_result_t<Work&, Orchestrator&>> result_;
};

class CallQueue {
 public:
  // Of a Session. Throws Error(invalid_argument) for no thread at all.
  CallQueue(py::object session, std::size_t threads_max);
  // Waits for its threads; not to be called by one of them.
  ~CallQueue();
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  // Readable while something is done.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] unsigned generation() const { return generation_; }
  // Whether this thread is one of its own.
  [[nodiscard]] bool runs_here() const;

  // `future` gets the result, or the exception, in drain(). In the child of a fork, where its threads and
  // locks are not, this throws Error(closed), and drain() and close() do nothing.
  template <class Work>
  void submit(py::object future, Work work) {
    push({std::move(future), std::make_unique<AwaitedWork<Work>>(std::move(work)), nullptr});
  }

  // Hands over what is done. Called with the lock, on the event loop's thread.
  void drain();

  // Called without the lock: waits for the calls under way. Calls that have not begun end with Error(closed),
  // in the next drain().
  void close();

 private:
  struct Job {
    py::object future;  // moved without the lock, which touches no reference count
    std::unique_ptr<AwaitedCall> call;
    std::exception_ptr failure;
  };

  void push(Job job);
  // For the job that was queued last. Gives it back to `job` and throws a retryable Error when there is no
  // thread at all.
  void add_thread(Job& job);
  void work();
  void finish(Job job);

  const py::object owner_;  // of session_
  Session& session_;
  const std::size_t threads_max_;
  const unsigned generation_;
  int descriptor_ = -1;

  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<Job> waiting_;
  std::size_t idle_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;

  std::mutex done_mutex_;
  std::vector<Job> done_;
};

template <>
struct DeleteInOwnProcess<CallQueue> {
  void operator()(CallQueue* queue) const;
};

}  // namespace orchestrator::python
