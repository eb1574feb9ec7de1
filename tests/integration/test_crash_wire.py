"""Kills and stops a desk at every point of a request, with the bytes half on the wire, while its broker lives on; kills
the broker, too. Every case ends with the audit."""

import os
import re
import signal
import threading

import pytest

from cli_driver import ROOT
from crash_wire_driver import CLASSES, ENFORCED, NONE, ORDERS, SENDS_AGAIN, TAG_ECHO, audit, start
from test_crash import CHANGE, PLACE, RECOVER

WIRE = ["wire.half_written", "wire.written", "wire.read"]
DEAF = "order always: drop_reports"  # nothing is learnt from news: the look-up alone must do


@pytest.fixture(name="market")
def market_of(tmp_path):
    brokers = []

    def make(*arguments, **options):
        broker, desk = start(tmp_path, *arguments, **options)
        brokers.append(broker)
        return broker, desk
    yield make
    for broker in brokers:
        broker.kill()


PLACEMENTS = [(point, 1) for point in PLACE + WIRE] + [(point, 2) for point in WIRE + ["dispatch.before_send", "commit.before"]]


@pytest.mark.parametrize("broker_class", CLASSES)
@pytest.mark.parametrize("point,nth", PLACEMENTS)
def test_a_desk_killed_while_placing_is_finished_by_the_next(market, broker_class, point, nth):
    broker, desk = market(broker_class, DEAF)
    assert desk.die("place", "body.json", "key", at=point, nth=nth), "it did not pass there"
    if point == PLACE[0]:
        assert broker.placed() == [], "nothing leaves before it is durable"
    receipt = desk.place()
    desk.recover_until_quiet()
    books = audit(desk, broker, receipt, deaf=True)
    doubtful = [row for row in books["orders"] if row["status"] == "unknown"]
    assert len(doubtful) <= (0 if broker_class in SENDS_AGAIN else 1), "no more than the request on the wire"
    assert broker_class != TAG_ECHO or len(broker.truth("accepted")) + len(doubtful) == ORDERS


@pytest.mark.parametrize("broker_class", CLASSES)
@pytest.mark.parametrize("point", RECOVER + WIRE + ["commit.before", "commit.committed", "ingest.before_commit",
                                                    "ingest.committed", "dispatch.before_send", "dispatch.recorded"])
def test_a_recovery_killed_twice_in_a_row_is_finished_by_the_next(market, broker_class, point):
    """The first order is at the broker and its answer was lost, the second never got there, the third had its sender
    killed behind it."""
    broker, desk = market(broker_class, f"place nth=1: lose_answer\nplace nth=2: lose_request\n{DEAF}")
    assert desk.die("place", "body.json", "key", at="wire.written", nth=3)
    passed = [desk.die("recover", at=point) for _ in range(2)]
    sends = point in ("claim.committed", "dispatch.before_send", "dispatch.recorded")
    assert passed[0] or (sends and broker_class not in SENDS_AGAIN), "it did not pass there"
    desk.recover_until_quiet()
    audit(desk, broker, desk.place(), deaf=True)


FAULTS = ["lose_answer", "lose_request", "garbage", "server_error", "throttle", "hang for=1s"]


@pytest.mark.parametrize("broker_class", CLASSES)
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_becomes_of_an_answer_the_request_was_one(market, broker_class, fault):
    broker, desk = market(broker_class, f"place nth=2: {fault}\n{DEAF}",
                          options=("--quiet-ms", 20, "--timeout-ms", 300))
    receipt = desk.place()
    assert len(broker.placed()) == ORDERS, "no request is repeated on the wire, whatever came of it"
    desk.recover_until_quiet()
    audit(desk, broker, receipt, deaf=True)


@pytest.mark.parametrize("broker_class", CLASSES)
def test_an_order_that_is_refused_is_rejected_and_nowhere_else(market, broker_class):
    broker, desk = market(broker_class, "place nth=2: reject")
    receipt = desk.place()
    books = audit(desk, broker, receipt)
    assert [row["status"] for row in books["orders"]] == ["acked", "rejected", "acked"]
    assert len(broker.truth("accepted")) == len(books["book"]) == 2


