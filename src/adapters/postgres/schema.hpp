// Versions and migrations of the schema.
#pragma once

#include "adapters/postgres/transaction.hpp"

namespace orchestrator::postgres {

[[nodiscard]] int latest_schema_version();
// The version the database has; 0: the schema is empty. Throws Error for another program's tables, and for a
// history that this program does not know.
[[nodiscard]] int schema_version(Connection& connection);
// Applies what is missing, each step in one transaction. Several processes may do so at the same time.
void migrate(Connection& connection, const PostgresOptions& options);

}  // namespace orchestrator::postgres
