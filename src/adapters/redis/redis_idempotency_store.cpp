// RedisIdempotencyStore: keys that are durable in the order store, remembered where every process finds them.
//
// Invariants
//   * every failure is a miss, within a bounded time; after some of them nothing is asked for a while
//   * an answer is only ever a record that decode_entry() knows as whole and as this scope's
//   * one command is one round trip, and reads no more than an entry may have

#include <unistd.h>

#include "adapters/redis/circuit_breaker.hpp"
#include "adapters/redis/connection_pool.hpp"
#include "adapters/redis/entry.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::redis {
namespace {

constexpr std::chrono::microseconds kKeptMax = std::chrono::hours(24);

void check(const RedisOptions& options) {
  const auto refuse = [](const char* why) { throw Error(ErrorCode::kConfiguration, why); };
  if (options.book.empty()) refuse("the Redis cache needs the name of the order book whose keys it keeps");
  if (options.connections == 0) refuse("the Redis cache needs at least one connection");
  if (options.connect_timeout.count() <= 0 || options.command_timeout.count() <= 0) {
    refuse("the time-outs of the Redis cache must be above zero");
  }
}

// Of "redis_version:7.0.15" among the lines.
std::string version_in(std::string_view info) {
  constexpr std::string_view kName = "redis_version:";
  const std::size_t at = info.find(kName);
  if (at == std::string_view::npos) return {};
  info.remove_prefix(at + kName.size());
  return std::string(info.substr(0, info.find_first_not_of("0123456789.")));
}

class RedisIdempotencyStore final : public IdempotencyStore {
 public:
  RedisIdempotencyStore(const RedisOptions& options, const Clock& clock)
      : options_(options), clock_(clock), process_(::getpid()), pool_(options_) {
    if (pool_.place().tls && !Connection::speaks_tls()) {
      throw Error(
          ErrorCode::kUnsupported,
          "this build of the library has no TLS for Redis (it needs hiredis 1.0 with hiredis_ssl); use "
          "redis://, or a tunnel");
    }
    try {
      static_cast<void>(pool_.lease());
    } catch (const Failure& failure) {  // whatever it is: a cache must not keep anybody from the book
      circuit_.failed(clock_.monotonic(), failure.what());
    }
  }

  std::optional<IdempotencyRecord> find(const IdempotencyScope& scope, Timestamp now) noexcept override {
    try {
      // Not GET: somebody else's half a gigabyte under this name would be read to its end.
      const auto bytes =
          ask({"GETRANGE", entry_key(options_.book, scope), "0", std::to_string(options_.entry_bytes_max)});
      if (!bytes) return std::nullopt;
      auto record = decode_entry(options_.book, scope, *bytes);
      if (!record || record->expires_at <= now) return std::nullopt;
      return record;
    } catch (...) {
      return std::nullopt;
    }
  }

  void remember(const IdempotencyRecord& record) noexcept override {
    try {
      const auto kept = std::min<std::chrono::microseconds>(record.expires_at - clock_.now(), kKeptMax);
      const auto kept_ms = std::chrono::floor<std::chrono::milliseconds>(kept).count();
      if (kept_ms <= 0 || record.response.size() > options_.entry_bytes_max) return;
      const std::string entry = encode_entry(options_.book, record);
      if (entry.size() > options_.entry_bytes_max) return;
      ask({"SET", entry_key(options_.book, record.scope), entry, "PX", std::to_string(kept_ms)});
    } catch (...) {  // it forgets
    }
  }

  // Asked whether or not the server is left alone now: who looks at it wants to know how it is.
  [[nodiscard]] Dependency dependency() const override {
    Dependency server{.name = "redis", .location = pool_.place().shown()};
    try {
      if (::getpid() != process_) throw Failure("it was opened before this process was forked");
      ConnectionPool::Lease connection = pool_.lease();
      const auto began = std::chrono::steady_clock::now();
      const Reply reply = connection->run({"INFO", "server"}, began + options_.command_timeout);
      server.latency =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
      // A login that may do no more than it must is well.
      if (reply.error && reply.text != "NOPERM") throw Failure("it answers " + reply.text);
      server.version = version_in(reply.text);
    } catch (const Failure& failure) {
      server.state = DependencyState::kDown;
      server.detail = std::string(failure.what()) + "; keys are looked up in the order store";
    }
    return server;
  }

 private:
  // nullopt: no answer, or none of use.
  std::optional<std::string> ask(std::initializer_list<std::string_view> command) {
    if (::getpid() != process_)
      return std::nullopt;  // before any lock, which a thread of the parent may hold
    if (!circuit_.allows(clock_.monotonic())) return std::nullopt;
    try {
      ConnectionPool::Lease connection = pool_.lease();
      Reply reply = connection->run(command, std::chrono::steady_clock::now() + options_.command_timeout);
      // Something else lies under the key: the server is well.
      const bool foreign = reply.error && reply.text == "WRONGTYPE";
      if (reply.error && !foreign) {
        // After another login, or at the server that has taken over, it may be answered.
        if (reply.text == "NOAUTH" || reply.text == "READONLY") connection.drop();
        throw Failure("Redis at " + pool_.place().shown() + " answers " + reply.text);
      }
      circuit_.succeeded();
      return foreign ? std::nullopt : std::optional(std::move(reply.text));
    } catch (const Failure& failure) {
      circuit_.failed(clock_.monotonic(), failure.what());
      return std::nullopt;
    }
  }

  const RedisOptions options_;
  const Clock& clock_;
  const pid_t process_;
  mutable ConnectionPool pool_;
  CircuitBreaker circuit_;
};

}  // namespace
}  // namespace orchestrator::redis

namespace orchestrator {

std::unique_ptr<IdempotencyStore> open_redis_idempotency_store(const RedisOptions& options,
                                                               const Clock& clock) {
  redis::check(options);
  return std::make_unique<redis::RedisIdempotencyStore>(options, clock);
}

}  // namespace orchestrator
