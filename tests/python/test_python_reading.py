"""Orders as an iterator, events as they come, tables and notebooks; by threads and by asyncio."""

import asyncio
import threading
from datetime import datetime, timedelta, timezone
from decimal import Decimal as D

import pytest

import orchestrator as o

ORDER = dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")
NO_TIME = timedelta(0)


def place(oms, count, **named):
    return oms.place([ORDER | {"qty": number + 1} for number in range(count)], portfolio_id=1, **named)


def test_orders_are_walked_page_by_page(in_memory):
    for _ in range(3):
        place(in_memory, 900)
    ids = [order.id for order in in_memory.orders()]
    assert len(ids) == 2700 and ids == sorted(ids)
    assert [order.id for order in in_memory.orders(newest_first=True)] == ids[::-1]
    assert [order.id for order in in_memory.orders(limit=1001)] == ids[:1001]
    assert list(in_memory.orders(limit=0)) == []


def test_orders_are_filtered(in_memory):
    first = place(in_memory, 3)
    second = in_memory.place([ORDER | {"instrument_id": 5}], portfolio_id=2, tenant="other")
    in_memory.cancel(first.orders[0].id)
    in_memory.poll()
    ids = [order.id for order in first.orders]

    def found(**conditions):
        return [order.id for order in in_memory.orders(**conditions)]

    assert found(batch_id=first.batch_id) == ids
    assert found(status="cancelled") == ids[:1]
    assert found(status=[o.OrderStatus.ACKED, "cancelled"], portfolio_id=1) == ids
    assert found(tenant="other") == found(instrument_id=5) == [second.orders[0].id]
    assert found(ids=(ids[2], ids[0])) == [ids[0], ids[2]]
    assert found(client_order_id=first.orders[1].client_order_id) == [ids[1]]
    assert found(created_from=datetime.now(timezone.utc) + timedelta(hours=1)) == []
    assert found(created_from=datetime.now(timezone(timedelta(hours=5))) - timedelta(hours=1)) == [*ids, ids[2] + 1]


@pytest.mark.parametrize("name,value", [
    ("ids", 5), ("ids", [1, "2"]), ("ids", "12"), ("status", "done"), ("status", ["acked", 5]), ("batch_id", 0),
    ("created_from", datetime(2026, 1, 1)), ("created_from", "2026-01-01"), ("limit", -1), ("limit", 1.0),
    ("broker", 1), ("tenant", "\ud800"),
], ids=map(str, range(12)))
def test_a_bad_condition_is_named_at_once(in_memory, name, value):
    with pytest.raises(o.OrchestratorError) as refused:
        in_memory.orders(**{name: value})
    assert refused.value.code is o.ErrorCode.INVALID_ARGUMENT and str(refused.value).startswith(f"{name}: ")


def test_a_naive_datetime_is_refused_with_a_sentence_that_says_why(in_memory):
    with pytest.raises(o.OrchestratorError, match="naive.*tzinfo"):
        in_memory.orders(created_from=datetime(2026, 1, 1))


def test_events_are_read_in_order_and_gone_on_from(in_memory):
    receipt = place(in_memory, 2)
    in_memory.poll()
    events = list(in_memory.events(follow=False))
    assert [event.type for event in events if event.order_id == receipt.orders[0].id] == ["order.placed", "order.acked"]
    assert events[0].subject == "batch/1" and events[0].seq == 1
    assert list(in_memory.events(after=events[-1].log_id, follow=False)) == []
    in_memory.simulate_fill(receipt.orders[1].id, price="2499.25", qty=2)
    news = list(in_memory.events(after=events[-1].log_id, follow=False))
    assert [event.type for event in news] == [o.EventType.ORDER_FILLED]
    assert news[0].data["execution"]["price"] == D("2499.25")
    assert [event.order_id for event in in_memory.events(order_id=receipt.orders[0].id, follow=False)] == [1, 1]


