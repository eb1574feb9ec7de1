// key   := "orchestrator:idem:1:" hex(SHA-256(name))
// value := SHA-256(body) body
// body  := name fingerprint batch_id created_at expires_at response
// name  := "orchestrator idempotency 1\n" text(book) text(tenant) text(operation) text(key)
// text  := its size, its bytes
//
// Sizes, ids and times (microseconds since 1970) are 8 bytes, the most significant first; the response takes
// the rest. Of another form nothing is read: a new one has a new number, and processes of both versions leave
// each other's entries alone.

#include "adapters/redis/entry.hpp"

#include <cstring>

#include "core/sha256.hpp"

namespace orchestrator::redis {
namespace {

constexpr std::size_t kChecksumSize = std::tuple_size_v<Sha256::Digest>;
constexpr std::size_t kNumberSize = 8;

void append_number(std::string& out, std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((bits >> shift) & 0xff);
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<std::int64_t>(text.size()));
  out += text;
}

std::string_view view_of(const auto& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string name_of(std::string_view book, const IdempotencyScope& scope) {
  std::string name = "orchestrator idempotency 1\n";
  for (const std::string_view part : {book, std::string_view(scope.tenant), std::string_view(scope.operation),
                                      std::string_view(scope.key)}) {
    append_text(name, part);
  }
  return name;
}

std::int64_t take_number(std::string_view& bytes) {
  std::uint64_t bits = 0;
  for (const char byte : bytes.substr(0, kNumberSize)) bits = bits << 8 | static_cast<unsigned char>(byte);
  bytes.remove_prefix(kNumberSize);
  return static_cast<std::int64_t>(bits);
}

Timestamp take_time(std::string_view& bytes) {
  return Timestamp(std::chrono::microseconds(take_number(bytes)));
}

}  // namespace

std::string entry_key(std::string_view book, const IdempotencyScope& scope) {
  return "orchestrator:idem:1:" + to_hex(sha256(name_of(book, scope)));
}

std::string encode_entry(std::string_view book, const IdempotencyRecord& record) {
  std::string body = name_of(book, record.scope);
  body += view_of(record.fingerprint);
  append_number(body, record.batch_id);
  append_number(body, record.created_at.time_since_epoch().count());
  append_number(body, record.expires_at.time_since_epoch().count());
  body += record.response;
  return std::string(view_of(sha256(body))) + body;
}

std::optional<IdempotencyRecord> decode_entry(std::string_view book, const IdempotencyScope& scope,
                                              std::string_view bytes) {
  if (bytes.size() < kChecksumSize) return std::nullopt;
  std::string_view body = bytes.substr(kChecksumSize);
  const std::string name = name_of(book, scope);
  if (!body.starts_with(name) || view_of(sha256(body)) != bytes.substr(0, kChecksumSize)) return std::nullopt;
  body.remove_prefix(name.size());
  IdempotencyRecord record;
  if (body.size() < record.fingerprint.size() + 3 * kNumberSize) return std::nullopt;
  record.scope = scope;
  std::memcpy(record.fingerprint.data(), body.data(), record.fingerprint.size());
  body.remove_prefix(record.fingerprint.size());
  record.batch_id = take_number(body);
  record.created_at = take_time(body);
  record.expires_at = take_time(body);
  record.response = body;
  return record;
}

}  // namespace orchestrator::redis
