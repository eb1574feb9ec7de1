// The raw bytes of a request's head, looked at before they are parsed.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace orchestrator::http {

// The bytes of the head, its empty line included; nullopt: it is not all there yet.
[[nodiscard]] std::optional<std::size_t> head_size(std::string_view bytes);

// What is wrong with a head's line ends and lines; empty when nothing is. Two servers that read these
// differently would see two different requests in the same bytes.
[[nodiscard]] std::string_view head_fault(std::string_view head);

}  // namespace orchestrator::http
