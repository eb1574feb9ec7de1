"""Who may do what: every role at every route, and no tenant's orders for another."""

import contextlib
import json
import re
import socket
import sqlite3
import subprocess

import pytest

from http_driver import JSON, TWO_ORDERS, bearer, make_key, program

ROLES = ["none", "read", "trade", "operate"]


@pytest.fixture
def keys(tmp_path):
    return {
        "none": None,
        "read": make_key(tmp_path, "auditor", "read", "acme"),
        "trade": make_key(tmp_path, "desk", "trade", "acme"),
        "other": make_key(tmp_path, "rival", "trade", "rivals"),
        "operate": make_key(tmp_path, "night", "operate"),
    }


@pytest.fixture
def locked(start_server, keys, tmp_path):
    return start_server(options=["--keys-file", str(tmp_path / "keys")])


def routes():
    return json.loads(subprocess.run([program(), "routes", "--json"], capture_output=True, check=True).stdout)


def test_each_role_may_do_its_own_and_what_the_roles_below_may_and_nothing_else(locked, keys):
    for route in routes():
        path = route["pattern"].replace("{id}", "1") + ("?timeout_ms=1" if route["pattern"].endswith("/wait") else "")
        for role in ROLES:
            answer = locked.call(route["method"], path, b"{}" if route["method"] == "POST" else None, bearer(keys[role]))
            allowed = ROLES.index(role) >= ROLES.index(route["role"])
            refusal = None if allowed else 401 if role == "none" else 403
            where = (role, route["method"], path, answer.status, answer.body[:200])
            assert (answer.status in (401, 403)) == (refusal is not None), where
            assert refusal in (None, answer.status), where


@pytest.mark.parametrize("wrong", ["Bearer ook_0", "Bearer ", "Basic ook_0", "ook_0", "Bearer " + "k" * 500])
def test_a_wrong_key_is_refused_in_the_same_words_wherever_it_is_used(locked, wrong):
    said = set()
    for method, path in [("GET", "/api/v1/orders"), ("POST", "/api/v1/halt"), ("GET", "/health")]:
        answer = locked.call(method, path, b"{}" if method == "POST" else None, {"Authorization": wrong, **JSON})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        said.add(re.sub(rb'"request_id":"[^"]*"', b"", answer.body))
    assert len(said) == 1


def test_what_belongs_to_another_tenant_answers_as_what_is_not_there(locked, keys):
    placed = locked.call("POST", "/api/v1/orders", json.dumps(TWO_ORDERS).encode(), bearer(keys["trade"]))
    assert placed.status == 200
    batch, order = placed.json()["batch_id"], placed.json()["orders"][0]["id"]
    fill = json.dumps({"fills": [{"fill_price": 2500, "fill_qty": 1}]}).encode()
    asked = [
        ("GET", "/api/v1/orders/{order}", None), ("POST", "/api/v1/orders/{order}/simulate_fill", fill),
        ("POST", "/api/v1/orders/{order}/cancel", b"{}"), ("POST", "/api/v1/orders/{order}/replace", b'{"qty": 1}'),
        ("GET", "/api/v1/batches/{batch}", None), ("GET", "/api/v1/batches/{batch}/wait?timeout_ms=1", None),
        ("POST", "/api/v1/batches/{batch}/cancel", b"{}"), ("GET", "/api/v1/reconcile/{batch}", None),
        ("GET", "/api/v1/events?batch_id={batch}", None), ("GET", "/api/v1/events?order_id={order}", None),
    ]
    for method, path, body in asked:
        theirs = locked.call(method, path.format(order=order, batch=batch), body, bearer(keys["other"]))
        nobodys = locked.call(method, path.format(order=999, batch=999), body, bearer(keys["other"]))
        assert theirs.status == nobodys.status == 404, (method, path, theirs.body)
        assert theirs.json()["detail"].replace(str(order), "999").replace(str(batch), "999") == nobodys.json()["detail"]
    for path, name in [("/api/v1/orders", "orders"), ("/api/v1/batches", "batches"), ("/api/v1/events", "events")]:
        assert locked.call("GET", path, None, bearer(keys["other"])).json()[name] == []
        assert locked.call("GET", path, None, bearer(keys["read"])).json()[name] != []
        assert locked.call("GET", path, None, bearer(keys["operate"])).json()[name] != []
    unharmed = locked.call("GET", f"/api/v1/orders/{order}", None, bearer(keys["read"])).json()
    assert (unharmed["status"], unharmed["fill_qty"]) == ("acked", 0)


