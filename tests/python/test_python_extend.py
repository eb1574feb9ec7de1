"""Rules, routers and publishers written in Python, and what every part may do: call back, be slow, be let go."""

import gc
import threading
from concurrent.futures import Future
from datetime import timedelta

import pytest
from my_broker import GOOD, MyBroker, mine, open_with, place_one

import orchestrator as o

# --- rules and routers ---


class MaxQuantity:
    def __init__(self, most, severity="error"):
        self.most, self.severity = most, severity

    def check(self, request):
        for i, order in enumerate(request.orders):
            if order.qty > self.most:
                yield o.Violation(i, "qty", "desk.too_large", f"at most {self.most}", self.severity)


class Raises:
    def __init__(self, error):
        self.error = error

    def check(self, request):
        raise self.error

    def route(self, order, portfolio_id, brokers):
        raise self.error

    def publish(self, events):
        raise self.error


class Gives:
    def __init__(self, answer):
        self.answer = answer

    def check(self, request):
        return self.answer

    def route(self, order, portfolio_id, brokers):
        return self.answer


def refusal(oms, orders, **more):
    with pytest.raises(o.OrchestratorError) as refused:
        oms.place(orders, portfolio_id=1, **more)
    assert refused.value.code == "validation_failed"
    return [(v.order_index, v.field, v.code) for v in refused.value.violations if v.severity == "error"]


def test_a_rule_stands_beside_the_librarys_own():
    with open_with(rules=[MaxQuantity(50)]) as oms:
        orders = [GOOD | {"qty": 10}, GOOD, GOOD | {"qty": "60.5"}]
        assert refusal(oms, orders) == [
            (1, "qty", "desk.too_large"), (2, "qty", "qty.off_lot"), (2, "qty", "desk.too_large")]
        receipt = oms.place(orders, portfolio_id=1, policy="each")
        assert [leg.id is not None for leg in receipt.orders] == [True, False, False]


def test_a_rule_holds_for_changes_too():
    with open_with(rules=[MaxQuantity(150)]) as oms:
        receipt = oms.place([GOOD], portfolio_id=1)
        with pytest.raises(o.OrchestratorError, match="desk.too_large|at most 150"):
            oms.replace(receipt.orders[0].id, qty=200)
        oms.replace(receipt.orders[0].id, qty=150)
        oms.poll()
        assert oms.get_order(receipt.orders[0].id).qty == 150


def test_a_warning_of_a_rule_refuses_nothing():
    with open_with(rules=[MaxQuantity(50, "warning")]) as oms:
        receipt = oms.place([GOOD], portfolio_id=1)
        assert [warning.code for warning in receipt.warnings] == ["desk.too_large"]


@pytest.mark.parametrize("rule", [
    Raises(ValueError("no table")), Raises(StopIteration()), Gives(5), Gives([5]), Gives([None]),
    Gives([o.Violation(1, None, "c", "m")]),
])
@pytest.mark.parametrize("policy", ["all", "each"])
def test_a_rule_that_raises_refuses_the_whole_batch_and_leaves_the_key_unused(rule, policy):
    with open_with(rules=[rule]) as oms:
        assert refusal(oms, [GOOD], policy=policy, idempotency_key="k") == [(None, "orders", "rule.failed")]
        with pytest.raises(o.OrchestratorError, match="no batch 1"):
            oms.get_batch(1)
        oms_rule, rule.check = rule.check, lambda request: None
        assert not oms.place([GOOD], portfolio_id=1, policy=policy, idempotency_key="k").replayed
        rule.check = oms_rule


def test_a_router_chooses_for_orders_that_name_no_broker():
    asked = []

    class Mine:
        def route(self, order, portfolio_id, brokers):
            asked.append((order.qty, portfolio_id, [(b.name, b.available) for b in brokers]))
            return "mine" if order.qty > 50 else None

    with open_with(MyBroker(), router=Mine()) as oms:
        receipt = oms.place([GOOD, GOOD | {"qty": 7}, GOOD | {"broker": "zerodha-mock"}], portfolio_id=9)
        assert [leg.broker for leg in receipt.orders] == ["mine", "alpaca-mock", "zerodha-mock"]
        assert receipt.orders[0].routing_reason == "router"
        assert [(qty, portfolio) for qty, portfolio, _ in asked] == [(100, 9), (7, 9)]
        assert ("mine", True) in asked[0][2]


