// Options whose text is read by our own exact parsers: CLI11 would take "010" for eight and "1e3" for a
// number.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/input.hpp"
#include "orchestrator/decimal.hpp"

namespace orchestrator::cli {

// The name in messages: "--price-limit,--price" is "--price-limit".
inline std::string shown_name(const std::string& names) { return names.substr(0, names.find(',')); }

template <class Id>
CLI::Option* add_id(CLI::App* verb, const std::string& names, Id& to, const std::string& description) {
  return verb
      ->add_option_function<std::string>(
          names, [&to, names](const std::string& text) { to = parse_id(text, shown_name(names)); },
          description)
      ->type_name("ID");
}

inline CLI::Option* add_count(CLI::App* verb, const std::string& names, std::size_t& to, std::int64_t high,
                              const std::string& description) {
  const auto read = [&to, names, high](const std::string& text) {
    const auto number = parse_integer(text);
    if (!number || *number < 1 || *number > high) {
      throw Error(ErrorCode::kInvalidArgument,
                  shown_name(names) + " must be a whole number from 1 to " + std::to_string(high));
    }
    to = static_cast<std::size_t>(*number);
  };
  return verb->add_option_function<std::string>(names, read, description)->type_name("N");
}

template <class Value>
CLI::Option* add_decimal(CLI::App* verb, const std::string& names, std::optional<Value>& to,
                         const std::string& description) {
  return verb
      ->add_option_function<std::string>(
          names,
          [&to, names](const std::string& text) { to = parse_decimal<Value>(text, shown_name(names)); },
          description)
      ->type_name("DECIMAL");
}

inline CLI::Option* add_day(CLI::App* verb, const std::string& names, Date& to,
                            const std::string& description) {
  return verb
      ->add_option_function<std::string>(
          names, [&to, names](const std::string& text) { to = parse_day(text, shown_name(names)); },
          description)
      ->type_name("DATE");
}

// A page of a list. `after` is the `next_cursor` of the page before.
struct Page {
  std::size_t limit = 100;
  std::int64_t after = 0;
  bool newest = false;
};

inline void add_page(CLI::App* verb, Page& page) {
  add_count(verb, "--limit", page.limit, 100'000, "most rows to show [100]");
  add_id(verb, "--after", page.after, "go on after this id: the next_cursor of the page before");
  verb->add_flag("--newest", page.newest, "newest first");
}

// Asks for one row more than the page has, to know whether there is a next page.
template <class Query>
void apply_page(const Page& page, Query& query) {
  query.newest_first = page.newest;
  (page.newest ? query.before_id : query.after_id) = page.after;
  query.limit = page.limit + 1;
}

// Cuts the rows to the page and returns the cursor of the next one.
template <class Row>
[[nodiscard]] std::optional<std::int64_t> cut_to_page(const Page& page, std::vector<Row>& rows) {
  if (rows.size() <= page.limit) return std::nullopt;
  rows.resize(page.limit);
  return rows.back().id;
}

}  // namespace orchestrator::cli
