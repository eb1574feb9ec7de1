// A database that receives a book from elsewhere, table by table.
//
// Invariants
//   * from the first row to the last check the database is marked: no store opens it
//   * the rows of a table arrive in the order of their keys, each page in one transaction, so that what is
//   there
//     after a kill is the beginning of each table, and the copy goes on behind it
#pragma once

#include <optional>

#include "adapters/postgres/schema.hpp"
#include "core/book_tables.hpp"

namespace orchestrator::postgres {

class BookTarget {
 public:
  // Connects, and migrates an empty database. Throws Error as open_postgres_store() does.
  explicit BookTarget(const PostgresOptions& options);

  // kNothing: a schema, and no row in it. kPartOfABook: an earlier copy was not finished.
  [[nodiscard]] Content content();
  // Marks the database, and takes away what its migrations put there.
  void begin();
  // The key of the table's last row; empty: it has none.
  [[nodiscard]] BookRow last_key(const BookTable& table);
  // As BookSource::page().
  [[nodiscard]] std::vector<BookRow> page(const BookTable& table, const BookRow& after, std::size_t limit);
  // Rows that are there already are left as they are.
  void append(const BookTable& table, const std::vector<BookRow>& rows);
  // Makes it a book: numbers go on above those, and the mark is taken away.
  void finish(const BookNumbers& last);

 private:
  [[nodiscard]] bool is_empty();

  PostgresOptions options_;
  Connection connection_;
};

}  // namespace orchestrator::postgres