def test_no_filter_finds_what_belongs_to_another_tenant(locked, keys):
    placed = locked.call("POST", "/api/v1/orders", json.dumps({**TWO_ORDERS, "idempotency_key": "rebalance"}).encode(),
                         bearer(keys["trade"])).json()
    order = placed["orders"][0]
    for path, name in [
        (f"/api/v1/orders?batch_id={placed['batch_id']}", "orders"), ("/api/v1/orders?portfolio_id=1", "orders"),
        (f"/api/v1/orders?client_order_id={order['client_order_id']}", "orders"), ("/api/v1/orders?status=acked", "orders"),
        ("/api/v1/orders?newest_first=true", "orders"), ("/api/v1/orders?limit=1&cursor=0", "orders"),
        ("/api/v1/batches?idempotency_key=rebalance", "batches"), ("/api/v1/batches?portfolio_id=1", "batches"),
        ("/api/v1/events?after=0&limit=1000", "events"),
    ]:
        assert locked.get(path, headers=bearer(keys["trade"])).json()[name] != [], path
        assert locked.get(path, headers=bearer(keys["other"])).json()[name] == [], path
        head = locked.call("HEAD", path, None, bearer(keys["other"]))
        assert (head.status, head.body) == (200, b""), path


def test_a_stream_carries_nothing_of_another_tenant(locked, keys):
    mine, theirs = ({**TWO_ORDERS, "idempotency_key": name} for name in ("mine", "theirs"))
    stream = locked.connect()
    stream.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                   f"Authorization: Bearer {keys['other']}\r\n\r\n".encode())
    for body, role in [(mine, "trade"), (theirs, "other"), (mine, "operate")]:
        assert locked.post("/api/v1/orders", body, headers=bearer(keys[role])).status == 200
    said = b""
    while said.count(b"event: order.acked") < 2:  # of the second batch, which stands between two of others
        said += stream.recv(65536)
    stream.close()
    assert set(re.findall(rb'"batch_id":(\d+)', said)) == {b"2"}
    for path in ("batch_id=1", "order_id=1", "batch_id=999"):
        with locked.connect() as refused:
            refused.sendall(f"GET /api/v1/events?{path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                            f"Authorization: Bearer {keys['other']}\r\n\r\n".encode())
            assert refused.recv(12) == b"HTTP/1.1 404", path


def test_one_key_of_idempotency_is_another_for_another_tenant(locked, keys):
    body = json.dumps({**TWO_ORDERS, "idempotency_key": "rebalance"}).encode()
    mine = locked.call("POST", "/api/v1/orders", body, bearer(keys["trade"]))
    theirs = locked.call("POST", "/api/v1/orders", body, bearer(keys["other"]))
    assert mine.status == theirs.status == 200
    assert mine.json()["batch_id"] != theirs.json()["batch_id"]


def test_a_key_that_has_had_its_share_waits_and_others_do_not(start_server, keys, tmp_path):
    server = start_server(options=["--keys-file", str(tmp_path / "keys"), "--requests-per-second", "1"])
    assert server.call("GET", "/api/v1/orders", None, bearer(keys["read"])).status == 200
    for _ in range(50):
        answer = server.call("GET", "/api/v1/orders", None, bearer(keys["read"]))
        if answer.status == 429:
            break
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert server.call("GET", "/api/v1/orders", None, bearer(keys["trade"])).status == 200


def test_health_without_a_key_says_no_more_than_whether_it_is_well(locked, keys):
    assert set(locked.call("GET", "/health", None, {}).json()) == {"status"}
    assert "dependencies" in locked.call("GET", "/health", None, bearer(keys["operate"])).json()["health"]


def test_what_is_of_all_tenants_is_not_for_a_key_of_one(locked, keys):
    locked.post("/api/v1/orders", TWO_ORDERS, headers=bearer(keys["trade"]))
    for role in ("read", "trade"):
        assert locked.get("/health", headers=bearer(keys[role])).json() == {"status": "ok", "role": role}
        assert locked.get("/metrics", headers=bearer(keys[role])).status == 403
    assert b"orchestrator_open_orders" in locked.get("/metrics", headers=bearer(keys["operate"])).body


@pytest.mark.parametrize("order, price", [(1, "2500.01"), (1, 99999), (2, "2599.99"), (2, 1)])
def test_a_fill_worse_than_the_limit_is_not_for_a_key_of_a_tenant(locked, keys, order, price):
    locked.post("/api/v1/orders", TWO_ORDERS, headers=bearer(keys["trade"]))
    path = f"/api/v1/orders/{order}/simulate_fill"
    good = {"fill_price": 2500 if order == 1 else 2600, "fill_qty": 1}
    bad = {"fills": [good, {"fill_price": price, "fill_qty": 1}]}
    refused = locked.post(path, bad, headers=bearer(keys["trade"]))
    assert (refused.status, refused.json()["code"], refused.json()["in_doubt"]) == (422, "limit_exceeded", False)
    assert locked.get(f"/api/v1/orders/{order}", headers=bearer(keys["read"])).json()["fill_qty"] == 0
    assert locked.get("/api/v1/halts", headers=bearer(keys["operate"])).json()["halts"] == []
    assert locked.post(path, {"fills": [good]}, headers=bearer(keys["trade"])).status == 200
    assert locked.post(path, bad, headers=bearer(keys["operate"])).status == 200


def test_a_stop_is_shown_to_a_key_of_a_tenant_without_its_reason(locked, keys):
    locked.post("/api/v1/orders", TWO_ORDERS, headers=bearer(keys["trade"]))
    wild = {"fills": [{"fill_price": 99999, "fill_qty": 1}]}
    assert locked.post("/api/v1/orders/1/simulate_fill", wild, headers=bearer(keys["operate"])).status == 200
    for role, told in [("other", False), ("operate", True)]:
        halts = locked.get("/api/v1/halts", headers=bearer(keys[role]))
        assert [(h["scope"], h["mode"]) for h in halts.json()["halts"]] == [("broker", "cancel_only")]
        assert (b"order 1" in halts.body, b"2500" in halts.body) == (told, told)


def test_why_orders_are_stopped_is_told_to_operators_alone(locked, keys):
    halted = {"scope": "all", "reason": "order 7 of rivals went wild"}
    assert locked.post("/api/v1/halt", halted, headers=bearer(keys["operate"])).status == 200
    for role, told in [("trade", False), ("operate", True)]:
        refused = locked.post("/api/v1/orders", TWO_ORDERS, headers=bearer(keys[role]))
        assert (refused.status, refused.json()["code"]) == (503, "halted")
        assert (b"rivals" in refused.body) == told


def test_a_fault_of_the_server_is_told_in_full_to_operators_and_the_log_alone(start_server, keys, tmp_path):
    for role, told in [("trade", False), ("operate", True)]:
        server = start_server(options=["--keys-file", str(tmp_path / "keys")],
                              environment={"ORCHESTRATOR_FAILPOINT": "accept.before_unit:1:throw"})
        failed = server.post("/api/v1/orders", TWO_ORDERS, headers=bearer(keys[role]))
        assert (failed.status, failed.json()["code"]) == (500, "internal")
        assert (b"accept.before_unit" in failed.body) == told
        server.stop()
        server.log_copier.join()
        assert f"request {failed.json()['request_id']}: " in (tmp_path / "server.log").read_text()


def test_the_audit_trail_names_the_key_that_stops_and_resumes(locked, keys, tmp_path):
    stop = {"scope": "portfolio", "target": 1}
    halted = locked.post("/api/v1/halt", {**stop, "reason": "drill"}, headers=bearer(keys["operate"]))
    assert halted.json()["by"] == "night"
    assert locked.post("/api/v1/resume", stop, headers=bearer(keys["operate"])).json()["resumed"]
    locked.stop()
    with contextlib.closing(sqlite3.connect(tmp_path / "orders.db")) as book:
        rows = book.execute('SELECT action, "by" FROM audit_trail ORDER BY id DESC LIMIT 2').fetchall()
    assert rows == [("resume", "night"), ("halt", "night")]


def trail_of(folder):
    with contextlib.closing(sqlite3.connect(folder / "orders.db")) as book:
        return book.execute('SELECT "by", action, subject FROM audit_trail ORDER BY id').fetchall()


def test_the_audit_trail_names_the_key_that_cancels_replaces_and_settles(locked, keys, tmp_path):
    for _ in range(2):
        placed = locked.post("/api/v1/orders", TWO_ORDERS, headers=bearer(keys["trade"]))
    assert locked.post("/api/v1/orders/1/replace", {"price_limit": 2400}, headers=bearer(keys["trade"])).status == 200
    assert locked.post("/api/v1/orders/1/cancel", headers=bearer(keys["operate"])).status == 200
    assert locked.post(f"/api/v1/batches/{placed.json()['batch_id']}/cancel", headers=bearer(keys["trade"])).status == 200
    fill = {"fills": [{"fill_price": 2600, "fill_qty": 50}]}
    assert locked.post("/api/v1/orders/2/simulate_fill", fill, headers=bearer(keys["trade"])).status == 200
    settled = locked.post("/api/v1/settle", {"as_of": "2100-01-01"}, headers=bearer(keys["operate"])).json()["settled"]
    assert settled == [2]
    locked.stop()
    assert trail_of(tmp_path) == [
        ("desk", "order.replace", "order/1"), ("night", "order.cancel", "order/1"), ("desk", "order.cancel", "order/3"),
        ("desk", "order.cancel", "order/4"), ("night", "order.settle", "order/2")]


def test_the_log_tells_which_key_placed_which_batch(start_server, keys, tmp_path):
    server = start_server(options=["--keys-file", str(tmp_path / "keys"), "--log-format", "json"])
    placed = server.post("/api/v1/orders", TWO_ORDERS, headers=bearer(keys["trade"]))
    server.post("/api/v1/orders/2/simulate_fill", {}, headers=bearer(keys["trade"]))
    server.get("/api/v1/reconcile/1", headers=bearer(keys["read"]))
    server.get("/api/v1/orders", headers=bearer(keys["read"]))
    server.stop()
    server.log_copier.join()
    told = [json.loads(line) for line in (tmp_path / "server.log").read_text().splitlines()]
    requests = [line for line in told if line["message"] == "request"]
    assert [(line["caller"], line["status"], line.get("subject")) for line in requests] == [
        ("desk", 200, "batch/1"), ("desk", 400, "order/2"), ("auditor", 200, "batch/1"), ("auditor", 200, None)]
    assert requests[0]["request_id"] == placed.headers["X-Request-Id"]


def test_a_decision_is_signed_by_the_key_and_by_nobody_else(locked, keys):
    locked.post("/api/v1/orders", TWO_ORDERS, headers=bearer(keys["trade"]))
    said = {"kind": "rejected", "reason": "seen in the terminal"}
    for by, status in [({"by": "asha"}, 400), ({"by": "night"}, 409), ({}, 409)]:  # 409: it is not in doubt
        assert locked.post("/api/v1/orders/1/resolve", {**said, **by}, headers=bearer(keys["operate"])).status == status


def test_no_key_is_in_the_log_or_in_the_keys_file(locked, keys, tmp_path):
    for key in keys.values():
        locked.call("GET", "/api/v1/orders", None, bearer(key))
    locked.close()
    written = (tmp_path / "server.log").read_text() + (tmp_path / "keys").read_text()
    assert all(key not in written for key in keys.values() if key)


def test_beyond_loopback_it_does_not_start_without_keys(tmp_path):
    ended = subprocess.run([program(), "--bind", "0.0.0.0", "--port", "0"], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "keys file" in ended.stderr


def test_a_server_whose_keys_file_will_not_do_does_not_touch_the_database(tmp_path):
    (tmp_path / "keys").write_text("desk trade acme nothash\n")
    ended = subprocess.run([program(), "--keys-file", "keys", "--port", "0", "--database-url", "sqlite:///orders.db"],
                           cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1 and "keys" in ended.stderr
    assert not (tmp_path / "orders.db").exists()


def test_a_server_whose_port_is_taken_does_not_touch_the_database(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = subprocess.run([program(), "--port", str(port), "--database-url", "sqlite:///orders.db"],
                               cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1 and f"127.0.0.1 port {port}" in ended.stderr
    assert not (tmp_path / "orders.db").exists()


@pytest.mark.parametrize("owner", [["desk", "--role", "admin"], ["two words", "--of-tenant", "acme"], ["desk"],
                                   ["desk", "--role", "operate", "--of-tenant", "acme"]])
def test_an_owner_that_will_not_do_gets_no_key(tmp_path, owner):
    made = subprocess.run([program(), "--keys-file", "keys", "key", *owner], cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 1
    assert made.stdout == ""
    assert not (tmp_path / "keys").exists()


def head_alone(path, key=None, content_type="application/json"):
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", "Content-Length: 1048576",
             "Expect: 100-continue"] + ([f"Authorization: Bearer {key}"] if key else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@pytest.mark.parametrize("role, path, content_type, status", [
    ("none", "/api/v1/orders", "application/json", 401), ("read", "/api/v1/orders", "application/json", 403),
    ("trade", "/api/v1/nothing", "application/json", 404), ("trade", "/api/v1/batches", "application/json", 405),
    ("trade", "/api/v1/orders", "text/plain", 415),
])
def test_a_body_that_nobody_will_read_is_refused_by_its_head_alone(locked, keys, role, path, content_type, status):
    # Not one byte of the body is sent, and nobody is told to go on.
    answer = locked.raw(head_alone(path, keys[role], content_type))
    assert answer.startswith(b"HTTP/1.1 %d " % status) and b"Connection: close" in answer, answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_refused_request_without_a_body_leaves_the_connection_open(locked):
    one = b"GET /api/v1/orders HTTP/1.1\r\nHost: localhost\r\n"
    answer = locked.raw(one + b"\r\n" + one + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 401 ") == 2


def test_one_key_does_not_hold_all_streams_and_waits(locked, keys):
    def follow(key):
        client = locked.connect()
        client.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                       f"Authorization: Bearer {key}\r\n\r\n".encode())
        return client, client.recv(12)

    streams = [follow(keys["read"]) for _ in range(64)]
    assert {said for _, said in streams} == {b"HTTP/1.1 200"}
    placed = locked.call("POST", "/api/v1/orders", json.dumps(TWO_ORDERS).encode(), bearer(keys["trade"]))
    wait = f"/api/v1/batches/{placed.json()['batch_id']}/wait"
    assert locked.get(wait, headers=bearer(keys["trade"])).status == 200
    refused = locked.get(wait, headers=bearer(keys["read"]))
    assert (refused.status, refused.json()["code"], refused.headers["Retry-After"]) == (429, "too_many_streams", "10")
    one_more, said = follow(keys["read"])
    assert said == b"HTTP/1.1 429"
    assert locked.get("/api/v1/orders", headers=bearer(keys["read"])).status == 200
    for client, _ in streams + [(one_more, said)]:
        client.close()
