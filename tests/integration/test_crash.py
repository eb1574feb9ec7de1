"""Kills the program with SIGKILL at every failure point, runs it again, and counts: one batch, no order twice at its
broker, none lost, nothing acknowledged taken back.

A point is armed by ORCHESTRATOR_FAILPOINT="name:nth:action" in a program built with failure points."""

import json
import os
import re
import signal
import threading

import pytest

from cli_driver import BREAKS, FAILPOINTS_PROGRAM, IN_DOUBT, OK, ROOT, Cli, batch, need, one_document, order, statuses

# Where each point lies: on the way of which command. A point of the library that is not here fails the last test.
PLACE = ["accept.before_unit", "accept.before_commit", "accept.in_commit", "accept.committed", "dispatch.before_send",
         "dispatch.after_send", "commit.before", "commit.committed", "dispatch.recorded", "ingest.before_commit",
         "ingest.committed"]
CHANGE = ["manage.before_request", "manage.after_request"]
RECOVER = ["recover.marked", "claim.committed", "recover.resolved"]
PUBLISH = ["publish.before_send", "publish.sent", "publish.confirmed"]
OTHERS = ["fill.executed", "settle.committed", "migrate.step", "claim.found", "copy.begun", "copy.page",
          "copy.finish"]

ENFORCED, TAG_ECHO = "alpaca-mock", "zerodha-mock"
QUIET = '{"quiet_period_ms": 50, "orders_max": 2}'  # three orders are two requests


@pytest.fixture
def cli(tmp_path):
    need(FAILPOINTS_PROGRAM)
    cli = Cli(tmp_path, FAILPOINTS_PROGRAM)
    for broker in (ENFORCED, TAG_ECHO):
        cli.ok("broker", "set", broker, "--config", QUIET)
    return cli


def die(cli, point, *command, nth=1, stdin=b""):
    done = cli.run(*command, stdin=stdin, ORCHESTRATOR_FAILPOINT=f"{point}:{nth}:kill")
    assert done.status == -signal.SIGKILL, f"{command} did not pass {point}: {done.status} {done.text} {done.errors}"


def body_of(broker):
    return batch(*[order(n, broker=broker) for n in (1, 2, 3)])


def place(cli, broker, *arguments, **environment):
    return cli.place(body_of(broker), "--idempotency-key", "k", *arguments, **environment)


def die_placing(cli, broker, point, nth=1):
    done = place(cli, broker, ORCHESTRATOR_FAILPOINT=f"{point}:{nth}:kill")
    assert done.status == -signal.SIGKILL, f"place did not pass {point}: {done.status} {done.text} {done.errors}"
    assert done.output == b"", "no receipt without a finished run"


def broker_orders(cli, broker):
    return cli.json("broker", "orders", broker)["orders"]


def recover_until_quiet(cli):
    """Each round asks the brokers again; the quiet period of the mocks ends between two of them. What is parked
    afterwards waits for a person."""
    for _ in range(200):
        cli.ok("recover")
        if cli.json("health")["unknown_orders"] == 0:
            return
    raise AssertionError(f"orders still wait for evidence: {statuses(cli)}")


def check_events(cli):
    events = cli.json("event", "list")["events"]
    for subject in {event["id"].rsplit("/", 1)[0] for event in events}:
        numbers = [int(event["id"].rsplit("/", 1)[1]) for event in events if event["id"].rsplit("/", 1)[0] == subject]
        assert numbers == list(range(1, len(numbers) + 1)), subject


def check_book(cli, broker):
    """One batch of three orders; each at its broker at most once; every one accounted for."""
    assert [row["idempotency_key"] for row in cli.json("batch", "list")["batches"]] == ["k"]
    ours = cli.json("order", "list")["orders"]
    assert len(ours) == 3
    theirs = [row["client_order_id"] for row in broker_orders(cli, broker)]
    assert len(theirs) == len(set(theirs)), "an order twice at its broker"
    assert set(theirs) <= {row["client_order_id"] for row in ours}
    for row in ours:
        if row["client_order_id"] in theirs:
            assert row["status"] == "acked", "the broker has it and we do not know"
        else:
            assert (broker, row["status"], row["parked"]) == (TAG_ECHO, "unknown", True)
    check_events(cli)
    return ours


PLACEMENTS = [(broker, point, 1) for broker in (ENFORCED, TAG_ECHO) for point in PLACE] + [
    (broker, point, 2) for broker in (ENFORCED, TAG_ECHO)
    for point in ("dispatch.before_send", "dispatch.after_send", "commit.before", "commit.committed", "dispatch.recorded")]


