// Redis: a cache of idempotency keys that several processes share, so that a request repeated at another
// process is answered in one round trip and without the database.
//
// It only remembers what is durable already. Whatever becomes of it (flushed, evicted, full, slow, paused,
// gone, filled with anything by anybody) costs time within the bounds below, and changes no answer: an entry
// counts only if it was written whole, for the same book and scope. That is a guard against mishaps and not
// against forgery: who may write to this Redis could also compose an entry, so give it a password.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "orchestrator/clock.hpp"
#include "orchestrator/idempotency_store.hpp"

namespace orchestrator {

struct RedisOptions {
  // redis://user:password@host:port/database; only the host is required. Special characters of user and
  // password are written as %XX. rediss:// speaks TLS, in builds with hiredis_ssl.
  std::string url = {};
  // Which order book's keys these are (Store::book_id()): entries of another book are never found. Required.
  std::string book = {};
  std::size_t connections = 8;                         // at most; opened as they are needed
  std::chrono::milliseconds connect_timeout{100};      // login included
  std::chrono::milliseconds command_timeout{50};       // the wait for a free connection included
  std::size_t entry_bytes_max = std::size_t{1} << 20;  // larger receipts are not kept here
};

// After some failures in a row Redis is left alone for a while, and longer each time, up to five seconds;
// then one call tries again. A server that cannot be reached, refuses user, password or database, or whose
// certificate does not count is no error: dependency() says so, and the order store answers. `clock` must
// outlive the cache. The look-up of a host's name takes as long as the system lets it. In a forked child it
// knows nothing.
//
// Throws Error: configuration (a URL that does not read as one), unsupported (rediss:// in a build without
// TLS). No message holds user or password.
[[nodiscard]] std::unique_ptr<IdempotencyStore> open_redis_idempotency_store(const RedisOptions& options,
                                                                             const Clock& clock);

}  // namespace orchestrator
