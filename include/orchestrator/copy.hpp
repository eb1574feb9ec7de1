// Moving a stopped book from one database to another, row by row.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace orchestrator {

struct CopyOptions {
  std::string from = {};  // sqlite:///relative.db or sqlite:////absolute/path.db
  std::string to = {};    // postgresql://user:password@host:port/database
  std::chrono::milliseconds busy_timeout{5000};
  // Told how many of so many steps are done: every row is a step when it is there, and another when it is
  // found to be the same on both sides.
  std::function<void(std::size_t done, std::size_t total)> progress = {};
};

struct CopyReport {
  struct Table {
    std::string name = {};
    std::size_t rows = 0;    // on each side
    std::size_t copied = 0;  // by this call; the others were there
  };
  std::vector<Table> tables = {};
  std::size_t rows = 0;
  std::size_t copied = 0;
  bool resumed = false;  // an earlier copy had not been finished
};

// Copies everything that a book holds: orders, batches, executions, keys with their receipts, events, outbox,
// inbox, positions in the brokers' streams, reference data, usage, stop switches and the audit trail with its
// hashes; ids, versions and times stay what they are, and no number is ever given out again. Compares every
// row of both sides before the target becomes a book that can be opened. Killed at any point, and called
// again, it goes on; called again when it was done it only compares. The source is not changed.
//
// Throws Error as opening either side does, and: storage_busy while another program has the source open;
// invalid_state for orders that are being sent (run recover first), a target that holds something else, or a
// source that was changed since the copy began; unsupported for any other pair of databases.
CopyReport copy_book(const CopyOptions& options);

}  // namespace orchestrator