@pytest.mark.parametrize("broker,point,nth", PLACEMENTS)
def test_a_killed_placement_is_finished_by_the_same_command(cli, broker, point, nth):
    die_placing(cli, broker, point, nth)
    receipt = place(cli, broker, "--wait")
    assert receipt.status in (OK, IN_DOUBT), receipt.errors
    recover_until_quiet(cli)
    ours = check_book(cli, broker)
    assert [leg["client_order_id"] for leg in receipt.json["orders"]] == [row["client_order_id"] for row in ours]

    before = cli.book(), broker_orders(cli, broker)
    assert place(cli, broker).output == receipt.output, "a replay is byte-identical"
    again = cli.json("recover")
    assert {name: again[name] for name in ("abandoned", "adopted", "resent", "parked", "sent", "reports")} == \
        dict.fromkeys(("abandoned", "adopted", "resent", "parked", "sent", "reports"), 0)
    assert (cli.book(), broker_orders(cli, broker)) == before, "a second recovery changes nothing"


@pytest.mark.parametrize("broker", [ENFORCED, TAG_ECHO])
@pytest.mark.parametrize("point", PLACE)
def test_a_killed_placement_is_finished_by_recover_alone(cli, broker, point):
    die_placing(cli, broker, point)
    recover_until_quiet(cli)
    accepted = cli.json("batch", "list")["batches"]
    if PLACE.index(point) >= PLACE.index("accept.committed"):
        assert len(accepted) == 1, "accepted is durable"
    if accepted:
        check_book(cli, broker)
    else:
        assert broker_orders(cli, broker) == [], "nothing leaves before it is durable"
        place(cli, broker).expect(OK)
        check_book(cli, broker)


def test_an_order_parked_by_a_crash_waits_for_a_person_and_obeys_the_decision(cli):
    cli.ok("broker", "set", TAG_ECHO, "--config", '{"quiet_period_ms": 50, "orders_max": 3}')  # one request
    die_placing(cli, TAG_ECHO, "dispatch.before_send")
    recover_until_quiet(cli)
    assert statuses(cli) == ["unknown"] * 3
    assert cli.json("health")["parked_orders"] == 3
    signed = ("--by", "asha", "--reason", "not in the terminal")
    assert cli.json("order", "resolve", 1, "--not-placed", *signed)["status"] == "acked"
    assert cli.json("order", "resolve", 2, "--rejected", *signed)["status"] == "rejected"
    accepted = cli.json("order", "resolve", 3, "--accepted", "230105000001", *signed)
    assert (accepted["status"], accepted["ext_order_id"]) == ("acked", "230105000001")
    assert [row["instrument_id"] for row in broker_orders(cli, TAG_ECHO)] == [1]
    assert "asha" in cli.ok("event", "list", "--order", 2, "--json").text
    assert "missing_there" in cli.run("reconcile", 1, "--broker").expect(BREAKS).text, "a false word shows"
    check_events(cli)


def test_a_crash_leaves_no_more_in_doubt_than_the_request_on_the_wire(cli):
    die_placing(cli, TAG_ECHO, "dispatch.before_send")
    recover_until_quiet(cli)
    assert statuses(cli) == ["unknown", "unknown", "acked"]


@pytest.mark.parametrize("point", RECOVER)
@pytest.mark.parametrize("broker", [ENFORCED, TAG_ECHO])
def test_a_killed_recovery_is_finished_by_the_next(cli, broker, point):
    die_placing(cli, broker, "dispatch.before_send", nth=2)  # two orders are at the broker, the third is not
    done = cli.run("recover", ORCHESTRATOR_FAILPOINT=f"{point}:1:kill")
    killed = done.status == -signal.SIGKILL
    assert killed or done.status == OK, done.errors
    # The tag echo class never sends again, so that nothing is claimed there.
    assert killed or (broker, point) == (TAG_ECHO, "claim.committed")
    recover_until_quiet(cli)
    check_book(cli, broker)


def test_a_killed_fill_counts_once(cli):
    place(cli, ENFORCED).expect(OK)
    die(cli, "fill.executed", "order", "fill", "1", "--price", "2500", "--qty", "40")
    cli.ok("recover")
    shown = cli.json("order", "get", 1)
    assert (shown["status"], shown["fill_qty"], len(shown["executions"])) == ("partially_filled", 40, 1)
    assert cli.json("reconcile", 1, "--broker")["breaks"] == []
    check_events(cli)


@pytest.mark.parametrize("point", CHANGE)
def test_a_killed_cancel_is_finished_by_recovery(cli, point):
    place(cli, ENFORCED).expect(OK)
    die(cli, point, "order", "cancel", "1")
    assert statuses(cli)[0] == "cancel_pending"
    cli.ok("recover")
    assert statuses(cli) == ["cancelled", "acked", "acked"]
    assert cli.json("reconcile", 1, "--broker")["breaks"] == []
    check_events(cli)


@pytest.mark.parametrize("point", CHANGE)
def test_a_killed_replace_is_finished_by_recovery(cli, point):
    place(cli, ENFORCED).expect(OK)
    die(cli, point, "order", "replace", "1", "--qty", "80")
    assert statuses(cli)[0] == "replace_pending"
    recover_until_quiet(cli)
    shown = cli.json("order", "get", 1)
    assert shown["status"] == "acked" and shown["qty"] in (80, 100)
    assert cli.json("reconcile", 1, "--broker")["breaks"] == []
    check_events(cli)


