// SQLite's view of the disk, with faults: syncs and writes that fail on demand, and the state in which a
// power cut would leave the files.
//
// While one lives, new SQLite connections of this process go through it. Files are really written; beside
// that it keeps, per file, what was synced and which writes came since. power_cut() makes a folder with a
// copy of each file as a disk might hold it then: what was synced, and an arbitrary part of the rest, sector
// by sector.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace orchestrator::testing {

class FaultyVfs {
 public:
  FaultyVfs() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = "faulty";
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FaultyVfs() { sqlite3_vfs_unregister(&vfs_); }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // SQLite result codes that the next writes or syncs of a write-ahead log fail with; SQLITE_OK: none.
  int log_write_result = SQLITE_OK;
  int log_sync_result = SQLITE_OK;
  // Called after every write and before every sync.
  std::function<void()> at_operation = [] {};
  // Called before every sync.
  std::function<void()> at_sync = [] {};
  // Syncs of a write-ahead log that failed.
  int log_syncs_failed = 0;

  void power_cut(const std::filesystem::path& folder, std::mt19937_64& random) {
    const std::lock_guard lock(mutex_);
    std::filesystem::create_directories(folder);
    for (const auto& [path, disk] : disks_) {
      std::string image = disk.synced;
      const std::uint64_t kept_of_8 = random() % 9;  // from nothing to everything
      for (const Write& write : disk.unsynced) {
        for (std::size_t at = 0; at < write.bytes.size(); at += kSector) {
          if (random() % 8 < kept_of_8) apply(image, {write.offset + at, write.bytes.substr(at, kSector)});
        }
      }
      std::ofstream(folder / std::filesystem::path(path).filename(), std::ios::binary) << image;
    }
  }

 private:
  static constexpr std::size_t kSector = 512;

  struct Write {
    std::size_t offset;
    std::string bytes;
  };
  struct Disk {
    std::string synced;
    std::vector<Write> unsynced;
  };
  struct File {
    sqlite3_file base;
    FaultyVfs* owner;
    Disk* disk;  // null: a temporary file
    bool is_log;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static File* file_of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static sqlite3_file* real_of(sqlite3_file* file) { return file_of(file)->real(); }
  static const sqlite3_io_methods* methods_of(sqlite3_file* file) { return real_of(file)->pMethods; }

  static void apply(std::string& image, const Write& write) {
    if (image.size() < write.offset + write.bytes.size()) image.resize(write.offset + write.bytes.size());
    image.replace(write.offset, write.bytes.size(), write.bytes);
  }

  Disk* disk_of(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto [at, added] = disks_.try_emplace(path);
    if (added) {
      std::ifstream file(path, std::ios::binary);
      std::ostringstream bytes;
      bytes << file.rdbuf();
      at->second.synced = bytes.str();
    }
    return &at->second;
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
    auto* owner = static_cast<FaultyVfs*>(vfs->pAppData);
    File* opened = file_of(file);
    opened->base.pMethods = nullptr;
    const int result = owner->real_->xOpen(owner->real_, path, opened->real(), flags, flags_out);
    if (result != SQLITE_OK) return result;
    opened->owner = owner;
    opened->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    const bool lasts = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0;
    opened->disk = lasts && path != nullptr ? owner->disk_of(path) : nullptr;
    opened->base.pMethods = &methods();
    return SQLITE_OK;
  }

  // What is written under the name later is another file.
  static int remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
    auto* owner = static_cast<FaultyVfs*>(vfs->pAppData);
    {
      const std::lock_guard lock(owner->mutex_);
      const auto at = owner->disks_.find(path);
      if (at != owner->disks_.end()) at->second = {};
    }
    return owner->real_->xDelete(owner->real_, path, sync_folder);
  }

  static int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    File* mine = file_of(file);
    FaultyVfs& vfs = *mine->owner;
    if (mine->is_log && vfs.log_write_result != SQLITE_OK) return vfs.log_write_result;
    if (mine->disk != nullptr) {
      const std::lock_guard lock(vfs.mutex_);
      mine->disk->unsynced.push_back(
          {static_cast<std::size_t>(offset),
           std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(count))});
    }
    const int result = methods_of(file)->xWrite(real_of(file), bytes, count, offset);
    vfs.at_operation();
    return result;
  }

  static int sync(sqlite3_file* file, int flags) {
    File* mine = file_of(file);
    FaultyVfs& vfs = *mine->owner;
    vfs.at_operation();
    vfs.at_sync();
    if (mine->is_log && vfs.log_sync_result != SQLITE_OK) {
      ++vfs.log_syncs_failed;
      return vfs.log_sync_result;
    }
    if (mine->disk != nullptr) {
      const std::lock_guard lock(vfs.mutex_);
      for (const Write& write : mine->disk->unsynced) apply(mine->disk->synced, write);
      mine->disk->unsynced.clear();
    }
    return methods_of(file)->xSync(real_of(file), flags);
  }

  // Everything else goes to the real file; no memory mapping, so that every write is seen.
  static const sqlite3_io_methods& methods() {
    using Handle = sqlite3_file*;
    static const sqlite3_io_methods kMethods = {
        .iVersion = 2,
        .xClose = [](Handle f) { return methods_of(f)->xClose(real_of(f)); },
        .xRead = [](Handle f, void* to, int count,
                    sqlite3_int64 at) { return methods_of(f)->xRead(real_of(f), to, count, at); },
        .xWrite = write,
        .xTruncate = [](Handle f, sqlite3_int64 size) { return methods_of(f)->xTruncate(real_of(f), size); },
        .xSync = sync,
        .xFileSize = [](Handle f, sqlite3_int64* size) { return methods_of(f)->xFileSize(real_of(f), size); },
        .xLock = [](Handle f, int level) { return methods_of(f)->xLock(real_of(f), level); },
        .xUnlock = [](Handle f, int level) { return methods_of(f)->xUnlock(real_of(f), level); },
        .xCheckReservedLock = [](Handle f,
                                 int* out) { return methods_of(f)->xCheckReservedLock(real_of(f), out); },
        .xFileControl = [](Handle f, int op,
                           void* arg) { return methods_of(f)->xFileControl(real_of(f), op, arg); },
        .xSectorSize = [](Handle f) { return methods_of(f)->xSectorSize(real_of(f)); },
        .xDeviceCharacteristics = [](Handle f) { return methods_of(f)->xDeviceCharacteristics(real_of(f)); },
        .xShmMap =
            [](Handle f, int page, int size, int extend, void volatile** to) {
              return methods_of(f)->xShmMap(real_of(f), page, size, extend, to);
            },
        .xShmLock = [](Handle f, int offset, int n,
                       int flags) { return methods_of(f)->xShmLock(real_of(f), offset, n, flags); },
        .xShmBarrier = [](Handle f) { methods_of(f)->xShmBarrier(real_of(f)); },
        .xShmUnmap = [](Handle f, int remove) { return methods_of(f)->xShmUnmap(real_of(f), remove); },
        .xFetch = nullptr,
        .xUnfetch = nullptr,
    };
    return kMethods;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::mutex mutex_;
  std::map<std::string, Disk> disks_;
};

}  // namespace orchestrator::testing
