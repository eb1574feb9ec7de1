"""A broker written in Python, for tests."""

import threading
from datetime import datetime, timedelta, timezone

import orchestrator as o

GOOD = dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")
NOW = datetime(2026, 1, 5, tzinfo=timezone.utc)


def mine(**more):
    return GOOD | {"broker": "mine"} | more


class MyBroker(o.BrokerConnector):
    """Keeps what it took by client order id; each name in `faults` raises or answers that instead."""

    broker_class = "enforced"
    account = "A1"
    quiet_period = timedelta()

    def __init__(self, **faults):
        self.faults = faults
        self.book_of = {}
        self.reports = []
        self.sent = []

    def fault(self, name):
        fault = self.faults.get(name)
        if isinstance(fault, BaseException):
            raise fault
        return fault() if callable(fault) else fault

    def place(self, order):
        self.sent.append(order.client_order_id)
        answer = self.fault("place")
        if answer is not None:
            return answer
        self.book_of[order.client_order_id] = o.BrokerOrder(
            ext_order_id=f"X{len(self.book_of) + 1}", client_order_id=order.client_order_id, side=order.side,
            qty=order.qty, status="acked", updated_at=NOW, instrument_id=order.instrument_id)
        return self.book_of[order.client_order_id].ext_order_id

    def cancel(self, order):
        answer = self.fault("cancel")
        if answer is not None:
            return answer
        self.reports.append(o.BrokerReport(kind="cancelled", at=NOW, client_order_id=order.client_order_id))
        return None

    def look_up(self, client_order_id):
        self.fault("look_up")
        return self.book_of.get(client_order_id)

    def poll(self, cursor):
        self.fault("poll")
        return o.ReportPage(reports=self.reports[int(cursor or 0):], cursor=str(len(self.reports)))


class Silent(MyBroker):
    """Leaves every order in doubt, and sets `asked` when it is asked about one."""

    def __init__(self):
        super().__init__(place=TimeoutError())
        self.asked = threading.Event()

    def look_up(self, client_order_id):
        self.asked.set()
        raise TimeoutError


def open_with(broker=None, url="memory:", **settings):
    if broker is not None:
        settings["brokers"] = {"mine": broker}
    return o.Orchestrator(url, mock_ledger="memory:", **settings)


def place_one(oms, **more):
    receipt = oms.place([mine(**more)], portfolio_id=1)
    return oms.get_order(receipt.orders[0].id)