@pytest.mark.parametrize("broker_class", CLASSES)
@pytest.mark.parametrize("point", WIRE + ["dispatch.before_send", "dispatch.after_send"])
def test_a_desk_that_slept_over_its_lease_harms_nothing_when_it_wakes(market, broker_class, point):
    broker, desk = market(broker_class, DEAF, options=("--quiet-ms", 20, "--lease-ms", 200, "--timeout-ms", 5000))
    sleeper = desk.start("place", "body.json", "key", at=f"{point}:2:stop")
    watchdog = threading.Timer(100, sleeper.kill)
    watchdog.start()
    _, how = os.waitpid(sleeper.pid, os.WUNTRACED)
    assert how & 0xFF == 0x7F, "it stops there"
    desk.recover_until_quiet()
    sleeper.send_signal(signal.SIGCONT)
    output, errors = sleeper.communicate()
    watchdog.cancel()
    assert sleeper.returncode == 0, errors
    desk.recover_until_quiet()
    audit(desk, broker, output, deaf=True)


@pytest.mark.parametrize("broker_class", CLASSES)
def test_a_broker_that_is_down_gets_every_order_once_when_it_is_back(market, broker_class):
    broker, desk = market(broker_class)
    broker.kill()
    receipt = desk.place()
    assert [row["status"] for row in desk.orders()] == ["placed"] * ORDERS
    broker.start()
    desk.recover_until_quiet()
    audit(desk, broker, receipt)
    assert len(broker.truth("accepted")) == ORDERS


@pytest.mark.parametrize("broker_class", CLASSES)
@pytest.mark.parametrize("point", WIRE)
def test_a_broker_that_dies_in_the_middle_of_a_request_is_asked_when_it_is_back(market, broker_class, point):
    broker, desk = market(broker_class)
    placing = desk.start("place", "body.json", "key", at=f"{point}:2:stop")
    watchdog = threading.Timer(100, placing.kill)
    watchdog.start()
    _, how = os.waitpid(placing.pid, os.WUNTRACED)
    assert how & 0xFF == 0x7F, "it stops there"
    broker.kill()
    placing.send_signal(signal.SIGCONT)
    receipt, errors = placing.communicate()
    watchdog.cancel()
    assert placing.returncode == 0, errors
    broker.start()
    desk.recover_until_quiet()
    audit(desk, broker, receipt)


@pytest.mark.parametrize("broker_class", [ENFORCED, TAG_ECHO, NONE])
@pytest.mark.parametrize("point", CHANGE + WIRE)
@pytest.mark.parametrize("change", [("cancel", 2), ("replace", 2, 80)], ids=lambda words: words[0])
def test_a_killed_change_is_finished_by_recovery(market, broker_class, point, change):
    broker, desk = market(broker_class)
    receipt = desk.place()
    assert desk.die(*change, at=point)
    desk.recover_until_quiet()
    books = audit(desk, broker, receipt)
    shown = books["orders"][1]
    if change[0] == "cancel":
        assert shown["status"] == "cancelled"
    else:
        assert (shown["status"], shown["qty"]) == ("acked", 80)


@pytest.mark.parametrize("broker_class", CLASSES)
@pytest.mark.parametrize("point", ["settle.committed", "ingest.before_commit", "ingest.committed"])
def test_executions_count_once_and_settle_once(market, broker_class, point):
    broker, desk = market(broker_class, "order always: duplicate_fills", fill_model="partial")
    settling = ("settle", "2099-01-05")
    if point.startswith("settle"):
        receipt = desk.place()
        desk.recover_until_quiet()
        assert desk.die(*settling, at=point)
    else:
        assert desk.die("place", "body.json", "key", at=point)
        receipt = desk.place()
        desk.recover_until_quiet()
    desk.ok(*settling)
    books = audit(desk, broker, receipt)
    assert [(row["status"], row["fill_qty"]) for row in books["orders"]] == [("settled", 100)] * ORDERS
    assert len(books["executions"]) == 2 * ORDERS


def test_every_failure_point_of_the_wire_is_tried():
    text = (ROOT / "tests" / "fake_broker" / "socket_connector.cpp").read_text()
    assert re.findall(r'\bORCHESTRATOR_FAILPOINT\("([^"]+)"\)', text) == WIRE
