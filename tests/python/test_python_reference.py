"""Reference data, broker books, pushed reports and the schema: what an operator's script reads and sets."""

import asyncio
from datetime import date
from decimal import Decimal as D

import pytest
from my_broker import GOOD, NOW, MyBroker, mine, open_with, place_one

import orchestrator as o


def refused(code, match, call):
    with pytest.raises(o.OrchestratorError, match=match) as error:
        call()
    assert error.value.code == code


# --- instruments ---


def test_instruments_are_stored_and_read_as_they_were_given(in_memory):
    plain = o.Instrument(1, "RELIANCE")
    whole = o.Instrument(2, "NIFTY24JUN", exchange="NFO", currency="INR", lot_size=50, tick_size="0.05",
                         price_band_low=100, price_band_high="900.5", last_price=D("500.25"), freeze_quantity=1800,
                         multiplier=50)
    assert in_memory.set_instruments([plain, whole]) == 2
    assert in_memory.instruments() == [plain, whole]
    assert in_memory.instruments([2, 9]) == [whole] and whole.tick_size == D("0.05") and whole.multiplier == 50
    assert (plain.exchange, plain.currency, plain.lot_size, plain.tick_size) == (None, "INR", 1, D("1E-9"))
    assert in_memory.instruments([]) == [] and in_memory.set_instruments([]) == 0
    in_memory.set_instruments([o.Instrument(1, "REL", lot_size=5)])
    assert in_memory.instruments([1])[0].symbol == "REL"
    refused("validation_failed", "lot", lambda: in_memory.place([GOOD | {"qty": 7}], portfolio_id=1))


@pytest.mark.parametrize("name, value", [
    ("id", 0), ("id", "1"), ("symbol", ""), ("symbol", None), ("exchange", ""), ("currency", ""), ("lot_size", 0),
    ("lot_size", 1.0), ("tick_size", -1), ("price_band_low", "x"), ("price_band_high", 0), ("last_price", D("NaN")),
    ("freeze_quantity", -5), ("multiplier", 0), ("multiplier", 2.5),
])
def test_an_instrument_that_cannot_be_names_its_argument(name, value):
    refused("invalid_argument", f"^{name}: ", lambda: o.Instrument(**({"id": 1, "symbol": "A"} | {name: value})))


def test_price_bands_that_hold_no_price_are_refused():
    refused("invalid_argument", "^price_band_low: is above",
            lambda: o.Instrument(1, "A", price_band_low=2, price_band_high=1))


@pytest.mark.parametrize("instruments", [[None], ["A"], [{"id": 1}], 5])
def test_only_instruments_are_stored(in_memory, instruments):
    refused("invalid_argument", "^instruments: ", lambda: in_memory.set_instruments(instruments))


# --- limits ---


def test_limits_hold_for_their_portfolio_and_defaults_for_the_others(in_memory):
    in_memory.set_limits(0, max_quantity=10)
    in_memory.set_limits(7, margin_available="1000.5", margin_rate="0.2", max_notional_day=5000)
    assert [limits.portfolio_id for limits in in_memory.limits()] == [0, 7]
    assert in_memory.limits_of(7).margin_available == D("1000.5") and in_memory.limits_of(7).max_quantity is None
    assert (in_memory.limits_of(1).portfolio_id, in_memory.limits_of(1).max_quantity) == (0, 10)
    in_memory.place([GOOD | {"qty": 2, "price_limit": 100}], portfolio_id=7)
    usage = in_memory.usage_of(7)
    assert (usage.margin_reserved, usage.day_notional, type(usage.day)) == (40, 200, date)


@pytest.mark.parametrize("name", [
    "margin_available", "margin_rate", "max_quantity", "max_notional_order", "max_notional_batch", "max_notional_day"])
def test_a_limit_below_zero_is_refused_by_name(in_memory, name):
    refused("invalid_argument", f"^{name}: -1 is below zero", lambda: in_memory.set_limits(1, **{name: -1}))
    assert in_memory.limits() == []


# --- routing rules and holidays ---


def test_routing_rules_route_in_their_order_until_they_are_removed(in_memory):
    second = in_memory.add_routing_rule({"zerodha-mock": 1})
    first = in_memory.add_routing_rule({"alpaca-mock": 3, "zerodha-mock": 0}, priority=5, instrument_id=1, portfolio_id=1)
    rules = in_memory.routing_rules()
    assert [rule.id for rule in rules] == [first, second]
    assert [(target.broker, target.weight) for target in rules[0].targets] == [("alpaca-mock", 3), ("zerodha-mock", 0)]
    assert (rules[0].instrument_id, rules[0].exchange, rules[0].portfolio_id) == (1, None, 1)
    legs = in_memory.preview([GOOD, GOOD | {"instrument_id": 2}], portfolio_id=1).orders
    assert [leg.broker for leg in legs] == ["alpaca-mock", "zerodha-mock"]
    assert in_memory.remove_routing_rule(first) is True and in_memory.remove_routing_rule(first) is False


@pytest.mark.parametrize("code, match, arguments", [
    ("invalid_argument", "^targets: ", {"targets": {}}),
    ("invalid_argument", "^targets: ", {"targets": ["alpaca-mock"]}),
    ("invalid_argument", "^targets: ", {"targets": {"": 1}}),
    ("invalid_argument", r"^targets\['alpaca-mock'\]: must be 0 to 1,000,000", {"targets": {"alpaca-mock": -1}}),
    ("invalid_argument", r"^targets\['alpaca-mock'\]: a float", {"targets": {"alpaca-mock": 0.5}}),
    ("unknown_broker", "nobody", {"targets": {"nobody": 1}}),
    ("invalid_argument", "^priority: ", {"priority": 1_000_001}),
    ("invalid_argument", "^exchange: empty", {"exchange": ""}),
    ("invalid_argument", "^instrument_id: ", {"instrument_id": 0}),
])
def test_a_rule_that_cannot_be_is_refused_and_not_stored(in_memory, code, match, arguments):
    refused(code, match, lambda: in_memory.add_routing_rule(**({"targets": {"alpaca-mock": 1}} | arguments)))
    assert in_memory.routing_rules() == []


