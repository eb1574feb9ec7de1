// Hearing of other processes; see the header.

#include "adapters/postgres/wake_line.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace orchestrator::postgres {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPause{20};
constexpr std::chrono::seconds kPauseWithoutLine{1};

// Of this book: a notification reaches all of a database, which may hold several books in schemas of their
// own.
std::string channel_of(Connection& connection) {
  const Result result =
      connection.query("SELECT 'orchestrator_' || to_regnamespace(quote_ident(current_schema()))::oid::text");
  return std::string(result.value(0, 0).value_or(""));
}

}  // namespace

WakeLine::~WakeLine() {
  stop();
  for (const int end : pipe_) {
    if (end >= 0) ::close(end);
  }
}

void WakeLine::start(std::function<void()> wake) {
  stop();
  if (pipe_[0] < 0 && ::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) return;  // polling alone
  wake_ = std::move(wake);
  running_ = true;
  try {
    thread_ = std::make_unique<std::thread>([this] { run(); });
  } catch (const std::system_error&) {  // no thread to be had: polling alone
    running_ = false;
  }
}

void WakeLine::stop() {
  if (!thread_) return;
  running_ = false;
  end_wait();
  thread_->join();
  thread_.reset();
}

void WakeLine::tell() noexcept {
  if (running_ && !told_.exchange(true)) end_wait();
}

void WakeLine::end_wait() const noexcept {
  static_cast<void>(::write(pipe_[1], "", 1) == 1);  // a pipe that is full ends it as well
}

void WakeLine::run() noexcept {
  while (running_) {
    try {
      Connection connection(options_);
      if (connection.is_shared()) return;
      hold(connection);
    } catch (const std::exception&) {  // the store's own calls say what is wrong
    }
    const auto again = steady_clock::now() + kPauseWithoutLine;
    while (running_ && steady_clock::now() < again) wait(nullptr, again);
  }
}

void WakeLine::hold(Connection& connection) {
  const std::string channel = channel_of(connection);
  // A notification is a commit like any other, and need not outlive a crash.
  connection.script("SET synchronous_commit = off");
  connection.script("LISTEN " + channel);
  bool heard = true;  // what was said before is not heard any more
  steady_clock::time_point next_wake;
  steady_clock::time_point next_tell;
  while (running_) {
    heard = connection.hears() || heard;
    const auto now = steady_clock::now();
    if (heard && now >= next_wake) {
      heard = false;
      next_wake = now + kPause;
      wake_();
    }
    if (told_ && now >= next_tell) {
      told_ = false;  // first: what is told from now on may be younger than the notification
      if (!connection.try_send("NOTIFY " + channel)) told_ = true;
      next_tell = now + kPause;
    }
    if (heard || told_) {
      wait(&connection, std::max(now + std::chrono::milliseconds(1), heard ? next_wake : next_tell));
    } else {
      wait(&connection, std::nullopt);
    }
  }
}

void WakeLine::wait(const Connection* connection, std::optional<Time> until) const {
  pollfd ends[2] = {{pipe_[0], POLLIN, 0}, {connection == nullptr ? -1 : connection->socket(), POLLIN, 0}};
  int patience = -1;
  if (until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - steady_clock::now()).count();
    patience = static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000));
  }
  static_cast<void>(::poll(ends, 2, patience));
  char bytes[64];
  while (::read(pipe_[0], bytes, sizeof bytes) > 0) {
  }
}

}  // namespace orchestrator::postgres
