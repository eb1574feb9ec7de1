// Open-file-description locks: unlike the older process locks they are not lost when any other descriptor of
// the file is closed. There is no waiting with a limit for them, so lock() tries, sleeping a little longer
// each time.

#include "adapters/brokers/sqlite_ledger_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

#include "orchestrator/error.hpp"

namespace orchestrator::brokers {

namespace {

constexpr std::chrono::microseconds kPauseMin{20};
constexpr std::chrono::microseconds kPauseMax{1000};

ErrorCode code_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return ErrorCode::kPermissionDenied;
    case EROFS:
      return ErrorCode::kStorageReadOnly;
    case ENOSPC:
      return ErrorCode::kStorageFull;
    default:
      return ErrorCode::kStorageUnavailable;
  }
}

[[noreturn]] void fail(const std::string& path, int error) {
  throw Error(code_of(error), "lock file " + path + ": " + std::generic_category().message(error));
}

struct flock whole_file(short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  return range;
}

}  // namespace

FileLock::FileLock(std::string path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) fail(path_, errno);
}

FileLock::~FileLock() { ::close(file_); }

bool FileLock::try_lock() {
  struct flock range = whole_file(F_WRLCK);
  if (::fcntl(file_, F_OFD_SETLK, &range) == 0) return true;
  if (errno == EAGAIN || errno == EACCES || errno == EINTR) return false;
  fail(path_, errno);
}

void FileLock::lock(std::chrono::microseconds timeout) {
  std::chrono::microseconds pause = kPauseMin;
  for (std::chrono::microseconds waited{0}; !try_lock(); waited += pause) {
    if (waited >= timeout) {
      throw Error(ErrorCode::kStorageBusy, "lock file " + path_ + " is held by somebody else; try again");
    }
    pause = std::min(pause * 2, kPauseMax);
    std::this_thread::sleep_for(pause);
  }
}

void FileLock::unlock() noexcept {  // NOLINT(readability-make-member-function-const): see the header
  struct flock range = whole_file(F_UNLCK);
  ::fcntl(file_, F_OFD_SETLK, &range);
}

}  // namespace orchestrator::brokers
