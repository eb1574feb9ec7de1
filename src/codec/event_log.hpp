// The events of one step of one batch, as one text: what the event log and the outbox store in a row.
//
//   lines := line*
//   line  := type ' ' order_id ' ' seq ' ' data '\n'
//   type      the word of the EventType: "order.acked"
//   order_id  decimal digits; 0 for an event of the batch, and only for one
//   seq       decimal digits, from 1
//   data      one JSON object without a line end (a line end inside a JSON string is escaped anyway)
//
// The batch, the time and the log position are the row's own columns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/events.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator::codec {

// Throws Error(internal) for a line that expand() would refuse: an event that cannot be read back must not
// be stored.
void append_event(std::string& lines, EventType type, OrderId order_id, std::int32_t seq,
                  std::string_view data_json);

// The row's events, in the order they were appended. Throws Error(storage_corrupt) naming row and line.
[[nodiscard]] std::vector<Event> expand(const EventRow& row);

}  // namespace orchestrator::codec
