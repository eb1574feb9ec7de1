// The text forms; see the header.

#include "adapters/postgres/values.hpp"

#include <charconv>

#include "orchestrator/error.hpp"

namespace orchestrator::postgres {
namespace {

template <class Number>
void parse_number(std::string_view text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) throw_damaged("a number");
}

constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

void append_text(std::string& out, std::string_view value, bool quoted) {
  if (value.find('\0') != std::string_view::npos) {
    throw Error(ErrorCode::kInvalidArgument, "a text holds a zero byte, which the database cannot store");
  }
  if (!quoted) {
    out += value;
    return;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_text(std::string& out, const Fingerprint& value, bool quoted) {
  out += quoted ? "\"\\\\x" : "\\x";
  for (const std::byte byte : value) {
    const auto number = std::to_integer<unsigned>(byte);
    out += kHexDigits[number >> 4U];
    out += kHexDigits[number & 0xFU];
  }
  if (quoted) out += '"';
}

void append_text(std::string& out, std::int64_t value) {
  char digits[20];
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), value);
  out.append(std::begin(digits), end);
}

std::string& RowArrays::next_element() {
  if (column_ == arrays_.size()) arrays_.emplace_back();
  std::string& array = arrays_[column_++];
  array += array.empty() ? '{' : ',';
  return array;
}

void RowArrays::move_to(Parameters& parameters, std::size_t columns) {
  arrays_.resize(columns);
  for (std::string& array : arrays_) {
    array += array.empty() ? "{}" : "}";
    parameters.add_text(std::move(array));
  }
  arrays_.clear();
}

ColumnList::ColumnList(std::string_view declaration) {
  while (!declaration.empty()) {
    const std::string_view one = declaration.substr(0, declaration.find(", "));
    declaration.remove_prefix(std::min(declaration.size(), one.size() + 2));
    const std::size_t space = one.find(' ');
    names_.emplace_back(one.substr(0, space));
    types_.emplace_back(one.substr(space + 1));
  }
}

std::string ColumnList::names(std::string_view prefix) const {
  std::string text;
  for (const std::string& name : names_) {
    if (!text.empty()) text += ", ";
    text.append(prefix).append(name);
  }
  return text;
}

std::string ColumnList::unnest(std::size_t first) const {
  std::string text;
  for (const std::string& type : types_) {
    text += text.empty() ? "unnest($" : ", $";
    text += std::to_string(first++) + "::" + type + "[]";
  }
  return text + ")";
}

std::string ColumnList::assignments(std::string_view source) const {
  std::string text;
  for (const std::string& name : names_) {
    if (!text.empty()) text += ", ";
    text.append(name).append(" = ").append(source).append(".").append(name);
  }
  return text;
}

std::vector<std::int64_t> parse_numbers(std::string_view array) {
  std::vector<std::int64_t> numbers;
  if (!array.starts_with('{') || !array.ends_with('}')) throw_damaged("an array");
  array.remove_prefix(1);
  array.remove_suffix(1);
  while (!array.empty()) {
    const std::string_view one = array.substr(0, array.find(','));
    parse_number(one, numbers.emplace_back());
    array.remove_prefix(std::min(array.size(), one.size() + 1));
  }
  return numbers;
}

void parse_value(std::string_view text, std::int64_t& value) { parse_number(text, value); }
void parse_value(std::string_view text, std::int32_t& value) { parse_number(text, value); }
void parse_value(std::string_view text, bool& value) { value = text == "t"; }

void parse_value(std::string_view text, Fingerprint& value) {
  if (text.size() != 2 + 2 * value.size() || !text.starts_with("\\x")) throw_damaged("a fingerprint");
  for (std::size_t i = 0; i < value.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + 2 + 2 * i;
    if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) throw_damaged("a fingerprint");
    value[i] = static_cast<std::byte>(byte);
  }
}

void throw_damaged(const std::string& what) {
  throw Error(ErrorCode::kStorageCorrupt,
              "the database returned " + what + " that does not read as one; restore a backup");
}

}  // namespace orchestrator::postgres
