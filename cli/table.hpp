// Tables for people: aligned columns on a terminal, CSV on request.
//
// Everything printed goes through clean(): a broker's words must not steer somebody's terminal.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/decimal.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator::cli {

// The text with every control character, and every byte that is no UTF-8, replaced by '?'.
[[nodiscard]] std::string clean(std::string_view text);

enum class Tone : std::uint8_t { kPlain, kGood, kBad, kDoubt };

struct Cell {
  std::string text;
  bool number = false;  // aligned right
  Tone tone = Tone::kPlain;
};

[[nodiscard]] Cell text_cell(std::string_view text);
[[nodiscard]] Cell number_cell(std::int64_t number);
[[nodiscard]] Cell status_cell(const Order& order);  // with the order's flags behind
template <class Value>
[[nodiscard]] Cell decimal_cell(const Value& value) {
  return {value.to_string(), true, Tone::kPlain};
}
// "-" for nothing: an absent P&L is not a zero.
template <class Value>
[[nodiscard]] Cell decimal_cell(const std::optional<Value>& value) {
  return value ? decimal_cell(*value) : Cell{"-", true, Tone::kPlain};
}
[[nodiscard]] Cell time_cell(const std::optional<Timestamp>& at);

class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  // As many cells as columns.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  // A column is aligned right when its first cell is.
  [[nodiscard]] std::string text(bool colour) const;
  // RFC 4180: a header line and CR LF; "-" becomes an empty field. A text that a spreadsheet would take for a
  // formula gets a single quote in front.
  [[nodiscard]] std::string csv() const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// Names on the left, values on the right.
[[nodiscard]] std::string facts(const std::vector<std::pair<std::string, Cell>>& rows, bool colour);

}  // namespace orchestrator::cli
