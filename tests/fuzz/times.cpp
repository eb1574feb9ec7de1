// Times and days as text: what is taken comes back, and is what the text says.
#include "fuzz/target.hpp"
#include "orchestrator/types.hpp"

namespace orchestrator::fuzz {
namespace {

void run(std::string_view bytes) {
  constexpr std::size_t kTimestampSize = std::string_view("2026-01-05T09:15:00.000000Z").size();
  if (const auto at = parse_timestamp(bytes)) {
    const std::string text = to_string(*at);
    require(text.size() == kTimestampSize && parse_timestamp(text) == at, "a time comes back from its text");
  }
  if (const auto day = parse_date(bytes)) require(to_string(*day) == bytes, "a day has one text");
  Input input(bytes);
  const Timestamp at(std::chrono::microseconds(input.number<std::int64_t>()));
  const auto text = accepted({ErrorCode::kNumberOverflow}, [&] { return to_string(at); });
  require(text.has_value() == has_text(at), "a time has a text, or is said to have none");
  if (text) require(parse_timestamp(*text) == at, "any time comes back from its text");
}

const Registration kRegistered({"times", run});

}  // namespace
}  // namespace orchestrator::fuzz