def test_a_killed_settlement_settles_the_rest_next_time(cli):
    place(cli, ENFORCED).expect(OK)
    for number in (1, 2, 3):
        cli.ok("order", "fill", number, "--price", 2500, "--qty", 100)
    die(cli, "settle.committed", "settle", "--as-of", "2099-01-05")
    assert sorted(statuses(cli)) == ["filled", "filled", "settled"]
    assert len(cli.json("settle", "--as-of", "2099-01-05")["settled"]) == 2
    assert statuses(cli) == ["settled"] * 3
    check_events(cli)


@pytest.mark.parametrize("point", PUBLISH)
def test_a_killed_publication_loses_no_event(cli, point):
    place(cli, ENFORCED).expect(OK)
    publish = ("event", "publish", "--events-file", "events.jsonl")
    die(cli, point, *publish)
    assert cli.json(*publish)["waiting"] == 0
    lines = (cli.folder / "events.jsonl").read_text().splitlines(keepends=True)
    seen = {}
    for line in lines:
        seen.setdefault(one_document(line)["id"], set()).add(line)
    assert all(len(copies) == 1 for copies in seen.values()), "every delivery of an event is the same bytes"
    listed = [event["id"] for event in cli.json("event", "list")["events"]]
    assert list(seen) == listed, "nothing is missing, and the first deliveries are in order"


def test_a_killed_migration_is_done_again(tmp_path):
    need(FAILPOINTS_PROGRAM)
    cli = Cli(tmp_path, FAILPOINTS_PROGRAM)
    die(cli, "migrate.step", "migrate", "up")
    up = cli.json("migrate", "up")
    assert up["version"] == up["latest"]
    die(cli, "migrate.step", "migrate", "down", "--to", "0")
    assert cli.json("migrate", "down", "--to", 0)["version"] == 0
    place(cli, ENFORCED).expect(OK)


@pytest.mark.parametrize("broker", [ENFORCED, TAG_ECHO])
def test_a_sender_that_was_asleep_sends_nothing_twice(cli, broker):
    """Stopped after its claim, woken after its lease: another process has taken over by then."""
    lease = ("--lease-ms", 300)
    (cli.folder / "body.json").write_text(json.dumps(body_of(broker)))
    sleeper = cli.start("place", "body.json", "--idempotency-key", "k", "--json", *lease,
                        ORCHESTRATOR_FAILPOINT="dispatch.before_send:1:stop")
    watchdog = threading.Timer(100, sleeper.kill)
    watchdog.start()
    _, how = os.waitpid(sleeper.pid, os.WUNTRACED)
    assert how & 0xFF == 0x7F, "the sender stops after its claim"
    for _ in range(500):
        cli.ok("recover", *lease)
        if cli.json("health")["unknown_orders"] == 0 and "submitting" not in statuses(cli):
            break
    sleeper.send_signal(signal.SIGCONT)
    output, errors = sleeper.communicate(timeout=60)
    watchdog.cancel()
    assert sleeper.returncode in (OK, IN_DOUBT), errors
    recover_until_quiet(cli)
    theirs = [row["client_order_id"] for row in broker_orders(cli, broker)]
    assert len(theirs) == len(set(theirs)), "an order twice at its broker"
    check_book(cli, broker)
    assert place(cli, broker).output == output


def test_a_halt_that_comes_while_a_sender_waits_for_its_turn_holds(cli):
    die_placing(cli, ENFORCED, "dispatch.recorded")  # the third order is not claimed yet
    assert statuses(cli) == ["acked", "acked", "placed"]
    sender = cli.start("recover", "--json", ORCHESTRATOR_FAILPOINT="claim.found:1:stop")
    watchdog = threading.Timer(100, sender.kill)
    watchdog.start()
    _, how = os.waitpid(sender.pid, os.WUNTRACED)
    assert how & 0xFF == 0x7F, "the sender stops when it has found what to claim"
    cli.ok("halt", "--reason", "runaway")
    sender.send_signal(signal.SIGCONT)
    _, errors = sender.communicate(timeout=60)
    watchdog.cancel()
    assert sender.returncode == OK, errors
    third = cli.json("order", "get", 3)
    assert (third["status"], third["attempt"]) == ("placed", 0), "not even claimed"


def test_every_failure_point_of_the_library_is_tried():
    tried = set(PLACE + CHANGE + RECOVER + PUBLISH + OTHERS)
    found = set()
    for path in (ROOT / "src").rglob("*.cpp"):
        found |= set(re.findall(r'\bORCHESTRATOR_FAILPOINT\("([^"]+)"\)', path.read_text()))
    assert found == tried