def test_holidays_are_read_back_once_each(in_memory):
    in_memory.add_holidays("NSE", [date(2026, 1, 26), date(1, 1, 1), date(9999, 12, 31), date(2026, 1, 26)])
    assert in_memory.holidays("NSE") == [date(1, 1, 1), date(2026, 1, 26), date(9999, 12, 31)]
    assert in_memory.holidays("BSE") == []
    refused("invalid_argument", "^calendar: empty", lambda: in_memory.holidays(""))


def test_stop_switches_that_are_on_are_listed(in_memory):
    assert in_memory.halts() == []
    in_memory.halt("portfolio", "7", reason="limit", mode="cancel_only")
    assert [(halt.scope, halt.target, halt.mode) for halt in in_memory.halts()] == [("portfolio", "7", "cancel_only")]


# --- brokers ---


def test_the_book_of_a_mock_is_what_it_took_and_executed(in_memory):
    leg = in_memory.place([GOOD | {"broker": "alpaca-mock"}], portfolio_id=1).orders[0]
    in_memory.simulate_fill(leg.id, price="2499.5", qty=40)
    book = in_memory.broker_book("alpaca-mock")
    ours = in_memory.get_order(leg.id)
    assert [(order.client_order_id, order.ext_order_id, order.qty, order.fill_qty, order.status)
            for order in book.orders] == [(leg.client_order_id, ours.ext_order_id, 100, 40, "partially_filled")]
    assert [(execution.qty, execution.price, execution.ext_order_id) for execution in book.executions] == [
        (40, D("2499.5"), ours.ext_order_id)]
    refused("unknown_broker", "nobody", lambda: in_memory.broker_book("nobody"))


def test_the_book_of_a_python_broker_comes_back_as_it_was_given():
    given = o.BrokerBook(
        orders=[o.BrokerOrder(ext_order_id="X9", side="SELL", qty=D(5), status="acked", updated_at=NOW, symbol="A")],
        executions=[o.BrokerExecution(execution_id="E1", qty=D(2), price=D("1.5"), executed_at=NOW, ext_order_id="X9",
                                      fees=D("0.1"))], since=NOW)
    broker = MyBroker()
    broker.book = lambda: given
    with open_with(broker) as oms:
        assert oms.broker_book("mine") == given


def test_what_a_broker_pushed_is_applied_once():
    with open_with(MyBroker()) as oms:
        order = place_one(oms)
        execution = o.BrokerExecution(execution_id="E1", qty=40, price="2499.5", executed_at=NOW, fees="0.5")
        report = o.BrokerReport(kind="execution", at=NOW, client_order_id=order.client_order_id, execution=execution)
        for _ in range(2):
            oms.apply("mine", report)
        assert oms.get_order(order.id).fill_qty == 40
        assert [(row.account, row.execution_id, row.fees) for row in oms.executions(order.id)] == [
            ("A1", "E1", D("0.5"))]
        refused("unknown_broker", "nobody", lambda: oms.apply("nobody", report))
        refused("invalid_argument", "^report.execution", lambda: oms.apply(
            "mine", o.BrokerReport(kind="execution", at=NOW, ext_order_id="X1")))
        for unreadable in [o.BrokerReport(kind="ack", at=NOW), None, {"kind": "ack"}, o.BrokerReport(
                kind="execution", at=NOW, ext_order_id="X1", execution=5)]:
            refused("invalid_argument", "^report", lambda: oms.apply("mine", unreadable))
        assert oms.audit().clean


# --- the schema ---


def test_the_schema_of_a_database_is_told_and_brought_up_to_date(tmp_path):
    url = f"sqlite:///{tmp_path}/new.db"
    refused("storage_unavailable", "new.db", lambda: o.migration_status(url))
    made = o.migrate(url)
    assert made.current and made.version == made.latest == made.steps[-1].version
    assert o.migration_status(url) == made and all(step.applied for step in made.steps)
    refused("unsupported", "", lambda: o.migration_status("memory:"))


def test_every_verb_can_be_awaited(tmp_path):
    async def job():
        async with o.AsyncOrchestrator("memory:", mock_ledger="memory:", brokers={"mine": MyBroker()}) as oms:
            await oms.set_instruments([o.Instrument(1, "A")])
            await oms.set_limits(1, max_quantity=500)
            rule = await oms.add_routing_rule({"mine": 1})
            await oms.add_holidays("NSE", [date(2026, 1, 26)])
            leg = (await oms.place([mine()], portfolio_id=1)).orders[0]
            assert await oms.apply(
                "mine", o.BrokerReport(kind="cancelled", at=NOW, client_order_id=leg.client_order_id))
            return [len(await oms.instruments()), len(await oms.limits()), (await oms.limits_of(1)).max_quantity,
                    (await oms.usage_of(1)).margin_reserved, len(await oms.routing_rules()),
                    await oms.remove_routing_rule(rule), len(await oms.holidays("NSE")), await oms.halts(),
                    (await oms.broker_book("mine")).orders, (await oms.get_order(leg.id)).status]

    assert asyncio.run(job()) == [1, 1, 500, 0, 1, True, 1, [], [], "cancelled"]
