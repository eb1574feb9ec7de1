// A request that was placed at another process is answered from Redis: ours against a bare GET of the same
// bytes.
#include <hiredis/hiredis.h>

#include <cstring>
#include <memory>
#include <stdexcept>

#include "measure.hpp"
#include "orchestrator/backends/redis.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "workload.hpp"

namespace orchestrator::bench {
namespace {

constexpr std::size_t kKeys = 1'000;

class RawRedis {
 public:
  // redis://user:password@host:port/database, as tests/servers/run gives it.
  explicit RawRedis(const std::string& url) {
    const auto after = [&url](const char* mark, std::size_t from) {
      const auto at = url.find(mark, from);
      if (at == std::string::npos) throw std::runtime_error("not redis://user:password@host:port/database");
      return at + std::strlen(mark);
    };
    const auto user = after("://", 0);
    const auto password = after(":", user);
    const auto host = after("@", password);
    const auto port = after(":", host);
    const auto database = after("/", port);
    context_.reset(redisConnect(url.substr(host, port - host - 1).c_str(), std::stoi(url.substr(port))));
    if (!context_ || context_->err != 0) throw std::runtime_error("no connection to Redis");
    run({"AUTH", url.substr(user, password - user - 1), url.substr(password, host - password - 1)});
    run({"SELECT", url.substr(database)});
  }

  std::string run(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    const Reply reply(static_cast<redisReply*>(
        redisCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(), sizes.data())));
    if (!reply || reply->type == REDIS_REPLY_ERROR) throw std::runtime_error("Redis refused " + words[0]);
    return reply->str == nullptr ? std::string() : std::string(reply->str, reply->len);
  }

  // How many commands the server has carried out, this one included.
  std::size_t commands() {
    const std::string name = "total_commands_processed:";
    const std::string info = run({"INFO", "stats"});
    return std::stoull(info.substr(info.find(name) + name.size()));
  }

 private:
  struct Free {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
    void operator()(redisContext* context) const { redisFree(context); }
  };
  using Reply = std::unique_ptr<redisReply, Free>;

  std::unique_ptr<redisContext, Free> context_;
};

// A desk of the book in Redis, over a store of its own.
std::unique_ptr<Orchestrator> open_redis_desk(const std::string& url, const std::filesystem::path& database) {
  Parts parts;
  parts.clock = make_system_clock();
  static const std::string kBook = "bench-" + std::to_string(parts.clock->now().time_since_epoch().count());
  parts.idempotency = open_redis_idempotency_store({.url = url, .book = kBook}, *parts.clock);
  parts.store = open_sqlite_store({.path = database.string()});
  return open_desk({}, std::move(parts));
}

void replay(benchmark::State& state, Session& session, const std::string& url,
            const std::vector<Bound>& bounds) {
  const Folder folder(session.folder, "redis");
  RawRedis redis(url);
  std::vector<BatchRequest> again;
  std::size_t entry_bytes = 0;
  {
    const auto first = open_redis_desk(url, folder.file("first.db"));
    Requests requests(2, 5);
    for (std::size_t i = 0; i < kKeys; ++i) {
      again.push_back(requests.next());
      entry_bytes = first->place(again.back()).json.size() + 200;
    }
  }
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < kKeys; ++i) {
    keys.push_back("orchestrator:bench:" + std::to_string(scatter(i)) + std::string(44, '.'));
    redis.run({"SET", keys.back(), std::string(entry_bytes, 'x'), "PX", "600000"});
  }
  // Its book is empty: whatever it answers with an old batch, Redis alone has told it.
  const auto other = open_redis_desk(url, folder.file("other.db"));
  const std::size_t count = session.scaled(12'000);
  const auto raw = [&] {
    for (std::size_t i = 0; i < count; ++i)
      benchmark::DoNotOptimize(redis.run({"GET", keys[scatter(i) % kKeys]}));
  };
  std::size_t replayed = 0;
  const auto ours = [&] {
    for (std::size_t i = 0; i < count; ++i)
      if (other->place(again[scatter(i) % kKeys]).replayed) ++replayed;
  };
  raw();
  ours();
  const std::size_t before = redis.commands();
  ours();
  const std::size_t commands = redis.commands() - before - 1;
  Duel duel(static_cast<double>(count));
  for (auto _ : state) state.SetIterationTime(duel.round(raw, ours));
  duel.report(state);
  if (replayed != count * (2 + static_cast<std::size_t>(state.iterations()))) {
    throw std::runtime_error("a replay was not answered from Redis");
  }
  state.counters["entry_bytes"] = static_cast<double>(entry_bytes);
  session.judge(bounds[0], static_cast<double>(commands) / static_cast<double>(count));
  session.judge(bounds[1], duel.ratio());
}

}  // namespace

void register_redis(Session& session) {
  const Server server = find_server("REDIS", "ORCHESTRATOR_TEST_REDIS_URL");
  add_served(session, server, "replay/redis", session.slices(),
             {{"Redis: commands for each replay", 1, false}, {"Redis: replays / raw GETs of the size", 0.7}},
             [&session, url = server.address](benchmark::State& state, const std::vector<Bound>& bounds) {
               replay(state, session, url, bounds);
             });
}

}  // namespace orchestrator::bench
