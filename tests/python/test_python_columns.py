"""Tables by columns: into place(), and out of the book."""

import ctypes
from datetime import datetime, timezone
from decimal import Decimal as D

import pytest
from my_broker import NOW, MyBroker, open_with, place_one

import orchestrator as o

numpy = pytest.importorskip("numpy", reason="Debian: python3-numpy")
pandas = pytest.importorskip("pandas", reason="Debian: python3-pandas")

ROWS = [
    dict(instrument_id=1, qty=100, side="BUY", price_limit=2500),
    dict(instrument_id=2, qty=50, side="SELL", price_limit=2600),
    dict(instrument_id=3, qty=7, side="BUY", price_limit=10),
]


def columns(**others):
    return {name: [row[name] for row in ROWS] for name in ROWS[0]} | others


def terms(oms):
    return [(order.instrument_id, order.qty, order.side, order.price_limit) for order in oms.orders()]


EXPECTED = [(1, 100, "BUY", 2500), (2, 50, "SELL", 2600), (3, 7, "BUY", 10)]


def as_frame(table):
    return pandas.DataFrame(table)


def as_arrays(table):
    return {name: numpy.array(values) for name, values in table.items()}


def as_objects(table):
    return {name: numpy.array(values, dtype=object) for name, values in table.items()}


def as_small_numbers(table):
    return as_arrays(table) | {"instrument_id": numpy.array(table["instrument_id"], "u1"),
                               "qty": numpy.array(table["qty"], "i2"), "price_limit": numpy.array(table["price_limit"], "u8")}


def as_decimals(table):
    return table | {"price_limit": [D(price) for price in table["price_limit"]], "qty": list(map(str, table["qty"]))}


def as_structure(table):
    kinds = [("instrument_id", "i8"), ("qty", "i4"), ("side", "U4"), ("price_limit", "i8")]
    return numpy.array(list(zip(*table.values())), dtype=kinds)


def as_every_second_value(table):
    return {name: numpy.repeat(numpy.array(values), 2)[::2] for name, values in table.items()}


def as_categories(table):
    frame = pandas.DataFrame(table)
    return frame.assign(side=frame["side"].astype("category"))


@pytest.mark.parametrize("form", [dict, as_frame, as_arrays, as_objects, as_small_numbers, as_decimals, as_structure,
                                  as_every_second_value, as_categories], ids=lambda form: form.__name__)
def test_a_table_is_placed_by_columns(in_memory, form):
    receipt = in_memory.place(form(columns()), portfolio_id=1, idempotency_key="k")
    assert len(receipt.orders) == 3 and terms(in_memory) == EXPECTED
    assert in_memory.place(ROWS, portfolio_id=1, idempotency_key="k").replayed, "columns and dicts are one request"


def test_optional_columns_may_hold_nothing(in_memory):
    table = columns(order_type=["limit", None, "market"], price_limit=[2500, D("2600.5"), None],
                    slice=numpy.array([False, False, True]), broker=[None, "zerodha-mock", None])
    placed = in_memory.place(table, portfolio_id=1)
    orders = [in_memory.get_order(order.id) for order in placed.orders]
    assert [order.order_type for order in orders] == ["limit", "limit", "market"]
    assert [order.price_limit for order in orders] == [2500, D("2600.5"), None]
    assert [order.broker for order in orders] == ["alpaca-mock", "zerodha-mock", "alpaca-mock"]


def refusal(oms, table):
    with pytest.raises(o.OrchestratorError) as refused:
        oms.place(table, portfolio_id=1)
    return refused.value


@pytest.mark.parametrize("table", [
    columns(price_limit=numpy.array([1.5, 2.5, 3.5])), columns(qty=numpy.array([1, 2, 3], "f4")),
    pandas.DataFrame(columns(price_limit=[1.0, 2.0, float("nan")])),
], ids="float64 float32 frame".split())
def test_a_column_of_floats_is_refused_by_name_with_a_sentence_that_says_why(in_memory, table):
    error = refusal(in_memory, table)
    assert error.code is o.ErrorCode.INVALID_ARGUMENT
    assert str(error).startswith("orders['") and "not exact" in str(error)


@pytest.mark.parametrize("field,values,bad", [
    ("qty", numpy.array([1, 2**62, 3]), 1), ("instrument_id", numpy.array([1, 0, 3]), 1),
    ("instrument_id", numpy.array([1, 2, 2**63], "u8"), 2), ("side", numpy.array(["BUY", "SELL", "HOLD"]), 2),
    ("price_limit", numpy.array([1, 2.5, 3], dtype=object), 1), ("price_limit", [1, 2, float("inf")], 2),
    ("qty", ["1", "x", "3"], 1), ("side", numpy.array(["BUYS", "SELL", "BUY"]), 0),
    ("price_limit", pandas.array([1, None, 3], dtype="Int64"), 1),
    ("qty", [1, 2, numpy.datetime64("2026-01-01")], 2),
], ids=map(str, range(10)))
def test_a_bad_value_in_a_column_is_refused_by_row_and_field(in_memory, field, values, bad):
    table = pandas.DataFrame(columns()).assign(**{field: values}) if hasattr(values, "isna") else columns(**{field: values})
    assert [(violation.order_index, violation.field) for violation in refusal(in_memory, table).violations] == [(bad, field)]


