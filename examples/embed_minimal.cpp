// The whole life of a batch in an embedding program, driven by the program itself (inline mode).
#include <orchestrator/open.hpp>

#include <iostream>

using namespace orchestrator;

int main() {
  try {
    const auto oms = open({.database_url = "sqlite:///embed_minimal.db"});

    // Durable when place() returns; the same key again returns the same receipt and places nothing.
    const Receipt receipt = oms->place({
        .portfolio_id = 1,
        .orders = {{.instrument_id = 1,
                    .qty = Quantity::from_int(100),
                    .side = Side::kBuy,
                    .price_limit = Price::from_string("2500")},
                   {.instrument_id = 2,
                    .qty = Quantity::from_int(50),
                    .side = Side::kSell,
                    .price_limit = Price::from_string("2600")}},
        .idempotency_key = "rebalance-2026-01-05",
    });
    std::cout << "batch " << receipt.batch_id << (receipt.replayed ? " (replayed)" : "") << '\n';

    // The mock brokers fill when told to; a real one reports fills, which step() brings in.
    for (const Receipt::Leg& leg : receipt.orders) {
      const Order order = oms->get_order(leg.id);
      if (order.remaining_qty().is_positive()) {
        oms->simulate_fill(order.id, *order.price_limit, order.remaining_qty());
      }
    }

    const BatchReport report = oms->reconcile(receipt.batch_id);
    std::cout << "filled " << report.filled_qty.to_string() << " of " << report.total_qty.to_string()
              << ", P&L " << report.actual_pnl.value_or(Money()).to_string() << '\n';
    return report.filled_orders == report.total_orders ? 0 : 1;
  } catch (const Error& error) {
    std::cerr << to_string(error.code()) << ": " << error.what() << '\n';
    return 1;
  }
}
