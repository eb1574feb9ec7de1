"""Brokers written in Python: what their answers and their exceptions become."""

import logging
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal as D

import pytest
from my_broker import NOW, MyBroker, mine, open_with, place_one

import orchestrator as o

AFTER_ALL_YEARS = datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))
BEFORE_ALL_YEARS = datetime.min.replace(tzinfo=timezone(timedelta(hours=12)))


def test_a_broker_in_python_places_executes_and_cancels():
    broker = MyBroker()
    with open_with(broker) as oms:
        first, second = place_one(oms), place_one(oms)
        assert (first.status, first.ext_order_id, first.broker) == ("acked", "X1", "mine")
        broker.reports.append(o.BrokerReport(
            kind=o.ReportKind.EXECUTION, at=NOW, ext_order_id="X1", execution=o.BrokerExecution(
                execution_id="E1", qty=40, price=D("2499.5"), fees="0.25", executed_at=NOW)))
        assert oms.poll().reports == 1
        oms.cancel(second.id)
        oms.poll()
        first, second = oms.get_order(first.id), oms.get_order(second.id)
        assert (first.status, first.fill_qty, first.fill_notional, first.fees) == (
            "partially_filled", 40, 99980, D("0.25"))
        assert second.status is o.OrderStatus.CANCELLED
        assert [(e.execution_id, e.account) for e in oms.executions(first.id)] == [("E1", "A1")]
        assert oms.poll().reports == 0


def test_a_broker_of_one_sender_is_sent_to_by_the_only_process():
    broker = MyBroker()
    broker.one_sender = True
    with open_with(broker) as oms:
        assert place_one(oms).status == "acked"


def test_rejected_is_definite():
    with open_with(MyBroker(place=o.Rejected("no such account"))) as oms:
        order = place_one(oms)
        assert (order.status, order.reason) == ("rejected", "no such account")


def test_not_sent_leaves_the_order_to_be_sent_again():
    broker = MyBroker(place=o.NotSent("not logged in"))
    with open_with(broker) as oms:
        order = place_one(oms)
        assert order.status == "placed"
        broker.faults.clear()
        oms.dispatch()
        assert oms.get_order(order.id).status == "acked"
        assert broker.sent == [order.client_order_id] * 2


@pytest.mark.parametrize("fault, words", [
    (TimeoutError("no answer"), "TimeoutError: no answer"),
    (ValueError(), "ValueError"),
    (o.OrchestratorError("closed", "gone"), "gone"),
    (lambda: 17, "an int is not a string"),
    (lambda: "\ud800", "lone surrogate"),
    (lambda: "", "without an order id"),
])
def test_anything_else_leaves_the_order_in_doubt_until_a_look_up(fault, words):
    broker = MyBroker(place=fault)
    with open_with(broker) as oms:
        order = place_one(oms)
        assert order.status == "unknown" and words in order.reason
        broker.faults.clear()
        broker.place(order)  # it had arrived
        sent = len(broker.sent)
        report = oms.recover()
        assert (report.adopted, report.resent) == (1, 0)
        assert oms.get_order(order.id).status == "acked" and len(broker.sent) == sent


def test_an_order_in_doubt_that_the_broker_denies_is_sent_again_under_the_same_id():
    broker = MyBroker(place=TimeoutError())
    with open_with(broker) as oms:
        order = place_one(oms)
        broker.faults.clear()
        assert oms.recover().resent == 1
        assert broker.sent == [order.client_order_id] * 2
        assert oms.get_order(order.id).status == "acked"


def test_a_look_up_that_raises_teaches_nothing():
    broker = MyBroker(place=TimeoutError(), look_up=KeyError("x"))
    with open_with(broker) as oms:
        order = place_one(oms)
        assert oms.recover().waiting == 1
        assert oms.get_order(order.id).status == "unknown" and len(broker.sent) == 1


class Bulk(MyBroker):
    orders_max = 10

    def place_many(self, orders):
        return self.faults["answers"](orders)


def test_place_many_answers_for_each_order():
    broker = Bulk(answers=lambda orders: ["X1", o.Rejected("no"), o.NotSent("later"), RuntimeError("?")])
    with open_with(broker) as oms:
        receipt = oms.place([mine(qty=n) for n in range(1, 5)], portfolio_id=1)
        assert [oms.get_order(leg.id).status for leg in receipt.orders] == ["acked", "rejected", "placed", "unknown"]


@pytest.mark.parametrize("slip", [o.NotSent("not logged in"), o.Rejected("no")])
def test_what_place_many_raises_is_no_answer_about_the_orders_that_it_had_sent_before(slip):
    sent = []

    def send_one_by_one(orders):
        for order in orders:
            if len(sent) == 1:
                raise slip
            sent.append(order.client_order_id)

    with open_with(Bulk(answers=send_one_by_one)) as oms:
        receipt = oms.place([mine(), mine(qty=7)], portfolio_id=1)
        assert [oms.get_order(leg.id).status for leg in receipt.orders] == ["unknown", "unknown"]
        oms.step()
    assert len(sent) == 1


@pytest.mark.parametrize("answers", [lambda orders: ["X1"], lambda orders: ["X1"] * 3, lambda orders: None])
def test_answers_that_cannot_be_matched_leave_all_orders_in_doubt(answers):
    with open_with(Bulk(answers=answers)) as oms:
        receipt = oms.place([mine(), mine(qty=7)], portfolio_id=1)
        assert [oms.get_order(leg.id).status for leg in receipt.orders] == ["unknown", "unknown"]


