"""AsyncOrchestrator at its edges: other event loops, a close that is cancelled, a system without threads."""

import asyncio
import threading
from datetime import timedelta
from decimal import Decimal

import pytest

import orchestrator as o

from my_broker import Silent, mine

ORDER = dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")


def opened(**settings):
    return o.AsyncOrchestrator("memory:", mock_ledger="memory:", **settings)


def test_another_event_loop_is_refused_before_anything_is_placed():
    async def job():
        async with opened() as oms:
            def elsewhere():
                return asyncio.run(oms.place([ORDER], portfolio_id=1))

            with pytest.raises(o.OrchestratorError, match="another event loop") as refused:
                await asyncio.to_thread(elsewhere)
            assert refused.value.code is o.ErrorCode.INVALID_STATE
            assert [order.id async for order in oms.orders()] == []

    asyncio.run(job())


class Slow(o.BrokerConnector):
    """Answers when it is let."""

    orders_max = 10

    def __init__(self):
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def place(self, order):
        self.asked.set()
        self.may_answer.wait()
        return order.client_order_id


async def closing_while_a_call_is_under_way(check):
    broker = Slow()
    oms = await opened(brokers={"mine": broker}).__aenter__()
    session = oms._session
    placing = asyncio.ensure_future(oms.place([ORDER | {"broker": "mine"}], portfolio_id=1))
    await asyncio.to_thread(broker.asked.wait)
    closing = asyncio.ensure_future(oms.close())
    await asyncio.sleep(0)
    try:
        await check(oms, closing)
    finally:
        broker.may_answer.set()
    await oms.close()
    assert session.closed
    assert (await placing).orders[0].id == 1


def test_a_close_that_was_cancelled_closes_all_the_same():
    async def check(oms, closing):
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing

    asyncio.run(closing_while_a_call_is_under_way(check))


def test_every_close_waits_until_the_book_is_closed():
    async def check(oms, closing):
        again = asyncio.ensure_future(oms.close())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not again.done()

    asyncio.run(closing_while_a_call_is_under_way(check))


def test_a_book_whose_calls_cannot_be_made_is_not_left_open(monkeypatch):
    sessions = []

    def session(*arguments):
        sessions.append(o._native.Session(*arguments))
        return sessions[-1]

    monkeypatch.setattr("orchestrator._async.Session", session)

    async def job():
        with pytest.raises(o.OrchestratorError, match="calls_max"):
            await opened(calls_max=0).__aenter__()

    asyncio.run(job())
    assert [session.closed for session in sessions] == [True]


def test_the_text_of_what_is_not_a_url_is_not_shown():
    assert "s3cret" not in repr(o.AsyncOrchestrator("host=h password=s3cret"))
    assert "postgresql" in repr(o.AsyncOrchestrator("postgresql://u:s3cret@h/d"))


@pytest.mark.parametrize("config", [{"a": Decimal(1)}, {"a": float("nan")}, {("a",): 1}],
                         ids=["decimal", "nan", "key"])
def test_broker_settings_that_are_not_json_are_refused_by_name(in_memory, config):
    async def job():
        async with opened() as oms:
            await oms.set_broker("alpaca-mock", config)

    for call in [lambda: in_memory.set_broker("alpaca-mock", config), lambda: asyncio.run(job())]:
        with pytest.raises(o.OrchestratorError, match="^config: ") as refused:
            call()
        assert refused.value.code is o.ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize("verb", ["wait", "recover"])
def test_closing_ends_what_waits_for_a_broker_that_does_not_answer(verb):
    async def job():
        broker = Silent()
        async with opened(brokers={"mine": broker}) as oms:
            receipt = await oms.place([mine()], portfolio_id=1)
            waiting = asyncio.ensure_future(
                oms.wait(receipt.batch_id, timedelta(hours=1)) if verb == "wait" else oms.recover(timedelta(hours=1)))
            await asyncio.to_thread(broker.asked.wait)
        return await waiting

    answer = asyncio.run(job())
    assert answer is False or answer.waiting == 1