@pytest.mark.parametrize("router", [Raises(ValueError("x")), Gives("nobody"), Gives(3), Gives("")])
def test_a_router_that_fails_refuses_the_order(router):
    with open_with(router=router) as oms:
        assert refusal(oms, [GOOD]) == [(0, "broker", "broker.unavailable")]
        assert oms.place([GOOD | {"broker": "alpaca-mock"}], portfolio_id=1).orders[0].id


# --- publishers ---


class Collects:
    def __init__(self, answer=lambda events: None):
        self.answer, self.calls = answer, []

    def publish(self, events):
        self.calls.append([(event.subject, event.seq) for event in events])
        return self.answer(events)


def test_a_publisher_gets_every_event_once_it_says_so():
    publisher = Collects()
    with open_with(publisher=publisher) as oms:
        oms.place([GOOD], portfolio_id=1)
        assert oms.publish().published == 3
        assert publisher.calls == [[("batch/1", 1), ("order/1", 1), ("order/1", 2)]]
        assert oms.publish().published == 0 and len(publisher.calls) == 1


@pytest.mark.parametrize("answer", [
    lambda events: 1 // 0, lambda events: 0, lambda events: len(events) + 1, lambda events: -1,
    lambda events: True, lambda events: "all",
])
def test_events_wait_for_a_publisher_that_raises_or_answers_nonsense(answer):
    publisher = Collects(answer)
    with open_with(publisher=publisher) as oms:
        oms.place([GOOD], portfolio_id=1)
        assert oms.publish().published == 0
        publisher.answer = lambda events: None
        assert oms.publish().published == len(publisher.calls[0])
        assert publisher.calls[-1] == publisher.calls[0]


def test_what_a_publisher_did_not_take_is_handed_over_again():
    publisher = Collects(lambda events: 1)
    with open_with(publisher=publisher) as oms:
        oms.place([GOOD], portfolio_id=1)
        while oms.publish().published:
            pass
        seen = [call[0] for call in publisher.calls if call]
        assert sorted(seen) == sorted(publisher.calls[0])


# --- what they may do ---


def refusal_of(call):
    try:
        call()
    except o.OrchestratorError as error:
        return error.code
    return None


@pytest.mark.parametrize("durable", [False, True], ids=["memory", "sqlite"])
def test_every_part_may_call_the_orchestrator_that_calls_it(durable, database_url):
    answers = {}

    class Curious(MyBroker):
        def place(self, order):
            answers["place"] = oms.get_order(order.id).status
            if order.qty != 1:
                answers["nested"] = oms.place([mine(qty=1)], portfolio_id=1).orders[0].id
            return super().place(order)

        def poll(self, cursor):
            answers["poll"] = oms.recover().reports
            return super().poll(cursor)

    class Asks:
        def check(self, request):
            answers["check"] = oms.preview([GOOD], portfolio_id=1).batch_id if len(request.orders) > 1 else None

        def route(self, order, portfolio_id, brokers):
            answers["route"] = refusal_of(lambda: oms.get_order(999))

        def publish(self, events):
            answers.setdefault("publish", []).append(oms.publish().published)
            if len(answers["publish"]) == 1:
                oms.place([GOOD], portfolio_id=1)

    asks = Asks()
    broker = Curious()
    url = database_url if durable else "memory:"
    with open_with(broker, url, rules=[asks], router=asks, publisher=asks) as oms:
        oms.place([mine(), GOOD], portfolio_id=1)
        broker.poll = lambda cursor: o.ReportPage(cursor=cursor)
        oms.publish()
        assert answers == {"place": "submitting", "nested": answers["nested"], "check": None, "route": "not_found",
                           "publish": [0, 0]}
        assert oms.get_order(answers["nested"]).status == "acked"


def test_closing_from_inside_a_call_is_refused():
    refused = []

    class Closes(MyBroker):
        def place(self, order):
            try:
                oms.close()
            except o.OrchestratorError as error:
                refused.append(error.code)
            return super().place(order)

    with open_with(Closes()) as oms:
        assert place_one(oms).status == "acked"
    assert refused == ["invalid_state"]