def test_a_follower_gets_what_happens_while_it_waits(in_memory):
    seen = []

    def follow():
        for event in in_memory.events():
            seen.append(event.type)
            if event.type == "order.filled":
                return

    follower = threading.Thread(target=follow)
    follower.start()
    receipt = place(in_memory, 1)
    in_memory.simulate_fill(receipt.orders[0].id, price=2500, qty=1)
    follower.join(60)
    assert not follower.is_alive() and seen[0] == "batch.placed"


def test_a_follower_gives_up_after_its_time(in_memory):
    place(in_memory, 1)
    assert len(list(in_memory.events(timeout=NO_TIME))) > 0
    with pytest.raises(o.OrchestratorError, match="^timeout: "):
        in_memory.events(timeout=5)


def test_orders_become_a_data_frame(in_memory):
    pandas = pytest.importorskip("pandas", reason="Debian: python3-pandas")
    receipt = place(in_memory, 3)
    in_memory.simulate_fill(receipt.orders[1].id, price="2500.5", qty=1)
    frame = in_memory.orders().to_pandas()
    assert list(frame.index) == [1, 2, 3] and frame.index.name == "id"
    assert list(frame["qty"]) == [D(1), D(2), D(3)] and frame["fill_price"][2] == D("2500.5")
    assert frame["fill_price"][1] is None
    assert frame["side"].dtype == "category" and list(frame["side"].cat.categories) == ["BUY", "SELL"]
    assert frame["status"][2] == "partially_filled"
    assert str(frame["created_at"].dtype) == "datetime64[ns, UTC]"
    assert frame["created_at"][1].to_pydatetime() == in_memory.get_order(1).created_at
    assert isinstance(frame, pandas.DataFrame)
    assert list(in_memory.orders(batch_id=99).to_pandas().columns) == list(frame.columns)
    report = in_memory.reconcile(receipt.batch_id).to_pandas()
    assert list(report["symbol"]) == ["#1"] and report["slippage"][0] == D("0.5")
    assert list(receipt.to_pandas()["qty"]) == [1, 2, 3]


def test_notebooks_show_tables_that_escape_what_they_hold(in_memory):
    receipt = in_memory.place([ORDER], portfolio_id=1, tenant="t", idempotency_key="<k>&")
    html = receipt._repr_html_()
    assert "&lt;k&gt;&amp;" in html and "<k>" not in html and "alpaca-mock" in html
    assert "<th>client_order_id</th>" in in_memory.orders()._repr_html_()
    assert "2,500" in in_memory.reconcile(receipt.batch_id)._repr_html_()
    place(in_memory, 30)
    assert "and more" in in_memory.orders()._repr_html_()


def opened():
    return o.AsyncOrchestrator("memory:", mock_ledger="memory:")


def test_calls_are_awaited():
    async def job():
        async with opened() as oms:
            receipt = await oms.place([ORDER, ORDER | {"side": "SELL", "price_limit": 2600}], portfolio_id=1)
            fills = await asyncio.gather(*(
                oms.simulate_fill(order.id, price=order.price_limit, qty=order.qty) for order in receipt.orders))
            assert [fill.order.status for fill in fills] == ["filled", "filled"]
            assert [order.id async for order in oms.orders()] == [1, 2]
            assert (await oms.orders(limit=1).to_pandas()).shape[0] == 1
            types = [event.type async for event in oms.events(timeout=NO_TIME)]
            assert types[0] == "batch.placed" and "batch.completed" in types
            return await oms.reconcile(receipt.batch_id)

    assert asyncio.run(job()).actual_pnl == 10_000


def test_many_calls_in_flight_each_get_their_own_answer(tmp_path):
    async def job():
        async with o.AsyncOrchestrator(f"sqlite:///{tmp_path}/orders.db") as oms:
            receipts = await asyncio.gather(*(
                oms.place([ORDER | {"qty": number + 1}], portfolio_id=1, idempotency_key=f"k{number}")
                for number in range(200)))
            assert [receipt.idempotency_key for receipt in receipts] == [f"k{number}" for number in range(200)]
            assert [receipt.orders[0].qty for receipt in receipts] == list(range(1, 201))
            assert len({receipt.batch_id for receipt in receipts}) == 200

    asyncio.run(job())


