"""Many threads on one orchestrator: every call has an answer, and what was acknowledged is there."""

import itertools
import threading
from datetime import timedelta

import pytest

import orchestrator as o

GOOD = dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")


class Mine(o.BrokerConnector):
    orders_max = 10

    def __init__(self):
        self.numbers = itertools.count(1)

    def place(self, order):
        return f"X{next(self.numbers)}"


class Delivered:
    def __init__(self):
        self.seen = {}

    def publish(self, events):
        for event in events:
            self.seen.setdefault(event.subject, []).append(event.seq)


def run_all(workers):
    """Runs them at the same time, and raises what the first of them raised."""
    start, failures = threading.Barrier(len(workers)), []

    def run(work):
        start.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("mode", ["inline", "background"])
def test_eight_threads_place_while_others_read_cancel_and_publish(database_url, mode):
    receipts, done = [], threading.Event()
    publisher = Delivered()

    def place(portfolio_id):
        for i in range(25):
            order = GOOD | ({"broker": "mine"} if i % 2 else {})
            receipts.append(oms.place([order, order | {"qty": 7}], portfolio_id=portfolio_id))
            if len(receipts) == 8 * 25:
                done.set()

    def read():
        while not done.is_set():
            for receipt in receipts[-3:]:
                assert oms.get_order(receipt.orders[0].id).batch_id == receipt.batch_id
                assert oms.reconcile(receipt.batch_id).total_qty == 107

    def cancel():
        while not done.is_set():
            for receipt in receipts[-2:]:
                try:
                    oms.cancel(receipt.orders[1].id)
                except o.OrchestratorError as error:
                    assert error.code in ("invalid_state", "conflict"), error

    def publish():
        while not done.is_set():
            oms.step()

    with o.Orchestrator(database_url, mode=mode, brokers={"mine": Mine()}, publisher=publisher) as oms:
        run_all([lambda portfolio=i + 1: place(portfolio) for i in range(8)] + [read, cancel, publish])
        for receipt in receipts:
            assert oms.wait(receipt.batch_id, timedelta(seconds=60))
        while oms.publish().published:
            pass
    ids = [leg.id for receipt in receipts for leg in receipt.orders]
    assert sorted(ids) == list(range(1, 8 * 25 * 2 + 1))
    with o.Orchestrator(database_url) as oms:
        for receipt in receipts:
            assert oms.place([oms_order(leg) for leg in receipt.orders], portfolio_id=receipt.portfolio_id,
                             idempotency_key=receipt.idempotency_key).to_json() == receipt.to_json()
    for subject, seen in publisher.seen.items():
        assert list(dict.fromkeys(seen)) == list(range(1, max(seen) + 1)), subject


def oms_order(leg):
    named = {"broker": leg.broker} if leg.broker == "mine" else {}
    return GOOD | {"qty": leg.qty} | named


@pytest.mark.parametrize("mode", ["inline", "background"])
def test_closing_while_others_call_ends_every_call_with_an_answer(database_url, mode):
    receipts = []
    placed = threading.Event()

    def place():
        while True:
            try:
                receipts.append(oms.place([GOOD | {"broker": "mine"}], portfolio_id=1))
                placed.set()
            except o.OrchestratorError as error:
                assert error.code == "closed"
                return

    def close():
        placed.wait()
        oms.close()
        oms.close()

    oms = o.Orchestrator(database_url, mode=mode, brokers={"mine": Mine()}, publisher=Delivered())
    run_all([place] * 8 + [close] * 2)
    assert oms.closed
    with o.Orchestrator(database_url, brokers={"mine": Mine()}) as oms:
        oms.recover()
        for receipt in receipts:
            assert oms.get_order(receipt.orders[0].id).status == "acked"


def test_sixteen_threads_open_and_close_at_once(tmp_path):
    def work(at):
        for _ in range(5):
            with o.Orchestrator(f"sqlite:///{tmp_path}/{at}.db", mode="background", brokers={"mine": Mine()}) as oms:
                oms.place([GOOD | {"broker": "mine"}], portfolio_id=1)

    run_all([lambda at=at: work(at) for at in range(16)])
