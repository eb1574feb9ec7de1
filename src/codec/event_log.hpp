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

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/events.hpp"
#include "orchestrator/order_store.hpp"

namespace orchestrator::codec {

// The two halves of append_event(): up to where the data begins, and from its end on.
std::size_t begin_event(std::string& lines, EventType type, OrderId order_id, std::int32_t seq);
void end_event(std::string& lines, EventType type, OrderId order_id, std::int32_t seq, std::size_t begin,
               std::size_t data);

// Throws Error(internal) for a line that expand() would refuse: an event that cannot be read back must not
// be stored.
void append_event(std::string& lines, EventType type, OrderId order_id, std::int32_t seq,
                  std::string_view data_json);
// The same for data that `write(lines)` appends in its place.
template <std::invocable<std::string&> Write>
void append_event(std::string& lines, EventType type, OrderId order_id, std::int32_t seq, Write&& write) {
  const std::size_t begin = lines.size();
  const std::size_t data = begin_event(lines, type, order_id, seq);
  write(lines);
  end_event(lines, type, order_id, seq, begin, data);
}

// The row's events, in the order they were appended. Throws Error(storage_corrupt) naming row and line.
[[nodiscard]] std::vector<Event> expand(const EventRow& row);

}  // namespace orchestrator::codec
