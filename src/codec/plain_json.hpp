// read_plain_json: the quick way through JSON that our own writer made.
//
// It takes what JsonWriter makes of ordinary texts: no blanks, no escapes, ASCII, numbers without exponents.
// On anything else it gives up, which says nothing about the document: read_json() is the judge.
#pragma once

#include <string_view>

#include "codec/json_events.hpp"

namespace orchestrator::codec {

// True: the whole document was reported. False: the handler has seen a part of it and is spent.
[[nodiscard]] bool read_plain_json(std::string_view text, JsonHandler& handler);

}  // namespace orchestrator::codec
