// How much is taken of the texts that brokers send. What is left out of one is always told in its place: a
// text that was shortened never passes for one that came so.
#pragma once

#include <string>

#include "orchestrator/broker_connector.hpp"

namespace orchestrator::engine {

[[nodiscard]] inline bool is_too_long(const std::string& id) { return id.size() > kBrokerIdMax; }

// The first of its ids that is too long; nullptr: none is.
[[nodiscard]] const std::string* too_long_id(const BrokerReport& report);

// For messages, and for a person: the first `kept` bytes, how many there were, and what tells it from others
// that begin alike. One of at most `kept` bytes stays as it is.
[[nodiscard]] std::string shortened(const std::string& text, std::size_t kept = 80);

// At most kBrokerReasonMax bytes.
[[nodiscard]] std::string bounded_reason(std::string reason);

// As it can be kept for a person: its ids shortened, and still too long to be booked by.
[[nodiscard]] BrokerReport bounded(BrokerReport report);

// With what no UTF-8 text holds, and NUL, spelled as \xNN: for a store that takes only text.
[[nodiscard]] BrokerReport spelled(BrokerReport report);

}  // namespace orchestrator::engine
