// What the units of one commit share: the writer connection, the numbers given out, the stop switches.
//
// What a commit leaves known is kept for the next transaction, unless somebody else has committed in between,
// whoever that is: SQLite's data version tells. What is undone takes all of it along.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sqlite/connection.hpp"
#include "orchestrator/order.hpp"

namespace orchestrator::sqlite {

// The last number given out of each kind.
struct Sequences {
  std::int64_t batch = 0;
  std::int64_t order = 0;
  std::int64_t event = 0;
  std::int64_t inbox = 0;
  std::int64_t routing_rule = 0;
  std::int64_t owner = 0;
};

// Lives as long as the writer connection; begin() and commit() bound one transaction. Reading what all units
// need once per transaction is safe because nobody else can write meanwhile.
class WriteTransaction {
 public:
  explicit WriteTransaction(Connection& connection) : connection_(connection) {}

  void begin();
  void save_sequences();  // the last write before commit()
  // Throws Error. What that means for the outcome is the caller's to judge.
  void commit();
  void rollback() noexcept;

  // For units that may be refused after their first write, where a whole rollback would hit others.
  void save();
  void restore();
  void release();

  // Numbers stay given out when a unit is undone; they are saved with the transaction.
  [[nodiscard]] Sequences& sequences();
  [[nodiscard]] const std::vector<Halt>& halts();
  void halts_changed() { halts_.reset(); }
  // Whether any report waits in the inbox.
  [[nodiscard]] bool inbox_waiting();
  void inbox_changed() { inbox_waiting_.reset(); }
  // See note_unindexed() in rows.hpp.
  void note_unindexed(const std::string& broker);
  // Reference data that other processes may have kept is being changed.
  void change_reference() { reference_changed_ = true; }
  [[nodiscard]] bool reference_changed() const { return reference_changed_; }
  [[nodiscard]] Query query(const char* sql) { return connection_.query(sql); }
  [[nodiscard]] Connection& connection() { return connection_; }

 private:
  void forget() noexcept;

  Connection& connection_;
  std::optional<std::uint32_t> known_at_;  // the data version that all of the next four were kept at
  std::optional<Sequences> sequences_;
  std::optional<std::vector<Halt>> halts_;
  std::optional<bool> inbox_waiting_;
  std::vector<std::string> unindexed_;
  bool numbers_taken_ = false;  // in this transaction
  bool reference_changed_ = false;
};

}  // namespace orchestrator::sqlite
