// Events as JSON lines in a file. Confirmed only after fsync: a delivery report that the disk has not seen
// would free an outbox row for nothing. A file that is not ours is never changed: its last line would look
// torn.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "orchestrator/error.hpp"
#include "orchestrator/event_publisher.hpp"
#include "orchestrator/version.hpp"

namespace orchestrator {
namespace {

// How to_cloud_event() begins every line, and how much of it a torn first line must have to be known as ours.
constexpr std::string_view kBeginning = R"({"specversion":"1.0")";
constexpr std::size_t kBeginningMin = std::string_view(R"({"specversion")").size();

class FileEventPublisher final : public EventPublisher {
 public:
  FileEventPublisher(std::string path, std::string source)
      : path_(std::move(path)), source_(std::move(source)) {
    refuse_special_file();
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file_ < 0) fail(ErrorCode::kConfiguration, "cannot be opened for append");
    try {
      refuse_foreign_file();
      cut_torn_line();
    } catch (...) {
      ::close(file_);
      throw;
    }
  }
  ~FileEventPublisher() override { ::close(file_); }
  FileEventPublisher(const FileEventPublisher&) = delete;
  FileEventPublisher& operator=(const FileEventPublisher&) = delete;

  std::size_t send(std::span<const Event> events) override {
    std::string text;
    for (const Event& event : events) {
      text += to_cloud_event(event, source_);
      text += '\n';
    }
    const off_t before = ::lseek(file_, 0, SEEK_END);
    if (!write_all(text)) {
      const int error = errno;
      if (::ftruncate(file_, before) != 0) fail(ErrorCode::kStorageUnavailable, "holds a torn line");
      errno = error;
      fail(error == ENOSPC ? ErrorCode::kStorageFull : ErrorCode::kStorageUnavailable, "cannot be written");
    }
    for (const Event& event : events) written_.push_back({event.log_id, event.order_id, event.seq});
    return events.size();
  }

  std::vector<DeliveryReport> collect(std::chrono::milliseconds) override {
    if (written_.empty()) return {};
    if (::fdatasync(file_) != 0) {
      written_.clear();
      fail(ErrorCode::kStorageUnavailable, "cannot be synced");
    }
    return std::exchange(written_, {});
  }

  [[nodiscard]] Dependency dependency() const override {
    Dependency file{.name = "file", .version = std::string(kVersion), .location = path_};
    struct stat ours {};
    struct stat present {};
    if (::fstat(file_, &ours) != 0 || ::stat(path_.c_str(), &present) != 0 || ours.st_ino != present.st_ino ||
        ours.st_dev != present.st_dev) {
      file.state = DependencyState::kDegraded;
      file.detail =
          "the file was moved or deleted since it was opened, and events go on to the old one: restart";
    }
    return file;
  }

 private:
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, "events file '" + path_ + "' " + what + ": " + std::strerror(errno));
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::kConfiguration, "events file '" + path_ + "' " + what + "; name another");
  }

  // Before it is opened, because opening a device or a pipe may already do something.
  void refuse_special_file() const {
    struct stat status {};
    if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) refuse("is not a plain file");
  }

  void refuse_foreign_file() const {
    struct stat status {};
    if (::fstat(file_, &status) != 0) fail(ErrorCode::kConfiguration, "cannot be examined");
    if (!S_ISREG(status.st_mode)) refuse("is not a plain file");
    std::string head(kBeginning.size(), '\0');
    const ssize_t size = ::pread(file_, head.data(), head.size(), 0);
    if (size < 0) fail(ErrorCode::kConfiguration, "cannot be read");
    head.resize(static_cast<std::size_t>(size));
    if (head.empty()) return;
    if (head.size() < kBeginningMin || !kBeginning.starts_with(head)) refuse("is not an events file");
  }

  bool write_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  // What follows the last line end was never confirmed and comes again.
  void cut_torn_line() const {
    off_t end = ::lseek(file_, 0, SEEK_END);
    if (end < 0) fail(ErrorCode::kConfiguration, "cannot be examined");
    const off_t size = end;
    char last = '\n';
    while (end > 0 && ::pread(file_, &last, 1, end - 1) == 1 && last != '\n') --end;
    if (end != size && ::ftruncate(file_, end) != 0) fail(ErrorCode::kConfiguration, "cannot be repaired");
  }

  std::string path_;
  std::string source_;
  int file_ = -1;
  std::vector<DeliveryReport> written_;
};

}  // namespace

std::unique_ptr<EventPublisher> make_file_publisher(const std::string& path, std::string source) {
  return std::make_unique<FileEventPublisher>(path, std::move(source));
}

}  // namespace orchestrator
