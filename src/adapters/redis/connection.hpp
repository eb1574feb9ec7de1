// One connection to a Redis server. Only connection.cpp and tls.cpp know hiredis.
//
// Invariant: what was not answered in time, or not as the protocol has it, is never answered on this
// connection any more: it is unusable from then on, so that no late reply is taken for the next one's.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "adapters/redis/url.hpp"

struct redisContext;

namespace orchestrator::redis {

using Deadline = std::chrono::steady_clock::time_point;

// No answer, or none that counts. The text holds neither secrets nor words of the server.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& why) : std::runtime_error(why) {}
};

struct Reply {
  bool error = false;
  std::string text = {};  // of an error its first word alone: "WRONGTYPE"; the rest may repeat what was sent
};

// Used by one thread at a time.
class Connection {
 public:
  // Whether this build speaks TLS; without it a Place with `tls` is a Failure.
  static bool speaks_tls();
  // Connected and logged in, or Failure.
  Connection(const Place& place, Deadline deadline, std::size_t reply_bytes_max);

  // Throws Failure. Only commands that are answered with a status, an error or a string.
  Reply run(std::initializer_list<std::string_view> command, Deadline deadline);
  // It may be used again.
  [[nodiscard]] bool usable() const { return usable_; }
  // Nothing has come in since the last reply: neither the end of the connection nor words nobody asked for.
  [[nodiscard]] bool quiet() const;

 private:
  struct Close {
    void operator()(redisContext* context) const;
  };

  void encrypt(const Place& place, Deadline deadline);
  void log_in(const Place& place, Deadline deadline);
  void send(Deadline deadline);
  Reply receive(Deadline deadline);
  void wait(short events, Deadline deadline) const;

  std::unique_ptr<redisContext, Close> context_;
  std::size_t reply_bytes_max_;
  bool usable_ = false;
};

}  // namespace orchestrator::redis
