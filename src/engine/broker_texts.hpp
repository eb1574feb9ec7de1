// How much is taken of the texts that brokers send. What is left out of one is always told in its place: a
// text that was shortened never passes for one that came so.
#pragma once

#include <string>
#include <string_view>

#include "orchestrator/broker_connector.hpp"

namespace orchestrator::engine {

// UTF-8 without NUL: what every store can keep.
[[nodiscard]] bool is_text(std::string_view text);

[[nodiscard]] inline bool can_be_kept(const std::string& id) {
  return id.size() <= kBrokerIdMax && is_text(id);
}

// Of an id that cannot be kept: "of 300 bytes; 256 are taken".
[[nodiscard]] std::string why_not_kept(const std::string& id);

// The first of its ids that cannot be kept; nullptr: all can.
[[nodiscard]] const std::string* unkept_id(const BrokerReport& report);

// For messages, and for a person, as text: the first `kept` bytes, how many there were, and what tells it
// from others that begin alike. What is no text in it is spelled as \xNN. A text of at most `kept` bytes
// stays as it is.
[[nodiscard]] std::string shortened(const std::string& text, std::size_t kept = 80);

// As text, spelled likewise, of at most kBrokerReasonMax bytes.
[[nodiscard]] std::string bounded_reason(const std::string& reason);

// As it can be kept for a person: its texts spelled, and its ids shortened. One that was too long is too long
// still, and nothing is booked by it.
[[nodiscard]] BrokerReport bounded(BrokerReport report);

}  // namespace orchestrator::engine
