// Slicing: an order above its instrument's freeze quantity becomes several orders, when it asks for that.
//
// Pieces have the largest quantity that is at most the freeze quantity and a multiple of the lot size; the
// last one has the rest. They differ in quantity only, and their quantities add up to the order's exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "orchestrator/validator.hpp"

namespace orchestrator {

// The quantity of a full piece: the order's own quantity when there is nothing to slice, zero when no
// multiple of the lot size is within the freeze quantity.
[[nodiscard]] Quantity piece_quantity(const OrderRequest& order, const Instrument& instrument);

// Whether the order asks for slices and has exactly the quantity of a full piece: it may be a slice itself.
[[nodiscard]] bool is_full_piece(const OrderRequest& order, const Instrument& instrument);

// How many orders this one becomes; 1 for an order that is not sliced. May be astronomical: compare it with
// a limit before slicing.
[[nodiscard]] std::int64_t piece_count(const OrderRequest& order, const Instrument& instrument);

// The orders to place for a request that validated, in its order. The pieces of order i are the next
// piece_count() ones. Throws Error(limit_exceeded) for more than 32,768.
[[nodiscard]] std::vector<OrderRequest> slice(const BatchRequest& request,
                                              const ValidationSnapshot& snapshot);

// The instrument's row in the snapshot, or the documented defaults for an instrument without one.
[[nodiscard]] const Instrument& instrument_or_default(const ValidationSnapshot& snapshot, InstrumentId id);

}  // namespace orchestrator
