// The database as a file.

#include "adapters/sqlite/database_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace orchestrator::sqlite {
namespace {

std::string reason() { return std::generic_category().message(errno); }

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void check_path(const std::string& path) {
  if (path.empty()) throw Error(ErrorCode::kConfiguration, "the path of the database is empty");
  if (path.front() == ':' || path.starts_with("file:")) {
    throw Error(ErrorCode::kConfiguration, "the database must be a plain file path, not \"" + path + "\"");
  }
}

void check_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    const bool denied = errno == EACCES;
    throw Error(denied ? ErrorCode::kPermissionDenied : ErrorCode::kStorageUnavailable,
                "database " + path + ": folder " + folder + ": " + reason() + (denied ? "" : "; create it"),
                NextStep::kChangeSomething);
  }
  if (!S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kStorageUnavailable, "database " + path + ": " + folder + " is not a folder",
                NextStep::kChangeSomething);
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    const bool read_only = errno == EROFS;
    throw Error(read_only ? ErrorCode::kStorageReadOnly : ErrorCode::kPermissionDenied,
                "database " + path + ": folder " + folder +
                    " must be writable, for the write-ahead log beside the database: " + reason());
  }
}

// Locks and shared memory do not work reliably across machines; a database there would be damaged some day.
void check_file_system(const std::string& path) {
  struct statfs status {};
  if (::statfs(folder_of(path).c_str(), &status) != 0) return;
  switch (static_cast<std::uint32_t>(status.f_type)) {
    case 0x6969U:      // NFS
    case 0x517BU:      // SMB
    case 0xFE534D42U:  // SMB2
    case 0xFF534D42U:  // CIFS
      throw Error(ErrorCode::kConfiguration,
                  "database " + path + ": is on a network file system; put it on a local disk");
    default:
      break;
  }
}

void sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);  // where a folder cannot be synced there is nothing to lose
  ::close(descriptor);
}

void create_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    throw Error(errno == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kStorageUnavailable,
                "database " + path + " cannot be made: " + reason());
  }
  ::close(descriptor);
  sync_folder(folder_of(path));
}

void check_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    throw Error(ErrorCode::kStorageUnavailable, "database " + path + ": " + reason());
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kStorageUnavailable, "database " + path + ": is not a file",
                NextStep::kChangeSomething);
  }
  if (::access(path.c_str(), R_OK) != 0) {
    throw Error(ErrorCode::kPermissionDenied, "database " + path + ": may not be read: " + reason());
  }
  if (::access(path.c_str(), W_OK) != 0) {
    throw Error(ErrorCode::kStorageReadOnly, "database " + path + ": may not be written: " + reason());
  }
}

}  // namespace

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string lock_path(const std::string& path) { return path + ".lock"; }

unsigned file_mode(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0666U : 0600U;
}

void prepare_file(const SqliteOptions& options) {
  check_path(options.path);
  check_folder(options.path);
  check_file_system(options.path);
  if (!file_exists(options.path)) {
    if (!options.create) {
      throw Error(ErrorCode::kStorageUnavailable, "database " + options.path + ": there is no such file",
                  NextStep::kChangeSomething);
    }
    create_file(options.path);
  }
  check_file(options.path);
}

std::unique_ptr<Connection> open_writer(const SqliteOptions& options) {
  auto connection = std::make_unique<Connection>(options.path, SQLITE_OPEN_READWRITE, options.busy_timeout);
  // Random ids (client order ids, keys, some brokers' ids) touch a page of their index each: a big cache
  // keeps reading them off the path of an order. All callers wait while the log is written back: a log of 4
  // MB keeps that short, and is long enough for pages that change again and again to be written back once.
  connection->execute(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON; "
      "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 1000; PRAGMA temp_store = MEMORY");
  return connection;
}

std::unique_ptr<Connection> open_reader(const std::string& path, std::chrono::milliseconds busy_timeout) {
  auto connection = std::make_unique<Connection>(path, SQLITE_OPEN_READWRITE, busy_timeout);
  sqlite3_db_config(connection->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  connection->execute(
      "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = ON; "
      "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY");
  return connection;
}

}  // namespace orchestrator::sqlite
