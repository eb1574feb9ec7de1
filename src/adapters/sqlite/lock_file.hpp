// The file beside the database by which processes take turns and tell who is alive.
//
//   byte 0   the right to write: held over a write transaction and the checkpoint it may cause. SQLite
//            before 3.51.3 can damage a database when two connections write or checkpoint in the same instant
//   byte n   owner n lives: held as long as its store object
//
// Its content is one number of eight bytes: how often the reference data was changed, odd while somebody is
// committing such a change, so that a process may keep what it has read as long as the number stays. Written
// under byte 0 only. A sender that died with the number odd left no doubt about the data, only about the
// number: the next turn makes it even.
//
// The locks are of the open file description (F_OFD_*): the kernel gives them back when the last copy of the
// descriptor closes, also by SIGKILL, and two stores of one process exclude each other like two processes.
// Writer and owner lock have a description each, so that a probe through one sees what the other holds. The
// file is never deleted: whoever still had it open would no longer exclude anybody.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace orchestrator::sqlite {

class LockFile {
 public:
  // Makes the file with `mode` if it is missing. Throws Error.
  LockFile(const std::string& path, unsigned mode);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  // The right to write, while it lives.
  class Turn {
   public:
    // Throws Error(storage_busy) when somebody else keeps it for longer than `timeout`.
    Turn(LockFile& file, std::chrono::milliseconds timeout);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    LockFile& file_;
  };

  // The number of changes; odd: one is under way, or the number cannot be read.
  [[nodiscard]] std::int64_t changes() const;
  // Both within a turn. begin_change() throws Error when the number cannot be written.
  void begin_change();
  void end_change() noexcept;

  // Holds byte `owner` until the object ends. False: somebody else has it.
  [[nodiscard]] bool hold_owner(std::int64_t owner);
  [[nodiscard]] bool owner_alive(std::int64_t owner) const;
  [[nodiscard]] bool any_owner_alive() const;

 private:
  static constexpr std::int64_t kUnknown = -1;

  [[nodiscard]] bool write_changes(std::int64_t count) const;
  [[nodiscard]] bool try_lock(int descriptor, std::int64_t byte) const;
  void unlock() const;
  [[nodiscard]] bool is_locked(std::int64_t first, std::int64_t count) const;

  std::string path_;
  int writer_ = -1;
  int owner_ = -1;
};

}  // namespace orchestrator::sqlite