def test_columns_of_different_lengths_are_refused(in_memory):
    assert "2 values" in str(refusal(in_memory, columns(side=["BUY", "SELL"])))


@pytest.mark.parametrize("table", [
    columns(side=numpy.array([1, 2, 3])), columns(slice=numpy.array([1, 0, 1])), columns(qty=numpy.array([[1], [2], [3]])),
    columns(qty=numpy.array([1, 2, 3], ">i8")), columns(qty=5), columns(qty=b"123"), columns(side="BUY"),
    columns(qty=numpy.array([1j, 2, 3])),
], ids=map(str, range(8)))
def test_a_column_that_cannot_be_one_is_refused_by_name(in_memory, table):
    error = refusal(in_memory, table)
    assert error.code is o.ErrorCode.INVALID_ARGUMENT and str(error).startswith("orders['"), str(error)


def test_unknown_and_missing_columns_are_named(in_memory):
    table = columns(price=[1, 2, 3])
    del table["side"]
    assert [(violation.order_index, violation.field, violation.code) for violation in refusal(in_memory, table).violations] == [
        (None, "price", "field.unknown"), (None, "side", "side.required")]


def test_too_many_rows_are_refused(in_memory):
    assert refusal(in_memory, {"qty": numpy.ones(40_000, "i8")}).code is o.ErrorCode.LIMIT_EXCEEDED


def test_an_empty_table_is_an_empty_batch(in_memory):
    assert [violation.code for violation in refusal(in_memory, pandas.DataFrame(columns())[:0]).violations] == ["batch.empty"]


def test_a_table_of_orders_holds_what_the_orders_hold(in_memory):
    placed = in_memory.place(ROWS, portfolio_id=1)
    in_memory.simulate_fill(placed.orders[0].id, price="2500.25", qty=100)
    in_memory.simulate_fill(placed.orders[1].id, price="2600.1", qty=3)
    in_memory.cancel(placed.orders[2].id)
    in_memory.poll()
    frame = in_memory.orders().to_pandas().reset_index()
    orders = [order.to_dict() for order in in_memory.orders()]
    assert list(frame.columns) == list(orders[0])
    for row, order in zip(frame.to_dict("records"), orders):
        for name, value in order.items():
            held = row[name]
            if isinstance(held, pandas.Timestamp):
                held = held.to_pydatetime()
            assert held == value or held is pandas.NaT and value is None, name
    assert len(in_memory.orders(limit=2).to_pandas()) == 2
    assert list(in_memory.orders(newest_first=True).to_pandas().index) == [3, 2, 1]


def test_a_table_larger_than_a_page_is_read_whole(in_memory):
    for number in range(3):
        in_memory.place({"instrument_id": range(1, 9001), "qty": numpy.full(9000, 5), "side": ["BUY"] * 9000,
                         "price_limit": numpy.full(9000, number + 1)}, portfolio_id=1)
    frame = in_memory.orders().to_pandas()
    assert list(frame.index) == list(range(1, 27_001))
    assert len(in_memory.orders(limit=15_000).to_pandas()) == 15_000


def test_columns_of_ctypes_are_read_though_they_name_no_strides(in_memory):
    table = columns(instrument_id=(ctypes.c_int64 * 3)(1, 2, 3), qty=(ctypes.c_int16 * 3)(100, 50, 7))
    in_memory.place(table, portfolio_id=1)
    assert terms(in_memory) == EXPECTED


def test_a_pointer_to_no_object_in_a_column_is_none(in_memory):
    with pytest.raises(o.OrchestratorError) as refused:
        in_memory.place(columns(qty=(ctypes.py_object * 3)()), portfolio_id=1)
    assert [(violation.order_index, violation.code) for violation in refused.value.violations] == [
        (index, "qty.invalid_decimal") for index in range(3)]


@pytest.mark.parametrize("year", [1, 1600, 2300, 9999])
def test_a_time_that_nanoseconds_do_not_hold_is_no_time_in_a_table(year):
    broker = MyBroker()
    with open_with(broker) as oms:
        place_one(oms)
        broker.reports.append(o.BrokerReport(
            kind="execution", at=NOW, ext_order_id="X1", execution=o.BrokerExecution(
                execution_id="E", qty=100, price=1, executed_at=datetime(year, 6, 1, tzinfo=timezone.utc))))
        oms.poll()
        (order,) = oms.orders()
        assert order.executed_at.year == year
        (executed_at,) = oms.orders().to_pandas()["executed_at"]
        assert executed_at is pandas.NaT


@pytest.mark.parametrize("field", ["instrument_id", "qty", "price_limit"])
@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_a_number_of_a_column_that_does_not_fit_is_refused_as_it_stands(in_memory, field, number):
    with pytest.raises(o.OrchestratorError) as refused:
        in_memory.place(columns(**{field: numpy.array([1, number, 1], "u8")}), portfolio_id=1)
    (violation,) = refused.value.violations
    assert (violation.order_index, violation.field) == (1, field)
    assert "does not fit" in violation.message or str(number) in violation.message
