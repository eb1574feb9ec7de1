"""A connector to the fake broker's socket (tests/fake_broker/protocol.hpp): one connection and one attempt a request."""

import json
import socket
from datetime import datetime, timedelta, timezone

import orchestrator as o

KINDS = ["ack", "reject", "execution", "cancelled", "cancel_refused", "expired", "replaced", "replace_refused"]


def time_of(micros):
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)


def text_of(amount):
    return None if amount is None else format(amount, "f")


class SocketBroker(o.BrokerConnector):
    broker_class = "windowed"
    account = "fake"
    replaces = True
    one_sender = True
    quiet_period = timedelta(seconds=1)
    duplicate_window = timedelta(days=1)
    timeout_s = 2

    def __init__(self, path):
        self.path = str(path)

    def exchange(self, request):
        """The answer, or None: in doubt."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(self.timeout_s)
            try:
                connection.connect(self.path)
            except OSError as error:
                raise o.NotSent("connection refused") from error
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("no answer")
        answer = json.loads(line)
        if "status" in answer:
            raise o.NotSent("throttled") if answer["status"] == 429 else ConnectionError(str(answer))
        return answer

    def wire(self, order):
        return {"client_order_id": order.client_order_id or "", "ext_order_id": order.ext_order_id or "",
                "instrument_id": order.instrument_id, "symbol": order.symbol, "side": str(order.side),
                "order_type": str(order.order_type), "qty": text_of(order.qty), "price_limit": text_of(order.price_limit),
                "stop_price": text_of(order.stop_price), "multiplier": order.multiplier, "attempt": order.attempt}

    def send(self, request):
        (result,) = self.exchange(request)["results"]
        if not result["accepted"]:
            raise o.Rejected(result["reason"])
        return result["ext_order_id"]

    def place(self, order):
        return self.send({"kind": "place", "orders": [self.wire(order)]})

    def cancel(self, order):
        self.send({"kind": "cancel", "order": self.wire(order)})

    def replace(self, order, client_order_id, qty, price_limit):
        self.send({"kind": "replace", "order": self.wire(order), "client_order_id": client_order_id,
                   "qty": text_of(qty), "price_limit": text_of(price_limit)})

    def look_up(self, client_order_id):
        answer = self.exchange({"kind": "look_up", "client_order_id": client_order_id})
        return self.order(answer["order"]) if answer["found"] else None

    def poll(self, cursor):
        page = self.exchange({"kind": "poll", "cursor": cursor})
        return o.ReportPage(reports=[self.report(one) for one in page["reports"]], cursor=page["cursor"], more=page["more"])

    def book(self):
        book = self.exchange({"kind": "book"})
        executions = [self.execution(one, ext) for one, ext in zip(book["executions"], book["ext_order_ids"])]
        return o.BrokerBook(orders=[self.order(one) for one in book["orders"]], executions=executions,
                            since=None if book["from"] is None else time_of(book["from"]))

    @staticmethod
    def order(row):
        return o.BrokerOrder(**{**row, "updated_at": time_of(row["updated_at"])})

    @staticmethod
    def execution(row, ext_order_id=""):
        return o.BrokerExecution(**{**row, "executed_at": time_of(row["executed_at"])}, ext_order_id=ext_order_id)

    def report(self, row):
        kind = KINDS[row["kind"]]
        return o.BrokerReport(
            kind=kind, at=time_of(row["at"]), ext_order_id=row["ext_order_id"], client_order_id=row["client_order_id"],
            execution=self.execution(row["execution"]) if kind == "execution" else None, qty=row["qty"],
            price_limit=row["price_limit"], reason=row["reason"])
