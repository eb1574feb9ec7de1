// One write transaction on the writer connection.

#include "adapters/sqlite/write_transaction.hpp"

#include "adapters/sqlite/rows.hpp"

namespace orchestrator::sqlite {

void WriteTransaction::begin() {
  if (connection_.in_transaction()) connection_.execute("ROLLBACK");  // there was no memory for it then
  query("BEGIN IMMEDIATE").run();
  halts_.reset();
  reference_changed_ = false;
}

void WriteTransaction::save_sequences() {
  if (!sequences_) return;
  query("UPDATE sequences SET batch = ?, \"order\" = ?, event = ?, inbox = ?, routing_rule = ?, owner = ?")
      .bind(sequences_->batch, sequences_->order, sequences_->event, sequences_->inbox,
            sequences_->routing_rule, sequences_->owner)
      .run();
}

void WriteTransaction::commit() {
  query("COMMIT").run();
  sequences_.reset();
}

void WriteTransaction::rollback() noexcept {
  // SQLite rolls back by itself after some errors; and if this fails, begin() does it again.
  sequences_.reset();
  if (connection_.in_transaction()) sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void WriteTransaction::save() { query("SAVEPOINT unit").run(); }

void WriteTransaction::restore() {
  query("ROLLBACK TO unit").run();
  halts_.reset();
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
  return *sequences_;
}

const std::vector<Halt>& WriteTransaction::halts() {
  if (!halts_) halts_ = read_halts(connection_);
  return *halts_;
}

}  // namespace orchestrator::sqlite
