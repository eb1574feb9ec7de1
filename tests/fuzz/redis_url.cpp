// Redis URLs: read, or refused without a word of theirs.
#include "adapters/redis/url.hpp"

#include "fuzz/target.hpp"

namespace orchestrator::fuzz {
namespace {

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, '%').append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return out;
}

void run(std::string_view bytes) {
  const auto place = accepted({ErrorCode::kConfiguration}, [&] { return redis::parse_url(bytes); });
  if (!place) return;
  require(!place->host.empty() && place->port > 0 && place->port < 65536 && place->database >= 0, "a place");
  const std::string login =
      place->password.empty() ? "" : escaped(place->user) + ":" + escaped(place->password) + "@";
  const auto again = redis::parse_url((place->tls ? "rediss://" : "redis://") + login + place->shown());
  require(again.tls == place->tls && again.user == place->user && again.password == place->password &&
              again.shown() == place->shown(),
          "a place comes back from its URL");
  check_message(place->shown());
}

const Registration kRegistered({"redis_url", run});

}  // namespace
}  // namespace orchestrator::fuzz
