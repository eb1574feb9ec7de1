// A book goes table by table from a file that nobody else has open into a database that nobody can open
// before it is whole. The rows of a table go in the order of their keys, so what an earlier call left is the
// beginning of each.
#include "orchestrator/copy.hpp"

#include "orchestrator/error.hpp"
#include "orchestrator/open.hpp"
#if defined(ORCHESTRATOR_HAS_SQLITE) && defined(ORCHESTRATOR_HAS_POSTGRES)
#include "adapters/postgres/book_target.hpp"
#include "adapters/sqlite/book_source.hpp"
#include "core/database_url.hpp"
#endif

namespace orchestrator {

#if defined(ORCHESTRATOR_HAS_SQLITE) && defined(ORCHESTRATOR_HAS_POSTGRES)
namespace {

using postgres::BookTarget;
using postgres::Content;
using sqlite::BookSource;

constexpr std::size_t kPageRows = 1000;

class Copy {
 public:
  Copy(const CopyOptions& options, BookSource& source, BookTarget& target)
      : options_(options), source_(source), target_(target) {}

  CopyReport run() {
    count();
    const Content content = target_.content();
    report_.resumed = content == Content::kPartOfABook;
    if (content == Content::kNothing) target_.begin();
    if (content != Content::kNothing) compare_all(content == Content::kBook);
    if (content == Content::kBook) return report_;
    for (std::size_t i = 0; i < book_tables().size(); ++i) copy_table(book_tables()[i], report_.tables[i]);
    done_ = report_.rows;
    compare_all(true);
    target_.finish(source_.numbers());
    return report_;
  }

 private:
  void count() {
    for (const BookTable& table : book_tables()) {
      const std::size_t rows = source_.count(table);
      report_.tables.push_back({std::string(table.name), rows, 0});
      report_.rows += rows;
    }
  }

  void copy_table(const BookTable& table, CopyReport::Table& report) {
    BookRow after = target_.last_key(table);
    for (auto rows = source_.page(table, after, kPageRows); !rows.empty();
         rows = source_.page(table, after, kPageRows)) {
      target_.append(table, rows);
      after = key_of(table, rows.back());
      report.copied += rows.size();
      report_.copied += rows.size();
      advance(rows.size());
    }
  }

  // Whether the target is the source, or (not `whole`) the beginning of each of its tables.
  void compare_all(bool whole) {
    for (const BookTable& table : book_tables()) compare(table, whole);
  }

  void compare(const BookTable& table, bool whole) {
    BookRow after;
    for (;;) {
      const auto rows = source_.page(table, after, kPageRows);
      const auto found = target_.page(table, after, std::max<std::size_t>(rows.size(), 1));
      for (std::size_t i = 0; i < std::max(rows.size(), found.size()); ++i) {
        if (i >= found.size() && !whole) return;
        if (i >= found.size() || i >= rows.size() || rows[i] != found[i]) {
          refuse(table, key_of(table, i < rows.size() ? rows[i] : found[i]));
        }
      }
      if (rows.empty()) return;
      after = key_of(table, rows.back());
      advance(rows.size());
    }
  }

  [[noreturn]] static void refuse(const BookTable& table, const BookRow& key) {
    std::string words;
    for (const auto& value : key) words += (words.empty() ? "" : "/") + *value;
    throw Error(ErrorCode::kInvalidState, "the target is no copy of this source: they differ in " +
                                              std::string(table.name) + " " + words +
                                              "; name an empty database");
  }

  void advance(std::size_t rows) {
    done_ += rows;
    if (options_.progress) options_.progress(std::min(done_, 2 * report_.rows), 2 * report_.rows);
  }

  const CopyOptions& options_;
  BookSource& source_;
  BookTarget& target_;
  CopyReport report_;
  std::size_t done_ = 0;
};

}  // namespace

CopyReport copy_book(const CopyOptions& options) {
  const auto path = sqlite_path(options.from);
  if (!path || !is_postgres_url(options.to)) {
    throw Error(ErrorCode::kUnsupported,
                "a book is copied from sqlite:///path.db to postgresql://user:password@host:port/database");
  }
  BookSource source({.path = *path, .migrate = false, .create = false, .busy_timeout = options.busy_timeout});
  BookTarget target({.url = options.to, .lock_timeout = options.busy_timeout});
  return Copy(options, source, target).run();
}

#else

CopyReport copy_book(const CopyOptions&) {
  throw Error(ErrorCode::kUnsupported,
              "a book is copied from SQLite to PostgreSQL; this build lacks one of them");
}

#endif

}  // namespace orchestrator
