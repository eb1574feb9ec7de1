"""Bad input gets an exception that names the argument or the order's index and field; nothing is written."""

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal as D

import pytest

import orchestrator as o

GOOD = dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")


def refusal(call, *arguments, **named):
    with pytest.raises(o.OrchestratorError) as refused:
        call(*arguments, **named)
    return refused.value


def violations_of(oms, **fields):
    error = refusal(oms.place, [GOOD, GOOD | fields], portfolio_id=1)
    assert error.code is o.ErrorCode.VALIDATION_FAILED
    return [(violation.order_index, violation.field, violation.code) for violation in error.violations]


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.mark.parametrize("amount", [
    0.1, math.nan, math.inf, D("NaN"), D("sNaN"), D("-Infinity"), "nan", "1e5", " 1", "1,000", "", "0x1", "1" * 65, True,
    None, b"1", [], {}, object(), 10**10, 10**5000, -(10**5000), D("1E+1000000"), D("1E-10"), D("9223372036.854775808"),
    D("-0"), "-0", "\ud800", Index(ValueError("no")), D("1." + "0" * 80 + "1"), D(10) ** 100,
], ids=map(str, range(100)))
def test_an_amount_that_is_not_exact_and_finite_is_refused_by_index_and_field(in_memory, amount):
    assert violations_of(in_memory, qty=amount) == [(1, "qty", "qty.invalid_decimal")]
    if amount is not None:
        assert violations_of(in_memory, price_limit=amount) == [(1, "price_limit", "price.invalid_decimal")]


def test_a_float_is_refused_with_a_sentence_that_says_why(in_memory):
    error = refusal(in_memory.place, [GOOD | {"price_limit": 2500.1}], portfolio_id=1)
    assert "orders[0]" in str(error) or error.violations[0].order_index == 0
    assert "float" in str(error) and "not exact" in str(error) and "decimal.Decimal" in str(error)


@pytest.mark.parametrize("amount,value", [
    (D("1E+3"), 1000), (D("1.50"), D("1.5")), ("1.50", D("1.5")), (Index(7), 7), (7, 7), (D("1." + "0" * 80), 1),
    (D("9223372036.854775807"), D("9223372036.854775807")), (D("0.000000001"), D("1E-9")),
    (D("0E-100"), 0), (D("0E+1000000"), 0),
], ids=map(str, range(10)))
def test_an_exact_amount_is_taken_at_its_value(amount, value):
    assert o.OrderRequest(1, amount, "BUY").qty == value


@pytest.mark.parametrize("field,value,code", [
    ("instrument_id", 0, "instrument.invalid"), ("instrument_id", -5, "instrument.invalid"),
    ("instrument_id", 2**63, "instrument.invalid"), ("instrument_id", "1", "instrument.invalid"),
    ("instrument_id", 1.0, "instrument.invalid"), ("instrument_id", True, "instrument.invalid"),
    ("instrument_id", None, "instrument.invalid"), ("side", "buy", "side.invalid"), ("side", None, "side.invalid"),
    ("side", 1, "side.invalid"), ("side", "\udfff", "side.invalid"), ("side", o.OrderType.LIMIT, "side.invalid"),
    ("order_type", "LIMIT", "order_type.invalid"), ("time_in_force", 0, "time_in_force.invalid"),
    ("broker", "", "broker.invalid"), ("broker", 5, "broker.invalid"), ("broker", "\ud83d", "broker.invalid"),
    ("slice", 1, "slice.invalid"), ("slice", None, "slice.invalid"), ("stop_price", 1.5, "stop_price.invalid_decimal"),
])
def test_a_value_of_the_wrong_kind_is_refused_by_index_and_field(in_memory, field, value, code):
    assert violations_of(in_memory, **{field: value}) == [(1, field, code)]


def test_unknown_and_missing_fields_are_named(in_memory):
    assert violations_of(in_memory, price=1) == [(1, "price", "field.unknown")]
    error = refusal(in_memory.place, [{1: 2, "\ud800": 3}], portfolio_id=1)
    assert [violation.code for violation in error.violations] == [
        "field.unknown", "field.unknown", "instrument.required", "qty.required", "side.required"]
    assert "instrument_id, qty, side" in error.violations[0].message


@pytest.mark.parametrize("item", [None, 1, "BUY", [1, 100, "BUY"], object()], ids="none int str list object".split())
def test_an_item_that_is_no_order_is_refused_by_index(in_memory, item):
    error = refusal(in_memory.place, [GOOD, item], portfolio_id=1)
    assert [(violation.order_index, violation.code) for violation in error.violations] == [(1, "order.invalid")]


