// Ids of records by a text that the records themselves keep. Several records may have the same text.
//
// Open addressing: an entry is the text's hash and the id, side by side in one array, so that adding one
// costs one place in memory and no allocation, and growing does not look at the texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text_hash.hpp"

namespace orchestrator::memory {

class TextIndex {
 public:
  void add(std::string_view text, std::int64_t id) {
    if ((used_ + 1) * 2 > entries_.size()) grow();
    put(hash_of(text), id);
  }

  // Room for that many more, so that what was fetched for them stays where it is.
  void reserve(std::size_t more) {
    while ((used_ + more) * 2 > entries_.size()) grow();
  }
  // Begins to bring the text's place into the processor's cache. Places are all over a large table: asked for
  // one after another they are waited for together.
  void prefetch(std::string_view text) const {
    if (!entries_.empty()) __builtin_prefetch(&entries_[hash_of(text) & mask()], 1);
  }

  void remove(std::string_view text, std::int64_t id) {
    if (entries_.empty()) return;
    const std::size_t hash = hash_of(text);
    for (std::size_t at = hash & mask(); entries_[at].id != kFree; at = (at + 1) & mask()) {
      if (entries_[at].id != id || entries_[at].hash != hash) continue;
      entries_[at].id = kRemoved;  // keeps the chain of those behind it
      return;
    }
  }

  // Calls `visit` with each id that was added with this text, and now and then with one that was not: compare
  // the record's own text. Ends when it returns true, and returns whether it did.
  template <class Visit>
  bool find(std::string_view text, Visit&& visit) const {
    if (entries_.empty()) return false;
    const std::size_t hash = hash_of(text);
    for (std::size_t at = hash & mask(); entries_[at].id != kFree; at = (at + 1) & mask()) {
      if (entries_[at].hash == hash && entries_[at].id != kRemoved && visit(entries_[at].id)) return true;
    }
    return false;
  }

 private:
  static constexpr std::int64_t kFree = 0;
  static constexpr std::int64_t kRemoved = -1;
  struct Entry {
    std::size_t hash = 0;
    std::int64_t id = kFree;
  };

  static std::size_t hash_of(std::string_view text) { return text_hash(text); }
  [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }

  void put(std::size_t hash, std::int64_t id) {
    std::size_t at = hash & mask();
    while (entries_[at].id != kFree) at = (at + 1) & mask();
    entries_[at] = {hash, id};
    ++used_;
  }

  void grow() {
    std::vector<Entry> old =
        std::exchange(entries_, std::vector<Entry>(entries_.empty() ? 64 : entries_.size() * 2));
    used_ = 0;
    for (const Entry& entry : old) {
      if (entry.id != kFree && entry.id != kRemoved) put(entry.hash, entry.id);
    }
  }

  std::vector<Entry> entries_;  // a power of two of them, at most half used
  std::size_t used_ = 0;        // removed ones count until the next growth
};

}  // namespace orchestrator::memory
