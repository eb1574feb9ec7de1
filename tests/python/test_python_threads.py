"""Many Python threads on one orchestrator: each order once, nobody waits for the interpreter lock, nothing deadlocks."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

import orchestrator as o

from my_broker import Silent, mine, open_with

ORDER = dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")
THREADS = 8


def in_threads(work, count=THREADS):
    """Runs work(number) in threads that start together; the first failure comes out."""
    start = threading.Barrier(count)

    def run(number):
        start.wait(60)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_threads_that_race_with_one_key_get_one_batch(oms):
    for number in range(10):
        receipts = in_threads(lambda _: oms.place([ORDER], portfolio_id=1, idempotency_key=f"k{number}"))
        assert len({receipt.batch_id for receipt in receipts}) == 1
        assert len({receipt.to_json() for receipt in receipts}) == 1
        assert [receipt.replayed for receipt in receipts].count(False) == 1
    assert len(list(oms.orders())) == 10


def test_threads_that_place_at_once_each_get_their_own_orders(oms):
    def desk(number):
        return [oms.place([ORDER | {"qty": 1 + number}] * 2, portfolio_id=1 + number).orders for _ in range(10)]

    legs = [leg for receipts in in_threads(desk) for receipt in receipts for leg in receipt]
    assert len({leg.id for leg in legs}) == len(legs) == THREADS * 20
    assert [order.portfolio_id for order in oms.orders()].count(1) == 20


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


def test_closing_waits_for_the_calls_of_other_threads(database_url):
    oms = o.Orchestrator(database_url)
    outcomes = []

    def caller():
        for number in range(10_000):
            try:
                outcomes.append(oms.place([ORDER], portfolio_id=1).batch_id)
            except o.OrchestratorError as error:
                outcomes.append(error.code)
                return

    threads = [threading.Thread(target=caller) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 8:
        time.sleep(0.001)
    oms.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert outcomes.count("closed") == 4
    with o.Orchestrator(database_url) as again:
        assert len(list(again.orders())) == len(outcomes) - 4


@pytest.mark.parametrize("mode", o.Mode)
def test_opening_and_closing_many_times_leaves_no_thread(tmp_path, mode):
    before = len(list(os.scandir("/proc/self/task")))
    for number in range(10):
        with o.Orchestrator(f"sqlite:///{tmp_path}/{number}.db", mode=mode) as oms:
            oms.place([ORDER], portfolio_id=1)
    assert len(list(os.scandir("/proc/self/task"))) == before


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
