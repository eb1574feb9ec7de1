"""The main job: place, fill, reconcile; and what each verb answers."""

import json
import pickle
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal as D
from pathlib import Path

import pytest

import orchestrator as o

TWO_ORDERS = [
    dict(instrument_id=1, qty=100, side="BUY", price_limit=D("2500")),
    dict(instrument_id=2, qty=50, side="SELL", price_limit="2600.0"),
]


def test_two_orders_are_placed_filled_and_reconciled_to_the_last_digit(database_url):
    with o.Orchestrator(database_url) as oms:
        receipt = oms.place(portfolio_id=1, idempotency_key="rebalance-2026-11-23", orders=TWO_ORDERS)
        for order, (price, qty) in zip(receipt.orders, [(D(2500), 100), (D(2600), 50)]):
            oms.simulate_fill(order.id, price=price, qty=qty)
        report = oms.reconcile(receipt.batch_id)
    assert report.actual_pnl == D(5000) and isinstance(report.actual_pnl, D)
    assert (report.total_qty, report.filled_qty) == (150, 150)
    assert (report.total_value, report.filled_value, report.expected_pnl) == (380000, 380000, 5000)
    assert report.status is o.BatchStatus.COMPLETED


def test_what_was_placed_is_there_after_opening_again(database_url):
    with o.Orchestrator(database_url) as oms:
        placed = oms.place(TWO_ORDERS, portfolio_id=1)
    with o.Orchestrator(database_url) as oms:
        assert [oms.get_order(order.id).client_order_id for order in placed.orders] == [
            order.client_order_id for order in placed.orders
        ]


