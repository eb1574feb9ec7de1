"""`copy`: a stopped book moves from SQLite to PostgreSQL whole, or not at all; a kill at any point costs only time."""

import os
import pty
import re
import select
import shutil
import sqlite3
import subprocess
from urllib.parse import urlsplit

import pytest

from cli_driver import CONFLICT, FAILPOINTS_PROGRAM, OK, STORAGE, USAGE, Cli, batch, need, order, two_orders
from psql import psql

KILLED = -9


def fill_book(cli):
    """A bit of everything."""
    (cli.folder / "holidays.txt").write_text("2026-01-26\n2026-03-03\n")
    cli.ok("calendar", "import", "NSE", "holidays.txt")
    cli.ok("instrument", "import", instruments(cli))
    cli.ok("limit", "set", 1, "--margin-available", "100000000.000000000000000001", "--margin-rate", "0.2")
    cli.ok("route", "add", "--priority", 5, "--portfolio-id", 2, "--broker", "alpaca-mock")
    cli.ok("broker", "set", "alpaca-mock", "--config", '{"seed": 7}')
    cli.place(two_orders(), "--idempotency-key", "first").expect(OK)
    cli.ok("order", "fill", 1, "--qty", 40, "--price", "2499.500000001")
    cli.ok("order", "fill", 2, "--qty", 50, "--price", 2600)
    cli.ok("order", "cancel", 1)
    for key in ("second", "third"):
        cli.place(batch(*[order(n, broker="alpaca-mock", price_limit="10.05") for n in (1, 2, 3)]),
                  "--idempotency-key", key).expect(OK)
    cli.ok("batch", "cancel", 3)
    cli.ok("settle", "--as-of", "2199-01-01")
    cli.ok("halt", "--portfolio-id", 9, "--reason", "it's a \"drill\" — \\ with 'quotes', {braces}")


def instruments(cli):
    path = cli.folder / "instruments.csv"
    path.write_text("instrument_id,symbol,exchange,currency,lot_size,tick_size,price_band_low,price_band_high\n"
                    "1,INFY,NSE,INR,1,0.05,,\n2,TCS,NSE,INR,1,0.000000001,1,9000000\n3,AAPL,NASDAQ,USD,1,0.01,,\n")
    return path


@pytest.fixture(scope="module")
def made_book(tmp_path_factory):
    need(FAILPOINTS_PROGRAM)
    cli = Cli(tmp_path_factory.mktemp("book"), FAILPOINTS_PROGRAM)
    fill_book(cli)
    return cli.folder


@pytest.fixture
def move(tmp_path, made_book, new_schema):
    """A folder with a book in SQLite, and the URL of an empty database."""
    for path in made_book.iterdir():
        shutil.copy(path, tmp_path)
    cli = Cli(tmp_path, FAILPOINTS_PROGRAM)
    cli.target = new_schema()
    return cli


def copy(cli, *arguments, **options):
    return cli.run("copy", "--from", "sqlite:///orchestrator.db", "--json", *arguments, DATABASE_URL=cli.target, **options)


LISTS = [("order", "list"), ("batch", "list"), ("event", "list", "--limit", 10000), ("instrument", "list"),
         ("limit", "list"), ("route", "list"), ("audit", "--trail"), ("audit", "--brokers"), ("reconcile", 1)]


def book_of(cli, url):
    """All that the program shows of a book, and the receipts of its keys."""
    environment = {"DATABASE_URL": url, "ORCHESTRATOR_MOCK_LEDGER": str(cli.folder / "orchestrator.db.brokers")}
    shown = [cli.run(*command, "--json", **environment).expect(OK).output for command in LISTS]
    receipt = cli.place(two_orders(), "--idempotency-key", "first", **environment).expect(OK).output
    return [*shown, receipt, cli.json("health", **environment)["halts"]]


def assert_moved(cli):
    assert book_of(cli, cli.target) == book_of(cli, "sqlite:///orchestrator.db")


