"""Whatever is passed: a receipt or violations, never anything else; and amounts come back as they went in."""

import gc
import math
from decimal import Decimal

import pytest

import orchestrator as o

hypothesis = pytest.importorskip("hypothesis", reason="Debian: python3-hypothesis")
given, settings, st = hypothesis.given, hypothesis.settings, hypothesis.strategies

settings.register_profile("orchestrator", deadline=None, print_blob=True, database=None,
                          suppress_health_check=list(hypothesis.HealthCheck))
settings.load_profile("orchestrator")

FIELDS = ["instrument_id", "qty", "side", "price_limit", "stop_price", "order_type", "time_in_force", "broker", "slice"]
WORDS = ["BUY", "SELL", "market", "limit", "stop", "stop_limit", "day", "gtc", "ioc", "fok", "alpaca-mock", ""]


class Hostile:
    """An object whose own code raises wherever it is asked."""

    def _raise(self, *_):
        raise RuntimeError("no")

    __index__ = __str__ = __repr__ = __hash__ = __eq__ = __float__ = __len__ = __iter__ = _raise


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-5, 5000), st.floats(), st.decimals(), st.text(), st.binary(),
    st.sampled_from(WORDS), st.sampled_from(list(o.Side) + list(o.OrderType)), st.lists(st.integers(), max_size=2),
    st.characters(whitelist_categories=["Cs"]), st.builds(Hostile), st.builds(object),
    st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=0, max_value=10**9),
)
good_orders = st.fixed_dictionaries(
    dict(instrument_id=st.integers(1, 2**63 - 1), qty=st.integers(1, 10**9), side=st.sampled_from(["BUY", o.Side.SELL])),
    optional=dict(price_limit=st.decimals(min_value="0.000000001", max_value=10**9, places=9), slice=st.booleans()))
wild_orders = st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(), st.integers(), st.none()), values)
mixed_orders = st.builds(lambda good, wild: good | wild, good_orders,
                         st.dictionaries(st.sampled_from(FIELDS), values, max_size=2))
orders = st.lists(st.one_of(good_orders, mixed_orders, wild_orders, values), max_size=5)


@pytest.fixture(scope="module")
def oms():
    with o.Orchestrator("memory:", mock_ledger="memory:") as opened:
        yield opened


@settings(max_examples=400)
@given(orders=orders, policy=st.sampled_from(o.BatchPolicy))
def test_any_list_of_orders_gives_a_receipt_or_violations(oms, orders, policy):
    try:
        receipt = oms.place(orders, portfolio_id=1, policy=policy)
    except o.OrchestratorError as error:
        assert error.code in (o.ErrorCode.VALIDATION_FAILED, o.ErrorCode.LIMIT_EXCEEDED), error
        assert error.violations or error.code is o.ErrorCode.LIMIT_EXCEEDED
        assert all(violation.code and violation.message for violation in error.violations)
    else:
        assert len(receipt.orders) == len(orders)


@settings(max_examples=200)
@given(table=st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text()), st.one_of(values, st.lists(values, max_size=3))))
def test_any_dict_of_columns_gives_a_receipt_or_names_what_is_wrong(oms, table):
    try:
        oms.place(table, portfolio_id=1)
    except o.OrchestratorError as error:
        assert error.code in (o.ErrorCode.VALIDATION_FAILED, o.ErrorCode.INVALID_ARGUMENT), error


@settings(max_examples=200)
@given(portfolio_id=values, key=values, user_id=values, policy=values, tenant=values)
def test_any_argument_is_taken_or_refused_by_name(oms, portfolio_id, key, user_id, policy, tenant):
    try:
        oms.preview([], portfolio_id=portfolio_id, idempotency_key=key, user_id=user_id, policy=policy, tenant=tenant)
    except o.OrchestratorError as error:
        assert error.code in (o.ErrorCode.VALIDATION_FAILED, o.ErrorCode.INVALID_ARGUMENT), error


@settings(max_examples=500)
@given(amount=st.decimals(allow_nan=False, allow_infinity=False), form=st.sampled_from([lambda x: x, str, "{:f}".format]))
def test_an_amount_is_taken_exactly_or_refused(amount, form):
    fits = abs(amount) < Decimal(2**63).scaleb(-9) and amount == amount.quantize(Decimal("1e-9")) if (
        abs(amount) < 10**10) else False
    try:
        taken = o.OrderRequest(1, form(amount), "BUY").qty
    except o.OrchestratorError:
        exponent = form is str and "E" in str(amount)  # text is not taken in exponent notation
        assert not fits or exponent or (amount == 0 and amount.is_signed()) or "+" in str(form(amount))
    else:
        assert taken == amount and fits


@settings(max_examples=300)
@given(amount=st.one_of(st.decimals(), st.decimals(places=9), st.integers().map(Decimal)))
def test_a_decimal_is_read_alike_with_and_without_looking_into_the_object(amount):
    def read():
        try:
            return o.OrderRequest(1, amount, "BUY").qty
        except o.OrchestratorError as error:
            return str(error)

    direct = read()
    o._native._set_direct_decimals(False)
    try:
        assert read() == direct
    finally:
        o._native._set_direct_decimals(True)


def resident_kib():
    with open("/proc/self/statm", encoding="ascii") as statistics:
        return int(statistics.read().split()[1]) * 4


def test_reading_orders_a_million_times_leaves_nothing_behind():
    batch = [dict(instrument_id=1, qty=Decimal(7), side="BUY", price_limit="2500.5")] * 1000
    bad = [dict(instrument_id=1, qty=math.nan, side="buy", price=1)] * 100
    columns = {name: [order[name] for order in batch] for name in batch[0]}

    def work(times):
        for _ in range(times):
            assert o._native._read_orders(batch) == 1000
            assert o._native._read_orders(columns) == 1000
            with pytest.raises(o.OrchestratorError):
                o._native._read_orders(bad)
        gc.collect()

    work(50)
    before = resident_kib()
    work(500)
    assert resident_kib() - before < 4096
