// What open_sqlite_store makes of the file it is given, and migrations.

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "adapters/sqlite/lock_file.hpp"
#include "orchestrator/backends/sqlite.hpp"
#include "orchestrator/testing/order_store_samples.hpp"
#include "support/child_process.hpp"
#include "support/temporary_folder.hpp"

using namespace orchestrator;
using testing::Channel;
using testing::ChildProcess;
using testing::TemporaryFolder;

namespace {

// The code of the Error that `call` throws; unsupported when it throws none.
template <class Call>
ErrorCode code_of(Call&& call, std::string* message = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.code();
  }
  return ErrorCode::kUnsupported;
}

ErrorCode open_code(const SqliteOptions& options, std::string* message = nullptr) {
  return code_of([&] { static_cast<void>(open_sqlite_store(options)); }, message);
}

// Runs SQL on the file as another program would, and returns the first column of all rows.
std::string run_sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  std::string text;
  const auto append = [](void* out, int /*columns*/, char** values, char** /*names*/) {
    static_cast<std::string*>(out)->append(values[0] == nullptr ? "" : values[0]).append("\n");
    return 0;
  };
  const int result = sqlite3_exec(db, sql.c_str(), append, &text, nullptr);
  sqlite3_close(db);
  REQUIRE(result == SQLITE_OK);
  return text;
}

bool accepts_sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  const int result = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_close(db);
  return result == SQLITE_OK;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string make_book(const TemporaryFolder& folder, int batches = 1) {
  const std::string path = folder.file("book.db");
  const auto store = open_sqlite_store({.path = path});
  for (int i = 0; i < batches; ++i) testing::store::place(*store, {.key = std::to_string(i), .orders = 20});
  return path;
}

const char* const kSchema = "SELECT type || name || coalesce(sql, '') FROM sqlite_master ORDER BY type, name";

}  // namespace

