// What a broker may never say. The account may then hold what nobody asked for: nothing more is sent there
// until a person has looked, except cancels.
#pragma once

#include <string>

#include "engine/change_set.hpp"

namespace orchestrator::engine {

// Puts the order's broker on cancel-only, unless it is stopped already, and enters why in the audit trail;
// all in the set's unit.
void stop_account(ChangeSet& changes, const Order& order, const std::string& why, Timestamp now);

// The broker speaks of an order as `ext_order_id`: under another id than before it is another order, and both
// may execute. Flagged once, and the account stopped. Not so once a change of the order was asked for, which
// may have got the other id; the audit still finds a second order.
void check_second_id(ChangeSet& changes, Order& order, const std::string& ext_order_id, Timestamp now);

// The broker acknowledges an order as `ext_order_id`. An order has one broker id, and what was refused when
// it was sent, or never sent, the broker does not have: otherwise the order is flagged, once, and the account
// stopped. The same id is no contradiction, in whatever order its reports come.
void check_acknowledgement(ChangeSet& changes, Order& order, const std::string& ext_order_id, Timestamp now);

// The broker reports that the order executed at `price`. It may be better than the limit, and a little worse
// while a change of the limit is on its way; far worse is no price of this order. It is booked all the same,
// because the broker may have done it.
void check_execution_price(ChangeSet& changes, Order& order, Price price, Timestamp now);

}  // namespace orchestrator::engine
