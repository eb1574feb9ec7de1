#include "cli/table.hpp"

#include <algorithm>

namespace orchestrator::cli {
namespace {

// Length of the UTF-8 sequence that begins here, 0 for a byte that begins none (or one cut off).
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || lead > 0xF4 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence.front());
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  // C1 controls, and the marks that reverse the reading direction.
  const auto second = static_cast<unsigned char>(sequence[1]);
  if (sequence.size() == 2) return first == 0xC2 && second < 0xA0;
  const auto third = static_cast<unsigned char>(sequence[2]);
  return first == 0xE2 && ((second == 0x80 && third >= 0xA8 && third <= 0xAE) ||
                           (second == 0x81 && third >= 0xA6 && third <= 0xA9));
}

// Columns a text takes, one for each character: enough for names and symbols.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string_view colour_of(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kBad:
      return "\x1b[31m";
    case Tone::kDoubt:
      return "\x1b[33m";
    case Tone::kPlain:
      break;
  }
  return "";
}

void append_cell(std::string& to, const Cell& cell, std::size_t columns, bool right, bool last, bool colour) {
  const auto used = width(cell.text);
  const std::string padding(columns > used ? columns - used : 0, ' ');
  const auto tone = colour ? colour_of(cell.tone) : std::string_view();
  if (right) to += padding;
  to += tone;
  to += cell.text;
  if (!tone.empty()) to += "\x1b[0m";
  if (!right && !last) to += padding;
}

// A text that a spreadsheet would take for a formula and run. A number is none, whatever its sign.
bool is_formula(const std::string& text) {
  return text.find_first_of("=+-@\t\r") == 0 && text.find_first_not_of("0123456789.", 1) != std::string::npos;
}

void append_csv(std::string& to, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    to += text;
    return;
  }
  to += '"';
  for (const char c : text) {
    if (c == '"') to += '"';
    to += c;
  }
  to += '"';
}

Tone tone_of(OrderStatus status) {
  switch (status) {
    case OrderStatus::kFilled:
    case OrderStatus::kSettled:
      return Tone::kGood;
    case OrderStatus::kRejected:
      return Tone::kBad;
    case OrderStatus::kUnknown:
    case OrderStatus::kSubmitting:
      return Tone::kDoubt;
    default:
      return Tone::kPlain;
  }
}

}  // namespace

std::string clean(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto length = sequence_length(text);
    const auto sequence = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0 || is_control(sequence)) {
      result += '?';
    } else {
      result += sequence;
    }
    text.remove_prefix(sequence.size());
  }
  return result;
}

Cell text_cell(std::string_view text) { return {text.empty() ? "-" : clean(text), false, Tone::kPlain}; }

Cell number_cell(std::int64_t number) { return {std::to_string(number), true, Tone::kPlain}; }

Cell status_cell(const Order& order) {
  std::string text(to_string(order.status));
  if (order.parked) text += " parked";
  if (order.incident) text += " incident";
  if (order.overfilled) text += " overfilled";
  if (order.late_fill) text += " late-fill";
  if (order.busted) text += " busted";
  const bool exception =
      order.parked || order.incident || order.overfilled || order.late_fill || order.busted;
  return {std::move(text), false, exception ? Tone::kDoubt : tone_of(order.status)};
}

Cell time_cell(const std::optional<Timestamp>& at) {
  return {at ? to_string(*at) : "-", false, Tone::kPlain};
}

std::string Table::text(bool colour) const {
  std::vector<std::size_t> widths;
  for (const auto& column : columns_) widths.push_back(width(column));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i].text));
  }
  std::string result;
  const auto append_row = [&](const std::vector<Cell>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) result += "  ";
      const bool right = !rows_.empty() && rows_.front()[i].number;
      append_cell(result, row[i], widths[i], right, i + 1 == row.size(), colour);
    }
    result += '\n';
  };
  std::vector<Cell> header;
  for (const auto& column : columns_) header.push_back({column, false, Tone::kPlain});
  append_row(header);
  for (const auto& row : rows_) append_row(row);
  return result;
}

std::string Table::csv() const {
  std::string result;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) result += ',';
    append_csv(result, columns_[i]);
  }
  result += "\r\n";
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) result += ',';
      if (row[i].text == "-") continue;
      append_csv(result, is_formula(row[i].text) ? "'" + row[i].text : row[i].text);
    }
    result += "\r\n";
  }
  return result;
}

std::string facts(const std::vector<std::pair<std::string, Cell>>& rows, bool colour) {
  std::size_t names = 0;
  std::size_t numbers = 0;
  for (const auto& [name, cell] : rows) {
    names = std::max(names, width(name));
    if (cell.number) numbers = std::max(numbers, width(cell.text));
  }
  std::string result;
  for (const auto& [name, cell] : rows) {
    result += name + std::string(names - width(name) + 2, ' ');
    append_cell(result, cell, numbers, cell.number, true, colour);
    result += '\n';
  }
  return result;
}

}  // namespace orchestrator::cli
