// The reader of instrument files, in Kite's layout and in a plain one.
//
// A plain file is the desk's own and has to be right. Kite's file is made by somebody else, is new every
// morning and holds rows that nobody can trade (an index has lot size 0), so its bad rows are counted and
// left out, and the rest is used.

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "codec/csv_rows.hpp"
#include "codec/json_events.hpp"
#include "codec/order_reader.hpp"
#include "orchestrator/error.hpp"
#include "orchestrator/json.hpp"

namespace orchestrator {

namespace {

using codec::CsvRows;

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// The header line, and the present row by column name. The first thing wrong with a row is its fault().
class Table {
 public:
  explicit Table(std::string_view text) : rows_(text) {
    if (!rows_.next()) rows_.refuse("the file is empty; it begins with a header line");
    if (!rows_.fault().empty()) rows_.refuse(rows_.fault());
    for (const std::string_view name : rows_.fields()) {
      if (has_column(trim(name))) {
        rows_.refuse("the column " + codec::quote_for_message(name) + " is there twice; leave one out");
      }
      columns_.emplace_back(trim(name));
    }
  }

  [[nodiscard]] bool has_column(std::string_view name) const {
    return std::find(columns_.begin(), columns_.end(), name) != columns_.end();
  }
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }

  [[nodiscard]] bool next() {
    if (!rows_.next()) return false;
    fault_ = rows_.fault();
    if (fault_.empty() && rows_.fields().size() != columns_.size()) {
      fault_ = "the row has " + std::to_string(rows_.fields().size()) + " fields and the header line " +
               std::to_string(columns_.size());
    }
    return true;
  }

  // Empty: no such column, an empty field, or a faulty row.
  [[nodiscard]] std::string_view text(std::string_view column) const {
    const auto at = std::find(columns_.begin(), columns_.end(), column);
    if (!fault_.empty() || at == columns_.end()) return {};
    return trim(rows_.fields()[static_cast<std::size_t>(at - columns_.begin())]);
  }
  void require(std::initializer_list<std::string_view> columns) {
    for (const std::string_view column : columns) {
      if (text(column).empty()) fail(column, "is empty");
    }
  }
  [[nodiscard]] std::int64_t positive_integer(std::string_view column, std::int64_t otherwise) {
    const std::string_view found = text(column);
    if (found.empty()) return otherwise;
    const auto value = codec::parse_positive_integer(found);
    if (!value) fail(column, codec::quote_for_message(found) + " is not a positive integer");
    return value.value_or(otherwise);
  }
  template <class Decimal>
  [[nodiscard]] std::optional<Decimal> positive(std::string_view column) {
    const std::string_view found = text(column);
    if (found.empty()) return std::nullopt;
    const auto parsed = Decimal::parse(found);
    if (!parsed.ok())
      fail(column, codec::quote_for_message(found) + " " + std::string(describe(parsed.error)));
    if (parsed.ok() && !parsed.value.is_positive()) {
      fail(column, codec::quote_for_message(found) + " is not above zero");
    }
    return parsed.value;
  }

  void fail(std::string_view column, const std::string& why) {
    if (fault_.empty()) fault_ = std::string(column) + " " + why;
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] std::size_t line() const { return rows_.line(); }
  [[noreturn]] void refuse(const std::string& message) const { rows_.refuse(message); }

