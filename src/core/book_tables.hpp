// The tables of an order book as every database has them, for moving a book from one to another.
//
// What only one backend needs is not here: indexes and hints that follow from other columns, senders (they
// are gone when a book moves), the schema's own history. Every value has one text form, so that equal rows
// are equal texts whatever database they come from:
//
//   kInteger   digits                         kBoolean  0 | 1
//   kDecimal   exact, no zeros at its end     kMoney    likewise
//   kText      as it is                       kBytes    \x and hexadecimal digits
//   kOptional  a text that is '' where it is not there, though a backend may store NULL
//
// Instants, days and enumerations are integers everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orchestrator {

enum class ColumnKind : std::uint8_t { kInteger, kBoolean, kDecimal, kMoney, kText, kOptional, kBytes };

struct BookColumn {
  std::string_view name;
  ColumnKind kind;
};

struct BookTable {
  std::string_view name;
  std::span<const BookColumn> columns;
  std::size_t keys;  // so many columns at the front are unique; rows are in their order, texts byte by byte
};

// No table stands before one that its rows refer to.
[[nodiscard]] std::span<const BookTable> book_tables();

// A value for each column; nullopt where there is none.
using BookRow = std::vector<std::optional<std::string>>;
[[nodiscard]] BookRow key_of(const BookTable& table, const BookRow& row);

// The last number given out of each kind. None is ever given out again.
struct BookNumbers {
  std::int64_t batch = 0;
  std::int64_t order = 0;
  std::int64_t event = 0;
  std::int64_t inbox = 0;
  std::int64_t routing_rule = 0;
};

}  // namespace orchestrator
