"""Many Python threads on one orchestrator: every call has an answer, each order is there once, and nobody waits for
the interpreter lock."""

import itertools
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from my_broker import Silent, mine, open_with

import orchestrator as o

ORDER = dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")
THREADS = 8


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
    """Runs them in threads that start together; what they return, or what the first of them raised."""
    start = threading.Barrier(len(workers))

    def run(work):
        start.wait(60)
        return work()

    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(run, workers))


def in_threads(work, count=THREADS):
    """Runs work(number) in threads that start together."""
    return run_all([lambda number=number: work(number) for number in range(count)])


def test_threads_that_race_with_one_key_get_one_batch(oms):
    for number in range(10):
        receipts = in_threads(lambda _: oms.place([ORDER], portfolio_id=1, idempotency_key=f"k{number}"))
        assert len({receipt.batch_id for receipt in receipts}) == 1
        assert len({receipt.to_json() for receipt in receipts}) == 1
        assert [receipt.replayed for receipt in receipts].count(False) == 1
    assert len(list(oms.orders())) == 10


@pytest.mark.parametrize("mode", ["inline", "background"])
def test_eight_threads_place_while_others_read_cancel_and_publish(database_url, mode):
    receipts, done = [], threading.Event()
    publisher = Delivered()

    def place(portfolio_id):
        for i in range(25):
            order = ORDER | ({"broker": "mine"} if i % 2 else {})
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
    return ORDER | {"qty": leg.qty} | named


def test_fills_of_many_threads_execute_no_more_than_was_ordered(oms):
    order_id = oms.place([ORDER], portfolio_id=1).orders[0].id

    def fill(_):
        filled = 0
        for _ in range(20):
            try:
                oms.simulate_fill(order_id, price=2500, qty=1)
                filled += 1
            except o.OrchestratorError as error:
                assert error.code in ("limit_exceeded", "invalid_state", "conflict"), error
        return filled

    assert sum(in_threads(fill)) == 100
    order = oms.get_order(order_id)
    assert order.status is o.OrderStatus.FILLED and order.fill_qty == 100 and not order.overfilled


def test_the_interpreter_goes_on_while_a_call_waits_for_a_broker(oms):
    oms.set_broker("alpaca-mock", {"fault_script": "place nth=1: hang for=3s"})
    oms.close()
    with o.Orchestrator(oms._url) as again, ThreadPoolExecutor(1) as pool:
        begun = threading.Event()

        def place():
            begun.set()
            return again.place([ORDER], portfolio_id=1)

        waiting = pool.submit(place)
        assert begun.wait(60)
        time.sleep(0.05)  # gives the lock away, so that the call takes it and has to give it back
        assert not waiting.done()
        receipt = waiting.result()
        assert again.get_order(receipt.orders[0].id).status is o.OrderStatus.UNKNOWN


@pytest.mark.parametrize("mode", ["inline", "background"])
def test_closing_while_others_call_ends_every_call_with_an_answer(database_url, mode):
    receipts = []
    placed = threading.Event()

    def place():
        while True:
            try:
                receipts.append(oms.place([ORDER | {"broker": "mine"}], portfolio_id=1))
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


@pytest.mark.parametrize("mode", o.Mode)
def test_opening_and_closing_many_times_leaves_no_thread(tmp_path, mode):
    before = len(list(os.scandir("/proc/self/task")))
    for number in range(10):
        with o.Orchestrator(f"sqlite:///{tmp_path}/{number}.db", mode=mode) as oms:
            oms.place([ORDER], portfolio_id=1)
    assert len(list(os.scandir("/proc/self/task"))) == before


def test_sixteen_threads_open_and_close_at_once(tmp_path):
    def work(at):
        for _ in range(5):
            with o.Orchestrator(f"sqlite:///{tmp_path}/{at}.db", mode="background", brokers={"mine": Mine()}) as oms:
                oms.place([ORDER | {"broker": "mine"}], portfolio_id=1)

    run_all([lambda at=at: work(at) for at in range(16)])


def test_background_threads_follow_an_order_that_nobody_drives(database_url):
    with o.Orchestrator(database_url, mode="background", poll_interval=timedelta(milliseconds=10)) as oms:
        receipt = oms.place([ORDER], portfolio_id=1)
        assert oms.wait(receipt.batch_id, timedelta(seconds=60))
        assert oms.get_order(receipt.orders[0].id).status is o.OrderStatus.ACKED


WAITS = {"wait": lambda oms, receipt: oms.wait(receipt.batch_id, timedelta(hours=1)),
         "recover": lambda oms, receipt: oms.recover(timedelta(hours=1))}


@pytest.mark.parametrize("mode", o.Mode)
@pytest.mark.parametrize("verb", WAITS)
def test_a_signal_ends_a_call_that_waits_long_before_its_time(mode, verb):
    class Signalled(BaseException):
        pass

    def signalled(*_):
        raise Signalled

    broker = Silent()
    interrupter = threading.Thread(target=lambda: broker.asked.wait() and os.kill(os.getpid(), signal.SIGUSR1))
    before = signal.signal(signal.SIGUSR1, signalled)
    try:
        with open_with(broker, mode=mode) as oms, pytest.raises(Signalled):
            receipt = oms.place([mine()], portfolio_id=1)
            while oms.get_order(receipt.orders[0].id).status is not o.OrderStatus.UNKNOWN:
                pass  # in background mode another thread sends it: before, there is nothing to recover
            interrupter.start()
            WAITS[verb](oms, receipt)
    finally:
        interrupter.join()
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("verb", WAITS)
def test_closing_ends_a_call_of_another_thread_that_waits(verb):
    broker = Silent()
    with open_with(broker) as oms, ThreadPoolExecutor(1) as pool:
        receipt = oms.place([mine()], portfolio_id=1)
        waiting = pool.submit(WAITS[verb], oms, receipt)
        assert broker.asked.wait(60)
        oms.close()
        answer = waiting.result()
    assert answer is False or answer.waiting == 1
