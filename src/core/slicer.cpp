// Slices large orders. Invariant: the pieces of an order add up to its quantity, to the last unit.

#include "core/slicer.hpp"

#include <algorithm>
#include <string>

#include "core/request_identity.hpp"
#include "orchestrator/error.hpp"

namespace orchestrator {

namespace {

// The largest multiple of the lot size within the freeze quantity; zero without any.
Quantity full_piece(const Instrument& instrument) {
  if (!instrument.freeze_quantity) return Quantity();
  const std::int64_t freeze = instrument.freeze_quantity->units();
  const std::int64_t lot = instrument.lot_size.units();
  if (freeze <= 0 || lot <= 0) return Quantity();
  return Quantity::from_units(freeze - freeze % lot);
}

}  // namespace

Quantity piece_quantity(const OrderRequest& order, const Instrument& instrument) {
  const bool whole = !order.slice || !instrument.freeze_quantity || order.qty <= *instrument.freeze_quantity;
  return whole ? order.qty : full_piece(instrument);
}

bool is_full_piece(const OrderRequest& order, const Instrument& instrument) {
  return order.slice && order.qty.is_positive() && order.qty == full_piece(instrument);
}

std::int64_t piece_count(const OrderRequest& order, const Instrument& instrument) {
  const Quantity piece = piece_quantity(order, instrument);
  if (!piece.is_positive() || !order.qty.is_positive()) return 1;
  // Rounded up without adding first, which could overflow.
  const std::int64_t rest = order.qty.units() % piece.units() == 0 ? 0 : 1;
  return order.qty.units() / piece.units() + rest;
}

std::vector<OrderRequest> slice(const BatchRequest& request, const ValidationSnapshot& snapshot) {
  constexpr auto kPiecesMax = static_cast<std::int64_t>(kClientOrderIndexMax + 1);
  std::vector<OrderRequest> pieces;
  pieces.reserve(request.orders.size());
  for (const OrderRequest& order : request.orders) {
    const Instrument& instrument = instrument_or_default(snapshot, order.instrument_id);
    const std::int64_t count = piece_count(order, instrument);
    if (count > kPiecesMax - static_cast<std::int64_t>(pieces.size())) {
      throw Error(ErrorCode::kLimitExceeded, "the batch would become more than " +
                                                 std::to_string(kPiecesMax) +
                                                 " orders when sliced; split it into several batches");
    }
    const Quantity piece = count == 1 ? order.qty : piece_quantity(order, instrument);
    Quantity rest = order.qty;
    for (std::int64_t i = 0; i < count; ++i) {
      pieces.push_back(order);
      pieces.back().qty = std::min(piece, rest);
      rest -= pieces.back().qty;
    }
  }
  return pieces;
}

const Instrument& instrument_or_default(const ValidationSnapshot& snapshot, InstrumentId id) {
  static const Instrument kDefault;
  const Instrument* const row = snapshot.instruments.find(id);
  return row == nullptr ? kDefault : *row;
}

}  // namespace orchestrator
