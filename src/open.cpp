// Composition: URLs and settings become adapters. The only file that knows every backend.
#include "orchestrator/open.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/database_url.hpp"
#include "orchestrator/backends/memory.hpp"
#include "orchestrator/backends/mock_brokers.hpp"
#ifdef ORCHESTRATOR_HAS_POSTGRES
#include "orchestrator/backends/postgres.hpp"
#endif
#ifdef ORCHESTRATOR_HAS_REDIS
#include "core/request_identity.hpp"
#include "orchestrator/backends/redis.hpp"
#endif
#ifdef ORCHESTRATOR_HAS_SQLITE
#include "orchestrator/backends/sqlite.hpp"
#endif

namespace orchestrator {
namespace {

constexpr std::string_view kMemoryUrl = "memory:";
constexpr std::string_view kSqliteScheme = "sqlite:///";
constexpr std::string_view kDefaultLedger = "orchestrator.brokers";

[[noreturn]] void refuse_url() {
  throw Error(ErrorCode::kConfiguration,
              "the database URL must be sqlite:///relative.db, sqlite:////absolute/path.db, "
              "postgresql://user:password@host:port/database or memory:");
}

#ifdef ORCHESTRATOR_HAS_SQLITE
SqliteOptions sqlite_options(const OpenOptions& options, const std::string& path) {
  return {.path = path,
          .migrate = options.migrate,
          .create = options.create,
          .busy_timeout = options.busy_timeout};
}
#else
[[noreturn]] void refuse_sqlite() {
  throw Error(ErrorCode::kUnsupported, "this build of the library has no SQLite backend; use memory:");
}
#endif

#ifdef ORCHESTRATOR_HAS_POSTGRES
PostgresOptions postgres_options(const OpenOptions& options) {
  return {.url = options.database_url, .migrate = options.migrate, .lock_timeout = options.busy_timeout};
}
#else
[[noreturn]] void refuse_postgres() {
  throw Error(ErrorCode::kUnsupported,
              "this build of the library has no PostgreSQL backend; use sqlite:///path.db");
}
#endif

std::unique_ptr<Store> open_store(const OpenOptions& options) {
  if (options.database_url == kMemoryUrl) return make_memory_store();
  if (const auto path = sqlite_path(options.database_url)) {
#ifdef ORCHESTRATOR_HAS_SQLITE
    return open_sqlite_store(sqlite_options(options, *path));
#else
    refuse_sqlite();
#endif
  }
  if (!is_postgres_url(options.database_url)) refuse_url();
#ifdef ORCHESTRATOR_HAS_POSTGRES
  return open_postgres_store(postgres_options(options));
#else
  refuse_postgres();
#endif
}

// nullptr: the database itself answers from memory.
std::unique_ptr<IdempotencyStore> open_cache(const OpenOptions& options, [[maybe_unused]] const Store& store,
                                             [[maybe_unused]] const Clock& clock) {
  const std::string& redis_url = options.redis_url;
  if (redis_url.empty()) {
    return options.database_url == kMemoryUrl ? nullptr : make_memory_idempotency_store();
  }
#ifdef ORCHESTRATOR_HAS_REDIS
  std::string book = store.book_id();
  if (book.empty()) book = make_random_key();  // shared with nobody
  return make_memory_in_front_of(
      open_redis_idempotency_store({.url = redis_url, .book = std::move(book)}, clock));
#else
  throw Error(ErrorCode::kUnsupported, "this build of the library has no Redis backend; leave it out");
#endif
}

std::string ledger_of(const OpenOptions& options) {
  if (!options.mock_ledger.empty()) return options.mock_ledger;
  if (const auto path = sqlite_path(options.database_url)) return *path + ".brokers";
  return std::string(kDefaultLedger);
}

bool is_same_file(const std::string& one, const std::string& other) {
  std::error_code unknown;
  if (std::filesystem::equivalent(one, other, unknown)) return true;
  // Neither needs to exist yet.
  const auto place = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path, unknown), unknown);
  };
  const auto first = place(one);
  return !first.empty() && first == place(other);
}

// Asked before anything is opened: an empty lock file or a new database cannot be told from a new events
// file.
void refuse_events_in_own_files(const OpenOptions& options) {
  std::vector<std::string> own;
  if (const auto path = sqlite_path(options.database_url)) own.push_back(*path);
  if (const auto ledger = ledger_of(options); ledger != kMemoryUrl) own.push_back(ledger);
  for (const auto& file : own) {
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
      if (!is_same_file(options.events_file, file + suffix)) continue;
      throw Error(ErrorCode::kConfiguration, "events file '" + options.events_file +
                                                 "' is a file of the database or of the mock brokers' "
                                                 "ledger; name another");
    }
  }
}