TEST_CASE("a new database is private to its owner and keeps what was written") {
  const TemporaryFolder folder;
  const std::string path = make_book(folder);
  for (const char* name : {"book.db", "book.db.lock"}) {
    struct stat status {};
    REQUIRE(::stat(folder.file(name).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
  const auto again = open_sqlite_store({.path = path, .migrate = false, .create = false});
  CHECK(again->orders({}).size() == 20);
  CHECK(run_sql(path, "PRAGMA journal_mode") == "wal\n");
}

TEST_CASE("a path that cannot hold a database is refused with what to do about it") {
  const TemporaryFolder folder;
  std::string message;
  CHECK(open_code({.path = ""}) == ErrorCode::kConfiguration);
  CHECK(open_code({.path = ":memory:"}) == ErrorCode::kConfiguration);
  CHECK(open_code({.path = "file:x.db?mode=ro"}) == ErrorCode::kConfiguration);
  CHECK(open_code({.path = folder.file("no/such/book.db")}, &message) == ErrorCode::kStorageUnavailable);
  CHECK(message.find(folder.file("no/such")) != std::string::npos);
  CHECK(message.find("create it") != std::string::npos);
  CHECK(open_code({.path = folder.file("")}) == ErrorCode::kStorageUnavailable);
  CHECK(open_code({.path = folder.file("book.db"), .create = false}) == ErrorCode::kStorageUnavailable);
  write_bytes(folder.file("plain"), "");
  CHECK(open_code({.path = folder.file("plain/book.db")}) == ErrorCode::kStorageUnavailable);
}

TEST_CASE("missing permissions are told from a read-only file") {
  const TemporaryFolder folder;
  const std::string path = make_book(folder);
  std::filesystem::permissions(std::filesystem::path(path).parent_path(), std::filesystem::perms::all);
  const auto code_with_mode = [&path](mode_t mode, mode_t folder_mode) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    REQUIRE(::chmod(std::filesystem::path(path).parent_path().c_str(), folder_mode) == 0);
    // Permissions do not bind the superuser, so somebody else tries.
    ChildProcess child([&path](const Channel&) {
      if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 98;
      return static_cast<int>(open_code({.path = path}));
    });
    return static_cast<ErrorCode>(child.wait());
  };
  REQUIRE(::chown(path.c_str(), ::geteuid() == 0 ? 65534 : ::geteuid(), static_cast<gid_t>(-1)) == 0);
  CHECK(code_with_mode(0444, 0777) == ErrorCode::kStorageReadOnly);
  CHECK(code_with_mode(0000, 0777) == ErrorCode::kPermissionDenied);
  CHECK(code_with_mode(0666, ::geteuid() == 0 ? 0755 : 0555) == ErrorCode::kPermissionDenied);
  REQUIRE(::chmod(std::filesystem::path(path).parent_path().c_str(), 0777) == 0);
}

TEST_CASE("another program's database is refused and left untouched") {
  const TemporaryFolder folder;
  const std::string path = folder.file("theirs.db");
  SUBCASE("with tables") { run_sql(path, "CREATE TABLE theirs (x)"); }
  SUBCASE("with an application id") { run_sql(path, "PRAGMA application_id = 7"); }
  SUBCASE("with a schema version") { run_sql(path, "PRAGMA user_version = 7"); }
  SUBCASE("with a write-ahead log") { run_sql(path, "PRAGMA journal_mode = WAL; CREATE TABLE theirs (x)"); }
  const std::string before = bytes_of(path);
  CHECK(open_code({.path = path}) == ErrorCode::kForeignDatabase);
  CHECK(code_of([&] { sqlite_migrate({.path = path}); }) == ErrorCode::kForeignDatabase);
  CHECK(code_of([&] { static_cast<void>(sqlite_migration_status({.path = path})); }) ==
        ErrorCode::kForeignDatabase);
  CHECK(bytes_of(path) == before);
  CHECK_FALSE(std::filesystem::exists(path + ".lock"));
}

TEST_CASE("a damaged beginning is told at once") {
  const TemporaryFolder folder;
  const std::string path = make_book(folder);
  const std::string good = bytes_of(path);
  REQUIRE(good.size() > 3 * 4096);
  std::string damaged = good;
  SUBCASE("not a database at all") { damaged = "what is this?"; }
  SUBCASE("magic bytes") { damaged[3] = '?'; }
  SUBCASE("page size") { damaged[16] = '\x55'; }
  SUBCASE("schema format") { damaged[47] = '\x09'; }
  SUBCASE("the table of tables") { damaged.replace(100, 500, 500, '\xff'); }
  SUBCASE("cut off in the first pages") { damaged.resize(2 * 4096); }
  SUBCASE("cut off in the middle") { damaged.resize(good.size() / 2); }
  write_bytes(path, damaged);
  std::string message;
  CHECK(open_code({.path = path}, &message) == ErrorCode::kStorageCorrupt);
  CHECK(message.find(path) != std::string::npos);
}

TEST_CASE("damage further in is told when it is read, and other reads go on") {
  const TemporaryFolder folder;
  const std::string path = make_book(folder, 20);
  std::istringstream roots(run_sql(path, "SELECT rootpage FROM sqlite_master WHERE name = 'orders'"));
  std::size_t root = 0;
  roots >> root;
  std::string damaged = bytes_of(path);
  damaged.replace((root - 1) * 4096, 100, 100, '\xff');
  write_bytes(path, damaged);
  const auto store = open_sqlite_store({.path = path});
  CHECK(code_of([&] { static_cast<void>(store->orders({})); }) == ErrorCode::kStorageCorrupt);
  CHECK(code_of([&] { testing::store::place(*store, {.key = "new"}); }) == ErrorCode::kStorageCorrupt);
  CHECK(store->brokers().size() == 2);
}

TEST_CASE("a row that cannot have been written is told as damage") {
  const TemporaryFolder folder;
  const std::string path = make_book(folder);
  run_sql(path, "UPDATE orders SET fees_whole = 1, fees_fraction = -1 WHERE id = 3");
  const auto store = open_sqlite_store({.path = path});
  CHECK(code_of([&] { static_cast<void>(store->orders({.ids = {3}})); }) == ErrorCode::kStorageCorrupt);
  CHECK(store->orders({.ids = {2}}).size() == 1);
}

TEST_CASE("a database made by a newer program is refused") {
  const TemporaryFolder folder;
  const std::string path = make_book(folder);
  run_sql(path, "PRAGMA user_version = 99");
  std::string message;
  CHECK(open_code({.path = path}, &message) == ErrorCode::kSchemaTooNew);
  CHECK(message.find("99") != std::string::npos);
  CHECK(code_of([&] { sqlite_migrate({.path = path}, 0); }) == ErrorCode::kSchemaTooNew);
}

TEST_CASE("a history that is not this program's is refused") {
  const TemporaryFolder folder;
  const std::string path = make_book(folder);
  SUBCASE("other statements") {
    run_sql(path, "UPDATE schema_migrations SET checksum = 'other' WHERE version = 1");
    CHECK(open_code({.path = path}) == ErrorCode::kMigrationFailed);
  }
  SUBCASE("a step missing") {
    run_sql(path, "DELETE FROM schema_migrations");
    CHECK(open_code({.path = path}) == ErrorCode::kStorageCorrupt);
  }
  SUBCASE("a step too many") {
    run_sql(path, "INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'x', 'y')");
    CHECK(open_code({.path = path}) == ErrorCode::kStorageCorrupt);
  }
  SUBCASE("tables gone") {
    run_sql(path, "PRAGMA user_version = 0");
    CHECK(open_code({.path = path}) == ErrorCode::kStorageCorrupt);
  }
}

TEST_CASE("migrations go up, down and up again to the same schema") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  MigrationStatus status = sqlite_migration_status({.path = path});
  CHECK(status.version == 0);
  CHECK(status.latest >= 1);
  CHECK(status.steps.size() == static_cast<std::size_t>(status.latest));
  CHECK_FALSE(status.steps.at(0).applied);
  CHECK_FALSE(std::filesystem::exists(path));

  status = sqlite_migrate({.path = path});
  CHECK(status.version == status.latest);
  CHECK(status.steps.at(0).applied);
  CHECK(status.steps.at(0).name == "initial");
  const std::string schema = run_sql(path, kSchema);

  status = sqlite_migrate({.path = path}, 0);
  CHECK(status.version == 0);
  CHECK(run_sql(path, kSchema).empty());
  CHECK(sqlite_migration_status({.path = path}).version == 0);

  // An empty database of ours is an older schema, not a new file.
  CHECK(open_code({.path = path, .migrate = false}) == ErrorCode::kSchemaOutdated);
  CHECK(sqlite_migrate({.path = path}).version == status.latest);
  CHECK(run_sql(path, kSchema) == schema);
  CHECK(open_sqlite_store({.path = path, .migrate = false})->brokers().size() == 2);

  CHECK(code_of([&] { sqlite_migrate({.path = path}, status.latest + 1); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { sqlite_migrate({.path = path}, -2); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("migrating up and down keeps how orders ended, and an ending that is none is refused") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  {
    const auto store = open_sqlite_store({.path = path});
    const auto orders = testing::store::place(*store, {.orders = 4});
    ChangeUnit unit;
    for (const auto ending : {OrderStatus::kCancelled, OrderStatus::kRejected, OrderStatus::kExpired}) {
      unit.orders.push_back(testing::store::changed(orders[unit.orders.size()], ending));
      unit.orders.back().ended_as = ending;
    }
    REQUIRE(store->commit(unit) == CommitStatus::kCommitted);
  }
  const std::string endings = "SELECT coalesce(ended_as, 'none') FROM orders ORDER BY id";
  const std::string good_rows = run_sql(path, endings);
  CHECK(good_rows == "8\n9\n10\nnone\n");
  const int latest = sqlite_migration_status({.path = path}).latest;
  for (const int version : {latest, 2, latest}) {
    sqlite_migrate({.path = path}, version);
    CHECK(run_sql(path, endings) == good_rows);
    for (const char* wrong : {"7", "11"}) {
      CHECK_FALSE(accepts_sql(path, std::string("UPDATE orders SET ended_as = ") + wrong));
    }
    CHECK(run_sql(path, "PRAGMA integrity_check") == "ok\n");
  }
}

TEST_CASE("a new file is made ready even when older schemas are refused") {
  const TemporaryFolder folder;
  const auto store = open_sqlite_store({.path = folder.file("book.db"), .migrate = false});
  CHECK(store->brokers().size() == 2);
}

TEST_CASE("nothing migrates a database that another process works with, up or down") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const int latest = sqlite_migrate({.path = path}).latest;
  std::string message;
  SUBCASE("down") {
    auto store = open_sqlite_store({.path = path});
    CHECK(store->owner() > 0);
    CHECK(code_of([&] { sqlite_migrate({.path = path}, 0); }) == ErrorCode::kStorageBusy);
    store.reset();
    CHECK(sqlite_migrate({.path = path}, 0).version == 0);
  }
  SUBCASE("up") {
    sqlite_migrate({.path = path}, 1);
    {
      sqlite::LockFile older_program(path + ".lock", 0600);
      REQUIRE(older_program.hold_owner(7));
      CHECK(code_of([&] { sqlite_migrate({.path = path}); }) == ErrorCode::kStorageBusy);
      CHECK(open_code({.path = path}, &message) == ErrorCode::kStorageBusy);
      CHECK(message.find("stop it before migrating") != std::string::npos);
      CHECK(sqlite_migration_status({.path = path}).version == 1);
    }
    CHECK(open_code({.path = path}) == ErrorCode::kUnsupported);
    CHECK(sqlite_migration_status({.path = path}).version == latest);
  }
  SUBCASE("one that has not sent anything yet does not begin to") {
    const auto store = open_sqlite_store({.path = path});
    sqlite_migrate({.path = path}, latest - 1);
    CHECK(code_of([&] { static_cast<void>(store->owner()); }, &message) == ErrorCode::kClosed);
    CHECK(message.find("open it again") != std::string::npos);
  }
}

TEST_CASE("the views show words, decimals and times") {
  const TemporaryFolder folder;
  const std::string path = folder.file("book.db");
  const auto store = open_sqlite_store({.path = path});
  const auto orders = testing::store::place(*store, {.orders = kOrderStatusCount});
  ChangeUnit unit;
  std::string words;
  for (int i = 0; i < kOrderStatusCount; ++i) {
    const auto status = static_cast<OrderStatus>(i);
    unit.orders.push_back(testing::store::changed(orders[static_cast<std::size_t>(i)], status));
    words += std::string(to_string(status)) + "\n";
  }
  Order& first = unit.orders[0];
  first.qty = Quantity::from_string("1500");
  first.price_limit = Price::from_string("-0.05");
  first.fill_qty = Quantity::from_string("0.25");
  first.fill_notional = Money::from_string("-0.000000000000000001");
  first.fees = Money::from_string("-12.5");
  first.margin_reserved = Money::from_string("1000000");
  unit.executions = {testing::store::execution_of(first, "e1")};
  REQUIRE(store->commit(unit) == CommitStatus::kCommitted);

  CHECK(run_sql(path, "SELECT status FROM orders_view ORDER BY id") == words);
  CHECK(run_sql(path,
                "SELECT qty || ' ' || price_limit || ' ' || fill_qty || ' ' || fill_notional || ' ' || fees "
                "|| ' ' || "
                "margin_reserved || ' ' || side || ' ' || order_type || ' ' || time_in_force FROM "
                "orders_view LIMIT 1") ==
        "1500 -0.05 0.25 -0.000000000000000001 -12.5 1000000 BUY limit day\n");
  CHECK(run_sql(path, "SELECT stop_price IS NULL AND settled_at IS NULL FROM orders_view LIMIT 1") == "1\n");
  CHECK(run_sql(path, "SELECT created_at FROM orders_view LIMIT 1") ==
        to_string(testing::store::kNow) + "\n");
  CHECK(run_sql(path, "SELECT kind || ' ' || qty || ' ' || price || ' ' || fees FROM executions_view") ==
        "trade 0.5 2500.1 1.25\n");

  const auto batch_word = [&](std::int32_t open, std::int32_t filled, std::int32_t executed,
                              std::int32_t cancelled, std::int32_t rejected) {
    ChangeUnit counts;
    counts.batches = store->batches({});
    OrderBatch& batch = counts.batches[0];
    batch.total_orders = open + filled + executed + cancelled + rejected;
    batch.open_orders = open;
    batch.filled_orders = filled;
    batch.executed_orders = executed;
    batch.cancelled_orders = cancelled;
    batch.rejected_orders = rejected;
    ++batch.version;
    REQUIRE(store->commit(counts) == CommitStatus::kCommitted);
    CHECK(run_sql(path, "SELECT status FROM batches_view") ==
          std::string(to_string(store->batches({})[0].status)) + "\n");
    return store->batches({})[0].status;
  };
  CHECK(batch_word(1, 0, 0, 0, 0) == BatchStatus::kProcessing);
  CHECK(batch_word(0, 2, 0, 0, 0) == BatchStatus::kCompleted);
  CHECK(batch_word(0, 1, 0, 1, 0) == BatchStatus::kPartiallyCompleted);
  CHECK(batch_word(0, 0, 1, 1, 0) == BatchStatus::kPartiallyCompleted);
  CHECK(batch_word(0, 0, 0, 1, 1) == BatchStatus::kCancelled);
  CHECK(batch_word(0, 0, 0, 0, 2) == BatchStatus::kFailed);
}

TEST_CASE("a copy of a SQLite book, and one made anew, are other books") {
  const TemporaryFolder folder;
  const auto id_of = [](const std::string& path) { return open_sqlite_store({.path = path})->book_id(); };
  const std::string path = folder.file("book.db");
  const std::string id = id_of(path);
  CHECK_FALSE(id.empty());
  CHECK(id_of(path) == id);
  CHECK(id_of(folder.file("./book.db")) == id);
  std::filesystem::copy_file(path, folder.file("copy.db"));
  CHECK(id_of(folder.file("copy.db")) != id);
  std::filesystem::rename(path, folder.file("moved.db"));
  CHECK(id_of(path) != id);
}
