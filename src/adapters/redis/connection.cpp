// hiredis 0.14 and 1.x: it connects, and writes and reads the protocol. When to wait, and for how long, is
// decided here: its own time-outs hold for single reads and would let a server that drips bytes keep a caller
// for ever.

#include "adapters/redis/connection.hpp"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <vector>

#ifdef ORCHESTRATOR_HAS_REDIS_TLS
#include "adapters/redis/tls.hpp"
#endif

namespace orchestrator::redis {
namespace {

std::chrono::milliseconds left_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) throw Failure("no answer in time");
  return left;
}

// hiredis writes to its socket so that a server which has closed it ends the program with SIGPIPE. While one
// of these lives on a thread, the signal is kept back.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    if (sigismember(&before_, SIGPIPE) == 1) owed_ = is_pending();
  }
  ~NoSigpipe() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

  // Takes away what a write has raised.
  void swallow() const {
    const timespec at_once = {};
    while (!owed_ && is_pending() && sigtimedwait(&pipe_, nullptr, &at_once) == -1 && errno == EINTR) {
    }
  }

 private:
  static bool is_pending() {
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
  }

  sigset_t pipe_;
  sigset_t before_;
  bool owed_ = false;  // the program's own, kept back before this
};

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

std::string first_word(std::string_view text) {
  const auto end = std::ranges::find_if(text, [](char c) { return c < 'A' || c > 'Z'; });
  return {text.begin(), end};
}

}  // namespace

void Connection::Close::operator()(redisContext* context) const { redisFree(context); }

Connection::Connection(const Place& place, Deadline deadline, std::size_t reply_bytes_max)
    : reply_bytes_max_(reply_bytes_max) {
  const auto left = left_until(deadline);
  const timeval patience{static_cast<time_t>(left.count() / 1000),
                         static_cast<suseconds_t>(left.count() % 1000 * 1000)};
  context_.reset(redisConnectWithTimeout(place.host.c_str(), place.port, patience));
  if (!context_) throw std::bad_alloc();
  if (context_->err != 0) throw Failure("no connection to " + place.shown() + ": " + context_->errstr);
  ::fcntl(context_->fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(context_->fd, F_SETFL, O_NONBLOCK);
  context_->flags &= ~REDIS_BLOCK;
  usable_ = true;
  if (place.tls) encrypt(place, deadline);
  log_in(place, deadline);
}

#ifdef ORCHESTRATOR_HAS_REDIS_TLS
bool Connection::speaks_tls() { return true; }

void Connection::encrypt(const Place& place, Deadline deadline) {
  const NoSigpipe guard;
  try {
    start_tls(*context_, place, [&](short events) { wait(events, deadline); });
  } catch (...) {
    guard.swallow();
    throw;
  }
}
#else
bool Connection::speaks_tls() { return false; }

void Connection::encrypt(const Place&, Deadline) {
  throw Failure("this build of the library has no TLS for Redis");
}
#endif

// The last command is for servers that want a login and were given none.
void Connection::log_in(const Place& place, Deadline deadline) {
  const auto demand = [&](std::initializer_list<std::string_view> command) {
    const Reply reply = run(command, deadline);
    if (!reply.error) return;
    usable_ = false;
    throw Failure("Redis at " + place.shown() + " refused " + std::string(*command.begin()) + " (" +
                  reply.text + "); check user, password and database in the Redis URL");
  };
  if (!place.user.empty()) {
    demand({"AUTH", place.user, place.password});
  } else if (!place.password.empty()) {
    demand({"AUTH", place.password});
  }
  if (place.database != 0) demand({"SELECT", std::to_string(place.database)});
  demand({"PING"});
}

Reply Connection::run(std::initializer_list<std::string_view> command, Deadline deadline) {
  usable_ = false;  // until the whole reply is there, and nothing behind it
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  for (const std::string_view word : command) {
    words.push_back(word.data());
    sizes.push_back(word.size());
  }
  if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), words.data(), sizes.data()) !=
      REDIS_OK) {
    throw std::bad_alloc();
  }
  send(deadline);
  Reply reply = receive(deadline);
  usable_ = true;
  return reply;
}

bool Connection::quiet() const {
  pollfd one{context_->fd, POLLIN, 0};
  return ::poll(&one, 1, 0) == 0;
}

void Connection::send(Deadline deadline) {
  const NoSigpipe guard;
  for (int done = 0;;) {
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) {
      guard.swallow();
      throw Failure("the connection was lost");
    }
    if (done != 0) return;
    wait(POLLOUT, deadline);
  }
}

// The size is looked at before the protocol reader is, which would keep room for as many elements as an array
// claims to have.
Reply Connection::receive(Deadline deadline) {
  const redisReader& reader = *context_->reader;
  const std::size_t begin = reader.pos;
  for (bool begun = false;;) {
    if (redisBufferRead(context_.get()) != REDIS_OK) throw Failure("the connection was lost");
    if (reader.len - reader.pos > reply_bytes_max_)
      throw Failure("a reply larger than any that was asked for");
    if (!begun && reader.len > begin) {
      const char type = reader.buf[begin];
      if (type != '+' && type != '-' && type != '$') throw Failure("an answer that is not Redis's");
      begun = true;
    }
    void* object = nullptr;
    if (redisGetReplyFromReader(context_.get(), &object) != REDIS_OK) {
      throw Failure("an answer that is not Redis's");
    }
    const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(object));
    if (!reply) {
      wait(POLLIN, deadline);
      continue;
    }
    if (reader.pos != reader.len) throw Failure("more answers than questions");
    const std::string_view text(reply->str == nullptr ? "" : reply->str,
                                reply->str == nullptr ? 0 : reply->len);
    if (reply->type == REDIS_REPLY_ERROR) return {.error = true, .text = first_word(text)};
    return {.text = std::string(text)};
  }
}

void Connection::wait(short events, Deadline deadline) const {
  pollfd one{context_->fd, events, 0};
  const int patience = static_cast<int>(left_until(deadline).count());
  if (::poll(&one, 1, patience) < 0 && errno != EINTR) throw Failure("the connection cannot be waited for");
}

}  // namespace orchestrator::redis