 private:
  CsvRows rows_;
  std::vector<std::string> columns_;
  std::string fault_;
};

bool is_kite(const Table& table) {
  return table.has_column("instrument_token") && table.has_column("tradingsymbol");
}

// Kite's file was written from binary fractions, so a price may carry digits that nobody quoted. Only this
// reference price is cut to our nine decimals; a tick size that long is a fault.
std::optional<Price> kite_last_price(Table& table) {
  std::string_view found = table.text("last_price");
  const std::size_t point = found.find('.');
  const bool only_digits = found.find_first_not_of("0123456789.") == std::string_view::npos;
  if (point != std::string_view::npos && only_digits) found = found.substr(0, point + 1 + Price::kDecimals);
  if (found.empty()) return std::nullopt;
  const auto parsed = Price::parse(found);
  if (!parsed.ok() || parsed.value.is_negative()) {
    table.fail("last_price", codec::quote_for_message(found) + " is not a price");
  }
  return parsed.value.is_positive() ? std::optional(parsed.value) : std::nullopt;
}

Instrument read_kite(Table& table) {
  Instrument instrument;
  table.require({"instrument_token", "tradingsymbol", "exchange", "lot_size", "tick_size"});
  instrument.id = table.positive_integer("instrument_token", 0);
  instrument.symbol = table.text("tradingsymbol");
  instrument.exchange = table.text("exchange");
  instrument.lot_size = table.positive<Quantity>("lot_size").value_or(instrument.lot_size);
  instrument.tick_size = table.positive<Price>("tick_size").value_or(instrument.tick_size);
  instrument.last_price = kite_last_price(table);
  return instrument;
}

constexpr std::array<std::string_view, 11> kPlainColumns{
    "instrument_id",  "symbol",          "exchange",   "currency",        "lot_size",  "tick_size",
    "price_band_low", "price_band_high", "last_price", "freeze_quantity", "multiplier"};

void check_plain_columns(const Table& table) {
  for (const std::string& name : table.columns()) {
    if (std::find(kPlainColumns.begin(), kPlainColumns.end(), name) != kPlainColumns.end()) continue;
    std::string known;
    for (const std::string_view column : kPlainColumns)
      known.append(known.empty() ? "" : ", ").append(column);
    table.refuse("the column " + codec::quote_for_message(name) + " is not known; the header line names " +
                 known + ", or Kite's instrument_token, tradingsymbol, ...");
  }
  for (const std::string_view name : {"instrument_id", "symbol"}) {
    if (!table.has_column(name)) table.refuse("the header line has no column " + std::string(name));
  }
}

Instrument read_plain(Table& table) {
  Instrument instrument;
  table.require({"instrument_id", "symbol"});
  instrument.id = table.positive_integer("instrument_id", 0);
  instrument.symbol = table.text("symbol");
  instrument.exchange = table.text("exchange");
  if (!table.text("currency").empty()) instrument.currency = table.text("currency");
  instrument.lot_size = table.positive<Quantity>("lot_size").value_or(instrument.lot_size);
  instrument.tick_size = table.positive<Price>("tick_size").value_or(instrument.tick_size);
  instrument.price_band_low = table.positive<Price>("price_band_low");
  instrument.price_band_high = table.positive<Price>("price_band_high");
  if (instrument.price_band_low && instrument.price_band_high &&
      *instrument.price_band_low > *instrument.price_band_high) {
    table.fail("price_band_low", "is above price_band_high");
  }
  instrument.last_price = table.positive<Price>("last_price");
  instrument.freeze_quantity = table.positive<Quantity>("freeze_quantity");
  instrument.multiplier = table.positive_integer("multiplier", 1);
  return instrument;
}

}  // namespace

InstrumentFile parse_instruments_csv(std::string_view text, const ReadLimits& limits) {
  codec::check_bytes(text, limits);
  Table table(text);
  const bool kite = is_kite(table);
  if (!kite) check_plain_columns(table);
  InstrumentFile file;
  std::unordered_set<InstrumentId> ids;
  while (table.next()) {
    Instrument instrument = kite ? read_kite(table) : read_plain(table);
    const std::string_view id_column = kite ? "instrument_token" : "instrument_id";
    if (table.fault().empty() && !ids.insert(instrument.id).second) {
      table.fail(id_column, std::to_string(instrument.id) + " is there twice");
    }
    if (table.fault().empty()) {
      file.instruments.push_back(std::move(instrument));
      continue;
    }
    if (!kite) table.refuse(table.fault());
    if (file.skipped++ == 0)
      file.first_skipped = "line " + std::to_string(table.line()) + ": " + table.fault();
  }
  return file;
}

}  // namespace orchestrator
