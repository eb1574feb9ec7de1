// A stopped book, read table by table for moving it to another database.
//
// Nobody else has the file open meanwhile: an exclusive lock sees to that, among all programs. Nothing in it
// is changed, but the log may be written back into it.
#pragma once

#include <memory>

#include "adapters/sqlite/connection.hpp"
#include "adapters/sqlite/lock_file.hpp"
#include "core/book_tables.hpp"
#include "orchestrator/backends/sqlite.hpp"

namespace orchestrator::sqlite {

class BookSource {
 public:
  // Throws Error as open_sqlite_store() does, storage_busy while somebody has the file open, schema_outdated,
  // invalid_state while an order is being sent.
  explicit BookSource(const SqliteOptions& options);

  [[nodiscard]] std::size_t count(const BookTable& table);
  // Rows behind the key `after` (empty: from the first), at most `limit` and a few megabytes of them. None:
  // there are no more.
  [[nodiscard]] std::vector<BookRow> page(const BookTable& table, const BookRow& after, std::size_t limit);
  [[nodiscard]] BookNumbers numbers();

 private:
  void refuse_while_sending();

  std::unique_ptr<LockFile> lock_file_;
  std::unique_ptr<LockFile::Turn> turn_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace orchestrator::sqlite
