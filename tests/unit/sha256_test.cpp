#include "core/sha256.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/error.hpp"

namespace {

using orchestrator::base32;
using orchestrator::Error;
using orchestrator::sha256;
using orchestrator::Sha256;
using orchestrator::to_hex;

constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

std::vector<std::byte> bytes_of(std::initializer_list<unsigned> values) {
  std::vector<std::byte> bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

}  // namespace

TEST_CASE("sha256 gives the published digests") {
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256(kTwoBlocks)) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(to_hex(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                      "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")) ==
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(to_hex(sha256(std::string(1'000'000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a digest does not depend on where the message was split") {
  for (std::size_t size = 0; size <= 200; ++size) {
    std::string message;
    for (std::size_t i = 0; i < size; ++i) message += static_cast<char>('!' + i % 90);
    const auto expected = sha256(message);
    for (std::size_t split = 0; split <= size; ++split) {
      INFO("size " << size << ", split " << split);
      Sha256 hash;
      hash.update(std::string_view(message).substr(0, split));
      hash.update(std::string_view(message).substr(split));
      REQUIRE(hash.finish() == expected);
    }
  }
}

TEST_CASE("a million letters in random pieces give the published digest") {
  constexpr std::uint64_t kSeed = 7;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  const std::string letters(1'000'000, 'a');
  std::string_view rest = letters;
  Sha256 hash;
  while (!rest.empty()) {
    const std::string_view piece = rest.substr(0, random() % 300);
    hash.update(piece);
    rest.remove_prefix(piece.size());
  }
  CHECK(to_hex(hash.finish()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("lengths around a block boundary are padded right") {
  // Digests of 55, 56, 63, 64 and 65 letters 'a', from coreutils sha256sum.
  CHECK(to_hex(sha256(std::string(55, 'a'))) ==
        "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  CHECK(to_hex(sha256(std::string(56, 'a'))) ==
        "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  CHECK(to_hex(sha256(std::string(63, 'a'))) ==
        "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34");
  CHECK(to_hex(sha256(std::string(64, 'a'))) ==
        "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
  CHECK(to_hex(sha256(std::string(65, 'a'))) ==
        "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0");
}

TEST_CASE("a finished hash starts over") {
  Sha256 hash;
  hash.update("something else");
  static_cast<void>(hash.finish());
  hash.update("a");
  hash.update(std::as_bytes(std::span(std::string_view("bc"))));
  CHECK(hash.finish() == sha256("abc"));
}

TEST_CASE("the processor's instructions and the portable code agree on every size") {
  std::string text;
  for (std::size_t size = 0; size < 300; ++size) {
    Sha256 portable(Sha256::Instructions::kPortable);
    portable.update(text);
    CHECK(portable.finish() == sha256(text));
    text += static_cast<char>(size * 151 + 7);
  }
}

TEST_CASE("base32 writes the leading bits in an alphabet that cannot be misread") {
  // 00000 00001 00010 ... 11111: each digit once.
  const auto ladder = bytes_of({0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf,
                                0x84, 0x65, 0x3a, 0x56, 0xd7, 0xc6, 0x75, 0xbe, 0x77, 0xdf});
  CHECK(base32(ladder, 32) == "0123456789abcdefghjkmnpqrstvwxyz");
  CHECK(base32(ladder, 7) == "0123456");
  CHECK(base32(ladder, 0).empty());
  CHECK(base32(bytes_of({0xff}), 1) == "z");
  CHECK(base32(bytes_of({0xff, 0xff}), 3) == "zzz");
  const auto digest = sha256("abc");
  CHECK(base32(digest, 51).size() == 51);
  CHECK(base32(digest, 51).substr(0, 18) == base32(digest, 18));
}

TEST_CASE("base32 does not invent bits") {
  CHECK_THROWS_AS(base32(bytes_of({0xff}), 2), Error);
  CHECK_THROWS_AS(base32(bytes_of({0xff}), -1), Error);
  CHECK_THROWS_AS(base32({}, 1), Error);
  CHECK_THROWS_AS(base32(sha256("abc"), 52), Error);
}

TEST_CASE("hex keeps leading zeros") { CHECK(to_hex(bytes_of({0x00, 0x0f, 0xa0, 0xff})) == "000fa0ff"); }
