"""Idempotency keys over HTTP: where a key may stand, what a second request with it gets, and from which process."""

import pytest

from http_driver import TWO_ORDERS


def place(server, key=None, body=None, **headers):
    sent = dict(body or TWO_ORDERS)
    return server.post("/api/v1/orders", sent, headers={"Idempotency-Key": key, **headers} if key else headers)


def test_a_bare_a_quoted_and_a_body_key_are_one_key(server):
    bare = place(server, "k-1")
    quoted = place(server, '"k-1"')
    in_body = place(server, body={**TWO_ORDERS, "idempotency_key": "k-1"})
    both = place(server, "k-1", body={**TWO_ORDERS, "idempotency_key": "k-1"})
    assert bare.status == 200 and "Idempotent-Replayed" not in bare.headers
    for again in (quoted, in_body, both):
        assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, bare.body, "true")
    assert len(server.get("/api/v1/batches").json()["batches"]) == 1


def test_two_different_keys_in_one_request_are_refused_and_neither_is_used(server):
    refused = place(server, "k-1", body={**TWO_ORDERS, "idempotency_key": "k-2"})
    assert (refused.status, refused.json()["code"]) == (400, "invalid_argument")
    for key in ("k-1", "k-2"):
        assert "Idempotent-Replayed" not in place(server, key).headers


def test_a_key_with_another_request_is_a_conflict_and_writes_nothing(server):
    place(server, "k-1")
    refused = place(server, "k-1", body={**TWO_ORDERS, "portfolio_id": 2})
    assert (refused.status, refused.json()["code"]) == (422, "idempotency_conflict")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert len(server.get("/api/v1/batches").json()["batches"]) == 1


def test_the_same_request_written_otherwise_is_the_same(server):
    first = place(server, "k-1")
    other = (b'{"orders": [{"side": "BUY", "price_limit": "2500", "qty": 100.0, "instrument_id": 1},'
             b'{"instrument_id": 2, "price_limit": 2600.00, "qty": "50", "side": "SELL"}], "portfolio_id": 1}')
    again = server.post("/api/v1/orders", other, headers={"Idempotency-Key": "k-1"})
    assert (again.status, again.body) == (200, first.body)


def test_a_refused_request_leaves_its_key_unused(server):
    bad = {**TWO_ORDERS, "orders": [{**TWO_ORDERS["orders"][0], "qty": -1}]}
    refused = place(server, "k-1", body=bad)
    assert refused.status == 422
    problem = refused.json()
    assert problem["code"] == "validation_failed"
    assert [(v["order_index"], v["field"]) for v in problem["violations"]] == [(0, "qty")]
    assert place(server, "k-1").status == 200


def test_a_placement_without_a_key_that_fails_names_the_key_to_look_for_and_to_send_again(start_server):
    server = start_server(environment={"ORCHESTRATOR_FAILPOINT": "accept.before_unit:1:throw"})
    failed = place(server)
    assert failed.status == 500
    key = failed.json()["idempotency_key"]
    for batches in ([], [1]):
        found = server.get(f"/api/v1/batches?idempotency_key={key}").json()["batches"]
        assert [batch["id"] for batch in found] == batches
        again = place(server, key)
        assert (again.status, again.json()["idempotency_key"]) == (200, key)
    refused = {**TWO_ORDERS, "orders": [{**TWO_ORDERS["orders"][0], "qty": -1}]}
    keys = [place(server, body=refused).json()["idempotency_key"] for _ in range(2)] + [key]
    assert len(set(keys)) == 3 and place(server, "mine", body=refused).json()["idempotency_key"] == "mine"


@pytest.mark.parametrize("key", ["", '""', "k" * 256, "a b"])
def test_a_key_that_cannot_be_one_is_refused(server, key):
    answer = server.raw((f"POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                         f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: 73\r\n\r\n"
                         ).encode() + b'{"portfolio_id":1,"orders":[{"instrument_id":1,"qty":1,"side":"BUY"}]}   ')
    assert answer.startswith(b"HTTP/1.1 400 "), answer


def test_a_replay_is_the_same_bytes_from_another_process_and_after_a_restart(any_server, start_server):
    first = place(any_server, "k-1")
    if any_server.database_url.startswith("postgresql:"):
        other = start_server(database_url=any_server.database_url)
        again = place(other, "k-1")
        assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")
        other.stop()
    assert any_server.stop() == 0
    any_server.start()
    again = place(any_server, "k-1")
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, first.body, "true")
