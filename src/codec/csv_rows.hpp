// CsvRows: the rows of a CSV text, as RFC 4180 has them.
//
// Fields are parted by commas, rows by LF or CR LF; a field in double quotes may hold commas, line ends and
// doubled quotes. Blank lines are skipped and a byte-order mark is too. Blanks belong to the field. The last
// row needs its line end, because a file cut off in the middle of a price looks exactly like one without.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace orchestrator::codec {

class CsvRows {
 public:
  // `text` must outlive the object. Throws Error(invalid_csv) naming the line for a NUL byte and for text
  // that is not UTF-8.
  explicit CsvRows(std::string_view text);

  // Goes to the next row; false: there is none. Throws Error(invalid_csv) for a quote that is never closed,
  // which is what a file cut off in the middle looks like.
  [[nodiscard]] bool next();

  // Of the present row; valid until next().
  [[nodiscard]] const std::vector<std::string_view>& fields() const { return fields_; }
  // Not empty: the row breaks the grammar, and fields() means nothing. The next row is sound again.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  // Line that the row begins on, from 1.
  [[nodiscard]] std::size_t line() const { return line_; }

  // Throws Error(invalid_csv): "line 7: <message>".
  [[noreturn]] void refuse(const std::string& message) const;

 private:
  void read_plain();
  void read_quoted();
  void give_up_row(std::string fault);
  [[nodiscard]] std::size_t line_end_size() const;  // 0: not at a line end

  std::string_view rest_;
  std::vector<std::string_view> fields_;
  std::deque<std::string> unquoted_;  // fields that had doubled quotes; a deque keeps them in place
  std::string fault_;
  std::size_t line_ = 1;
  std::size_t line_at_rest_ = 1;
};

}  // namespace orchestrator::codec
