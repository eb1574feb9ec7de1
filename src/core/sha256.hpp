// SHA-256 (FIPS 180-4) and the two text forms this library gives digests.
//
// Used for request fingerprints, client order ids and the audit chain: identification and tamper
// evidence, so no secret-dependent timing is promised.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace orchestrator {

// Feed it in pieces of any size; the digest depends on the bytes only, not on where they were split.
class Sha256 {
 public:
  using Digest = std::array<std::byte, 32>;

  // kPortable: without the processor's own instructions, wherever it has them.
  enum class Instructions : std::uint8_t { kBest, kPortable };
  explicit Sha256(Instructions instructions = Instructions::kBest);

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);

  // Ends the message, and leaves the object ready for the next one.
  Digest finish();

 private:
  static constexpr std::size_t kBlockSize = 64;

  void reset();
  void compress(const std::byte* block, std::size_t count);
  void compress_portably(const std::byte* block, std::size_t count);

  Instructions instructions_;
  std::array<std::uint32_t, 8> state_;
  std::array<std::byte, kBlockSize> buffer_;
  std::uint64_t size_;  // Bytes so far; the last size_ % kBlockSize of them wait in buffer_.
};

Sha256::Digest sha256(std::string_view text);

// Lower-case, two characters per byte.
std::string to_hex(std::span<const std::byte> bytes);

// 0-9 and a-z without i, l, o and u: nothing that a person misreads on a broker's screen, and alphanumeric as
// every broker's id field demands.
inline constexpr std::string_view kBase32Digits = "0123456789abcdefghjkmnpqrstvwxyz";
// The first `characters` * 5 bits, most significant first, in these digits.
// Asking for more bits than there are throws Error (invalid_argument); nothing is padded.
std::string base32(std::span<const std::byte> bytes, int characters);

}  // namespace orchestrator