@pytest.mark.parametrize("orders", [None, "orders", b"orders", 5, object()], ids="none str bytes int object".split())
def test_what_is_no_list_of_orders_is_refused_by_name(in_memory, orders):
    error = refusal(in_memory.place, orders, portfolio_id=1)
    assert error.code is o.ErrorCode.INVALID_ARGUMENT and str(error).startswith("orders: ")


def test_too_many_orders_are_refused_before_they_are_read(in_memory):
    assert refusal(in_memory.place, [None] * 32_769, portfolio_id=1).code is o.ErrorCode.LIMIT_EXCEEDED


def test_violations_are_limited(in_memory):
    assert len(refusal(in_memory.place, [None] * 20_000, portfolio_id=1).violations) == 1000


@pytest.mark.parametrize("name,call", [
    ("portfolio_id", lambda oms: oms.place([GOOD], portfolio_id="1")),
    ("portfolio_id", lambda oms: oms.place([GOOD], portfolio_id=0)),
    ("user_id", lambda oms: oms.place([GOOD], portfolio_id=1, user_id=2**70)),
    ("idempotency_key", lambda oms: oms.place([GOOD], portfolio_id=1, idempotency_key=5)),
    ("idempotency_key", lambda oms: oms.place([GOOD], portfolio_id=1, idempotency_key="\ud800")),
    ("idempotency_key", lambda oms: oms.place([GOOD], portfolio_id=1, idempotency_key="")),
    ("tenant", lambda oms: oms.place([GOOD], portfolio_id=1, tenant="")),
    ("expected_head", lambda oms: oms.audit(expected_head="")),
    ("policy", lambda oms: oms.place([GOOD], portfolio_id=1, policy="some")),
    ("tenant", lambda oms: oms.place([GOOD], portfolio_id=1, tenant=None)),
    ("id", lambda oms: oms.get_order("1")),
    ("id", lambda oms: oms.get_order(1.0)),
    ("id", lambda oms: oms.cancel(-1)),
    ("price", lambda oms: oms.simulate_fill(1, price=1.5, qty=1)),
    ("qty", lambda oms: oms.simulate_fill(1, price=1, qty=math.nan)),
    ("as_of", lambda oms: oms.settle("2026-01-01")),
    ("as_of", lambda oms: oms.settle(datetime(2026, 1, 1, tzinfo=timezone.utc))),
    ("patience", lambda oms: oms.recover(5)),
    ("patience", lambda oms: oms.recover(timedelta(seconds=-1))),
    ("batch_id", lambda oms: oms.reconcile(None)),
])
def test_a_bad_argument_is_named(in_memory, name, call):
    error = refusal(call, in_memory)
    assert error.code is o.ErrorCode.INVALID_ARGUMENT
    assert str(error).startswith(f"{name}: "), str(error)


@pytest.mark.parametrize("settings", [
    dict(strict=1), dict(mode="threads"), dict(lease=30), dict(orders_max=-1), dict(price_collar=0.2), dict(typo=1),
    dict(kafka_properties={"a": 1}), dict(duplicates="no"), dict(settlement_days=31),
], ids=lambda settings: next(iter(settings)))
def test_a_bad_setting_is_named(settings):
    error = refusal(o.Orchestrator, "memory:", **settings)
    assert error.code is o.ErrorCode.INVALID_ARGUMENT and str(error).startswith(next(iter(settings)))


def test_a_bad_url_is_refused():
    assert refusal(o.Orchestrator, "mysql://here").code is o.ErrorCode.CONFIGURATION
    assert refusal(o.Orchestrator, 5).code is o.ErrorCode.INVALID_ARGUMENT


def test_a_closed_orchestrator_refuses_every_call():
    oms = o.Orchestrator("memory:", mock_ledger="memory:")
    oms.close()
    oms.close()
    for call in [lambda: oms.place([GOOD], portfolio_id=1), lambda: oms.get_order(1), oms.step, oms.recover]:
        assert refusal(call).code is o.ErrorCode.CLOSED
    assert oms.closed and repr(oms) == "<orchestrator.Orchestrator memory closed>"