def test_a_book_moves_whole_and_goes_on_where_it_was(move):
    trail = move.json("audit", "--trail")["entries"]
    report = copy(move).expect(OK).json
    assert report["verified"] is True and report["resumed"] is False
    assert report["rows"] == report["copied"] == sum(table["rows"] for table in report["tables"]) > 30
    assert {table["name"] for table in report["tables"] if table["rows"] > 0} >= {
        "orders", "order_batches", "executions", "idempotency_keys", "events", "outbox", "instruments", "portfolio_limits",
        "portfolio_usage", "routing_rules", "routing_targets", "halts", "holidays", "audit_trail",
        "broker_connector_configs", "broker_cursors"}
    assert_moved(move)
    there = {"DATABASE_URL": move.target, "ORCHESTRATOR_MOCK_LEDGER": str(move.folder / "orchestrator.db.brokers")}
    assert move.json("audit", "--head", trail[-1]["hash"], **there)["clean"] is True
    placed = move.place(batch(order(1)), "--idempotency-key", "after", **there).expect(OK).json
    assert (placed["batch_id"], placed["orders"][0]["id"]) == (4, 9)
    move.ok("resume", "--portfolio-id", 9, **there)
    move.ok("event", "publish", "--events-file", "events.jsonl", **there)
    assert move.json("audit", "--brokers", **there)["clean"] is True


def test_a_copy_that_was_finished_only_compares(move):
    copy(move).expect(OK)
    again = copy(move).expect(OK).json
    assert again["copied"] == 0 and again["resumed"] is False and again["rows"] > 30
    move.place(batch(), "--idempotency-key", "later").expect(OK)
    message = copy(move).refusal(CONFLICT, "invalid_state")["message"]
    assert "no copy of this source" in message


@pytest.mark.parametrize("point", ["migrate.step:1", "copy.begun:1", "copy.page:1", "copy.page:8", "copy.page:13",
                                   "copy.finish:1"])
def test_a_killed_copy_goes_on_where_it_was(move, point):
    copy(move, ORCHESTRATOR_FAILPOINT=f"{point}:kill").expect(KILLED)
    if point.startswith("copy"):
        unfinished = move.run("order", "list", "--json", DATABASE_URL=move.target).refusal(CONFLICT, "invalid_state")
        assert "not finished" in unfinished["message"]
        for verb in ("up", "down", "status"):
            move.run("migrate", verb, "--json", DATABASE_URL=move.target).refusal(CONFLICT, "invalid_state")
    report = copy(move, "--busy-timeout-ms", 60000).expect(OK).json
    assert report["resumed"] is point.startswith("copy")
    assert (report["copied"] < report["rows"]) is (point in ("copy.page:8", "copy.page:13", "copy.finish:1"))
    assert_moved(move)


# What a process does that had the database open while it was empty, and now wants to send.
BECOME_A_SENDER = """DO $$ BEGIN INSERT INTO owners DEFAULT VALUES; RAISE 'it may send';
EXCEPTION WHEN check_violation THEN NULL; END $$"""


def test_nobody_becomes_a_sender_of_a_copy_that_is_not_finished(move):
    copy(move, ORCHESTRATOR_FAILPOINT="copy.page:13:kill").expect(KILLED)
    psql(move.target, BECOME_A_SENDER)
    copy(move, "--busy-timeout-ms", 60000).expect(OK)
    assert psql(move.target, "INSERT INTO owners DEFAULT VALUES RETURNING ended_at IS NULL") == ["t"]


def test_a_database_from_which_somebody_has_sent_is_no_target(move):
    move.ok("migrate", "up", DATABASE_URL=move.target)
    psql(move.target, "INSERT INTO owners DEFAULT VALUES")
    message = copy(move).refusal(CONFLICT, "invalid_state")["message"]
    assert "sent from it already" in message
    assert psql(move.target, "SELECT count(*) FROM orders") == ["0"]


