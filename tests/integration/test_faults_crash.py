"""Crashes on top of crashes, and senders that fall asleep: the recovery is killed twice before it may finish, the
migration too, and a process is stopped at every step of a send while another takes over."""

import json
import os
import signal
import sqlite3
import threading

import pytest

from cli_driver import FAILPOINTS_PROGRAM, IN_DOUBT, OK, STORAGE, Cli, batch, need, order, statuses

ENFORCED, TAG_ECHO = "alpaca-mock", "zerodha-mock"
QUIET = '{"quiet_period_ms": 50, "orders_max": 2}'  # three orders are two requests


@pytest.fixture
def cli(tmp_path):
    need(FAILPOINTS_PROGRAM)
    cli = Cli(tmp_path, FAILPOINTS_PROGRAM)
    for broker in (ENFORCED, TAG_ECHO):
        cli.ok("broker", "set", broker, "--config", QUIET)
    return cli


def body_of(broker):
    return batch(*[order(n, broker=broker) for n in (1, 2, 3)])


def place(cli, broker, *arguments, **environment):
    return cli.place(body_of(broker), "--idempotency-key", "k", *arguments, **environment)


def killed(done):
    return done.status == -signal.SIGKILL


def broker_ids(cli, broker):
    return [row["client_order_id"] for row in cli.json("broker", "orders", broker)["orders"]]


def recover_until_quiet(cli, *arguments):
    for _ in range(200):
        cli.ok("recover", *arguments)
        if cli.json("health")["unknown_orders"] == 0 and "submitting" not in statuses(cli):
            return
    raise AssertionError(f"orders still wait for evidence: {statuses(cli)}")


