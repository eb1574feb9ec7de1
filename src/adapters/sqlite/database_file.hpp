// The database as a file: where it may lie, who may read it, and opening connections to it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "adapters/sqlite/connection.hpp"
#include "orchestrator/backends/sqlite.hpp"

namespace orchestrator::sqlite {

// Checks folder, file and permissions, and makes a missing file (mode 0600) where options.create allows it.
// Throws Error(configuration, storage_unavailable, permission_denied, storage_read_only).
void prepare_file(const SqliteOptions& options);
[[nodiscard]] bool file_exists(const std::string& path);
[[nodiscard]] std::string lock_path(const std::string& path);
// Permissions for the files beside it: the database's own.
[[nodiscard]] unsigned file_mode(const std::string& path);

// The one connection that writes and checkpoints.
[[nodiscard]] std::unique_ptr<Connection> open_writer(const SqliteOptions& options);
// A connection that only reads and never checkpoints.
[[nodiscard]] std::unique_ptr<Connection> open_reader(const std::string& path,
                                                      std::chrono::milliseconds busy_timeout);

}  // namespace orchestrator::sqlite
