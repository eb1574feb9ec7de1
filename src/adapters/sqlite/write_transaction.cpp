// One write transaction on the writer connection.

#include "adapters/sqlite/write_transaction.hpp"

#include <algorithm>

#include "adapters/sqlite/rows.hpp"

namespace orchestrator::sqlite {

void WriteTransaction::begin() {
  if (connection_.in_transaction()) connection_.execute("ROLLBACK");  // there was no memory for it then
  query("BEGIN IMMEDIATE").run();
  if (!known_at_ || known_at_ != connection_.data_version()) forget();
  numbers_taken_ = false;
  reference_changed_ = false;
}

void WriteTransaction::forget() noexcept {
  known_at_.reset();
  sequences_.reset();
  halts_.reset();
  inbox_waiting_.reset();
  unindexed_.clear();
}

void WriteTransaction::save_sequences() {
  if (!numbers_taken_) return;
  query("UPDATE sequences SET batch = ?, \"order\" = ?, event = ?, inbox = ?, routing_rule = ?, owner = ?")
      .bind(sequences_->batch, sequences_->order, sequences_->event, sequences_->inbox,
            sequences_->routing_rule, sequences_->owner)
      .run();
}

void WriteTransaction::commit() {
  query("COMMIT").run();
  known_at_ = connection_.data_version();
}

void WriteTransaction::rollback() noexcept {
  // SQLite rolls back by itself after some errors; and if this fails, begin() does it again.
  forget();
  if (connection_.in_transaction()) sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void WriteTransaction::save() { query("SAVEPOINT unit").run(); }

void WriteTransaction::restore() {
  query("ROLLBACK TO unit").run();
  halts_.reset();
  inbox_waiting_.reset();
  unindexed_.clear();
}

void WriteTransaction::release() { query("RELEASE unit").run(); }

Sequences& WriteTransaction::sequences() {
  if (!sequences_) {
    Sequences last;
    Query row = query("SELECT batch, \"order\", event, inbox, routing_rule, owner FROM sequences");
    if (!row.next()) {
      throw Error(ErrorCode::kStorageCorrupt,
                  "database " + connection_.path() + ": the row of sequences is missing");
    }
    row.read(last.batch, last.order, last.event, last.inbox, last.routing_rule, last.owner);
    sequences_ = last;
  }
  numbers_taken_ = true;
  return *sequences_;
}

const std::vector<Halt>& WriteTransaction::halts() {
  if (!halts_) halts_ = read_halts(connection_);
  return *halts_;
}

bool WriteTransaction::inbox_waiting() {
  if (!inbox_waiting_) inbox_waiting_ = query("SELECT 1 FROM inbox LIMIT 1").next();
  return *inbox_waiting_;
}

void WriteTransaction::note_unindexed(const std::string& broker) {
  if (std::ranges::find(unindexed_, broker) != unindexed_.end()) return;
  sqlite::note_unindexed(connection_, broker);
  unindexed_.push_back(broker);
}

}  // namespace orchestrator::sqlite