def test_a_source_that_was_changed_since_the_copy_began_is_refused(move):
    copy(move, ORCHESTRATOR_FAILPOINT="copy.page:13:kill").expect(KILLED)
    move.ok("order", "fill", 3, "--qty", 1, "--price", 10)
    message = copy(move, "--busy-timeout-ms", 60000).refusal(CONFLICT, "invalid_state")["message"]
    assert "differ in" in message
    move.run("order", "list", "--json", DATABASE_URL=move.target).refusal(CONFLICT, "invalid_state")


def test_another_source_does_not_go_into_a_copy_that_was_begun(move):
    copy(move, ORCHESTRATOR_FAILPOINT="copy.finish:1:kill").expect(KILLED)
    before = psql(move.target, "SELECT * FROM orders ORDER BY id")
    move.place(batch(), DATABASE_URL="sqlite:///other.db").expect(OK)
    copy(move, "--from", "sqlite:///other.db", "--busy-timeout-ms", 60000).expect(USAGE)  # --from is given once
    done = move.run("copy", "--from", "sqlite:///other.db", "--json", "--busy-timeout-ms", 60000, DATABASE_URL=move.target)
    done.refusal(CONFLICT, "invalid_state")
    assert psql(move.target, "SELECT * FROM orders ORDER BY id") == before


def test_a_target_that_holds_anything_else_is_refused_and_left_alone(move, new_schema):
    move.ok("limit", "set", 3, "--max-quantity", 5, DATABASE_URL=move.target)
    copy(move).refusal(CONFLICT, "invalid_state")
    assert psql(move.target, "SELECT portfolio_id FROM portfolio_limits") == ["3"]
    assert psql(move.target, "SELECT count(*) FROM orders") == ["0"]
    foreign = new_schema()
    psql(foreign, "CREATE TABLE bookmarks (url text)")
    move.target = foreign
    copy(move).refusal(STORAGE, "foreign_database")


def test_a_source_that_somebody_has_open_is_refused(move):
    other = move.start("event", "follow", "--json")
    try:
        while not select.select([other.stdout], [], [], 60)[0]:
            assert other.poll() is None
        error = copy(move, "--busy-timeout-ms", 100).refusal(STORAGE, "storage_busy")
        assert error["retryable"] is True and "stop every program" in error["message"]
    finally:
        other.kill()
        other.communicate()
    copy(move).expect(OK)


def test_nobody_uses_the_source_while_it_is_copied(move):
    stopped = move.start("copy", "--from", "sqlite:///orchestrator.db", "--to", move.target,
                         ORCHESTRATOR_FAILPOINT="copy.page:3:stop")
    try:
        os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
        move.place(batch(), "--busy-timeout-ms", 100).refusal(STORAGE, "storage_busy")
    finally:
        stopped.kill()
        stopped.communicate()


def test_orders_that_are_being_sent_are_recovered_before_a_copy(move):
    move.place(batch(), "--idempotency-key", "sent", ORCHESTRATOR_FAILPOINT="dispatch.before_send:1:kill").expect(KILLED)
    message = copy(move).refusal(CONFLICT, "invalid_state")["message"]
    assert "recover" in message
    move.run("recover", "--json")
    copy(move).expect(OK)
    assert_moved(move)


def test_only_sqlite_to_postgresql_is_copied(move):
    for source, target in (("sqlite:///orchestrator.db", "sqlite:///b.db"), (move.target, "sqlite:///orchestrator.db"),
                           ("memory:", move.target), ("mysql://x", move.target)):
        move.run("copy", "--from", source, "--to", target, "--json").refusal(USAGE, "unsupported")
    move.run("copy", "--from", "sqlite:///none.db", "--to", move.target, "--json").refusal(STORAGE, "storage_unavailable")
    assert not (move.folder / "b.db").exists() and not (move.folder / "none.db").exists()


