"""Several processes on one PostgreSQL: they race for keys, margin, orders and the right to publish, sleep over their
leases, and die anywhere. Every case ends with the audit of the book and of the brokers' own truth."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from cli_driver import CONFLICT, FAILPOINTS_PROGRAM, HALTED, OK, REFUSED, TIMEOUT_S, Cli, batch, need, one_document, order
from crash_wire_driver import ENFORCED, TAG_ECHO, audit, start

MOCK = "alpaca-mock"


@pytest.fixture
def database(new_schema):
    return new_schema()


@pytest.fixture(name="desks")
def desks_of(tmp_path, database):
    """Makes a broker, and a desk whose every command is a process of its own on the same database."""
    brokers = []

    def make(broker_class, script="", options=("--quiet-ms", 20), orders=3, **config):
        broker, desk = start(tmp_path, broker_class, script, options,
                             {"database": database, "orders": orders}, **config)
        brokers.append(broker)
        return broker, desk
    yield make
    for broker in brokers:
        broker.kill()


@pytest.fixture(name="cli")
def cli_of(tmp_path, database):
    need(FAILPOINTS_PROGRAM)
    return Cli(tmp_path, FAILPOINTS_PROGRAM, DATABASE_URL=database)


def check_book(cli):
    """Everything stored agrees with everything else."""
    report = cli.json("audit")
    assert report["clean"], report["findings"]


def check_mock_book(cli):
    """No order twice at its broker, none that we do not know, every one we have."""
    theirs = [row["client_order_id"] for row in cli.json("broker", "orders", MOCK)["orders"]]
    ours = [row["client_order_id"] for row in cli.json("order", "list", "--limit", 10000)["orders"]]
    assert sorted(theirs) == sorted(ours)
    report = cli.json("audit", "--brokers")
    assert report["clean"], report["findings"]


@contextmanager
def asleep(process):
    """A process that stops itself at an armed point; it goes on at the end."""
    watchdog = threading.Timer(TIMEOUT_S, process.kill)
    watchdog.start()
    try:
        _, how = os.waitpid(process.pid, os.WUNTRACED)
        assert how & 0xFF == 0x7F, "it stops there"
        yield
        process.send_signal(signal.SIGCONT)
        process.output, process.errors = process.communicate()
    finally:
        watchdog.cancel()
        process.kill()


@pytest.mark.parametrize("count", [2, 16])
def test_processes_that_race_for_a_key_place_one_batch(cli, count):
    body = json.dumps(batch(*[order(n, broker=MOCK) for n in (1, 2, 3)])).encode()
    command = cli.command("place", "-", "--idempotency-key", "k", "--json")
    racers = [subprocess.Popen(command, cwd=cli.folder, env=cli.environment, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        outputs = list(pool.map(lambda racer: racer.communicate(body, timeout=TIMEOUT_S), racers))
    for racer, (_, errors) in zip(racers, outputs):
        assert racer.returncode in (OK, CONFLICT), errors.decode()
    receipts = {output for racer, (output, _) in zip(racers, outputs) if racer.returncode == OK}
    assert len(receipts) == 1, "the winner's receipt, byte for byte"
    assert [row["idempotency_key"] for row in cli.json("batch", "list")["batches"]] == ["k"]
    cli.ok("recover")
    check_mock_book(cli)


def test_processes_that_race_for_a_margin_use_it_up_and_no_more(cli):
    cli.ok("limit", "set", 1, "--margin-available", 25000, "--margin-rate", 1)

    def place(number):
        body = batch(order(number, qty=100, price_limit=10, broker=MOCK))
        return cli.place(body, "--idempotency-key", f"k{number}")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(place, range(1, 41)))
    codes = Counter(result.status for result in results)
    assert codes == {OK: 25, REFUSED: 15}, [result.errors for result in results if result.status not in (OK, REFUSED)]
    usage = [row for row in cli.json("limit", "list")["limits"] if row["portfolio_id"] == 1]
    assert [row["usage"]["margin_reserved"] for row in usage] == [25000]
    check_mock_book(cli)


def test_processes_that_race_for_a_backlog_send_each_order_once(desks):
    broker, desk = desks(ENFORCED, options=("--quiet-ms", 20, "--lease-ms", 300), orders=40)
    assert desk.die("place", "body.json", "key", at="accept.committed")
    with ThreadPoolExecutor(6) as pool:
        reports = [one_document(output.decode())["report"] for output in pool.map(lambda _: desk.ok("recover"), range(6))]
    assert sum(report["sent"] for report in reports) == 39, "all but the one that was claimed when its sender died"
    desk.recover_until_quiet()
    books = audit(desk, broker, desk.place())
    assert len(broker.truth("accepted")) == len(books["orders"]) == 40
    assert max(row["attempt"] for row in books["orders"][1:]) == 1


@pytest.mark.parametrize("broker_class", [ENFORCED, TAG_ECHO])
@pytest.mark.parametrize("point,nth", [("wire.half_written", 2), ("wire.written", 2), ("dispatch.before_send", 2),
                                       ("dispatch.after_send", 2), ("commit.before", 1), ("claim.committed", 1)])
def test_a_process_that_slept_over_its_lease_changes_nothing_when_it_wakes(desks, broker_class, point, nth):
    broker, desk = desks(broker_class, "order always: drop_reports",
                         options=("--quiet-ms", 20, "--lease-ms", 300, "--timeout-ms", 5000))
    sleeper = desk.start("place", "body.json", "key", at=f"{point}:{nth}:stop")
    with asleep(sleeper):
        desk.recover_until_quiet()
        taken_over = desk.orders()
    assert sleeper.returncode == 0, sleeper.errors
    desk.recover_until_quiet()
    books = audit(desk, broker, sleeper.output, deaf=True)
    for before, after in zip(taken_over, books["orders"]):
        if before["status"] == "acked":
            assert before == after, "what was taken over stays as the other left it"


@pytest.mark.parametrize("point", ["accept.before_commit", "accept.in_commit"])
def test_a_process_that_sleeps_inside_a_transaction_does_not_hold_the_others_up_for_ever(cli, point):
    body = cli.folder / "body.json"
    body.write_text(json.dumps(batch(order(1, broker=MOCK))))
    place = ("place", body, "--idempotency-key", "sleeper", "--json")
    sleeper = cli.start(*place, ORCHESTRATOR_FAILPOINT=f"{point}:1:stop")
    with asleep(sleeper):  # with the portfolio's row, and the right to see no stop switch change
        cli.place(batch(order(2, broker=MOCK)), "--idempotency-key", "other").expect(OK)
        cli.ok("limit", "set", 1, "--max-quantity", 1000)
        cli.ok("halt", "--reason", "runaway")
    assert sleeper.returncode == HALTED, sleeper.errors
    cli.ok("resume")
    cli.ok(*place)
    assert [row["idempotency_key"] for row in cli.json("batch", "list")["batches"]] == ["other", "sleeper"]
    check_mock_book(cli)


def waiting(cli):
    return cli.json("health")["outbox"]["rows"]


def published(path):
    return [one_document(line)["id"] for line in path.read_text().splitlines(keepends=True)] if path.exists() else []


def logged(cli):
    return [event["id"] for event in cli.json("event", "list", "--limit", 10000)["events"]]


def place_some(cli, first, last):
    for number in range(first, last + 1):
        body = batch(*[order(n, broker=MOCK) for n in (1, 2, 3)])
        cli.place(body, "--idempotency-key", f"k{number}").expect(OK)


def publish_until_empty(cli, path, *options):
    for _ in range(500):
        cli.ok("event", "publish", "--events-file", path, *options)
        if waiting(cli) == 0:
            return
    raise AssertionError("the outbox does not empty")


def test_processes_that_race_to_publish_deliver_each_event_once_and_in_order(cli):
    place_some(cli, 1, 4)
    files = [cli.folder / f"events{i}.jsonl" for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda path: cli.ok("event", "publish", "--events-file", path), files))
    publish_until_empty(cli, files[0])
    log = logged(cli)
    parts = [published(path) for path in files]
    assert sorted(log) == sorted(event for part in parts for event in part), "nobody repeats what another delivers"
    for part in parts:
        assert part == [event for event in log if event in part]


@pytest.mark.parametrize("point", ["publish.before_send", "publish.sent"])
def test_a_publisher_that_slept_over_its_lease_brings_no_event_out_of_order(cli, point):
    place_some(cli, 1, 2)
    path, lease = cli.folder / "events.jsonl", ("--lease-ms", 300)
    sleeper = cli.start("event", "publish", "--events-file", path, *lease, ORCHESTRATOR_FAILPOINT=f"{point}:1:stop")
    with asleep(sleeper):
        publish_until_empty(cli, path, *lease)
        place_some(cli, 3, 4)
        publish_until_empty(cli, path, *lease)
    assert sleeper.returncode == OK, sleeper.errors
    assert list(dict.fromkeys(published(path))) == logged(cli), "the first deliveries are all events, in order"
    if point == "publish.before_send":
        assert published(path) == logged(cli), "what it had read it does not send any more"


BATCHES_MAX = 100  # the audit afterwards compares each with the broker's whole book


class Storm:
    """Desks that place, race and serve in processes of their own, each of which may be killed at any moment."""

    def __init__(self, desk, seed, seconds):
        self.desk, self.seed = desk, seed
        self.end = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.keys, self.receipts, self.kills = [], {}, 0

    def run(self):
        with ThreadPoolExecutor(5) as pool:
            for done in [*[pool.submit(self.place, n) for n in range(3)], *[pool.submit(self.serve, n) for n in range(2)]]:
                done.result()

    def kill_soon(self, process, patience):
        """Gives the process so long; its output, when it ended by itself."""
        try:
            output, errors = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            with self.lock:
                self.kills += 1
            return None
        assert process.returncode == 0, errors.decode()
        return output

    def place(self, thread):
        chance = random.Random(f"{self.seed}/{thread}")
        while time.monotonic() < self.end:
            with self.lock:  # a key of its own, or one that another is busy with
                again = chance.random() < 0.4 or len(self.keys) == BATCHES_MAX
                key = chance.choice(self.keys[-3:]) if again and self.keys else f"k{len(self.keys)}"
                if key not in self.keys:
                    self.keys.append(key)
            process = self.desk.start("place", "body.json", key)
            patience = TIMEOUT_S if chance.random() < 0.25 else chance.uniform(0.02, 0.6)
            self.acknowledged(key, self.kill_soon(process, patience))

    def acknowledged(self, key, receipt):
        if receipt is not None:
            with self.lock:
                assert self.receipts.setdefault(key, receipt) == receipt, "a replay is byte-identical"

    def serve(self, thread):
        chance = random.Random(f"{self.seed}/serve/{thread}")
        while time.monotonic() < self.end:
            process = subprocess.Popen(self.desk.command("serve"), cwd=self.desk.folder, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.desk.environment)
            try:
                process.wait(chance.uniform(0.1, 1.5))
                raise AssertionError(f"it serves until it is killed: {process.stderr.read().decode()}")
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@pytest.mark.parametrize("broker_class", [ENFORCED, TAG_ECHO])
@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_processes_that_are_killed_at_random_lose_and_repeat_nothing(desks, cli, broker_class, seconds):
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    faults = "place chance=1/15: lose_answer\nplace chance=1/15: lose_request\nplace chance=1/15: throttle"
    broker, desk = desks(broker_class, faults, options=("--quiet-ms", 20, "--lease-ms", 500, "--timeout-ms", 1000),
                         fill_model="partial", seed=seed)
    desk.ok("orders")  # the schema is there
    storm = Storm(desk, seed, seconds)
    storm.run()
    assert storm.kills > 0 and storm.receipts
    with ThreadPoolExecutor(4) as pool:
        for key, receipt in zip(storm.keys, pool.map(lambda key: desk.ok("place", "body.json", key), storm.keys)):
            storm.acknowledged(key, receipt)
    desk.recover_until_quiet()
    books = audit(desk, broker)
    assert sorted(leg["client_order_id"] for receipt in storm.receipts.values()
                  for leg in one_document(receipt.decode())["orders"]) == sorted(
                      row["client_order_id"] for row in books["orders"]), "what was acknowledged is there, and nothing else"
    check_book(cli)