// nullptr: none is asked for.
std::unique_ptr<EventPublisher> open_publisher(OpenOptions& options) {
  if (options.publisher) return std::move(options.publisher);
  const bool has_file = !options.events_file.empty();
  if (!options.kafka.bootstrap_servers.empty()) {
    if (has_file) {
      throw Error(
          ErrorCode::kConfiguration,
          "events go to a file or to Kafka: set the events file or Kafka's bootstrap servers, not both");
    }
#ifdef ORCHESTRATOR_HAS_KAFKA
    options.kafka.source = options.engine.event_source;
    return make_kafka_publisher(options.kafka);
#else
    throw Error(ErrorCode::kUnsupported,
                "this build of the library has no Kafka publisher; use an events file");
#endif
  }
  return has_file ? make_file_publisher(options.events_file, options.engine.event_source) : nullptr;
}

// nullptr: no mock has that name.
std::unique_ptr<BrokerConnector> make_mock(const std::string& name, const MockBrokerOptions& options,
                                           Clock& clock) {
  if (name == "zerodha-mock") return make_zerodha_mock(options, clock);
  if (name == "alpaca-mock") return make_alpaca_mock(options, clock);
  return nullptr;
}

// The mocks that have a settings row, with its settings.
void add_mocks(Parts& parts, const std::string& ledger) {
  Clock& clock = *parts.clock;
  for (const BrokerConnectorConfig& config : parts.store->brokers()) {
    auto mock = make_mock(config.broker_name, {.ledger = ledger, .config_json = config.config_json}, clock);
    if (mock) parts.brokers.push_back(std::move(mock));
  }
  parts.check_broker_config = [&clock](const std::string& name, const std::string& config_json) {
    make_mock(name, {.ledger = std::string(kMemoryUrl), .config_json = config_json}, clock);
  };
}

// A connector that the caller brings needs a settings row to be routed to.
void add_own(Parts& parts, std::vector<std::unique_ptr<BrokerConnector>> brokers) {
  const auto rows = parts.store->brokers();
  const Timestamp now = parts.clock->now();
  for (auto& broker : brokers) {
    const std::string& name = broker->capabilities().name;
    const bool known = std::ranges::any_of(rows, [&](const auto& row) { return row.broker_name == name; });
    if (!known) parts.store->put_broker({0, name, "{}", true, now, now});
    parts.brokers.push_back(std::move(broker));
  }
}

[[noreturn]] void refuse_memory() {
  throw Error(ErrorCode::kUnsupported, "a database in memory has no migrations; name a file or a server");
}

}  // namespace

std::optional<std::string> sqlite_path(std::string_view database_url) {
  if (!database_url.starts_with(kSqliteScheme) || database_url.size() == kSqliteScheme.size())
    return std::nullopt;
  return std::string(database_url.substr(kSqliteScheme.size()));
}

std::unique_ptr<Orchestrator> open(OpenOptions options) {
  if (!options.publisher && !options.events_file.empty()) refuse_events_in_own_files(options);
  Parts parts;
  parts.clock = options.clock ? std::move(options.clock) : make_system_clock();
  parts.store = open_store(options);
  parts.idempotency = open_cache(options, *parts.store, *parts.clock);
  parts.publisher = open_publisher(options);
  parts.validator = std::move(options.validator);
  parts.router = std::move(options.router);
  parts.observer = std::move(options.observer);
  add_mocks(parts, ledger_of(options));
  add_own(parts, std::move(options.brokers));
  return std::make_unique<Orchestrator>(std::move(options.engine), std::move(parts));
}

MigrationStatus migration_status(const OpenOptions& options) {
  if (options.database_url == kMemoryUrl) refuse_memory();
  if (const auto path = sqlite_path(options.database_url)) {
#ifdef ORCHESTRATOR_HAS_SQLITE
    return sqlite_migration_status(sqlite_options(options, *path));
#else
    refuse_sqlite();
#endif
  }
  if (!is_postgres_url(options.database_url)) refuse_url();
#ifdef ORCHESTRATOR_HAS_POSTGRES
  return postgres_migration_status(postgres_options(options));
#else
  refuse_postgres();
#endif
}

MigrationStatus migrate(const OpenOptions& options, [[maybe_unused]] int version) {
  if (options.database_url == kMemoryUrl) refuse_memory();
  if (const auto path = sqlite_path(options.database_url)) {
#ifdef ORCHESTRATOR_HAS_SQLITE
    return sqlite_migrate(sqlite_options(options, *path), version);
#else
    refuse_sqlite();
#endif
  }
  if (!is_postgres_url(options.database_url)) refuse_url();
#ifdef ORCHESTRATOR_HAS_POSTGRES
  return postgres_migrate(postgres_options(options), version);
#else
  refuse_postgres();
#endif
}

}  // namespace orchestrator
