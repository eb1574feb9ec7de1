"""The specification's manual verification steps, run with curl as they are written there; only the port is the test's."""

import json
import subprocess

STEP_1 = """curl -X POST "http://localhost:8006/api/v1/orders" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: test-key-123" \\
  -d '{
    "portfolio_id": 1,
    "orders": [
      {
        "instrument_id": 1,
        "qty": 100,
        "side": "BUY",
        "price_limit": 2500.0
      },
      {
        "instrument_id": 2,
        "qty": 50,
        "side": "SELL",
        "price_limit": 2600.0
      }
    ]
  }'"""
STEP_2 = 'curl "http://localhost:8006/api/v1/orders/{order_id}"'
STEP_3 = """curl -X POST "http://localhost:8006/api/v1/orders/{order_id}/simulate_fill" \\
  -H "Content-Type: application/json" \\
  -d '{
    "fills": [
      {
        "order_id": 1,
        "fill_price": 2500.0,
        "fill_qty": 100
      }
    ]
  }'"""
STEP_4 = 'curl "http://localhost:8006/api/v1/reconcile/{batch_id}"'
STEP_6 = "curl http://localhost:8006/health"
STEP_7 = "curl http://localhost:8006/metrics"

SAMPLE_REPORT = {
    "total_orders": 2, "filled_orders": 2, "pending_orders": 0, "cancelled_orders": 0, "total_qty": 150.0,
    "filled_qty": 150.0, "total_value": 380000.0, "filled_value": 380000.0, "expected_pnl": 5000.0, "actual_pnl": 5000.0,
}


def run(server, command, **ids):
    """Gives status, headers and body of what a shell does with the command."""
    for name, value in ids.items():
        command = command.replace("{%s}" % name, str(value))
    command = command.replace("localhost:8006", f"localhost:{server.port}").replace("curl ", "curl -s -i ", 1)
    said = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, check=True, timeout=30).stdout.decode()
    head, body = said.split("\r\n\r\n", 1)
    status_line, *lines = head.split("\r\n")
    return int(status_line.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body


def test_the_seven_steps_give_what_the_specification_says(any_server):
    status, _, first = run(any_server, STEP_1)
    assert status == 200, first
    receipt = json.loads(first)
    batch_id, order_id = receipt["batch_id"], receipt["orders"][0]["id"]
    assert order_id == 1
    assert [leg["broker"] for leg in receipt["proposed_routing"]] == ["alpaca-mock", "alpaca-mock"]

    status, _, body = run(any_server, STEP_2, order_id=order_id)
    assert (status, json.loads(body)["status"]) == (200, "acked")

    status, _, body = run(any_server, STEP_3, order_id=order_id)
    assert status == 200, body
    assert json.loads(body)["order"]["status"] == "filled"

    other = receipt["orders"][1]["id"]
    fill = STEP_3.replace('"order_id": 1', f'"order_id": {other}').replace("2500.0", "2600.0").replace("100", "50")
    status, _, body = run(any_server, fill, order_id=other)
    assert status == 200, body

    status, _, body = run(any_server, STEP_4, batch_id=batch_id)
    report = json.loads(body)
    assert status == 200
    assert {name: report[name] for name in SAMPLE_REPORT} == SAMPLE_REPORT
    assert report["batch_id"] == batch_id and len(report["orders"]) == 2

    status, headers, body = run(any_server, STEP_1)
    assert (status, body) == (200, first)
    assert headers["idempotent-replayed"] == "true"

    status, _, body = run(any_server, STEP_6)
    assert (status, json.loads(body)["status"]) == (200, "ok")

    status, headers, body = run(any_server, STEP_7)
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE orchestrator_" in body
