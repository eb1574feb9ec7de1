// SHA-256 in portable C++. One pass over a 16-word window: the message schedule is computed in place as
// the rounds use it up, so that everything stays in registers and one cache line. Processors with
// instructions for it do it in those: the fingerprint of a batch is a block per order.

#include "core/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "orchestrator/error.hpp"

namespace orchestrator {

namespace {

constexpr std::array<std::uint32_t, 8> kInitialState = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

constexpr std::array<std::uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Shifts rather than a cast: right on either byte order, and compilers make one instruction of it.
std::uint32_t load_big_endian(const std::byte* bytes) {
  return (std::to_integer<std::uint32_t>(bytes[0]) << 24) | (std::to_integer<std::uint32_t>(bytes[1]) << 16) |
         (std::to_integer<std::uint32_t>(bytes[2]) << 8) | std::to_integer<std::uint32_t>(bytes[3]);
}

inline std::uint32_t schedule_word(std::array<std::uint32_t, 16>& window, std::size_t i) {
  const std::uint32_t early = window[(i + 1) % 16];
  const std::uint32_t late = window[(i + 14) % 16];
  const std::uint32_t sigma0 = std::rotr(early, 7) ^ std::rotr(early, 18) ^ (early >> 3);
  const std::uint32_t sigma1 = std::rotr(late, 17) ^ std::rotr(late, 19) ^ (late >> 10);
  return window[i % 16] += sigma0 + window[(i + 9) % 16] + sigma1;
}

// The standard moves eight variables along one place after each round. Here the caller rotates their
// names instead, and only the two that change are written.
inline void round(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t& d, std::uint32_t e,
                  std::uint32_t f, std::uint32_t g, std::uint32_t& h, std::uint32_t input) {
  const std::uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
  const std::uint32_t choice = g ^ (e & (f ^ g));
  const std::uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
  const std::uint32_t majority = (a & b) | (c & (a | b));
  const std::uint32_t mixed = h + sum1 + choice + input;
  d += mixed;
  h = mixed + sum0 + majority;
}

#if defined(__x86_64__)

bool has_sha_instructions() {
  constexpr unsigned kShaBit = 1U << 29;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kShaBit) != 0;
}

// The instructions keep the eight variables as (a, b, e, f) and (c, d, g, h) and do two rounds each.
__attribute__((target("sha,sse4.1"))) void compress_in_hardware(std::array<std::uint32_t, 8>& state,
                                                                const std::byte* block, std::size_t count) {
  const auto load = [](const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); };
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i cdab = _mm_shuffle_epi32(load(&state[0]), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(load(&state[4]), 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, hgfe, 8);
  __m128i cdgh = _mm_blend_epi16(hgfe, cdab, 0xf0);
  for (; count != 0; --count, block += 64) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i window[4];
    for (std::size_t i = 0; i < 4; ++i) window[i] = _mm_shuffle_epi8(load(block + 16 * i), big_endian);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 16; ++i) {
      __m128i& words = window[i % 4];
      if (i >= 4) {
        const __m128i& last = window[(i + 3) % 4];
        const __m128i early = _mm_sha256msg1_epu32(words, window[(i + 1) % 4]);
        const __m128i middle = _mm_alignr_epi8(last, window[(i + 2) % 4], 4);
        words = _mm_sha256msg2_epu32(_mm_add_epi32(early, middle), last);
      }
      const __m128i input = _mm_add_epi32(words, load(&kRoundConstants[4 * i]));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, input);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(input, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  const __m128i abcd = _mm_blend_epi16(feba, dchg, 0xf0);
  const __m128i efgh = _mm_alignr_epi8(dchg, feba, 8);
  std::memcpy(&state[0], &abcd, sizeof abcd);
  std::memcpy(&state[4], &efgh, sizeof efgh);
}

#endif

}  // namespace

Sha256::Sha256(Instructions instructions) : instructions_(instructions) { reset(); }

void Sha256::reset() {
  state_ = kInitialState;
  buffer_.fill(std::byte{0});
  size_ = 0;
}

void Sha256::compress(const std::byte* block, std::size_t count) {
#if defined(__x86_64__)
  static const bool kInHardware = has_sha_instructions();
  if (kInHardware && instructions_ == Instructions::kBest) return compress_in_hardware(state_, block, count);
#endif
  compress_portably(block, count);
}