def test_failures_come_out_of_the_await():
    async def job():
        async with opened() as oms:
            for call in [lambda: oms.get_order(5), lambda: oms.place([ORDER | {"qty": 0.5}], portfolio_id=1),
                         lambda: oms.get_order("5")]:
                with pytest.raises(o.OrchestratorError):
                    await call()
        with pytest.raises(o.OrchestratorError) as refused:
            await oms.get_order(1)
        assert refused.value.code is o.ErrorCode.CLOSED and oms.closed
        with pytest.raises(o.OrchestratorError, match="async with"):
            await opened().get_order(1)

    asyncio.run(job())


def test_an_order_whose_await_was_cancelled_is_placed_all_the_same():
    async def job():
        async with opened() as oms:
            call = asyncio.ensure_future(oms.place([ORDER], portfolio_id=1, idempotency_key="k"))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await oms.place([ORDER], portfolio_id=1, idempotency_key="k")).batch_id == 1
            assert [order.id async for order in oms.orders()] == [1]

    asyncio.run(job())


def test_closing_while_calls_wait_ends_every_one_of_them():
    async def job():
        oms = o.AsyncOrchestrator("memory:", calls_max=1, mock_ledger="memory:")
        async with oms:
            calls = [asyncio.ensure_future(oms.place([ORDER], portfolio_id=1)) for _ in range(50)]
            await asyncio.sleep(0)
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, o.Receipt) or result.code == "closed" for result in results)

    asyncio.run(job())


@pytest.mark.parametrize("name", ["broker", "client_order_id", "ext_order_id", "tenant"])
def test_an_empty_condition_is_refused_because_it_would_choose_none_or_all(in_memory, name):
    with pytest.raises(o.OrchestratorError, match=f"^{name}: empty; pass None for all"):
        in_memory.orders(**{name: ""})


@pytest.mark.parametrize("name", ["idempotency_key", "tenant"])
def test_an_empty_condition_of_batches_is_refused(in_memory, name):
    with pytest.raises(o.OrchestratorError, match=f"^{name}: empty; pass None for all"):
        in_memory.batches(**{name: ""})


@pytest.mark.parametrize("durable", [False, True], ids=["memory", "sqlite"])
def test_an_empty_list_chooses_nothing_and_a_long_one_what_is_there(durable, database_url):
    with o.Orchestrator(database_url if durable else "memory:", mock_ledger="memory:") as oms:
        oms.place([ORDER] * 3, portfolio_id=1)
        assert list(oms.orders(ids=[])) == list(oms.orders(status=[])) == list(oms.orders(ids=[1], status=())) == []
        assert [order.id for order in oms.orders(ids=range(2, 50_000))] == [2, 3]
        for limit in (0, 1, 2**63 - 1):
            assert len(list(oms.orders(limit=limit))) == min(limit, 3)
            assert len(oms.batches(limit=limit)) == min(limit, 1)
            assert len(oms.audit_trail(limit=limit)) <= limit


def test_a_time_that_no_datetime_holds_is_refused_with_its_reason(in_memory):
    leg = in_memory.place([ORDER], portfolio_id=1).orders[0]
    execution = in_memory.simulate_fill(leg.id, price=2500, qty=1).execution
    _, (_, state) = execution.__reduce__()
    at = (execution.executed_at - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)
    late = state.replace(at.to_bytes(8, "little"), (2**62).to_bytes(8, "little"))
    with pytest.raises(o.OrchestratorError, match="outside the years 1 to 9999") as refused:
        _ = o.Execution._restored(late).executed_at
    assert refused.value.code == "number_overflow"
