// Decimals as text: what is taken comes back exactly, in the shortest form, and nothing else is taken.
// Arithmetic: exact or refused.
#include "orchestrator/decimal.hpp"

#include <array>

#include "fuzz/target.hpp"

namespace orchestrator::fuzz {
namespace {

constexpr std::array kRoundings = {Rounding::kDown,   Rounding::kUp,    Rounding::kHalfEven,
                                   Rounding::kHalfUp, Rounding::kFloor, Rounding::kCeil};

// The grammar of decimal.hpp, and how many decimals there are that are no zero at the end.
std::optional<std::size_t> decimals_of(std::string_view text) {
  if (text.size() > 64) return std::nullopt;
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  const auto only_digits = [](std::string_view digits) {
    return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!only_digits(whole) || (whole.size() > 1 && whole.front() == '0')) return std::nullopt;
  if (point < text.size() && !only_digits(fraction)) return std::nullopt;
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  return fraction.size();
}

template <class Decimal>
void check_text(std::string_view text) {
  const auto parsed = Decimal::parse(text);
  const auto decimals = decimals_of(text);
  if (!parsed.ok()) {
    check_message(describe(parsed.error, Decimal::kDecimals));
    require(parsed.value.is_zero(), "what was refused has no value");
    const bool plain = decimals && *decimals <= std::size_t{Decimal::kDecimals};
    require(
        !plain || parsed.error == DecimalError::kOutOfRange || parsed.error == DecimalError::kNegativeZero,
        "a plain decimal is taken: " + std::string(text));
    accepted({ErrorCode::kInvalidDecimal}, [&] { return Decimal::from_string(text); });
    return;
  }
  require(decimals && *decimals <= std::size_t{Decimal::kDecimals}, "more than the grammar was taken");
  const std::string shortest = parsed.value.to_string();
  require(shortest.size() <= text.size() && shortest.size() <= Decimal::kTextSizeMax, "the shortest text");
  require(text.starts_with(shortest), "the text begins with its shortest form");
  require(Decimal::from_string(shortest) == parsed.value, "a value comes back from its text");
}

template <class Decimal>
void check_fixed(Decimal value, int decimals) {
  for (const Rounding rounding : kRoundings) {
    const std::string text = value.format_fixed(decimals, rounding);
    const auto read = Decimal::parse(text);
    if (decimals >= Decimal::kDecimals) require(read.ok() && read.value == value, "all decimals are exact");
    if (!read.ok()) require(read.error == DecimalError::kOutOfRange, "a fixed text reads as a decimal");
  }
}

void check_sums(Price one, Price other) {
  const int128 exact = static_cast<int128>(one.units()) + other.units();
  const auto sum = accepted({ErrorCode::kNumberOverflow}, [&] { return one + other; });
  require(sum ? sum->units() == exact : exact > Price::max().units() || exact < Price::min().units(),
          "a sum is exact, or refused when it does not fit");
  if (sum) require(*sum - other == one, "a difference takes a sum back");
}

void check_products(Price price, Quantity quantity, Rate rate) {
  const Money notional = price * quantity;
  require(notional.units() == static_cast<int128>(price.units()) * quantity.units(), "a product is exact");
  if (!quantity.is_zero()) {
    for (const Rounding rounding : kRoundings) {
      const auto average =
          accepted({ErrorCode::kNumberOverflow}, [&] { return average_price(notional, quantity, rounding); });
      require(average == price, "the average of one price is that price");
    }
  }
  const auto low =
      accepted({ErrorCode::kNumberOverflow}, [&] { return scale(notional, rate, Rounding::kFloor); });
  const auto high =
      accepted({ErrorCode::kNumberOverflow}, [&] { return scale(notional, rate, Rounding::kCeil); });
  if (low && high) {
    require(*high >= *low && high->units() - low->units() <= 1, "two roundings are one unit apart at most");
  }
  const auto whole = accepted({ErrorCode::kNumberOverflow}, [&] { return notional.whole(); });
  if (whole) require(Money::from_parts(*whole, notional.fraction()) == notional, "parts make the whole");
}

void run(std::string_view bytes) {
  check_text<Price>(bytes);
  check_text<Quantity>(bytes);
  check_text<Money>(bytes);
  check_text<Rate>(bytes);
  Input input(bytes);
  const int decimals = input.below(19);
  const auto price = Price::from_units(input.number<std::int64_t>());
  const auto quantity = Quantity::from_units(input.number<std::int64_t>());
  const auto rate = Rate::from_units(input.number<std::int64_t>());
  check_text<Price>(price.to_string());
  check_text<Money>((price * quantity).to_string());
  check_fixed(price, decimals);
  check_fixed(price * quantity, decimals);
  check_sums(price, Price::from_units(quantity.units()));
  check_products(price, quantity, rate);
}

const Registration kRegistered({"decimals", run});

}  // namespace
}  // namespace orchestrator::fuzz
