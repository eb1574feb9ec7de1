"""Records in pickles, copies and caches: what comes back is equal, and what is damaged is refused."""

import copy
import pickle
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest
from my_broker import GOOD, MyBroker, mine, open_with

import orchestrator as o

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def again(value):
    return pickle.loads(pickle.dumps(value))


class Watches:
    """A rule and router that keeps what it was given."""

    def __init__(self):
        self.given = []

    def check(self, request):
        self.given.append(request)

    def route(self, order, portfolio_id, brokers):
        self.given += [order, brokers[0]]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Records of every type, with everything in them that a short day has."""
    schema = o.migrate(f"sqlite:///{tmp_path_factory.mktemp('schema')}/new.db")
    watches = Watches()
    with open_with(MyBroker(), rules=[watches], router=watches, operator_name="Zoë") as oms:
        receipt = oms.place([GOOD, GOOD | {"side": "SELL", "price_limit": Decimal("2600.000000001")}, mine()],
                            portfolio_id=1, idempotency_key="key", user_id=7)
        fill = oms.simulate_fill(receipt.orders[0].id, price="2500.5", qty=40)
        oms.simulate_fill(receipt.orders[1].id, price="2600.5", qty=100)
        oms.set_instruments([o.Instrument(2, "B", exchange="NSE", price_band_low="0.000000001")])
        oms.set_limits(1, max_notional_day=10**12)
        oms.add_routing_rule({"alpaca-mock": 3, "zerodha-mock": 0}, exchange="NSE")
        oms.halt("broker", "mine", reason="näher ansehen")
        refused = oms.preview([GOOD | {"qty": "0.5"}, GOOD], portfolio_id=1, policy="each")
        report = oms.reconcile(receipt.batch_id)
        health = oms.health()
        audit = oms.audit()
        return [
            receipt, *receipt.orders, *refused.orders, *refused.orders[0].violations, fill, fill.execution, fill.order,
            *oms.orders(), *oms.batches(), report, *report.instruments, *oms.events(follow=False), health,
            *health.dependencies, *health.halts, health.outbox, *health.brokers, *oms.brokers(), audit,
            *oms.audit_trail(), oms.step(), oms.recover(), oms.settle(date(2099, 1, 1)), *watches.given,
            *oms.instruments(), *oms.limits(), oms.usage_of(1), *oms.routing_rules(), oms.routing_rules()[0].targets[0],
            schema, schema.steps[0]]


def test_every_record_survives_a_pickle(records):
    for record in records:
        for protocol in PROTOCOLS:
            back = pickle.loads(pickle.dumps(record, protocol))
            assert type(back) is type(record) and back == record and repr(back) == repr(record)
        assert back.to_dict() == record.to_dict()
        if hasattr(record, "to_json"):
            assert back.to_json() == record.to_json()


def test_a_copy_of_a_record_is_the_record(records):
    for record in records:
        assert copy.copy(record) is record
        assert copy.deepcopy([record]) == [record]


def test_the_day_has_every_type_of_record_but_those_of_findings(records):
    every = {value for value in vars(o._native).values() if isinstance(value, type) and hasattr(value, "__match_args__")}
    assert {type.__name__ for type in every - {type(record) for record in records}} == {"AuditFinding", "Break"}


def test_an_error_keeps_its_violations_in_a_pickle(in_memory):
    with pytest.raises(o.OrchestratorError) as refused:
        in_memory.place([GOOD | {"qty": "0.5", "price_limit": -1}], portfolio_id=1)
    back = again(refused.value)
    assert back.violations == refused.value.violations != ()
    assert (back.code, str(back), back.retryable) == (refused.value.code, str(refused.value), refused.value.retryable)


def test_what_a_broker_answers_survives_a_pickle_and_a_copy():
    at = datetime(2026, 1, 5, tzinfo=timezone.utc)
    order = o.BrokerOrder(ext_order_id="X1", side="BUY", qty=5, status="acked", updated_at=at)
    execution = o.BrokerExecution(execution_id="E1", qty=5, price="2.5", executed_at=at)
    report = o.BrokerReport(kind="execution", at=at, ext_order_id="X1", execution=execution)
    for answer in [order, o.ReportPage(reports=[report], cursor="1"), o.BrokerBook(orders=[order])]:
        assert again(answer) == copy.deepcopy(answer) == answer


def states():
    order = o.OrderRequest(instrument_id=1, qty=100, side="BUY", price_limit="2500", broker="b")
    for record in [order, o.Violation(3, "qty", "c", "m")]:
        _, (name, state) = record.__reduce__()
        yield getattr(o, name), state


@pytest.mark.parametrize("record, state", states())
def test_a_state_that_was_cut_or_lengthened_is_refused(record, state):
    for damaged in [*(state[:size] for size in range(len(state))), state + b"\0"]:
        with pytest.raises(o.OrchestratorError, match=f"{record.__name__}: ") as refused:
            record._restored(damaged)
        assert refused.value.code == "invalid_argument"


@pytest.mark.parametrize("record, state", states())
def test_a_state_with_any_byte_changed_is_a_record_or_refused(record, state):
    for at in range(len(state)):
        for byte in (0x00, 0x01, 0x7F, 0xFF):
            try:
                changed = record._restored(state[:at] + bytes([byte]) + state[at + 1:])
            except o.OrchestratorError as refused:
                assert refused.code == "invalid_argument"
            else:
                assert repr(changed)


def test_a_pickle_of_another_version_is_refused_by_name():
    _, (_, state) = o.Violation(3, "qty", "c", "m").__reduce__()
    other = state.replace(o.__version__.encode(), b"9" * len(o.__version__))
    with pytest.raises(o.OrchestratorError, match="Violation: it was pickled by another version"):
        o.Violation._restored(other)
