// Entries of the Redis cache: what was written is read back, for its book and scope alone, and nothing that
// is cut off, changed or anybody else's is read at all.
#include "adapters/redis/entry.hpp"

#include "core/sha256.hpp"
#include "fuzz/target.hpp"

namespace orchestrator::fuzz {
namespace {

bool same(const IdempotencyRecord& one, const IdempotencyRecord& other) {
  return one.scope == other.scope && one.fingerprint == other.fingerprint && one.batch_id == other.batch_id &&
         one.response == other.response && one.created_at == other.created_at &&
         one.expires_at == other.expires_at;
}

Timestamp time_of(Input& input) { return Timestamp(std::chrono::microseconds(input.number<std::int64_t>())); }

// A body with the right checksum: damage that the checksum does not show.
std::string sealed(std::string_view body) {
  const auto digest = sha256(body);
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size()) + std::string(body);
}

void run(std::string_view bytes) {
  const IdempotencyScope own{"default", "place", "k"};
  for (const std::string& entry : {std::string(bytes), sealed(bytes)}) {
    const auto found = redis::decode_entry("book", own, entry);
    if (found) require(redis::encode_entry("book", *found) == entry, "an entry has one form");
  }

  Input input(bytes);
  const std::string book(input.text());
  IdempotencyRecord record;
  record.scope = {std::string(input.text()), std::string(input.text()), std::string(input.text())};
  for (std::byte& part : record.fingerprint) part = std::byte{input.byte()};
  record.batch_id = input.number<std::int64_t>();
  record.created_at = time_of(input);
  record.expires_at = time_of(input);
  const auto damaged_at = input.number<std::uint16_t>();
  const auto damage = static_cast<char>(input.byte());
  record.response = input.rest();

  std::string entry = redis::encode_entry(book, record);
  const auto found = redis::decode_entry(book, record.scope, entry);
  require(found && same(*found, record), "an entry comes back");
  require(!redis::decode_entry(book + "x", record.scope, entry), "of another book nothing is read");
  require(!redis::decode_entry(book, {record.scope.tenant + "x", record.scope.operation, record.scope.key},
                               entry),
          "of another tenant nothing is read");
  require(
      !redis::decode_entry(book, record.scope, std::string_view(entry).substr(0, damaged_at % entry.size())),
      "what is cut off is not read");
  if (damage != 0) {
    entry[damaged_at % entry.size()] ^= damage;
    require(!redis::decode_entry(book, record.scope, entry), "what was changed is not read");
  }
}

const Registration kRegistered({"redis_entry", run});

}  // namespace
}  // namespace orchestrator::fuzz
