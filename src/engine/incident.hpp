// What a broker may never say. The account may then hold what nobody asked for: nothing more is sent there
// until a person has looked, except cancels.
#pragma once

#include <string>

#include "engine/change_set.hpp"

namespace orchestrator::engine {

// Puts the order's broker on cancel-only, unless it is stopped already, and enters why in the audit trail;
// all in the set's unit.
void stop_account(ChangeSet& changes, const Order& order, const std::string& why, Timestamp now);

// The broker acknowledges an order as `ext_order_id`. An order has one broker id, and what the broker refused
// it does not have: otherwise the order is flagged, once, and the account stopped.
void check_acknowledgement(ChangeSet& changes, Order& order, const std::string& ext_order_id, Timestamp now);

}  // namespace orchestrator::engine
