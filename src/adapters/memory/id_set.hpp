// A set of small positive ids, ordered. Adding and removing touch two words of memory, which is what lets an
// order change its status a million times a second; walking in order skips empty stretches 4,096 ids at a
// time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace orchestrator::memory {

class IdSet {
 public:
  void insert(std::int64_t id) {
    const auto at = static_cast<std::size_t>(id);
    if (at / 64 >= words_.size()) {
      words_.resize(at / 64 + 1);
      used_.resize(words_.size() / 64 + 1);
    }
    size_ += contains(id) ? 0 : 1;
    words_[at / 64] |= bit(at);
    used_[at / 4096] |= bit(at / 64);
  }

  void erase(std::int64_t id) {
    if (!contains(id)) return;
    const auto at = static_cast<std::size_t>(id);
    words_[at / 64] &= ~bit(at);
    if (words_[at / 64] == 0) used_[at / 4096] &= ~bit(at / 64);
    --size_;
  }

  [[nodiscard]] bool contains(std::int64_t id) const {
    const auto at = static_cast<std::size_t>(id);
    return at / 64 < words_.size() && (words_[at / 64] & bit(at)) != 0;
  }

  [[nodiscard]] std::int64_t size() const { return size_; }

  // The smallest member above `id`; 0: none.
  [[nodiscard]] std::int64_t above(std::int64_t id) const {
    const auto start = id < 0 ? std::size_t{0} : static_cast<std::size_t>(id) + 1;
    if (start / 64 >= words_.size()) return 0;
    if (const std::uint64_t rest = words_[start / 64] >> (start % 64); rest != 0) {
      return static_cast<std::int64_t>(start) + std::countr_zero(rest);
    }
    const std::size_t word = first_used(start / 64 + 1);
    return word == words_.size() ? 0 : static_cast<std::int64_t>(word * 64) + std::countr_zero(words_[word]);
  }

  // The largest member below `id`; 0: none.
  [[nodiscard]] std::int64_t below(std::int64_t id) const {
    if (words_.empty() || id <= 0) return 0;
    std::size_t last = static_cast<std::size_t>(id) - 1;
    if (last / 64 >= words_.size()) last = words_.size() * 64 - 1;
    const std::uint64_t rest = words_[last / 64] << (63 - last % 64);
    if (rest != 0) return static_cast<std::int64_t>(last) - std::countl_zero(rest);
    const std::size_t word = last_used(last / 64);
    if (word == words_.size()) return 0;
    return static_cast<std::int64_t>(word * 64 + 63) - std::countl_zero(words_[word]);
  }

 private:
  static std::uint64_t bit(std::size_t at) { return std::uint64_t{1} << (at % 64); }

  // The first word in use from `word` on; words_.size(): none.
  [[nodiscard]] std::size_t first_used(std::size_t word) const {
    if (word >= words_.size()) return words_.size();
    std::uint64_t bits = used_[word / 64] & (~std::uint64_t{0} << (word % 64));
    for (std::size_t group = word / 64; group < used_.size();
         bits = ++group < used_.size() ? used_[group] : 0) {
      if (bits != 0) return group * 64 + static_cast<std::size_t>(std::countr_zero(bits));
    }
    return words_.size();
  }

  // The last word in use before `word`; words_.size(): none.
  [[nodiscard]] std::size_t last_used(std::size_t word) const {
    if (word == 0) return words_.size();
    std::uint64_t bits = used_[(word - 1) / 64] & (~std::uint64_t{0} >> (63 - (word - 1) % 64));
    for (std::size_t group = (word - 1) / 64;; bits = used_[--group]) {
      if (bits != 0) return group * 64 + 63 - static_cast<std::size_t>(std::countl_zero(bits));
      if (group == 0) return words_.size();
    }
  }

  std::vector<std::uint64_t> words_;
  std::vector<std::uint64_t> used_;  // a bit for each word that is not zero
  std::int64_t size_ = 0;
};

}  // namespace orchestrator::memory