def check_book(cli, broker):
    """One batch; each order at its broker at most once; what the broker has we know, what it has not is parked."""
    assert [row["idempotency_key"] for row in cli.json("batch", "list")["batches"]] == ["k"]
    theirs = broker_ids(cli, broker)
    assert len(theirs) == len(set(theirs)), "an order twice at its broker"
    ours = cli.json("order", "list")["orders"]
    assert len(ours) == 3 and set(theirs) <= {row["client_order_id"] for row in ours}
    for row in ours:
        if row["client_order_id"] in theirs:
            assert row["status"] == "acked"
        else:
            assert (broker, row["status"], row["parked"]) == (TAG_ECHO, "unknown", True)
    assert cli.json("reconcile", 1, "--broker")["breaks"] == []
    database = sqlite3.connect(cli.folder / "orchestrator.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


# --- killed twice ---

RECOVERY = ["recover.marked", "recover.resolved", "claim.committed", "dispatch.before_send", "dispatch.after_send",
            "commit.before", "commit.committed"]


@pytest.mark.slow
@pytest.mark.parametrize("broker", [ENFORCED, TAG_ECHO])
@pytest.mark.parametrize("second", RECOVERY)
@pytest.mark.parametrize("first", RECOVERY)
def test_a_recovery_killed_twice_in_a_row_is_finished_by_the_third(cli, broker, first, second):
    done = place(cli, broker, ORCHESTRATOR_FAILPOINT="dispatch.before_send:1:kill")
    assert killed(done) and done.output == b""
    deaths = 0
    for point in (first, second):
        done = cli.run("recover", ORCHESTRATOR_FAILPOINT=f"{point}:1:kill")
        assert killed(done) or done.status == OK, done.errors
        deaths += killed(done)
    # What is left to do depends on how far the first came; the first step of a recovery is never over.
    assert deaths > 0 or first not in ("recover.marked", "commit.before", "commit.committed")
    recover_until_quiet(cli)
    check_book(cli, broker)
    before = cli.book(), broker_ids(cli, broker)
    cli.ok("recover")
    assert (cli.book(), broker_ids(cli, broker)) == before, "a recovery more changes nothing"


def schema(path):
    database = sqlite3.connect(path)
    rows = database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    rows += database.execute("SELECT version, name, checksum FROM schema_migrations ORDER BY version").fetchall()
    database.close()
    return rows


def test_a_migration_killed_twice_in_a_row_ends_in_the_schema_of_one_that_was_not(tmp_path):
    need(FAILPOINTS_PROGRAM)
    folders = [tmp_path / name for name in ("calm", "killed")]
    for folder in folders:
        folder.mkdir()
    calm, cli = (Cli(folder, FAILPOINTS_PROGRAM) for folder in folders)
    calm.ok("migrate", "up")
    for _ in range(2):
        assert killed(cli.run("migrate", "up", ORCHESTRATOR_FAILPOINT="migrate.step:1:kill"))
    up = cli.json("migrate", "up")
    assert up["version"] == up["latest"]
    assert schema(folders[1] / "orchestrator.db") == schema(folders[0] / "orchestrator.db")
    for _ in range(2):
        assert killed(cli.run("migrate", "down", "--to", "0", ORCHESTRATOR_FAILPOINT="migrate.step:1:kill"))
    assert cli.json("migrate", "down", "--to", 0)["version"] == 0
    assert killed(place(cli, ENFORCED, ORCHESTRATOR_FAILPOINT="migrate.step:1:kill")), "a first start migrates, too"
    place(cli, ENFORCED).expect(OK)
    assert schema(folders[1] / "orchestrator.db") == schema(folders[0] / "orchestrator.db")


# --- asleep ---

LEASE = ("--lease-ms", 300)


@pytest.fixture
def sleeper(cli):
    """Starts a placement that stops itself at a point, and ends it whatever the test does."""
    started = []

    def start(broker, point, nth):
        (cli.folder / "body.json").write_text(json.dumps(body_of(broker)))
        process = cli.start("place", "body.json", "--idempotency-key", "k", "--json", *LEASE,
                            ORCHESTRATOR_FAILPOINT=f"{point}:{nth}:stop")
        started.append(process)
        watchdog = threading.Timer(100, process.kill)
        watchdog.daemon = True
        watchdog.start()
        _, how = os.waitpid(process.pid, os.WUNTRACED)
        assert how & 0xFF == 0x7F, f"it did not stop at {point}"
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            process.wait()


OUTSIDE = [("accept.committed", 1), ("dispatch.before_send", 1), ("dispatch.before_send", 2), ("dispatch.after_send", 1),
           ("dispatch.after_send", 2), ("commit.committed", 1), ("dispatch.recorded", 1), ("claim.committed", 1)]


@pytest.mark.parametrize("broker", [ENFORCED, TAG_ECHO])
@pytest.mark.parametrize("point,nth", OUTSIDE)
def test_a_sender_that_sleeps_past_its_lease_wakes_up_to_a_finished_job(cli, sleeper, broker, point, nth):
    asleep = sleeper(broker, point, nth)
    recover_until_quiet(cli, *LEASE)
    known = broker_ids(cli, broker)
    asleep.send_signal(signal.SIGCONT)
    output, errors = asleep.communicate(timeout=60)
    assert asleep.returncode in (OK, IN_DOUBT), errors
    recover_until_quiet(cli, *LEASE)
    assert set(known) <= set(broker_ids(cli, broker))
    check_book(cli, broker)
    assert place(cli, broker).output == output, "a replay is byte-identical"


INSIDE = ["accept.before_commit", "accept.in_commit", "commit.before"]


@pytest.mark.parametrize("point", INSIDE)
def test_a_sender_asleep_inside_its_transaction_keeps_others_waiting_and_no_longer_than_their_patience(
        cli, sleeper, point):
    asleep = sleeper(ENFORCED, point, 1)
    before = statuses(cli)
    other = cli.place(batch(order()), "--idempotency-key", "other", "--busy-timeout-ms", 100)
    error = other.refusal(STORAGE, "storage_busy")
    assert error["retryable"] is True
    assert statuses(cli) == before, "reads go on"
    asleep.send_signal(signal.SIGCONT)
    output, errors = asleep.communicate(timeout=60)
    assert asleep.returncode == OK, errors
    recover_until_quiet(cli, *LEASE)
    check_book(cli, ENFORCED)
    assert place(cli, ENFORCED).output == output
