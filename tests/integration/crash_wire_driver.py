"""A fake broker that lives on in a process of its own, a desk that dies at it, and the audit of both: what the broker
accepted by its own synchronised truth = the broker's book = the order store = the event log = what the client was told."""

import json
import signal
import subprocess
from collections import Counter
from decimal import Decimal

from cli_driver import FAILPOINTS_PROGRAM, TIMEOUT_S, Cli, batch, need, one_document, order

DESK = FAILPOINTS_PROGRAM.parent / "orchestrator_crash_desk"
BROKER = FAILPOINTS_PROGRAM.parent / "orchestrator_fake_broker"
ENFORCED, WINDOWED, TAG_ECHO, NONE = "enforced", "windowed", "tag_echo", "none"
CLASSES = [ENFORCED, WINDOWED, TAG_ECHO, NONE]
SENDS_AGAIN = (ENFORCED, WINDOWED)  # after a denial
ORDERS = 3
PATIENCE_MS = 60_000  # of who looks at the books: a slow machine is no finding


class FakeBroker:
    """The process, its ledger and its truth; in the folder's own names, because socket paths are short."""

    def __init__(self, folder, broker_class, script="", **config):
        self.folder, self.broker_class = folder, broker_class
        self.config = json.dumps({**config, "fault_script": script})
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [BROKER, "--socket", "broker.sock", "--ledger", "ledger", "--truth", "truth.jsonl", "--class",
             self.broker_class, "--config", self.config], cwd=self.folder, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def truth(self, event):
        lines = [json.loads(line) for line in (self.folder / "truth.jsonl").read_text().splitlines()]
        return [line for line in lines if line["event"] == event]

    def placed(self):
        """The orders of all place requests that came whole."""
        requests = [line["request"] for line in self.truth("request")]
        return [row for request in requests if request["kind"] == "place" for row in request["orders"]]


class Desk:
    def __init__(self, folder, broker_class, *options, database="sqlite:///desk.db", orders=ORDERS):
        self.folder, self.broker_class = folder, broker_class
        self.environment = Cli(folder).environment
        self.options = ["--database", database, "--socket", "broker.sock", "--class", broker_class, *options]
        body = batch(*[order(n, broker="fake") for n in range(1, orders + 1)])
        (folder / "body.json").write_text(json.dumps(body))

    def command(self, *words):
        return [str(word) for word in (DESK, *self.options, *words)]

    def armed(self, at):
        return {**self.environment, "ORCHESTRATOR_FAILPOINT": at} if at else self.environment

    def run(self, *words, at=""):
        """`at` arms a failure point, "name:nth:action"."""
        return subprocess.run(self.command(*words), cwd=self.folder, capture_output=True, timeout=TIMEOUT_S,
                              env=self.armed(at), check=False)

    def start(self, *words, at=""):
        return subprocess.Popen(self.command(*words), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=self.armed(at))

    def ok(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.returncode} {done.stderr.decode()}"
        return done.stdout

    def die(self, *words, at, nth=1):
        """Runs until it kills itself; whether it came to the point at all."""
        done = self.run(*words, at=f"{at}:{nth}:kill")
        assert done.returncode in (0, -signal.SIGKILL), f"{words} at {at}: {done.returncode} {done.stderr.decode()}"
        if done.returncode != 0:
            assert done.stdout == b"", "nothing is said before the end"
        return done.returncode != 0

    def place(self):
        return self.ok("place", "body.json", "key")

    def recover(self):
        return one_document(self.ok("recover").decode())

    def orders(self):
        return one_document(self.ok("orders").decode())

    def books(self):
        return one_document(self.ok("audit", "--timeout-ms", PATIENCE_MS).decode())

    def recover_until_quiet(self):
        """What is still unknown afterwards is parked."""
        for _ in range(100):
            rows = self.recover()["orders"]
            if all(row["parked"] or row["status"] not in ("placed", "submitting", "unknown", "cancel_pending",
                                                          "replace_pending") for row in rows):
                return
        raise AssertionError(f"no rest: {[row['status'] for row in rows]}")


def start(folder, broker_class, script="", options=("--quiet-ms", 20), desk=None, **config):
    """`desk`: a Desk's own settings."""
    need(DESK)
    need(BROKER)
    return FakeBroker(folder, broker_class, script, **config), Desk(folder, broker_class, *options, **(desk or {}))


def check_events(books):
    """Every sequence is 1..n, and its last event says how the order stands."""
    sequences = {}
    for event in books["events"]:
        sequences.setdefault((event["batch_id"], event["order_id"]), []).append(event)
    for subject, events in sequences.items():
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), subject
    for row in books["orders"]:
        last = sequences[(row["batch_id"], row["id"])][-1]["data"]
        told = {name: last[name] for name in ("status", "ext_order_id", "qty", "fill_qty", "attempt")}
        assert told == {**{name: row[name] for name in told}, "ext_order_id": row["ext_order_id"] or ""}


def check_fills(books):
    for row in books["orders"]:
        trades = [one for one in books["executions"] if one["order_id"] == row["id"]]
        assert sum((Decimal(one["qty"]) for one in trades), Decimal(0)) == row["fill_qty"]
        assert len({one["execution_id"] for one in trades}) == len(trades)


def audit(desk, broker, receipt=None, deaf=False):
    """`deaf`: a broker of no class that reports nothing leaves its accepted orders in doubt."""
    books = desk.books()
    accepted = broker.truth("accepted")
    ours = {row["client_order_id"]: row for row in books["orders"]}
    assert all(count == 1 for count in Counter(line["client_order_id"] for line in accepted).values()), "twice"
    assert {line["client_order_id"] for line in accepted} <= set(ours), "an order at the broker that we do not know"
    assert sorted(line["ext_order_id"] for line in accepted) == sorted(row["ext_order_id"] for row in books["book"])
    attempts = Counter((row["client_order_id"], row["attempt"]) for row in broker.placed())
    assert all(count == 1 for count in attempts.values()), "an attempt is one request on the wire"
    assert all(attempt <= ours[client]["attempt"] for client, attempt in attempts), "sent without a claim"

    theirs = {line["client_order_id"]: line["ext_order_id"] for line in accepted}
    for client, row in ours.items():
        unheard = deaf and desk.broker_class == NONE and row["status"] == "unknown"
        if client in theirs and not unheard:
            assert row["ext_order_id"] == theirs[client] and row["status"] not in ("placed", "submitting", "unknown"), row
        elif row["status"] != "rejected":
            assert (row["status"], row["parked"]) == ("unknown", True), row
            assert desk.broker_class not in SENDS_AGAIN, "denied, so it is sent again"
    if not (deaf and desk.broker_class == NONE):
        assert books["breaks"] == []
    check_events(books)
    check_fills(books)
    if receipt is not None:
        assert [leg["client_order_id"] for leg in one_document(receipt.decode())["orders"]] == list(ours)
        assert desk.place() == receipt, "a replay is byte-identical"
        again = desk.recover()["report"]
        again.pop("waiting")
        assert set(again.values()) == {0}, f"a second recovery has nothing to do: {again}"
        rest = desk.books()
        assert [rest[name] for name in ("orders", "events", "book")] == [
            books[name] for name in ("orders", "events", "book")]
        assert broker.truth("accepted") == accepted
    return books
