// An exclusive lock between connectors and processes: a file that is locked, never written.
#pragma once

#include <chrono>
#include <string>

namespace orchestrator::brokers {

// The kernel gives the lock up when the holder dies, however it dies. It belongs to this object and not to
// the process, so two objects of one process exclude each other as two processes do.
class FileLock {
 public:
  // Makes the file if it is missing. Throws Error(storage_unavailable, storage_read_only, permission_denied).
  explicit FileLock(std::string path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Throws Error(storage_busy) after about `timeout`.
  void lock(std::chrono::microseconds timeout);
  void unlock() noexcept;  // NOLINT(readability-make-member-function-const): the lock is the object's state

 private:
  [[nodiscard]] bool try_lock();

  const std::string path_;
  int file_ = -1;
};

}  // namespace orchestrator::brokers
