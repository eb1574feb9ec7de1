#include "codec/csv_rows.hpp"

#include <algorithm>
#include <utility>

#include "codec/utf8.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator::codec {

namespace {

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

[[noreturn]] void refuse_line(std::size_t line, const std::string& message) {
  throw Error(ErrorCode::kInvalidCsv, "line " + std::to_string(line) + ": " + message);
}

}  // namespace

CsvRows::CsvRows(std::string_view text) : rest_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  const std::size_t nul = rest_.find('\0');
  if (nul != std::string_view::npos) {
    refuse_line(1 + count_lines(rest_.substr(0, nul)), "a NUL byte; save the file as plain UTF-8 text");
  }
  const std::size_t invalid = find_invalid_utf8(rest_);
  if (invalid != std::string_view::npos) {
    refuse_line(1 + count_lines(rest_.substr(0, invalid)), "not UTF-8; save the file as UTF-8");
  }
}

void CsvRows::refuse(const std::string& message) const { refuse_line(line_, message); }

std::size_t CsvRows::line_end_size() const {
  if (rest_.starts_with('\n')) return 1;
  return rest_.starts_with("\r\n") ? 2 : 0;
}

bool CsvRows::next() {
  fields_.clear();
  unquoted_.clear();
  fault_.clear();
  for (std::size_t size = line_end_size(); size != 0; size = line_end_size()) {
    rest_.remove_prefix(size);
    ++line_at_rest_;
  }
  line_ = line_at_rest_;
  if (rest_.empty()) return false;
  while (true) {
    if (rest_.starts_with('"')) {
      read_quoted();
    } else {
      read_plain();
    }
    if (!fault_.empty()) return true;
    if (!rest_.starts_with(',')) break;
    rest_.remove_prefix(1);
  }
  // At a line end or at the end of the text; a field stops nowhere else.
  const std::size_t size = line_end_size();
  rest_.remove_prefix(size);
  ++line_at_rest_;
  if (size == 0) {
    fault_ = "the last line has no line end, so the file may be cut off; if it is whole, add one";
  }
  return true;
}

void CsvRows::read_plain() {
  const std::size_t end = std::min(rest_.find_first_of(",\n\r\""), rest_.size());
  fields_.push_back(rest_.substr(0, end));
  rest_.remove_prefix(end);
  if (rest_.starts_with('"')) {
    return give_up_row("a quote inside a field; put the whole field in quotes and double the inner ones");
  }
  if (rest_.starts_with('\r') && line_end_size() == 0) give_up_row("a carriage return without a line feed");
}

void CsvRows::read_quoted() {
  std::string* copy = nullptr;
  std::size_t from = 1;
  std::size_t quote = rest_.find('"', from);
  while (quote != std::string_view::npos && rest_.substr(quote + 1).starts_with('"')) {
    if (copy == nullptr) copy = &unquoted_.emplace_back();
    copy->append(rest_, from, quote + 1 - from);
    from = quote + 2;
    quote = rest_.find('"', from);
  }
  if (quote == std::string_view::npos) {
    refuse("a quoted field begins on this line and never ends; the file may be cut off");
  }
  const std::string_view last = rest_.substr(from, quote - from);
  if (copy != nullptr) copy->append(last);
  fields_.push_back(copy != nullptr ? std::string_view(*copy) : last);
  line_at_rest_ += count_lines(rest_.substr(0, quote));
  rest_.remove_prefix(quote + 1);
  if (!rest_.empty() && !rest_.starts_with(',') && line_end_size() == 0) {
    give_up_row("text behind a closing quote; double the quotes inside a quoted field");
  }
}

void CsvRows::give_up_row(std::string fault) {
  fault_ = std::move(fault);
  const std::size_t end = rest_.find('\n');
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (end != std::string_view::npos) ++line_at_rest_;
}

}  // namespace orchestrator::codec
