#include "python/src/call_queue.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <string>

#include "python/src/errors.hpp"

namespace orchestrator::python {
namespace {

py::object failure_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return exception_of(error);
  } catch (py::error_already_set& error) {
    return error.value();
  } catch (const std::bad_alloc&) {
    return py::reinterpret_borrow<py::object>(PyExc_MemoryError)();
  } catch (const std::exception& error) {
    return exception_of(Error(ErrorCode::kInternal, error.what()));
  }
}

thread_local const CallQueue* queue_of_this_thread = nullptr;

void settle(const py::object& future, const char* how, const py::object& with) {
  // Awaiting it may have been cancelled; the call was made all the same.
  if (py::cast<bool>(future.attr("done")())) return;
  future.attr(how)(with);
}

}  // namespace

CallQueue::CallQueue(py::object session, std::size_t threads_max)
    : owner_(std::move(session)),
      session_(py::cast<Session&>(owner_)),
      threads_max_(threads_max),
      generation_(fork_generation()) {
  if (threads_max == 0) throw Error(ErrorCode::kInvalidArgument, "calls_max: must be above zero");
  descriptor_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor_ < 0) throw Error(ErrorCode::kInternal, "the system gives no file descriptor for an event");
}

CallQueue::~CallQueue() {
  {
    const py::gil_scoped_release released;
    close();
  }
  ::close(descriptor_);
}

bool CallQueue::runs_here() const { return queue_of_this_thread == this; }

void DeleteInOwnProcess<CallQueue>::operator()(CallQueue* queue) const {
  if (queue->generation() != fork_generation()) return;
  if (!queue->runs_here()) {
    delete queue;
    return;
  }
  // Let go by an object that one of its own threads has called, which cannot wait for itself.
  std::thread([queue, absent = std::make_unique<AbsentThread>()]() mutable {
    const py::gil_scoped_acquire locked;
    delete queue;
    absent.reset();
  }).detach();
}

void CallQueue::push(Job job) {
  require_own_process(generation_);
  const std::unique_lock lock(mutex_);
  if (closed_) throw Error(ErrorCode::kClosed, "this orchestrator was closed; open another one");
  waiting_.push_back(std::move(job));
  if (idle_ >= waiting_.size() || threads_.size() == threads_max_) {
    some_.notify_one();
  } else {
    add_thread(job);
  }
}

void CallQueue::add_thread(Job& job) {
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::exception& error) {
    if (threads_.empty()) {
      job = std::move(waiting_.back());
      waiting_.pop_back();
      throw Error(ErrorCode::kInternal,
                  std::string("the system gives no thread for the call, which was not made: ") + error.what(),
                  NextStep::kCallAgain);
    }
    some_.notify_one();  // the threads there are make it
  }
}

void CallQueue::work() {
  queue_of_this_thread = this;
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    some_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    const bool refused = closed_;
    lock.unlock();
    try {
      if (refused) throw Error(ErrorCode::kClosed, "this orchestrator was closed before the call began");
      const Session::Call call(session_);
      job.call->run(call.orchestrator());
    } catch (...) {
      job.failure = std::current_exception();
    }
    finish(std::move(job));
    lock.lock();
  }
}

void CallQueue::finish(Job job) {
  const std::lock_guard lock(done_mutex_);
  const bool first = done_.empty();
  done_.push_back(std::move(job));
  if (first) ::eventfd_write(descriptor_, 1);
}

void CallQueue::drain() {
  if (generation_ != fork_generation()) return;
  std::vector<Job> done;
  {
    const std::lock_guard lock(done_mutex_);
    eventfd_t count = 0;
    ::eventfd_read(descriptor_, &count);
    done.swap(done_);
  }
  for (Job& job : done) {
    py::object value;
    if (!job.failure) {
      try {
        value = job.call->result();
      } catch (...) {
        job.failure = std::current_exception();
      }
    }
    if (job.failure) {
      settle(job.future, "set_exception", failure_of(job.failure));
    } else {
      settle(job.future, "set_result", value);
    }
  }
}

void CallQueue::close() {
  if (generation_ != fork_generation()) return;
  session_.refuse_calls();
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  some_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace orchestrator::python
