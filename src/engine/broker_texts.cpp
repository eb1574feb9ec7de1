// See the header.

#include "engine/broker_texts.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "codec/utf8.hpp"
#include "core/sha256.hpp"

namespace orchestrator::engine {
namespace {

// Longer than what note_on() adds.
constexpr std::size_t kNoteMax = 100;
static_assert(kBrokerReasonMax > kNoteMax);

template <class Report>
auto ids_of(Report& report) {
  return std::array{&report.account, &report.ext_order_id, &report.client_order_id,
                    &report.execution.execution_id, &report.execution.ref_execution_id};
}

std::string spelled(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (is_text(text)) return std::string(text);
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

// Of a text: the first `kept` bytes, or less by the character that they would end inside of.
std::string beginning(std::string text, std::size_t kept) {
  while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xC0U) == 0x80U) --kept;
  text.resize(kept);
  return text;
}

std::string note_on(const std::string& text) {
  return "... (" + std::to_string(text.size()) + " bytes, SHA-256 " + to_hex(sha256(text)).substr(0, 32) +
         ")";
}

}  // namespace

bool is_text(std::string_view text) {
  return codec::find_invalid_utf8(text) == std::string_view::npos &&
         text.find('\0') == std::string_view::npos;
}

std::string why_not_kept(const std::string& id) {
  if (is_text(id))
    return "of " + std::to_string(id.size()) + " bytes; " + std::to_string(kBrokerIdMax) + " are taken";
  return "of bytes that are no UTF-8 text";
}

const std::string* unkept_id(const BrokerReport& report) {
  const auto ids = ids_of(report);
  const auto found = std::ranges::find_if(ids, [](const std::string* id) { return !can_be_kept(*id); });
  return found == ids.end() ? nullptr : *found;
}

std::string shortened(const std::string& text, std::size_t kept) {
  std::string whole = spelled(text);
  if (whole.size() <= kept) return whole;
  return beginning(std::move(whole), kept) + note_on(text);
}

std::string bounded_reason(const std::string& reason) {
  std::string whole = spelled(reason);
  if (whole.size() <= kBrokerReasonMax) return whole;
  return beginning(std::move(whole), kBrokerReasonMax - kNoteMax) + note_on(reason);
}

BrokerReport bounded(BrokerReport report) {
  for (std::string* id : ids_of(report)) *id = shortened(*id, kBrokerIdMax);
  report.reason = bounded_reason(report.reason);
  return report;
}

}  // namespace orchestrator::engine