@pytest.mark.parametrize("answer, status", [(False, "cancel_pending"), (o.Rejected("too late"), "acked")])
def test_a_cancel_is_refused_by_raising_and_not_by_an_answer(answer, status):
    broker = MyBroker(cancel=answer if isinstance(answer, Exception) else lambda: answer)
    with open_with(broker) as oms:
        order = place_one(oms)
        oms.cancel(order.id)
        assert oms.get_order(order.id).status == status


@pytest.mark.parametrize("report, words", [
    (dict(kind="ack", at=NOW), r"poll\(\).reports\[0\]: names its order neither"),
    (dict(kind="nonsense", at=NOW, ext_order_id="X1"), r"reports\[0\].kind"),
    (dict(kind="ack", at=datetime(2026, 1, 5), ext_order_id="X1"), r"reports\[0\].at: a naive datetime"),
    (dict(kind="execution", at=NOW, ext_order_id="X1", execution=o.BrokerExecution(
        execution_id="E", qty=1, price=1, executed_at=AFTER_ALL_YEARS)), r"execution.executed_at: is outside the years"),
    (dict(kind="ack", at=BEFORE_ALL_YEARS, ext_order_id="X1"), r"reports\[0\].at: is outside the years"),
    (dict(kind="execution", at=NOW, ext_order_id="X1", execution=o.BrokerExecution(
        execution_id="E", qty=1.5, price=1, executed_at=NOW)), r"execution.qty: a float is not taken"),
])
def test_a_report_that_cannot_be_read_is_logged_by_its_field_and_changes_nothing(report, words, caplog):
    broker = MyBroker()
    with open_with(broker) as oms:
        order = place_one(oms)
        broker.reports.append(o.BrokerReport(**report))
        assert oms.poll().reports == 0
        assert oms.get_order(order.id) == order
        (record,) = caplog.records
        assert re.search(words, str(record.exc_info[1]))
        broker.reports.clear()
        oms.poll()
        assert len(caplog.records) == 1


def test_a_broker_that_only_places_is_enough():
    class Minimal(o.BrokerConnector):
        def place(self, order):
            return "1"

    with open_with(Minimal()) as oms:
        order = place_one(oms)
        assert order.status == "acked"
        assert oms.step().reports == 0 and oms.recover().reports == 0
        oms.cancel(order.id)
        assert oms.get_order(order.id).status == "acked"


class Unfinished(o.BrokerConnector):
    async def place(self, order):
        return "1"


class NoCount(MyBroker):
    orders_max = 0


class OddClass(MyBroker):
    broker_class = "strong"


class OddSender(MyBroker):
    one_sender = "yes"


class NoLookUp(o.BrokerConnector):
    broker_class = "tag_echo"

    def place(self, order):
        return "1"


@pytest.mark.parametrize("settings, words", [
    (dict(brokers={"x": o.BrokerConnector()}), "brokers\\['x'\\]: a BrokerConnector has neither place"),
    (dict(brokers={"x": NoLookUp()}), "a broker of class tag_echo needs look_up"),
    (dict(brokers=[MyBroker()]), "brokers: a list is not a dict"),
    (dict(brokers={"x": object()}), "brokers\\['x'\\]: an object is not a BrokerConnector"),
    (dict(brokers={"x": MyBroker}), "brokers\\['x'\\]"),
    (dict(brokers={"": MyBroker()}), "needs a name"),
    (dict(brokers={1: MyBroker()}), "brokers: an int is not a string"),
    (dict(brokers={"x": Unfinished()}), "place\\(\\) is a coroutine"),
    (dict(brokers={"x": NoCount()}), "orders_max: must be above zero"),
    (dict(brokers={"x": OddClass()}), "broker_class: 'strong' is not valid"),
    (dict(brokers={"x": OddSender()}), "one_sender: "),
    (dict(rules=5), "rules: an int is not a list"),
    (dict(rules=[object()]), "rules\\[0\\]: an object has no method check"),
    (dict(router=1), "router: an int has no method route"),
    (dict(publisher=print), "publisher: .* has no method publish"),
])
def test_what_cannot_be_such_a_part_is_refused_when_opening(settings, words):
    with pytest.raises(o.OrchestratorError, match=words):
        open_with(**settings)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt("stop"), SystemExit(3)], ids=lambda error: type(error).__name__)
def test_an_interrupt_in_a_broker_is_raised_when_the_outcome_is_recorded(interrupt):
    broker = MyBroker(place=interrupt)
    with open_with(broker) as oms:
        with pytest.raises(type(interrupt)) as raised:
            oms.place([mine()], portfolio_id=1, idempotency_key="k")
        assert raised.value is interrupt
        receipt = oms.place([mine()], portfolio_id=1, idempotency_key="k")
        assert receipt.replayed and oms.get_order(receipt.orders[0].id).status == "unknown"


def test_failures_are_logged_with_their_traceback_and_answers_are_not(caplog):
    with open_with(MyBroker(place=ValueError("no such account"))) as oms, caplog.at_level(logging.ERROR):
        place_one(oms)
    (record,) = caplog.records
    assert record.name == "orchestrator" and record.getMessage() == "brokers['mine'], place() failed"
    assert record.exc_info[1].args == ("no such account",) and record.exc_info[2] is not None
    caplog.clear()
    with open_with(MyBroker(place=o.Rejected("no"))) as oms:
        place_one(oms)
    assert caplog.records == []
