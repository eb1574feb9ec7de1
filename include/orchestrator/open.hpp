// open(): from URLs to a running orchestrator. The one place that knows every backend.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/backends/kafka.hpp"
#include "orchestrator/migration.hpp"
#include "orchestrator/orchestrator.hpp"

namespace orchestrator {

struct OpenOptions {
  // "sqlite:///relative.db", "sqlite:////absolute/path.db", "postgresql://user:password@host:port/database"
  // or "memory:". A missing SQLite file is created if `create` is set, an empty database migrated; an older
  // schema is refused (run `orchestrator migrate up`) unless `migrate` is set.
  std::string database_url = "sqlite:///orchestrator.db";
  bool migrate = true;
  bool create = true;
  // redis://user:password@host:port/database: idempotency keys are remembered there for all processes of the
  // database; empty: in this process alone.
  std::string redis_url = {};
  // File in which the mock brokers remember what they accepted. Empty: beside the SQLite database
  // (<database>.brokers), else "orchestrator.brokers" in the working folder; "memory:" for none.
  std::string mock_ledger = {};
  // Events go to this JSON-lines file; empty: they stay in the outbox.
  std::string events_file = {};
  // Events go to this topic instead, when it names bootstrap_servers; `source` is engine.event_source.
  KafkaOptions kafka = {};
  std::chrono::milliseconds busy_timeout{5000};  // wait for another process that writes
  EngineOptions engine = {};
  std::unique_ptr<Clock> clock = {};                           // none: the system's
  std::vector<std::unique_ptr<BrokerConnector>> brokers = {};  // beside the mocks; same name replaces
  std::unique_ptr<EventPublisher> publisher = {};              // instead of either
  std::unique_ptr<Validator> validator = {};                   // instead of one with engine.validation
  std::unique_ptr<Router> router = {};                         // instead of the library's
  std::unique_ptr<Observer> observer = {};                     // none: nothing is measured
};

// The file that a "sqlite:///..." URL names; nullopt for any other URL.
[[nodiscard]] std::optional<std::string> sqlite_path(std::string_view database_url);

// Throws Error: configuration (which setting, what is wrong with it), storage_*, schema_*, foreign_database.
[[nodiscard]] std::unique_ptr<Orchestrator> open(OpenOptions options);

// The schema of the database, by itself. The options say which database, how long to wait for others, and
// whether a missing SQLite file counts as an empty one (`create`). Throw as open() does, and unsupported for
// a database without a schema.
[[nodiscard]] MigrationStatus migration_status(const OpenOptions& options);
// Applies or takes back migrations until the database is at `version`; -1: the latest. See sqlite_migrate()
// and postgres_migrate().
MigrationStatus migrate(const OpenOptions& options, int version = -1);

}  // namespace orchestrator
