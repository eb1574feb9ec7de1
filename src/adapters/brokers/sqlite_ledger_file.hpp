// The SQLite file behind a ledger: opening it safely, and its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/types.h>

#include <exception>
#include <functional>
#include <mutex>
#include <string>

#include "adapters/brokers/sqlite_ledger_lock.hpp"

namespace orchestrator::brokers {

class LedgerFile {
 public:
  // Makes the file and its tables if they are missing. Throws Error.
  explicit LedgerFile(const std::string& path);

  // The statements' connection: for use inside read() and write(), and before either.
  [[nodiscard]] SQLite::Database& database() { return database_; }

  // Runs `work` in a transaction, alone in this object; write() also alone in the world. What `work` throws
  // takes everything back; failures of SQLite come out as Error.
  void read(const std::function<void()>& work);
  void write(const std::function<void()>& work);
  // Runs `work`, with SQLite's failures as Error, outside any transaction.
  void guarded(const std::function<void()>& work) const;

 private:
  void prepare();
  void run(const char* begin, const std::function<void()>& work);
  void roll_back() noexcept;
  void refuse_fork() const;

  const std::string path_;
  const pid_t owner_;
  SQLite::Database database_;
  FileLock lock_;
  std::mutex mutex_;
};

}  // namespace orchestrator::brokers