def test_the_same_key_and_request_get_the_same_receipt_byte_for_byte(oms):
    first = oms.place(TWO_ORDERS, portfolio_id=1, idempotency_key="k")
    again = oms.place(TWO_ORDERS, portfolio_id=1, idempotency_key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert first.to_json() == again.to_json()


def test_the_same_key_with_another_request_is_refused(oms):
    oms.place(TWO_ORDERS, portfolio_id=1, idempotency_key="k")
    with pytest.raises(o.OrchestratorError) as refused:
        oms.place(TWO_ORDERS[:1], portfolio_id=1, idempotency_key="k")
    assert refused.value.code is o.ErrorCode.IDEMPOTENCY_CONFLICT
    assert not refused.value.retryable and not refused.value.in_doubt


def test_a_book_in_memory_answers_a_known_key_with_no_cache_beside_it(in_memory):
    assert [part.role for part in in_memory.health().dependencies] == ["order_store"]
    first, again = (in_memory.place(TWO_ORDERS, portfolio_id=1, idempotency_key="k") for _ in range(2))
    assert (first.replayed, again.replayed) == (False, True)
    assert first.to_json() == again.to_json()
    with pytest.raises(o.OrchestratorError) as refused:
        in_memory.place(TWO_ORDERS[:1], portfolio_id=1, idempotency_key="k")
    assert refused.value.code is o.ErrorCode.IDEMPOTENCY_CONFLICT


def test_an_order_shows_words_as_enums_amounts_as_decimals_and_times_as_aware_datetimes(oms):
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    receipt = oms.place([dict(instrument_id=7, qty=15, side="SELL", price_limit="0.000000001")], portfolio_id=3)
    order = oms.get_order(receipt.orders[0].id)
    assert order.side is o.Side.SELL and order.side == "SELL"
    assert order.order_type is o.OrderType.LIMIT and order.status is o.OrderStatus.ACKED
    assert (order.qty, order.price_limit) == (15, D("0.000000001"))
    assert str(order.price_limit) in ("0.000000001", "1E-9")
    assert before < order.created_at < before + timedelta(minutes=5)
    assert order.created_at.tzinfo is timezone.utc
    assert order.fill_price is None and order.settled_at is None and order.reason is None


def test_an_order_is_cancelled_replaced_filled_and_settled(oms):
    receipt = oms.place([TWO_ORDERS[0], TWO_ORDERS[0] | {"qty": 7}], portfolio_id=1)
    first, second = (order.id for order in receipt.orders)
    assert oms.replace(first, qty=D(120), price_limit="2501").status in ("replace_pending", "acked")
    oms.poll()
    assert (oms.get_order(first).qty, oms.get_order(first).price_limit) == (120, 2501)
    oms.cancel(second)
    oms.poll()
    assert oms.get_order(second).status is o.OrderStatus.CANCELLED
    fill = oms.simulate_fill(first, price=2501, qty=120)
    assert fill.order.status is o.OrderStatus.FILLED and fill.execution.price == 2501
    assert oms.executions(first) == [fill.execution]
    assert oms.settle(date(2999, 1, 1)).settled == [first]
    assert oms.get_batch(receipt.batch_id).status is o.BatchStatus.PARTIALLY_COMPLETED


def test_recovery_finds_nothing_in_an_orderly_book(oms):
    oms.place(TWO_ORDERS, portfolio_id=1)
    assert oms.recover().reports == 2  # the broker's acknowledgements
    assert oms.recover() == oms.recover(timedelta(0))
    assert oms.recover().to_dict() == dict.fromkeys(
        ["abandoned", "adopted", "resent", "parked", "waiting", "sent", "reports"], 0)


def test_a_preview_writes_nothing(oms):
    preview = oms.preview(TWO_ORDERS, portfolio_id=1)
    assert preview.batch_id is None and [order.id for order in preview.orders] == [None, None]
    assert preview.orders[0].broker == "alpaca-mock"
    with pytest.raises(o.OrchestratorError, match="no batch 1"):
        oms.get_batch(1)


def test_each_places_the_good_orders_and_reports_the_bad_ones(oms):
    receipt = oms.place([TWO_ORDERS[0], TWO_ORDERS[1] | {"qty": "0.5"}], portfolio_id=1, policy="each")
    good, bad = receipt.orders
    assert good.id is not None and good.violations == []
    assert bad.id is None and [violation.code for violation in bad.violations] == ["qty.below_lot"]


def test_a_refused_request_lists_every_violation(oms):
    with pytest.raises(o.OrchestratorError) as refused:
        oms.place([TWO_ORDERS[0] | {"qty": -1}, TWO_ORDERS[1] | {"qty": "0.5"}], portfolio_id=1)
    assert refused.value.code == "validation_failed"
    assert [(v.order_index, v.field, v.code, v.severity) for v in refused.value.violations] == [
        (0, "qty", "qty.not_positive", "error"), (1, "qty", "qty.below_lot", "error")]


def numbers_as_text(document):
    return json.loads(document, parse_float=str, parse_int=str)


def as_json(value):
    """A value of to_dict() as the library writes it in JSON."""
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return format(D(value), "f")


def test_to_dict_holds_the_fields_of_to_json_in_its_order(oms):
    receipt = oms.place(TWO_ORDERS, portfolio_id=1)
    fill = oms.simulate_fill(receipt.orders[0].id, price="2499.5", qty=3)
    report = oms.reconcile(receipt.batch_id)
    records = [fill.order, fill.execution, oms.get_batch(receipt.batch_id), report, oms.recover()]
    for record in records:
        document = numbers_as_text(record.to_json())
        assert as_json(record.to_dict()) == document, type(record)
        assert list(record.to_dict()) == list(document), type(record)


def test_records_are_equal_by_value_and_show_what_they_hold(oms):
    receipt = oms.place(TWO_ORDERS, portfolio_id=1)
    order = oms.get_order(receipt.orders[0].id)
    assert order == oms.get_order(order.id) and order != oms.get_order(receipt.orders[1].id) and order != 1
    assert repr(order).startswith(f"Order(id={order.id}, batch_id=1, portfolio_id=1, broker='alpaca-mock'")
    assert "qty=Decimal('100')" in repr(order) and "fill_price" not in repr(order)
    with pytest.raises(AttributeError):
        order.qty = 1


def test_order_requests_are_taken_beside_dicts(oms):
    request = o.OrderRequest(1, "100.0", o.Side.BUY, price_limit=2500, time_in_force="gtc")
    assert request == o.OrderRequest(instrument_id=1, qty=100, side="BUY", price_limit=D("2.5E+3"),
                                     time_in_force=o.TimeInForce.GTC)
    assert (request.qty, request.broker, request.slice) == (100, None, False)
    receipt = oms.place((item for item in [request, TWO_ORDERS[1]]), portfolio_id=1)
    assert oms.get_order(receipt.orders[0].id).time_in_force is o.TimeInForce.GTC


def test_settings_reach_the_library(tmp_path):
    url = f"sqlite:///{tmp_path}/orders.db"
    with o.Orchestrator(url, deployment="q7", strict=True, events_file=str(tmp_path / "events.jsonl")) as oms:
        with pytest.raises(o.OrchestratorError) as refused:
            oms.place(TWO_ORDERS, portfolio_id=1)
        assert {violation.code for violation in refused.value.violations} == {"instrument.unknown"}
    with o.Orchestrator(url, deployment="q7", events_file=str(tmp_path / "events.jsonl")) as oms:
        receipt = oms.place(TWO_ORDERS, portfolio_id=1)
        assert receipt.orders[0].client_order_id.startswith("q7")
        assert oms.publish().published > 0
    assert json.loads((tmp_path / "events.jsonl").read_text().splitlines()[0])["type"] == "batch.placed"


def test_the_version_is_that_of_the_library():
    header = (Path(__file__).resolve().parents[2] / "include/orchestrator/version.hpp").read_text()
    assert f'#define ORCHESTRATOR_VERSION "{o.__version__}"' in header


def test_an_error_survives_the_way_out_of_another_process(oms):
    with pytest.raises(o.OrchestratorError) as refused:
        oms.get_order(5)
    again = pickle.loads(pickle.dumps(refused.value))
    assert type(again) is o.OrchestratorError and str(again) == str(refused.value)
    assert (again.code, again.retryable, again.in_doubt) == (o.ErrorCode.NOT_FOUND, False, False)