def test_a_list_that_changes_while_it_is_read_is_refused(in_memory):
    orders = []

    class Shrinking:
        def __index__(self):
            orders.clear()
            return 1

    orders += [GOOD | {"qty": Shrinking()}, dict(GOOD)]
    error = refusal(in_memory.place, orders, portfolio_id=1)
    assert error.code is o.ErrorCode.INVALID_ARGUMENT and "changed" in str(error)


def test_a_dict_that_changes_while_it_is_read_is_refused(in_memory):
    order = {}

    class Emptying:
        def __index__(self):
            order.clear()
            order.update({str(number): object() for number in range(1000)})
            return 1

    order.update(qty=Emptying(), instrument_id=1, side="BUY")
    error = refusal(in_memory.place, [order], portfolio_id=1)
    assert "changed while it was read" in str(error)


def test_an_interrupt_in_an_object_of_the_caller_is_passed_on(in_memory):
    class Interrupting:
        def __index__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_memory.place([GOOD | {"qty": Interrupting()}], portfolio_id=1)


def test_decimals_are_read_alike_with_and_without_looking_into_the_object():
    native = o._native
    assert native._set_direct_decimals(False), "this interpreter's Decimals are laid out in a way that is not known"
    try:
        values = [D(text) for text in ("1", "1.5", "1E+3", "1E-9", "123456789.987654321", "9223372036.854775807",
                                       "-9223372036.854775807", "1E-10", "1E+10", "0", "12345678901234567890")]
        def read():
            results = []
            for value in values:
                try:
                    results.append(o.OrderRequest(1, value, "BUY").qty)
                except o.OrchestratorError as error:
                    results.append([violation.to_dict() for violation in error.violations])
            return results
        by_text = read()
        native._set_direct_decimals(True)
        assert read() == by_text
    finally:
        native._set_direct_decimals(True)


@pytest.mark.parametrize("local,hours", [(datetime.max, -12), (datetime.min, 12)])
def test_a_time_outside_the_years_1_to_9999_in_utc_is_refused_by_name(in_memory, local, hours):
    assert list(in_memory.orders(created_from=local.replace(tzinfo=timezone.utc))) == []
    error = refusal(lambda: list(in_memory.orders(created_from=local.replace(tzinfo=timezone(timedelta(hours=hours))))))
    assert error.code is o.ErrorCode.INVALID_ARGUMENT and str(error).startswith("created_from: is outside the years")


@pytest.mark.parametrize("lease", [timedelta.max, timedelta(microseconds=2**64 + 1000), timedelta(days=36_500)], ids=str)
def test_a_duration_of_a_century_is_refused_by_name(lease):
    error = refusal(o.Orchestrator, "memory:", lease=lease)
    assert error.code is o.ErrorCode.INVALID_ARGUMENT and str(error) == "lease: is 36,500 days or more"


def test_waiting_has_no_longest_time(in_memory):
    receipt = in_memory.place([GOOD], portfolio_id=1)
    in_memory.cancel(receipt.orders[0].id)
    in_memory.step()
    assert in_memory.wait(receipt.batch_id, timedelta.max)
    assert in_memory.recover(timedelta.max).waiting == 0


def places_more_than_a_batch_holds(oms, of):
    given = 0

    def endless():
        nonlocal given
        while given < 100_000:
            given += 1
            yield GOOD

    error = refusal(oms.place, of(endless()), portfolio_id=1)
    assert error.code is o.ErrorCode.LIMIT_EXCEEDED and given == 32_769
    return str(error)


def test_a_generator_without_an_end_is_left_at_the_limit(in_memory):
    assert places_more_than_a_batch_holds(in_memory, lambda orders: orders).startswith("orders: ")
    assert places_more_than_a_batch_holds(in_memory, lambda column: {"qty": column}).startswith("orders['qty']: ")


@pytest.mark.parametrize("of", [lambda given: given, lambda given: {"qty": given}], ids=["orders", "column"])
@pytest.mark.parametrize("raised", [TypeError, ValueError, KeyboardInterrupt])
def test_what_a_generator_of_the_caller_raises_is_passed_on(in_memory, of, raised):
    def failing():
        yield GOOD
        raise raised("mine")

    with pytest.raises(raised, match="^mine$"):
        in_memory.place(of(failing()), portfolio_id=1)


@pytest.mark.parametrize("orders", [5, {"qty": 5}], ids=["orders", "column"])
def test_what_cannot_be_iterated_is_refused_by_name(in_memory, orders):
    assert str(refusal(in_memory.place, orders, portfolio_id=1)).endswith(": an int is not a list")
