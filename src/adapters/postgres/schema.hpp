// Versions and migrations of the schema.
#pragma once

#include "adapters/postgres/transaction.hpp"

namespace orchestrator::postgres {

[[nodiscard]] int latest_schema_version();
// How a database says whose it is: the comment on its table schema_migrations.
inline constexpr const char* kOurs = "liborchestrator order book";
inline constexpr const char* kBeingCopied = "liborchestrator order book, being copied";

enum class Content : std::uint8_t {
  kNothing,      // the schema is empty
  kBook,         // ours
  kPartOfABook,  // ours, and a copy into it was not finished: nobody may work with it
};
// Throws Error for another program's tables.
[[nodiscard]] Content content_of(Connection& connection);
// What schema_migrations says, which must be there. Throws Error for a history that this program does not
// know.
[[nodiscard]] int applied_version(Connection& connection);
// The version the database has; 0: the schema is empty. Throws Error for another program's tables, and for a
// history that this program does not know, or a part of a book.
[[nodiscard]] int schema_version(Connection& connection);
// Applies or takes back steps, each in one transaction, until the schema has `target`. Several processes may
// do so at the same time. Throws Error(storage_busy) where a step is to be made while an order is being sent.
void migrate_to(Connection& connection, const PostgresOptions& options, int target);

}  // namespace orchestrator::postgres
