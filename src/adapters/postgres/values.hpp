// Values on their way to and from the database, as PostgreSQL's text form.
//
//   number, instant, day, enumeration   its digits         boolean      t | f
//   price, quantity, rate, money        exact decimal      fingerprint  \x and hexadecimal
//   array parameter                     {element,element}  texts quoted, with \ before " and \; NULL bare
//
// Every value travels as a bound parameter, and never as part of a statement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "orchestrator/idempotency_store.hpp"
#include "orchestrator/types.hpp"

namespace orchestrator::postgres {

// Throws Error(invalid_argument): the database's texts cannot hold a zero byte.
void append_text(std::string& out, std::string_view value, bool quoted);
void append_text(std::string& out, const Fingerprint& value, bool quoted);
void append_text(std::string& out, std::int64_t value);

template <class Value>
void append_value(std::string& out, const Value& value, bool in_array) {
  if constexpr (std::is_convertible_v<const Value&, std::string_view> || std::is_same_v<Value, Fingerprint>) {
    append_text(out, value, in_array);
  } else if constexpr (std::is_same_v<Value, bool>) {
    out += value ? 't' : 'f';
  } else if constexpr (std::is_enum_v<Value> || std::is_integral_v<Value>) {
    append_text(out, static_cast<std::int64_t>(value));
  } else if constexpr (std::is_same_v<Value, Timestamp> || std::is_same_v<Value, Date>) {
    append_text(out, static_cast<std::int64_t>(value.time_since_epoch().count()));
  } else {
    out += value.to_string();
  }
}

// The parameters of one statement, $1, $2, ... in the order in which they are added.
class Parameters {
 public:
  template <class... Values>
  Parameters& add(const Values&... values) {
    (add_one(values), ...);
    return *this;
  }
  template <class Range>
  Parameters& add_array(const Range& values) {
    std::string& text = *texts_.emplace_back("{");
    for (const auto& value : values) {
      if (text.size() > 1) text += ',';
      append_value(text, value, true);
    }
    text += '}';
    return *this;
  }
  void add_text(std::string text) { texts_.emplace_back(std::move(text)); }

  [[nodiscard]] const std::vector<std::optional<std::string>>& texts() const { return texts_; }

 private:
  template <class Value>
  void add_one(const Value& value) {
    append_value(texts_.emplace_back(std::string()).value(), value, false);
  }
  template <class Value>
  void add_one(const std::optional<Value>& value) {
    value ? add_one(*value) : static_cast<void>(texts_.emplace_back());
  }

  std::vector<std::optional<std::string>> texts_;
};

// Many rows as one array parameter per column.
class RowArrays {
 public:
  void begin_row() { column_ = 0; }
  template <class... Values>
  void add(const Values&... values) {
    (add_one(values), ...);
  }
  // Gives the arrays away: `columns` of them, also when no row was added.
  void move_to(Parameters& parameters, std::size_t columns);

 private:
  std::string& next_element();
  template <class Value>
  void add_one(const Value& value) {
    append_value(next_element(), value, true);
  }
  template <class Value>
  void add_one(const std::optional<Value>& value) {
    value ? add_one(*value) : static_cast<void>(next_element() += "NULL");
  }

  std::vector<std::string> arrays_;
  std::size_t column_ = 0;
};

// Columns with their types, written "name type, name type, ...".
class ColumnList {
 public:
  explicit ColumnList(std::string_view declaration);

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] std::string names(std::string_view prefix = {}) const;  // "a, b"; "o.a, o.b"
  // "unnest($first::type[], ...)": the rows of a RowArrays whose arrays are these parameters.
  [[nodiscard]] std::string unnest(std::size_t first) const;
  [[nodiscard]] std::string assignments(std::string_view source) const;  // "a = source.a, b = source.b"

 private:
  std::vector<std::string> names_;
  std::vector<std::string> types_;
};

// The numbers of an array that came as text.
[[nodiscard]] std::vector<std::int64_t> parse_numbers(std::string_view array);

// Throw Error(storage_corrupt) for what is no such value.
void parse_value(std::string_view text, std::int64_t& value);
void parse_value(std::string_view text, std::int32_t& value);
void parse_value(std::string_view text, bool& value);
void parse_value(std::string_view text, Fingerprint& value);
[[noreturn]] void throw_damaged(const std::string& what);

template <class Value>
void parse_value(std::string_view text, Value& value) {
  if constexpr (std::is_same_v<Value, std::string>) {
    value.assign(text);
  } else if constexpr (std::is_enum_v<Value>) {
    std::int64_t number = 0;
    parse_value(text, number);
    value = static_cast<Value>(number);
  } else if constexpr (std::is_same_v<Value, Timestamp> || std::is_same_v<Value, Date>) {
    std::int64_t number = 0;
    parse_value(text, number);
    value = Value(typename Value::duration(static_cast<typename Value::rep>(number)));
  } else {
    const auto parsed = Value::parse(text);
    if (!parsed.ok()) throw_damaged("a number");
    value = parsed.value;
  }
}

}  // namespace orchestrator::postgres
