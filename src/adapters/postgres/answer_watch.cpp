// See the header.

#include "adapters/postgres/answer_watch.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "orchestrator/error.hpp"

namespace orchestrator::postgres {
namespace {

int own_descriptor(int socket) {
  const int own = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (own >= 0) return own;
  throw Error(ErrorCode::kStorageUnavailable,
              "this process has no file descriptor left for a database connection; raise its limit");
}

}  // namespace

AnswerWatch::AnswerWatch() try : thread_([this] { look_after_lines(); }) {
} catch (const std::system_error&) {
  throw Error(ErrorCode::kStorageUnavailable,
              "this process may start no thread for its database connections; raise its limit");
}

AnswerWatch::~AnswerWatch() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void AnswerWatch::look_after_lines() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    looks_at_ = Line::Clock::time_point::max();
    const auto now = Line::Clock::now();
    for (Line* line : lines_) {
      if (line->overdue_at_ <= now) {
        line->overdue_at_ = Line::Clock::time_point::max();
        line->cut_ = true;
        ::shutdown(line->socket_, SHUT_RDWR);
      }
      looks_at_ = std::min(looks_at_, line->overdue_at_);
    }
    // A later deadline is seen when it looks for an earlier one: not every statement wakes it.
    if (looks_at_ == Line::Clock::time_point::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, looks_at_);
    }
  }
}

AnswerWatch::Line::Line(AnswerWatch& watch, int socket) : watch_(watch), socket_(own_descriptor(socket)) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.lines_.insert(this);
}

AnswerWatch::Line::~Line() {
  {
    const std::lock_guard lock(watch_.mutex_);
    watch_.lines_.erase(this);
  }
  ::close(socket_);
}

bool AnswerWatch::Line::cut() const {
  const std::lock_guard lock(watch_.mutex_);
  return cut_;
}

void AnswerWatch::Wait::renew() {
  if (patience_.count() == 0) return;
  const std::lock_guard lock(line_.watch_.mutex_);
  line_.overdue_at_ = Line::Clock::now() + patience_;
  if (line_.overdue_at_ < line_.watch_.looks_at_) line_.watch_.changed_.notify_one();
}

AnswerWatch::Wait::~Wait() {
  const std::lock_guard lock(line_.watch_.mutex_);
  line_.overdue_at_ = Line::Clock::time_point::max();
}

}  // namespace orchestrator::postgres
