"""What the running server tells of itself: its metrics, against a known run and beside a database that stalls; its log,
whatever clients write; and nothing of a secret in either."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from http_driver import TWO_ORDERS, program

CANARY = "c4n4ry5ecret"
SECONDS_MAX = 60


def scrape(server):
    answer = server.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return answer.body.decode()


def scrape_with_gauges(server):
    """On a busy machine the database may take longer than a scrape waits; its figures are those of the first one then."""
    give_up = time.monotonic() + SECONDS_MAX
    while True:
        text = scrape(server)
        if "orchestrator_state_age_seconds" in text:
            return text
        assert time.monotonic() < give_up, text


def value(text, metric):
    found = re.search(rf"^{re.escape(metric)} (\S+)$", text, re.M)
    return found and float(found.group(1))


def log_lines(server):
    """Of a server that was stopped; the thread that copies its log may be a moment behind."""
    assert server.stop() == 0
    give_up = time.monotonic() + SECONDS_MAX
    while True:
        text = (server.folder / "server.log").read_bytes()
        if text.rstrip().endswith((b'"stopped"}', b" stopped")):
            return text.splitlines()
        assert time.monotonic() < give_up, text
        time.sleep(0.02)


# --- metrics --------------------------------------------------------------------------------------------------------

def test_the_figures_are_those_of_the_run(any_server):
    server = any_server
    keyed = {"Idempotency-Key": "k1"}
    first = server.post("/api/v1/orders", TWO_ORDERS, headers=keyed)
    assert first.status == 200
    assert server.post("/api/v1/orders", TWO_ORDERS, headers=keyed).status == 200
    assert server.post("/api/v1/orders", {**TWO_ORDERS, "portfolio_id": 2}, headers=keyed).status == 422
    order = first.json()["orders"][0]["id"]
    assert server.get(f"/api/v1/orders/{order}").status == 200
    fill = {"fills": [{"order_id": order, "fill_price": 2500, "fill_qty": 100}]}
    assert server.post(f"/api/v1/orders/{order}/simulate_fill", fill).status == 200
    assert server.get("/api/v1/orders/999").status == 404
    assert server.get("/nothing/here").status == 404
    text = scrape_with_gauges(server)
    for metric, wanted in {
        'orchestrator_placements_total{outcome="accepted"}': 1,
        'orchestrator_placements_total{outcome="replayed"}': 1,
        'orchestrator_placements_total{outcome="conflict"}': 1,
        "orchestrator_placed_orders_total": 2,
        'orchestrator_accept_seconds_count{outcome="accepted"}': 1,
        'orchestrator_order_transitions_total{broker="alpaca-mock",status="acked"}': 2,
        'orchestrator_order_transitions_total{broker="alpaca-mock",status="filled"}': 1,
        'orchestrator_open_orders{broker="alpaca-mock",status="acked",parked="false"}': 1,
        "orchestrator_unknown_orders": 0,
        "orchestrator_accepting_orders": 1,
        'orchestrator_http_requests_total{method="POST",route="/api/v1/orders",status="200"}': 2,
        'orchestrator_http_requests_total{method="POST",route="/api/v1/orders",status="422"}': 1,
        'orchestrator_http_requests_total{method="GET",route="/api/v1/orders/{id}",status="200"}': 1,
        'orchestrator_http_requests_total{method="GET",route="/api/v1/orders/{id}",status="404"}': 1,
        'orchestrator_http_requests_total{method="GET",route="other",status="404"}': 1,
    }.items():
        assert value(text, metric) == wanted, f"{metric}: {value(text, metric)}\n{text}"
    assert value(text, "orchestrator_commit_group_units_sum") >= 3
    assert value(text, 'orchestrator_broker_calls_total{answer="answered",broker="alpaca-mock",operation="place"}') >= 1


def test_prometheus_own_checker_takes_a_scrape(server):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    server.post("/api/v1/orders", TWO_ORDERS)
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(server), capture_output=True, text=True,
                          check=False, timeout=SECONDS_MAX)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_stalled_database_holds_up_no_scrape(own_postgres, start_server):
    server = start_server(database_url=own_postgres.url)
    server.post("/api/v1/orders", TWO_ORDERS)
    open_orders = 'orchestrator_open_orders{broker="alpaca-mock",status="acked",parked="false"}'
    assert value(scrape_with_gauges(server), open_orders) == 2
    own_postgres.pause()
    ages = []
    while not ages or ages[-1] < 2:
        began = time.monotonic()
        text = scrape(server)
        assert time.monotonic() - began < 5  # a scraper's own limit is ten seconds
        assert value(text, open_orders) == 2
        assert value(text, 'orchestrator_placements_total{outcome="accepted"}') == 1
        ages.append(value(text, "orchestrator_state_age_seconds"))
        time.sleep(0.1)
    own_postgres.resume()
    give_up = time.monotonic() + SECONDS_MAX
    while value(scrape(server), "orchestrator_state_age_seconds") > 1.5:
        assert time.monotonic() < give_up
        time.sleep(0.1)


# --- secrets and hostile words --------------------------------------------------------------------------------------

def test_no_secret_is_in_the_log_the_metrics_or_an_answer(start_server):
    server = start_server(
        options=["--log-level", "debug", "--log-format", "json"],
        environment={"REDIS_URL": f"redis://default:{CANARY}@127.0.0.1:1/0", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
                     "KAFKA_SECURITY_PROTOCOL": "sasl_plaintext", "KAFKA_SASL_MECHANISM": "PLAIN",
                     "KAFKA_SASL_USERNAME": "desk", "KAFKA_SASL_PASSWORD": CANARY, "PGPASSWORD": CANARY})
    secret = {"Authorization": f"Bearer {CANARY}", "Cookie": CANARY, "X-Api-Key": CANARY}
    answers = [
        server.post("/api/v1/orders", TWO_ORDERS, headers=secret),
        server.get(f"/api/v1/orders?client_order_id={CANARY}"),
        server.get("/health"), server.get("/metrics"), server.get("/ready", headers=secret),
        server.call("POST", "/api/v1/orders", f'{{"{CANARY}'.encode()),
    ]
    for answer in answers[:-1]:  # the last may quote what was wrong with the client's own body
        assert CANARY.encode() not in answer.body
    assert CANARY.encode() not in Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    lines = log_lines(server)
    assert len(lines) > len(answers)
    assert not [line for line in lines if CANARY.encode() in line]


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path, how):
    url = f"postgresql://desk:{CANARY}@127.0.0.1:1/orders"
    given = ["--database-url", url] if how == "option" else []
    environment = {"PATH": "/usr/bin:/bin"} | ({"DATABASE_URL": url} if how == "environment" else {})
    done = subprocess.run([program(), "--port", "0", *given], cwd=tmp_path, env=environment, capture_output=True,
                          check=False, timeout=SECONDS_MAX)
    assert done.returncode != 0
    assert b"127.0.0.1" in done.stderr and CANARY.encode() not in done.stderr + done.stdout, done.stderr


def test_hostile_words_make_no_line_of_their_own(start_server):
    server = start_server(options=["--log-format", "json"])
    forged = '{"time":"now","level":"info","message":"forged"}'
    for path in ("/a%0d%0aforged", "/a%00%1b%5b31m", "/%ff%c0%af", "/{}%25s%25n", "/%22%7d%0aforged"):
        server.get(path)
    server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: " + forged.encode() +
               b"\xff\r\nConnection: close\r\n\r\n")
    server.raw(b"FORGED\x1b /\n" + forged.encode() + b"\r\n\r\n")
    server.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + forged.encode() + b"\r\n\r\n")
    lines = log_lines(server)
    assert len(lines) >= 8
    for line in lines:
        assert all(0x20 <= byte < 0x7F for byte in line), line
        entry = json.loads(line)
        assert list(entry)[:3] == ["time", "level", "message"], line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"])
        assert entry["message"] != "forged"


def test_a_request_is_one_line_that_names_it_by_its_id(start_server):
    server = start_server(options=["--log-format", "json"])
    answer = server.post("/api/v1/orders", TWO_ORDERS, headers={"X-Request-Id": "desk-17"})
    entries = [json.loads(line) for line in log_lines(server)]
    mine = [entry for entry in entries if entry.get("request_id") == "desk-17"]
    assert len(mine) == 1
    assert {name: mine[0][name] for name in ("method", "route", "status", "bytes")} == {
        "method": "POST", "route": "/api/v1/orders", "status": 200, "bytes": len(answer.body)}
    assert mine[0]["duration_us"] > 0
