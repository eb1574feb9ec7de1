// The CSV readers: any text is read or refused with its line, and what is read comes back from what is
// written.
#include "codec/csv_rows.hpp"
#include "fuzz/target.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator::fuzz {
namespace {

// Throws when the message of an invalid_csv names no line of the text.
void check_line(const Error& error, std::string_view text) {
  if (error.code() != ErrorCode::kInvalidCsv) return;
  const std::string_view message = error.what();
  require(message.starts_with("line "), "a refusal names the line: " + std::string(message));
  const auto line = std::stoull(std::string(message.substr(5)));
  const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  require(line >= 1 && line <= ends + 2, "the line is one of the text: " + std::string(message));
}

template <class Read>
auto read_table(std::string_view text, Read&& read) -> std::optional<decltype(read())> {
  return accepted({ErrorCode::kInvalidCsv, ErrorCode::kValidationFailed, ErrorCode::kLimitExceeded}, [&] {
    try {
      return read();
    } catch (const Error& error) {
      check_line(error, text);
      throw;
    }
  });
}

std::string quoted(std::string_view field) {
  std::string text = "\"";
  for (const char c : field) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

template <class T>
std::string text_of(const std::optional<T>& value) {
  return value ? value->to_string() : std::string();
}

using Table = std::vector<std::vector<std::string>>;

Table sound_rows(std::string_view text) {
  Table table;
  codec::CsvRows rows(text);
  while (rows.next()) {
    if (rows.fault().empty()) {
      table.emplace_back(rows.fields().begin(), rows.fields().end());
    } else {
      check_message(rows.fault());
    }
  }
  return table;
}

void check_rows(std::string_view text) {
  const auto table = read_table(text, [&] { return sound_rows(text); });
  if (!table) return;
  std::string again;
  for (const auto& row : *table) {
    for (const std::string& field : row) again += (&field == row.data() ? "" : ",") + quoted(field);
    again += "\r\n";
  }
  require(sound_rows(again) == *table, "rows come back from what is written");
}

void check_batch(std::string_view text) {
  const auto request = read_table(text, [&] { return parse_batch_csv(text, 7, {.orders_max = 20}); });
  if (!request) return;
  std::string again = "instrument_id,side,qty,price_limit,stop_price,order_type,time_in_force,broker,slice\n";
  for (const OrderRequest& order : request->orders) {
    again += std::to_string(order.instrument_id) + "," + std::string(to_string(order.side)) + "," +
             order.qty.to_string() + "," + text_of(order.price_limit) + "," + text_of(order.stop_price) +
             "," + std::string(to_string(order.order_type)) + "," +
             std::string(to_string(order.time_in_force)) + "," + quoted(order.broker) +
             (order.slice ? ",true\n" : ",false\n");
  }
  require(parse_batch_csv(again, 7) == *request, "a basket comes back from its CSV");
}

void check_instruments(std::string_view text) {
  const auto file = read_table(text, [&] { return parse_instruments_csv(text); });
  if (!file) return;
  require((file->skipped == 0) == file->first_skipped.empty(), "what was skipped is named");
  if (file->skipped > 0) check_message(file->first_skipped);
  std::string again =
      "instrument_id,symbol,exchange,currency,lot_size,tick_size,price_band_low,price_band_high,last_price,"
      "freeze_quantity,multiplier\n";
  for (const Instrument& row : file->instruments) {
    again += std::to_string(row.id) + "," + quoted(row.symbol) + "," + quoted(row.exchange) + "," +
             quoted(row.currency) + "," + row.lot_size.to_string() + "," + row.tick_size.to_string() + "," +
             text_of(row.price_band_low) + "," + text_of(row.price_band_high) + "," +
             text_of(row.last_price) + "," + text_of(row.freeze_quantity) + "," +
             std::to_string(row.multiplier) + "\n";
  }
  require(parse_instruments_csv(again).instruments == file->instruments,
          "instruments come back from their CSV");
}

void check_holidays(std::string_view text) {
  const auto days = read_table(text, [&] { return parse_holidays(text); });
  if (!days) return;
  require(std::ranges::adjacent_find(*days, std::ranges::greater_equal()) == days->end(),
          "each day once, in order");
  std::string again;
  for (const Date day : *days) again += to_string(day) + "\n";
  require(parse_holidays(again) == *days, "days come back from their text");
}

void run(std::string_view bytes) {
  check_rows(bytes);
  check_batch(bytes);
  check_instruments(bytes);
  check_holidays(bytes);
}

const Registration kRegistered({"csv_reader", run});

}  // namespace
}  // namespace orchestrator::fuzz
