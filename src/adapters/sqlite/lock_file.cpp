// Byte locks on the lock file.

#include "adapters/sqlite/lock_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

#include "orchestrator/error.hpp"

namespace orchestrator::sqlite {
namespace {

struct flock byte_range(short type, std::int64_t first, std::int64_t count) {
  struct flock range {};  // l_pid must be 0 for locks of a description
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = first;
  range.l_len = count;
  return range;
}

std::string reason() { return std::generic_category().message(errno); }

int open_file(const std::string& path, unsigned mode) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, mode);
  if (descriptor >= 0) return descriptor;
  const bool denied = errno == EACCES || errno == EPERM;
  throw Error(denied ? ErrorCode::kPermissionDenied
                     : (errno == EROFS ? ErrorCode::kStorageReadOnly : ErrorCode::kStorageUnavailable),
              "lock file " + path + " cannot be opened: " + reason());
}

}  // namespace

LockFile::LockFile(const std::string& path, unsigned mode) : path_(path), writer_(open_file(path, mode)) {
  try {
    owner_ = open_file(path, mode);
  } catch (...) {
    ::close(writer_);
    throw;
  }
}

LockFile::~LockFile() {
  ::close(owner_);
  ::close(writer_);
}

bool LockFile::try_lock(int descriptor, std::int64_t byte) const {
  struct flock range = byte_range(F_WRLCK, byte, 1);
  if (::fcntl(descriptor, F_OFD_SETLK, &range) == 0) return true;
  if (errno == EAGAIN || errno == EACCES || errno == EINTR) return false;
  throw Error(ErrorCode::kStorageUnavailable, "lock file " + path_ + " cannot be locked: " + reason());
}

bool LockFile::is_locked(std::int64_t first, std::int64_t count) const {
  struct flock range = byte_range(F_WRLCK, first, count);
  // Not known counts as locked: whoever is taken for dead loses its orders to the next sender.
  return ::fcntl(writer_, F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
}

void LockFile::unlock() const {
  struct flock range = byte_range(F_UNLCK, 0, 1);
  ::fcntl(writer_, F_OFD_SETLK, &range);
}

std::int64_t LockFile::changes() const {
  std::int64_t count = 0;
  return ::pread(writer_, &count, sizeof count, 0) == sizeof count ? count : kUnknown;
}

void LockFile::begin_change() {
  const std::int64_t count = changes();
  if (count % 2 != 0 && count != kUnknown) return;
  if (write_changes(count == kUnknown ? 1 : count + 1)) return;
  throw Error(errno == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kStorageUnavailable,
              "lock file " + path_ + " cannot be written: " + reason());
}

// A number that stays odd, or is never made, costs time only: nothing is kept.
void LockFile::end_change() noexcept {
  const std::int64_t count = changes();
  if (count % 2 != 0) static_cast<void>(write_changes(count + 1));
}

bool LockFile::write_changes(std::int64_t count) const {
  return ::pwrite(writer_, &count, sizeof count, 0) == sizeof count;
}

bool LockFile::hold_owner(std::int64_t owner) { return try_lock(owner_, owner); }

bool LockFile::owner_alive(std::int64_t owner) const { return owner > 0 && is_locked(owner, 1); }

bool LockFile::any_owner_alive() const { return is_locked(1, 0); }

LockFile::Turn::Turn(LockFile& file, std::chrono::milliseconds timeout) : file_(file) {
  using namespace std::chrono_literals;
  const auto deadline = std::chrono::steady_clock::now() + std::min<std::chrono::milliseconds>(timeout, 24h);
  std::chrono::microseconds pause = 50us;
  while (!file_.try_lock(file_.writer_, 0)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      throw Error(ErrorCode::kStorageBusy, "another process has been writing (lock file " + file_.path_ +
                                               ") for " + std::to_string(timeout.count()) +
                                               " ms; nothing was changed, call again");
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(5ms));
  }
  struct stat status {};
  if (::fstat(file_.writer_, &status) != 0 || status.st_nlink == 0) {
    file_.unlock();
    throw Error(ErrorCode::kStorageUnavailable,
                "lock file " + file_.path_ + " was deleted while in use; restart, and leave the file alone",
                NextStep::kChangeSomething);
  }
}

LockFile::Turn::~Turn() { file_.unlock(); }

}  // namespace orchestrator::sqlite
