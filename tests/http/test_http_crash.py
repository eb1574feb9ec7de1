"""The server is killed, or asked to end, while clients place orders. What a client saw as 200 is in the database and its
replay is the same bytes; the broker's ledger holds each order once (faults 3 to 5 and 10, I1, I3, I8)."""

import http.client
import json
import random
import threading

import pytest

from http_driver import TWO_ORDERS


@pytest.fixture(autouse=True)
def short_lease(monkeypatch):
    """A PostgreSQL store cannot tell at once that a sender died; it knows when its lease has ended."""
    monkeypatch.setenv("ORCHESTRATOR_LEASE_MS", "2000")


class Client(threading.Thread):
    """Places batches with keys of its own until the connection dies."""

    def __init__(self, server, name):
        super().__init__(daemon=True)
        self.port, self.name_, self.seen, self.asked = server.port, name, {}, []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            while True:
                key = f"{self.name_}-{len(self.asked)}"
                self.asked.append(key)
                connection.request("POST", "/api/v1/orders", json.dumps(TWO_ORDERS),
                                   {"Content-Type": "application/json", "Idempotency-Key": key})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise AssertionError(f"{answer.status} {body}")
                self.seen[key] = body
        except (OSError, http.client.HTTPException):
            pass


def under_load(server, batches, then):
    clients = [Client(server, f"c{n}") for n in range(8)]
    for client in clients:
        client.start()
    tick = threading.Event()
    while sum(len(client.seen) for client in clients) < batches:
        tick.wait(0.005)
        assert server.process.poll() is None
    result = then()
    for client in clients:
        client.join(60)
        assert not client.is_alive()
    return {k: v for c in clients for k, v in c.seen.items()}, [k for c in clients for k in c.asked], result


def replay(server, key):
    return server.post("/api/v1/orders", TWO_ORDERS, headers={"Idempotency-Key": key})


def until_acked(server, batch_id):
    """Orders in doubt are looked up at the broker by the steps of the server's driver."""
    tick = threading.Event()
    for _ in range(600):
        orders = server.get(f"/api/v1/orders?batch_id={batch_id}").json()["orders"]
        if [order["status"] for order in orders] == ["acked", "acked"]:
            return
        tick.wait(0.1)
    raise AssertionError([order["status"] for order in orders])


def check(server, seen, asked):
    for key, body in seen.items():
        again = replay(server, key)
        assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, body, "true"), key
    for key in asked:  # those whose answer was lost: either outcome, and then for good
        first, second = replay(server, key), replay(server, key)
        assert first.status == second.status == 200 and first.body == second.body
    batch_ids = []
    for key in asked:
        found = server.get(f"/api/v1/batches?idempotency_key={key}").json()["batches"]
        assert len(found) == 1, key
        batch_ids.append(found[0]["id"])
    for batch_id in batch_ids:
        assert server.get(f"/api/v1/batches/{batch_id}/wait?timeout_ms=60000").json()["settled"] is True
        until_acked(server, batch_id)
        # Compares with the broker's own ledger: a second order there, or none, would be a break.
        assert server.get(f"/api/v1/reconcile/{batch_id}/breaks").json()["breaks"] == []


@pytest.mark.parametrize("round_", [pytest.param(0), pytest.param(1, marks=pytest.mark.slow)])
def test_what_was_answered_survives_a_kill_under_load(any_server, round_):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    batches = 30 + random.Random(seed).randrange(100)
    seen, asked, _ = under_load(any_server, batches, any_server.kill)
    assert len(seen) >= batches
    any_server.start()
    check(any_server, seen, asked)


def test_a_server_asked_to_end_answers_what_it_began(any_server):
    seen, asked, status = under_load(any_server, 40, any_server.stop)
    assert status == 0
    any_server.start()
    check(any_server, seen, asked)
