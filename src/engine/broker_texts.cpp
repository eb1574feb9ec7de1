// See the header.

#include "engine/broker_texts.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "codec/utf8.hpp"
#include "core/sha256.hpp"

namespace orchestrator::engine {
namespace {

// Longer than what shortened() adds.
constexpr std::size_t kNoteMax = 100;
static_assert(kBrokerReasonMax > kNoteMax);

template <class Report>
auto ids_of(Report& report) {
  return std::array{&report.ext_order_id, &report.client_order_id, &report.execution.execution_id,
                    &report.execution.ref_execution_id};
}

std::string spelled(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    const std::size_t length = text.front() == '\0' ? 0 : codec::utf8_sequence(text.substr(0, 4));
    if (length == 0) {
      const auto byte = static_cast<unsigned char>(text.front());
      out += {'\\', 'x', kDigits[byte / 16], kDigits[byte % 16]};
    }
    out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

const std::string* too_long_id(const BrokerReport& report) {
  const auto ids = ids_of(report);
  const auto found = std::ranges::find_if(ids, [](const std::string* id) { return is_too_long(*id); });
  return found == ids.end() ? nullptr : *found;
}

std::string shortened(const std::string& text, std::size_t kept) {
  if (text.size() <= kept) return text;
  std::size_t end = kept;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;  // not inside a character
  return text.substr(0, end) + "... (" + std::to_string(text.size()) + " bytes, SHA-256 " +
         to_hex(sha256(text)).substr(0, 32) + ")";
}

std::string bounded_reason(std::string reason) {
  if (reason.size() <= kBrokerReasonMax) return reason;
  return shortened(reason, kBrokerReasonMax - kNoteMax);
}

BrokerReport bounded(BrokerReport report) {
  for (std::string* id : ids_of(report)) *id = shortened(*id, kBrokerIdMax);
  report.reason = bounded_reason(std::move(report.reason));
  return report;
}

BrokerReport spelled(BrokerReport report) {
  for (std::string* id : ids_of(report)) *id = spelled(*id);
  report.reason = spelled(report.reason);
  return report;
}

}  // namespace orchestrator::engine
