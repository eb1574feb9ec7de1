// Reference data: what can be traded, what a portfolio may take, and where orders go.
#include <array>

#include "orchestrator/json.hpp"
#include "python/src/records.hpp"

namespace orchestrator::python {
namespace {

constexpr std::array<Field<Instrument>, 11> kInstrument{{
    {"id", read<&Instrument::id>, "int: instrument_id of its orders"},
    {"symbol", read<&Instrument::symbol>, "str: as brokers know it"},
    {"exchange", read_or_none<&Instrument::exchange>, "str | None"},
    {"currency", read<&Instrument::currency>, "str: of its prices"},
    {"lot_size", read<&Instrument::lot_size>, "Decimal: smallest quantity, and step of quantities"},
    {"tick_size", read<&Instrument::tick_size>, "Decimal: step of prices"},
    {"price_band_low", read<&Instrument::price_band_low>, "Decimal | None: lowest price, inclusive"},
    {"price_band_high", read<&Instrument::price_band_high>, "Decimal | None: highest price, inclusive"},
    {"last_price", read<&Instrument::last_price>,
     "Decimal | None: reference of the collar and of market orders"},
    {"freeze_quantity", read<&Instrument::freeze_quantity>,
     "Decimal | None: largest quantity of a single order"},
    {"multiplier", read<&Instrument::multiplier>, "int: units of the underlying in one unit of quantity"},
}};

template <class Fixed>
Fixed to_positive(py::handle value, const char* name) {
  const auto amount = to_decimal<Fixed>(value, name);
  if (!amount.is_positive()) refuse_argument(name, amount.to_string() + " is not above zero");
  return amount;
}

Instrument make_instrument(const py::object& id, const py::object& symbol, const py::object& exchange,
                           const py::object& currency, const py::object& lot_size,
                           const py::object& tick_size, const py::object& price_band_low,
                           const py::object& price_band_high, const py::object& last_price,
                           const py::object& freeze_quantity, const py::object& multiplier) {
  Instrument instrument;
  instrument.id = to_id(id, "id");
  instrument.symbol = to_filled_text(symbol, "symbol", "brokers know an instrument by it");
  if (!exchange.is_none()) instrument.exchange = to_filled_text(exchange, "exchange", "pass None for none");
  instrument.currency = to_filled_text(currency, "currency", "leave it out for INR");
  instrument.lot_size = to_positive<Quantity>(lot_size, "lot_size");
  if (!tick_size.is_none()) instrument.tick_size = to_positive<Price>(tick_size, "tick_size");
  instrument.price_band_low = to_optional(to_positive<Price>, price_band_low, "price_band_low");
  instrument.price_band_high = to_optional(to_positive<Price>, price_band_high, "price_band_high");
  if (instrument.price_band_low && instrument.price_band_high &&
      *instrument.price_band_low > *instrument.price_band_high) {
    refuse_argument("price_band_low", "is above price_band_high");
  }
  instrument.last_price = to_optional(to_positive<Price>, last_price, "last_price");
  instrument.freeze_quantity = to_optional(to_positive<Quantity>, freeze_quantity, "freeze_quantity");
  instrument.multiplier = to_id(multiplier, "multiplier");
  return instrument;
}

constexpr std::array<Field<PortfolioLimits>, 7> kLimits{{
    {"portfolio_id", read<&PortfolioLimits::portfolio_id>,
     "int: 0: the defaults of portfolios without limits of their own"},
    {"margin_available", read<&PortfolioLimits::margin_available>, "Decimal | None: None: no limit"},
    {"margin_rate", read<&PortfolioLimits::margin_rate>, "Decimal: margin needed per unit of notional"},
    {"max_quantity", read<&PortfolioLimits::max_quantity>, "Decimal | None: of an order"},
    {"max_notional_order", read<&PortfolioLimits::max_notional_order>,
     "Decimal | None: of an order; notional is price x quantity x multiplier"},
    {"max_notional_batch", read<&PortfolioLimits::max_notional_batch>, "Decimal | None: of a batch"},
    {"max_notional_day", read<&PortfolioLimits::max_notional_day>,
     "Decimal | None: of what is accepted in a day of UTC"},
}};

constexpr std::array<Field<PortfolioUsage>, 4> kUsage{{
    {"portfolio_id", read<&PortfolioUsage::portfolio_id>, "int"},
    {"margin_reserved", read<&PortfolioUsage::margin_reserved>, "Decimal: by its open orders"},
    {"day", read<&PortfolioUsage::day>, "date: in UTC, of day_notional"},
    {"day_notional", read<&PortfolioUsage::day_notional>, "Decimal: accepted on that day"},
}};

using Target = RoutingRule::Target;
constexpr std::array<Field<Target>, 2> kTarget{{
    {"broker", read<&Target::broker>, "str"},
    {"weight", read<&Target::weight>, "int: its share; 0: only when the others are not available"},
}};

constexpr std::array<Field<RoutingRule>, 6> kRule{{
    {"id", read<&RoutingRule::id>, "int"},
    {"priority", read<&RoutingRule::priority>, "int: the lowest that matches decides, then the lowest id"},
    {"instrument_id", read<&RoutingRule::instrument_id>, "int | None: None: any"},
    {"exchange", read<&RoutingRule::exchange>, "str | None: None: any"},
    {"portfolio_id", read<&RoutingRule::portfolio_id>, "int | None: None: any"},
    {"targets", read<&RoutingRule::targets>, "list[RoutingTarget]: the brokers that it names"},
}};

}  // namespace

void bind_reference(py::module_& module) {
  auto instrument = bind_record<Instrument>(
      module, "Instrument",
      "What can be traded and in which steps; immutable. Amounts are given as Decimal, int or str.\n\n"
      "Raises OrchestratorError(invalid_argument) naming the argument.",
      kInstrument);
  bind_json(instrument);
  allow_new(instrument);
  instrument.def(py::init(&make_instrument), py::arg("id"), py::arg("symbol"),
                 py::arg("exchange") = py::none(), py::arg("currency") = "INR", py::arg("lot_size") = 1,
                 py::arg("tick_size") = py::none(), py::arg("price_band_low") = py::none(),
                 py::arg("price_band_high") = py::none(), py::arg("last_price") = py::none(),
                 py::arg("freeze_quantity") = py::none(), py::arg("multiplier") = 1);
  bind_record<PortfolioLimits>(module, "PortfolioLimits", "What a portfolio may take.", kLimits);
  bind_record<PortfolioUsage>(module, "PortfolioUsage", "What a portfolio takes of its limits now.", kUsage);
  bind_record<Target>(module, "RoutingTarget", "A broker of a routing rule.", kTarget);
  auto rule = bind_record<RoutingRule>(
      module, "RoutingRule", "Where orders that name no broker go; what is None matches all.", kRule);
  bind_json(rule);
}

}  // namespace orchestrator::python
