"""The routes beside the specification's: lists with cursors, changes, waiting, operating."""

import json
import subprocess

import pytest

from http_driver import TWO_ORDERS, program, until


def place(server, count=1, **more):
    return [server.post("/api/v1/orders", {**TWO_ORDERS, **more}).json() for _ in range(count)]


def test_orders_are_listed_by_pages_in_both_directions(any_server):
    place(any_server, 3)
    for newest_first, ids in (("false", [1, 2, 3, 4, 5, 6]), ("true", [6, 5, 4, 3, 2, 1])):
        seen, cursor = [], ""
        while True:
            page = any_server.get(f"/api/v1/orders?limit=4&newest_first={newest_first}{cursor}").json()
            seen += [order["id"] for order in page["orders"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert seen == ids


def test_orders_are_filtered(any_server):
    first, second = place(any_server) + place(any_server, portfolio_id=7)
    any_server.post("/api/v1/orders/1/simulate_fill", {"fills": [{"fill_price": 2500, "fill_qty": 100}]})

    def ids(query):
        return [order["id"] for order in any_server.get("/api/v1/orders?" + query).json()["orders"]]

    assert ids("portfolio_id=7") == [3, 4] == ids(f"batch_id={second['batch_id']}")
    assert ids("status=filled") == [1] and ids("instrument_id=2") == [2, 4]
    assert ids("client_order_id=" + first["orders"][1]["client_order_id"]) == [2]
    assert ids("broker=alpaca-mock&status=acked&portfolio_id=1") == [2]
    assert [b["id"] for b in any_server.get("/api/v1/batches?portfolio_id=7").json()["batches"]] == [2]
    assert any_server.get("/api/v1/batches/2").json()["total_orders"] == 2


def test_fills_are_checked_together_before_the_first_is_applied(any_server):
    place(any_server)
    path = "/api/v1/orders/1/simulate_fill"
    for fills, status in (
        ([{"fill_price": 1, "fill_qty": 60}, {"fill_price": 1, "fill_qty": 41}], 422),
        ([{"fill_price": 1, "fill_qty": 60}, {"order_id": 2, "fill_price": 1, "fill_qty": 1}], 400),
        ([{"fill_price": 1, "fill_qty": 60}, {"fill_price": 1}], 400),
        ([{"fill_price": 1, "fill_qty": 0}], 400), ([], 400), ([1], 400),
    ):
        assert any_server.post(path, {"fills": fills}).status == status, fills
        assert any_server.get("/api/v1/orders/1").json()["fill_qty"] == 0
    done = any_server.post(path, {"fills": [{"fill_price": 2499.5, "fill_qty": 60}, {"fill_price": "2500", "fill_qty": 40}]})
    assert done.status == 200 and len(done.json()["fills"]) == 2
    assert done.json()["order"]["status"] == "filled" and done.json()["order"]["fill_notional"] == 249970
    assert any_server.post(path, {"fills": [{"fill_price": 1, "fill_qty": 1}]}).status in (409, 422)
    assert any_server.post("/api/v1/orders/99/simulate_fill", {"fills": [{"fill_price": 1, "fill_qty": 1}]}).status == 404


def test_fills_that_are_worth_more_than_can_be_booked_are_refused_before_the_first(any_server):
    most = {**TWO_ORDERS, "orders": [{**TWO_ORDERS["orders"][0], "qty": 9000000000, "price_limit": 1}]}
    assert any_server.post("/api/v1/orders", most).status == 200
    refused = any_server.post("/api/v1/orders/1/simulate_fill", {"fills": [
        {"fill_price": 1, "fill_qty": 1}, {"fill_price": 9000000000, "fill_qty": 8999999999}]})
    assert (refused.status, refused.json()["code"], refused.json()["in_doubt"]) == (422, "limit_exceeded", False)
    assert any_server.get("/api/v1/orders/1").json()["fill_qty"] == 0


def test_a_failure_behind_the_first_fill_says_how_many_were_applied_and_is_in_doubt(start_server):
    server = start_server(environment={"ORCHESTRATOR_FAILPOINT": "fill.executed:2:throw"})
    place(server)
    failed = server.post("/api/v1/orders/1/simulate_fill", {"fills": [{"fill_price": 2500, "fill_qty": 10}] * 3}).json()
    assert failed["in_doubt"] and not failed["retryable"] and failed["detail"].startswith("1 of 3 fills were applied")


def test_what_has_ended_is_not_filled(any_server):
    place(any_server)
    any_server.post("/api/v1/batches/1/cancel")
    until(lambda: any_server.get("/api/v1/orders/1").json()["status"] == "cancelled")
    refused = any_server.post("/api/v1/orders/1/simulate_fill", {"fills": [{"fill_price": 1, "fill_qty": 1}] * 2})
    assert (refused.status, refused.json()["code"]) == (409, "invalid_state")


def test_an_escaped_slash_does_not_split_a_path_and_a_query_has_an_end(server):
    place(server)
    refused = server.get("/api/v1/orders%2F1")
    assert (refused.status, refused.json()["code"]) == (400, "invalid_target")
    assert server.get("/api/v1/orders?broker=a%2Fb").status == 200
    refused = server.get("/api/v1/orders?" + "&".join(f"p{n}=1" for n in range(33)))
    assert refused.status == 400 and "at most 32" in refused.json()["detail"]


@pytest.mark.parametrize("path", ["orders/1", "batches/1"])
def test_a_cancel_takes_no_fields_and_no_rubbish(server, path):
    place(server)
    for body in (b"rubbish", b"[]", b'{"order_id": 2}', b"{} {}"):
        assert server.call("POST", f"/api/v1/{path}/cancel", body).status == 400, body
    assert server.get("/api/v1/orders/1").json()["status"] == "acked"
    for body in (b"", b"{}"):
        assert server.call("POST", f"/api/v1/{path}/cancel", body).status in (200, 409), body


@pytest.mark.parametrize("text, status", [
    ("%ff", 400), ("%c0%af", 400), ("%ed%a0%80", 400), ("%f4%90%80%80", 400), ("%e2%82", 400), ("%80", 400), ("%00", 400),
    ("%e2%82%ac", 200), ("%f0%9f%98%80", 200), ("%c3%a9", 200),
])
def test_a_target_that_is_not_utf_8_is_refused_before_any_database_sees_it(any_server, text, status):
    answer = any_server.get(f"/api/v1/orders?broker={text}")
    assert answer.status == status
    assert status == 200 or answer.json()["code"] == "invalid_target"


def test_an_order_and_a_batch_are_changed_and_cancelled(any_server):
    place(any_server, 2)
    assert any_server.post("/api/v1/orders/1/replace", {}).status == 400
    assert any_server.post("/api/v1/orders/1/replace", {"qty": 80, "price_limit": "2501.5"}).status == 200
    assert any_server.post("/api/v1/orders/2/cancel").status == 200
    assert len(any_server.post("/api/v1/batches/2/cancel").json()["orders"]) == 2
    assert any_server.post("/api/v1/batches/9/cancel").status == 404
    until(lambda: any_server.get("/api/v1/batches/2").json()["status"] == "cancelled")
    until(lambda: any_server.get("/api/v1/orders/1").json()["qty"] == 80)
    assert any_server.get("/api/v1/orders/2").json()["status"] == "cancelled"
    refused = any_server.post("/api/v1/orders/2/cancel")
    assert (refused.status, refused.json()["code"]) == (409, "invalid_state")


def test_a_batch_is_waited_for(any_server):
    place(any_server)
    answer = any_server.get("/api/v1/batches/1/wait?timeout_ms=20000").json()
    assert answer["settled"] is True and answer["batch"]["id"] == 1
    assert any_server.get("/api/v1/batches/2/wait?timeout_ms=0").status == 404


def test_the_stop_switch_stops_and_resumes(any_server):
    halted = any_server.post("/api/v1/halt", {"scope": "portfolio", "target": 1, "reason": "drill"})
    assert halted.status == 200 and halted.json()["reason"] == "drill"
    refused = any_server.post("/api/v1/orders", TWO_ORDERS, headers={"Idempotency-Key": "k"})
    assert (refused.status, refused.json()["code"]) == (503, "halted")
    assert [h["target"] for h in any_server.get("/api/v1/halts").json()["halts"]] == ["1"]
    assert any_server.get("/health").status == 200
    for expected in (True, False):
        assert any_server.post("/api/v1/resume", {"scope": "portfolio", "target": "1"}).json()["resumed"] is expected
    assert any_server.post("/api/v1/orders", TWO_ORDERS, headers={"Idempotency-Key": "k"}).status == 200
    for wrong in ({}, {"scope": "x", "reason": "r"}, {"scope": "all"}, {"scope": "broker", "reason": "r"},
                  {"scope": "all", "reason": "r", "more": 1}, {"scope": "all", "reason": "r" * 1001},
                  {"scope": "all", "reason": "a\0b"}, {"scope": "broker", "target": "b" * 1001, "reason": "r"},
                  {"scope": "portfolio", "target": "1" * 900000, "reason": "r"}, {"scope": "all", "target": "x", "reason": "r"}):
        assert any_server.post("/api/v1/halt", wrong).status == 400, wrong
    assert any_server.get("/api/v1/halts").json()["halts"] == []


def test_what_is_due_is_settled(any_server):
    place(any_server)
    any_server.post("/api/v1/orders/1/simulate_fill", {"fills": [{"fill_price": 2500, "fill_qty": 100}]})
    assert any_server.post("/api/v1/settle", {"as_of": "2000-01-01"}).json() == {
        "as_of": "2000-01-01", "settled": [], "not_due": 1}
    assert any_server.post("/api/v1/settle", {"as_of": "2099-01-01"}).json()["settled"] == [1]
    for wrong in ({}, {"as_of": "2099-13-01"}, {"as_of": 5}):
        assert any_server.post("/api/v1/settle", wrong).status == 400


def test_brokers_breaks_and_readiness_are_shown(any_server):
    place(any_server)
    assert any_server.get("/api/v1/reconcile/1/breaks").json() == {"batch_id": 1, "breaks": []}
    assert {b["broker_name"] for b in any_server.get("/api/v1/brokers").json()["brokers"]} == {"alpaca-mock", "zerodha-mock"}
    assert any_server.get("/ready").json() == {"ready": True}
    assert any_server.call("HEAD", "/health").body == b""


def test_an_order_that_is_not_in_doubt_is_not_resolved(server):
    place(server)
    said = {"kind": "rejected", "by": "asha", "reason": "seen in the terminal"}
    assert server.post("/api/v1/orders/1/resolve", said).status == 409
    for wrong in ({**said, "kind": "x"}, {**said, "by": ""}, {**said, "by": "b" * 1001}, {**said, "reason": "é" * 501}, {**said, "more": 1}):
        assert server.post("/api/v1/orders/1/resolve", wrong).status == 400


def test_the_table_of_routes_is_printed():
    table = json.loads(subprocess.run([program(), "routes", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    assert {"method": "POST", "pattern": "/api/v1/orders", "role": "trade"} in table


@pytest.mark.parametrize("options, words", [
    (["--bind", "0.0.0.0"], "keys file"), (["--port", "70000"], "--port"), (["--threads", "1"], "--threads"),
    (["--log-format", "xml"], "--log-format"), (["--nix"], "--help"),
])
def test_settings_that_are_wrong_are_refused_by_name(tmp_path, options, words):
    done = subprocess.run([program(), "--database-url", "memory:", *options], cwd=tmp_path, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode != 0 and words in done.stderr.decode()