void Sha256::compress_portably(const std::byte* block, std::size_t count) {
  for (; count != 0; --count, block += kBlockSize) {
    std::array<std::uint32_t, 16> window;
    for (std::size_t i = 0; i < 16; ++i) window[i] = load_big_endian(block + 4 * i);

    auto [a, b, c, d, e, f, g, h] = state_;
    const auto input = [&window](std::size_t i) {
      return kRoundConstants[i] + (i < 16 ? window[i] : schedule_word(window, i));
    };
    for (std::size_t i = 0; i < 64; i += 8) {
      round(a, b, c, d, e, f, g, h, input(i));
      round(h, a, b, c, d, e, f, g, input(i + 1));
      round(g, h, a, b, c, d, e, f, input(i + 2));
      round(f, g, h, a, b, c, d, e, input(i + 3));
      round(e, f, g, h, a, b, c, d, input(i + 4));
      round(d, e, f, g, h, a, b, c, input(i + 5));
      round(c, d, e, f, g, h, a, b, input(i + 6));
      round(b, c, d, e, f, g, h, a, input(i + 7));
    }
    state_[0] += a;
    state_[1] += b;
    state_[2] += c;
    state_[3] += d;
    state_[4] += e;
    state_[5] += f;
    state_[6] += g;
    state_[7] += h;
  }
}

void Sha256::update(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::size_t waiting = static_cast<std::size_t>(size_ % kBlockSize);
  size_ += bytes.size();
  if (waiting != 0) {
    const std::size_t taken = std::min(kBlockSize - waiting, bytes.size());
    std::memcpy(buffer_.data() + waiting, bytes.data(), taken);
    bytes = bytes.subspan(taken);
    if (waiting + taken < kBlockSize) return;
    compress(buffer_.data(), 1);
  }
  const std::size_t whole_blocks = bytes.size() / kBlockSize;
  compress(bytes.data(), whole_blocks);
  bytes = bytes.subspan(whole_blocks * kBlockSize);
  if (!bytes.empty()) std::memcpy(buffer_.data(), bytes.data(), bytes.size());
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

Sha256::Digest Sha256::finish() {
  constexpr std::size_t kLengthAt = kBlockSize - sizeof(std::uint64_t);
  const std::uint64_t bits = size_ * 8;
  std::size_t waiting = static_cast<std::size_t>(size_ % kBlockSize);
  buffer_[waiting++] = std::byte{0x80};
  if (waiting > kLengthAt) {
    std::fill(buffer_.data() + waiting, buffer_.data() + kBlockSize, std::byte{0});
    compress(buffer_.data(), 1);
    waiting = 0;
  }
  std::fill(buffer_.data() + waiting, buffer_.data() + kLengthAt, std::byte{0});
  for (std::size_t i = 0; i < 8; ++i) {
    buffer_[kLengthAt + i] = static_cast<std::byte>((bits >> (56 - 8 * i)) & 0xff);
  }
  compress(buffer_.data(), 1);

  Digest digest;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::byte>((state_[i / 4] >> (24 - 8 * (i % 4))) & 0xff);
  }
  reset();
  return digest;
}

Sha256::Digest sha256(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.finish();
}

std::string to_hex(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte value : bytes) {
    text += kHexDigits[std::to_integer<std::size_t>(value >> 4)];
    text += kHexDigits[std::to_integer<std::size_t>(value & std::byte{0x0f})];
  }
  return text;
}

std::string base32(std::span<const std::byte> bytes, int characters) {
  if (characters < 0 || static_cast<std::size_t>(characters) > bytes.size() * 8 / 5) {
    throw Error(ErrorCode::kInvalidArgument, "base32 was asked for more characters than the bytes hold");
  }
  std::string text;
  text.reserve(static_cast<std::size_t>(characters));
  std::uint32_t window = 0;
  int bits = 0;
  std::size_t next = 0;
  for (int i = 0; i < characters; ++i) {
    if (bits < 5) {
      window = ((window << 8) | std::to_integer<std::uint32_t>(bytes[next++])) & 0xffff;
      bits += 8;
    }
    bits -= 5;
    text += kBase32Digits[(window >> bits) & 31];
  }
  return text;
}

}  // namespace orchestrator