def test_values_that_are_hard_to_carry_arrive_as_they_were(move):
    with sqlite3.connect(move.folder / "orchestrator.db") as connection:
        connection.execute("UPDATE order_batches SET orders_json = ? WHERE id = 1", ("[\"'\\\\\u20ac\\n\n\t{},NULL\"]",))
        connection.execute("UPDATE portfolio_limits SET margin_available_whole = ?, margin_available_fraction = ?, "
                           "max_quantity = ? WHERE portfolio_id = 1", (2**63 - 1, 10**18 - 1, 2**63 - 1))
        connection.execute("INSERT INTO rate_windows VALUES ('NULL', '', ?)", ("{\"\\'",))
        connection.execute("INSERT INTO rate_windows VALUES ('Z', 'a', 'x'), ('a', 'Z', 'x'), ('\u00e4', 'a', 'x')")
        connection.execute("INSERT INTO instruments (id, symbol, exchange, currency, lot_size, tick_size, price_band_low, "
                           "multiplier) VALUES (-5, '', '', '', 1, 9223372036854775807, -9223372036854775807, 1)")
    connection.close()
    copy(move).expect(OK)
    assert psql(move.target, "SELECT margin_available, max_quantity FROM portfolio_limits WHERE portfolio_id = 1") == [
        "9223372036854775807.999999999999999999|9223372036.854775807"]
    assert psql(move.target, "SELECT count(*) FROM rate_windows") == ["4"]


def test_a_difference_that_a_copy_finds_at_its_end_leaves_the_target_closed(move):
    copy(move, ORCHESTRATOR_FAILPOINT="copy.finish:1:kill").expect(KILLED)
    psql(move.target, "UPDATE orders SET fees = fees + 0.000000000000000001 WHERE id = 2")
    message = copy(move, "--busy-timeout-ms", 60000).refusal(CONFLICT, "invalid_state")["message"]
    assert "orders 2" in message


def test_a_terminal_sees_how_far_a_copy_is(move):
    move.ok("migrate", "up", DATABASE_URL=move.target)
    parts = urlsplit(move.target)
    holder = subprocess.Popen(["psql", "-X", "-q", "-At", "-d", move.target.replace(f":{parts.password}@", "@")],
                              env={**os.environ, "PGPASSWORD": parts.password or ""}, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    here, there = pty.openpty()
    try:
        holder.stdin.write("BEGIN; LOCK TABLE events IN SHARE MODE; SELECT 'held';\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        running = subprocess.Popen(
            move.command("copy", "--from", "sqlite:///orchestrator.db", "--json", "--busy-timeout-ms", "60000"),
            cwd=move.folder, env={**move.environment, "DATABASE_URL": move.target}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=there)
        os.close(there)
        seen = b""
        while not re.search(rb"copying \[=+ *\] [1-9]\d*/\d+ ", seen):
            assert select.select([here], [], [], 60)[0], seen
            seen += os.read(here, 4096)
        holder.communicate("ROLLBACK;\n", timeout=60)
        output, _ = running.communicate(timeout=60)
        assert running.returncode == OK and re.match(rb'\{"rows":\d+', output)
    finally:
        holder.kill()
        holder.wait()
        os.close(here)


def test_every_column_of_both_schemas_is_copied_or_known_not_to_be(move):
    """A column that a migration adds and the copy does not know would be lost."""
    only_here = {"order_batches": {"first_order_id", "last_order_id"}, "orders": {"ext_key"}}
    not_copied = {"schema_migrations", "sequences", "unindexed_brokers", "owners", "roles", "reference_state"}
    report = copy(move).expect(OK).json
    copied = {table["name"] for table in report["tables"]}
    connection = sqlite3.connect(move.folder / "orchestrator.db")
    tables = {name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    sqlite_columns = {table: {re.sub("_(whole|fraction)$", "", row[1]) for row in
                              connection.execute(f"PRAGMA table_info({table})")} - only_here.get(table, set())
                      for table in tables - not_copied}
    connection.close()
    postgres_columns = {}
    for line in psql(move.target, "SELECT table_name, column_name FROM information_schema.columns JOIN "
                                  "information_schema.tables USING (table_schema, table_name) "
                                  "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"):
        table, column = line.split("|")
        if table not in not_copied:
            postgres_columns.setdefault(table, set()).add(column)
    assert set(sqlite_columns) == set(postgres_columns) == copied
    assert sqlite_columns == postgres_columns
