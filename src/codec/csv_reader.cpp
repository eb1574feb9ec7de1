// The readers of CSV baskets and holiday files.
//
// A table whose shape is wrong ends the reading (invalid_csv); values that cannot be read are collected as
// for JSON. An empty field counts as left out.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "codec/csv_rows.hpp"
#include "codec/json_events.hpp"
#include "codec/order_reader.hpp"
#include "codec/utf8.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator {

namespace {

using codec::CsvRows;
using codec::OrderField;

// The meaning of each column.
std::vector<OrderField> read_header(CsvRows& rows) {
  if (!rows.next())
    rows.refuse("the file is empty; it begins with a header line: " + codec::order_field_names());
  if (!rows.fault().empty()) rows.refuse(rows.fault());
  std::vector<OrderField> columns;
  for (const std::string_view name : rows.fields()) {
    const auto field = codec::find_order_field(name);
    if (!field) {
      rows.refuse("the column " + codec::quote_for_message(name) +
                  " is not known; the header line names: " + codec::order_field_names());
    }
    if (std::find(columns.begin(), columns.end(), *field) != columns.end()) {
      rows.refuse("the column " + codec::quote_for_message(name) + " is there twice; leave one out");
    }
    columns.push_back(*field);
  }
  for (const auto field : {OrderField::kInstrumentId, OrderField::kQty, OrderField::kSide}) {
    if (std::find(columns.begin(), columns.end(), field) != columns.end()) continue;
    rows.refuse("the header line has no column " + std::string(codec::name_of(field)) +
                "; every order needs it");
  }
  return columns;
}

void read_order(const CsvRows& rows, const std::vector<OrderField>& columns, codec::OrderReader& orders) {
  if (!rows.fault().empty()) rows.refuse(rows.fault());
  if (rows.fields().size() != columns.size()) {
    rows.refuse("the row has " + std::to_string(rows.fields().size()) + " fields and the header line " +
                std::to_string(columns.size()) +
                "; the row may be cut off, or a field with a comma needs quotes");
  }
  orders.begin_order(rows.line());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string_view text = rows.fields()[i];
    if (!text.empty() && orders.claim(columns[i])) orders.set(columns[i], text);
  }
  orders.end_order();
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

}  // namespace

BatchRequest parse_batch_csv(std::string_view text, PortfolioId portfolio_id, const ReadLimits& limits) {
  codec::check_bytes(text, limits);
  BatchRequest request;
  request.portfolio_id = portfolio_id;
  CsvRows rows(text);
  const auto columns = read_header(rows);
  codec::OrderReader orders(request, limits);
  while (rows.next()) read_order(rows, columns, orders);
  orders.finish();
  return request;
}

std::vector<Date> parse_holidays(std::string_view text, const ReadLimits& limits) {
  codec::check_bytes(text, limits);
  std::vector<Date> days;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    row = row.substr(0, row.find('#'));
    const std::string_view day = trim(row.substr(0, row.find(',')));
    if (trim(row).empty()) continue;
    const auto parsed = parse_date(day);
    if (!parsed) {
      throw Error(ErrorCode::kInvalidCsv, "line " + std::to_string(line) + ": " +
                                              codec::quote_for_message(day) +
                                              " is not a day; write YYYY-MM-DD, a comma and its name");
    }
    days.push_back(*parsed);
  }
  std::sort(days.begin(), days.end());
  days.erase(std::unique(days.begin(), days.end()), days.end());
  return days;
}

}  // namespace orchestrator