def test_closing_from_inside_a_thread_of_the_library_is_refused():
    called = threading.Event()
    refused = []

    class Closes(MyBroker):
        def poll(self, cursor):
            opened.wait()
            try:
                oms.close()
            except o.OrchestratorError as error:
                refused.append(error.code)
            called.set()
            return super().poll(cursor)

    opened = threading.Event()
    with open_with(Closes(), mode="background") as oms:
        opened.set()
        assert called.wait(30)
    assert refused[0] == "invalid_state"


def test_the_last_reference_may_end_inside_a_thread_of_the_library():
    held, polled = [], threading.Event()
    opened = threading.Event()

    class Holds(MyBroker):
        def poll(self, cursor):
            opened.wait()
            held.clear()
            polled.set()
            return super().poll(cursor)

    held.append(open_with(Holds(), mode="background"))
    opened.set()
    assert polled.wait(30)


def test_another_orchestrator_may_be_closed_inside_a_call():
    class Mirrors:
        def publish(self, events):
            with o.Orchestrator("memory:", mock_ledger="memory:") as other:
                other.place([GOOD], portfolio_id=1)

    with open_with(publisher=Mirrors()) as oms:
        oms.place([GOOD], portfolio_id=1)
        assert oms.publish().published > 0


def test_a_slow_broker_keeps_no_other_thread_from_reading():
    entered, leave = threading.Event(), threading.Event()

    class Slow(MyBroker):
        def place(self, order):
            entered.set()
            assert leave.wait(30)
            return super().place(order)

    with open_with(Slow()) as oms:
        thread = threading.Thread(target=place_one, args=(oms,))
        thread.start()
        assert entered.wait(30)
        assert oms.get_order(1).status == "submitting"
        assert oms.place([GOOD], portfolio_id=1).orders[0].broker == "alpaca-mock"
        leave.set()
        thread.join()
        assert oms.get_order(1).status == "acked"


def test_in_background_mode_the_librarys_threads_call_them():
    threads = set()

    class Mine(MyBroker):
        def place(self, order):
            threads.add(threading.get_ident())
            return super().place(order)

    with open_with(Mine(), mode="background", publisher=Collects()) as oms:
        receipt = oms.place([mine()], portfolio_id=1)
        assert oms.wait(receipt.batch_id, timedelta(seconds=30))
        assert oms.get_order(receipt.orders[0].id).status == "acked"
    assert threads and threading.get_ident() not in threads


def test_the_objects_are_let_go_when_the_orchestrator_is_closed():
    class Counted(MyBroker):
        alive = 0

        def __init__(self):
            super().__init__()
            Counted.alive += 1

        def __del__(self):
            Counted.alive -= 1

    for _ in range(3):
        with open_with(Counted(), rules=[MaxQuantity(500)]) as oms:
            place_one(oms)
    del oms
    gc.collect()
    assert Counted.alive == 0


@pytest.mark.parametrize("part", ["broker", "publisher"])
def test_closing_waits_for_a_thread_of_the_library_that_calls_back(part):
    for _ in range(10):
        called, opened, refused = threading.Event(), threading.Event(), threading.Event()

        class Calls(MyBroker):
            def call_back(self):
                opened.wait()
                called.set()
                while refusal_of(lambda: oms.get_batch(1)) != "closed":
                    pass
                refused.set()

            def poll(self, cursor):
                if part == "broker":
                    self.call_back()
                return super().poll(cursor)

            def publish(self, events):
                if part == "publisher":
                    self.call_back()

        parts = Calls()
        oms = open_with(parts, mode="background", publisher=parts)
        oms.place([mine()], portfolio_id=1)
        opened.set()
        assert called.wait(30)
        oms.close()
        assert refused.is_set()


def test_the_last_reference_to_a_queue_of_calls_may_end_inside_a_call_of_it():
    let_go, gone = threading.Event(), threading.Event()
    held = []

    class Holds(MyBroker):
        def place(self, order):
            let_go.wait()
            held.clear()
            return super().place(order)

        def __del__(self):
            gone.set()

    session = o._native.Session("memory:", {"mock_ledger": "memory:", "brokers": {"mine": Holds()}})
    held.append(o._native.CallQueue(session, 1))
    held[0].place(Future(), [mine()], 1, None, None, "all", "default")
    del session
    let_go.set()
    assert gone.wait(30)
