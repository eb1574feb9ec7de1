"""What the clients of a soak do, and clients that do it over HTTP. Placements are repeated under their key until their
outcome is known; fills, cancels and changes, which have no key, are tried once."""

import http.client
import json
import random
import socket
import struct
import threading
import time

from history import History

PORTFOLIOS = 3
BACKOFF_S = (0.1, 2.0)
REQUEST_TIMEOUT_S = 20


def make_batch(draw, brokers):
    """The body of a placement; no two are equal, so that a change of its meaning would be noticed."""
    orders = [{"instrument_id": draw.randrange(1, 200), "qty": draw.randrange(1, 40) * 10,
               "side": draw.choice(["BUY", "SELL"]), "price_limit": draw.randrange(1_000, 500_000) / 100,
               "broker": draw.choice(brokers)} for _ in range(draw.choice([1, 1, 2, 2, 3, 5]))]
    for order in orders:
        order["price_limit"] = f"{order['price_limit']:.2f}"
    return {"portfolio_id": draw.randrange(1, PORTFOLIOS + 1), "orders": orders}


class HttpClient(threading.Thread):
    """A desk that talks to either server, whichever it comes upon."""

    def __init__(self, name, servers, folder, seed, pause_s, counts):
        super().__init__(daemon=True, name=name)
        self.servers, self.counts, self.pause_s = servers, counts, pause_s
        self.draw = random.Random(seed)
        self.history = History(folder / f"history-{name}.jsonl")
        self.stopping = threading.Event()
        self.give_up = None  # when to stop repeating, monotonic
        self.open_orders, self.receipts = [], {}
        self.in_doubt = False  # an attempt of the present placement may still be under way somewhere
        self.failure = None

    def run(self):
        number = 0
        try:
            while not self.stopping.wait(self.draw.uniform(0.2, 1.8) * self.pause_s):
                action = self.draw.choices([self.place, self.fill, self.cancel, self.replace, self.replay],
                                           [60, 22, 6, 4, 8])[0]
                number += 1
                action(number)
        except Exception as error:  # told at the end, by whoever waits
            self.failure = error

    def place(self, number):
        key, body = f"{self.name}-{number}", make_batch(self.draw, ["alpaca-mock", "zerodha-mock"])
        self.history.write("asked", key=key, body=body)
        answer = self.until_answered(key, body)
        if answer is None:
            return
        if answer.status != 200:
            self.counts.add("refused")
            self.history.write("refused", key=key, code=answer.json()["code"], why=answer.json()["detail"],
                               overtaken=self.in_doubt)
            return
        receipt = answer.body.decode()
        self.history.write("answered", key=key, receipt=receipt)
        self.receipts[key] = (body, receipt)
        orders = json.loads(receipt)["orders"]
        self.counts.add("batches")
        self.counts.add("orders", len(orders))
        # Those of the other broker mostly end by themselves.
        self.open_orders += [(leg["id"], asked["qty"], asked["price_limit"]) for leg, asked in zip(orders, body["orders"])
                             if asked["broker"] == "zerodha-mock" or self.draw.random() < 0.2]

    def replay(self, _number):
        if not self.receipts:
            return
        key = self.draw.choice(list(self.receipts))
        body, receipt = self.receipts[key]
        answer = self.until_answered(key, body)
        if answer is None:
            return
        self.counts.add("replays")
        if answer.status != 200 or answer.body.decode() != receipt:
            self.history.write("changed_answer", key=key, was=receipt, **{"is": answer.body.decode()})
        if len(self.receipts) > 500:
            self.receipts.pop(key)

    def until_answered(self, key, body):
        """The first answer that is an outcome; None when the soak ends before there is one."""
        wait, self.in_doubt = BACKOFF_S[0], False
        while self.give_up is None or time.monotonic() < self.give_up:
            if self.draw.random() < 0.02:
                self.in_doubt = True
                self.hang_up(key, body)
            answer = self.ask("/api/v1/orders", body, {"Idempotency-Key": key})
            if answer is not None and answer.status == 200:
                return answer
            if answer is not None:
                problem = answer.json()
                again = problem.get("retryable") or problem.get("in_doubt") or answer.status in (429, 500, 502, 503, 507)
                if not again and problem["code"] != "idempotency_in_progress":
                    return answer
            self.in_doubt = self.in_doubt or answer is None or bool(answer.json().get("in_doubt"))
            self.counts.add("repeats")
            time.sleep(self.draw.uniform(0.5, 1) * wait)
            wait = min(2 * wait, BACKOFF_S[1])
        return None

    def hang_up(self, key, body):
        """Sends the same request and resets the connection instead of reading, or in the middle of writing."""
        text = json.dumps(body).encode()
        head = (f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                f"Idempotency-Key: {key}\r\nContent-Length: {len(text)}\r\n\r\n").encode()
        data = (head + text)[:self.draw.choice([len(head) + len(text), len(head) + len(text) // 2])]
        self.counts.fault("http connection reset")
        try:
            with self.draw.choice(self.servers).connect(timeout=5) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.sendall(data)
                time.sleep(self.draw.uniform(0, 0.02))
        except OSError:
            pass

    def ask(self, path, body, headers=None):
        try:
            return self.draw.choice(self.servers).post(path, body, headers=headers, timeout=REQUEST_TIMEOUT_S)
        except (OSError, http.client.HTTPException):
            return None

    def take_open_order(self):
        if not self.open_orders:
            return None
        return self.open_orders.pop(self.draw.randrange(len(self.open_orders)))

    def fill(self, _number):
        order = self.take_open_order()
        if order is None:
            return
        order_id, qty, price = order
        part = self.draw.choice([qty, qty // 2])
        answer = self.ask(f"/api/v1/orders/{order_id}/simulate_fill", {"fills": [{"fill_price": price, "fill_qty": part}]})
        if answer is not None and answer.status == 200:
            self.counts.add("fills")
            self.history.write("filled", order_id=order_id,
                               executions=[fill["execution_id"] for fill in answer.json()["fills"]])

    def cancel(self, _number):
        order = self.take_open_order()
        if order is None:
            return
        answer = self.ask(f"/api/v1/orders/{order[0]}/cancel", {})
        if answer is not None and answer.status == 200:
            self.counts.add("cancels")
            self.history.write("cancelled", order_id=order[0])

    def replace(self, _number):
        if not self.open_orders:
            return
        order_id, qty, _price = self.draw.choice(self.open_orders)
        answer = self.ask(f"/api/v1/orders/{order_id}/replace", {"qty": qty + 10})
        if answer is not None and answer.status == 200:
            self.counts.add("replaces")


class Follower(threading.Thread):
    """Reads the log from either server, page by page, and remembers what it has seen; like any reader it drops what it
    sees again."""

    def __init__(self, servers, seed):
        super().__init__(daemon=True, name="follower")
        self.servers, self.draw = servers, random.Random(seed)
        self.stopping = threading.Event()
        self.cursor, self.seen, self.failure = 0, {}, None

    def run(self):
        try:
            while not self.stopping.wait(0.5):
                self.read()
        except Exception as error:
            self.failure = error

    def read(self):
        """All that there is now; False when a server did not answer."""
        while True:
            try:
                server = self.draw.choice(self.servers)
                answer = server.get(f"/api/v1/events?after={self.cursor}&limit=500", timeout=REQUEST_TIMEOUT_S)
            except (OSError, http.client.HTTPException):
                return False
            if answer.status != 200:
                return False
            page = json.loads(answer.body, parse_float=str)
            for event in page["events"]:
                self.seen[event["id"]] = event["type"]
            if page["next_cursor"] == self.cursor:
                return True
            self.cursor = page["next_cursor"]

    def read_to_the_end(self):
        while not self.read():
            time.sleep(0.5)
