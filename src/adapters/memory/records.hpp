// Records that are only ever added, numbered from 1, at addresses that stay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace orchestrator::memory {

template <class Record>
class Records {
 public:
  [[nodiscard]] std::int64_t last_id() const { return last_id_; }
  [[nodiscard]] bool contains(std::int64_t id) const { return id >= 1 && id <= last_id_; }

  Record& operator[](std::int64_t id) { return chunks_[chunk(id)][slot(id)]; }
  const Record& operator[](std::int64_t id) const { return chunks_[chunk(id)][slot(id)]; }

  // Its id is last_id() afterwards.
  template <class Given>
  Record& add(Given&& record) {
    if (chunks_.empty() || chunks_.back().size() == kChunk) chunks_.emplace_back().reserve(kChunk);
    Record& added = chunks_.back().emplace_back(std::forward<Given>(record));
    ++last_id_;
    return added;
  }

 private:
  static constexpr std::size_t kChunk = 1024;
  static std::size_t chunk(std::int64_t id) { return static_cast<std::size_t>(id - 1) / kChunk; }
  static std::size_t slot(std::int64_t id) { return static_cast<std::size_t>(id - 1) % kChunk; }

  std::vector<std::vector<Record>> chunks_;  // each reserved whole, so that it never moves its records
  std::int64_t last_id_ = 0;
};

}  // namespace orchestrator::memory
