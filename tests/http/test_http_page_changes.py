"""What is changed, decided and settled from the operator's page, and what it offers to whom: in a headless Chromium,
with keys of the server's own."""

import contextlib
import sqlite3
import subprocess
from pathlib import Path

import pytest

from http_driver import bearer, make_key, program

pytest.importorskip("selenium", reason="Debian: python3-selenium")

import browser
from page_desk import chromium, exact, fill, order, page, place  # noqa: F401 (fixtures are found by name)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


def answer_question(page, title, yes=True):
    page.until_text("dialog h2", title)
    page.click('dialog[open] button[type="submit"]' if yes else "dialog[open] .buttons .plain")


def until_closed(page):
    page.until(lambda: not page.all("dialog"), "the dialog stays")


def decide(page, one, kind, sure=True, **more):
    page.press(f"resolve-{one}")
    page.choose_in_dialog("kind", kind)
    for name, text in {"reason": "seen in the terminal", **more}.items():
        page.type(name, text, inside="dialog")
    answer_question(page, f"Decide about order {one}")
    answer_question(page, f"Order {one}: {kind.replace('_', ' ')}?", yes=sure)
    until_closed(page)


def status(server, one):
    return exact(server.get(f"/api/v1/orders/{one}"))["status"]


def test_an_order_is_changed_from_the_page_and_only_what_was_touched_is_sent(page, server):
    _, (one,) = place(server, order(qty="100", price_limit="2500", broker="alpaca-mock"))
    page.open()
    page.press(f"replace-{one}")
    page.confirm()  # nothing was touched: nothing is asked for
    page.press(f"replace-{one}")
    page.type("price_limit", "2400.5", inside="dialog")
    page.confirm()
    page.until(lambda: page.orders()[str(one)]["Limit"] == "2400.5", "the limit never changed")
    assert page.orders()[str(one)]["Quantity"] == "100"
    fill(server, one, "2400", "30")
    page.press(f"replace-{one}")
    page.type("qty", "80", inside="dialog")
    page.confirm()
    page.until(lambda: page.orders()[str(one)]["Quantity"] == "80", "the quantity never changed")
    types = [event["type"] for event in exact(server.get(f"/api/v1/events?order_id={one}"))["events"]]
    assert types.count("order.replace_pending") == 2


def test_a_change_that_the_service_refuses_is_shown_in_its_words(page, server):
    _, (one,) = place(server, order(qty="100", broker="alpaca-mock"))
    fill(server, one, "2500", "50")
    page.allowed_logs = [r"/replace .* 4\d\d "]
    page.open()
    page.press(f"replace-{one}")
    page.type("qty", "40", inside="dialog")
    page.confirm()
    page.until_text("#notices .bad", "invalid_state")


@pytest.fixture
def doubtful(tmp_path):
    """Of the first order that reaches zerodha-mock nothing is heard, and it never got there. Ask for it before the
    server: the setting is read when the database is opened."""
    (tmp_path / "faults.txt").write_text("place nth=1: lose_request\n")
    words = ["broker", "set", "zerodha-mock", "--config", '{"quiet_period_ms": 50}', "--fault-script", "faults.txt"]
    cli = Path(program()).with_name("orchestrator")
    subprocess.run([cli, *words, "--database-url", f"sqlite:///{tmp_path}/orders.db"], cwd=tmp_path, check=True,
                   capture_output=True)


@pytest.mark.parametrize("kind, after", [("rejected", "rejected"), ("accepted", "acked"), ("not_placed", "acked")])
def test_an_order_in_doubt_is_decided_about_asked_twice_and_signed(doubtful, page, server, tmp_path, kind, after):
    _, (one,) = place(server, order(broker="zerodha-mock"))
    page.until(lambda: exact(server.get(f"/api/v1/orders/{one}"))["parked"] is True, "recovery never parked it")
    page.open(f"#/order/{one}", wait_for="dl")
    said = {"by": "asha", **({"ext_order_id": "230105000001"} if kind == "accepted" else {})}
    decide(page, one, kind, sure=False, **said)
    assert status(server, one) == "unknown"
    decide(page, one, kind, **said)
    page.until_text("h1 + .state", after)
    assert status(server, one) == after
    page.driver.get("about:blank")
    assert trail_of(server, tmp_path)[-1] == ("asha", f"order.resolve.{kind}", f"order/{one}")


def trail_of(server, folder):
    server.stop()
    with contextlib.closing(sqlite3.connect(folder / "orders.db")) as book:
        return book.execute('SELECT "by", action, subject FROM audit_trail ORDER BY id').fetchall()


def test_what_is_due_is_settled_with_a_confirmation(page, server):
    _, (one,) = place(server, order(qty="100"))
    fill(server, one, "2500", "100")
    page.open("#/health", wait_for="form.settle")
    page.driver.execute_script("document.querySelector('form.settle [name=as_of]').value = '2100-01-01'")
    for yes in (False, True):
        assert status(server, one) == "filled"
        page.click("form.settle button")
        answer_question(page, "Settle what is due on or before 2100-01-01?", yes)
        until_closed(page)
    page.until_text("form.settle + .note", "Settled: 1. Not due by then: 0.")
    assert status(server, one) == "settled"


# --- keys ---

def enter(page, key):
    page.open(wait_for="dialog[open]")
    page.type("key", f"{key}\n", inside="dialog")
    page.find("table")


def leave(page):
    page.click("#leave")
    page.find("dialog[open]")


def test_each_role_is_offered_what_it_may_do_and_signs_it(doubtful, chromium, start_server, tmp_path):
    keys = {role: make_key(tmp_path, name, role, tenant) for name, role, tenant in [
        ("auditor", "read", "acme"), ("desk", "trade", "acme"), ("night", "operate", None)]}
    server = start_server(options=["--keys-file", str(tmp_path / "keys")])
    placed = [server.post("/api/v1/orders", {"portfolio_id": 1, "orders": [order(broker=broker)]}, headers=bearer(keys["trade"]))
              for broker in ("zerodha-mock", "alpaca-mock")]
    doubted, working = [exact(answer)["orders"][0]["id"] for answer in placed]
    page = browser.Page(chromium, server.url(""))
    page.resize(1440, 900)
    offered = {"read": set(), "trade": {f"fill-{working}", f"replace-{working}", f"cancel-{working}"}}
    offered["operate"] = offered["trade"] | {f"resolve-{doubted}"}
    for role, wanted in offered.items():
        enter(page, keys[role])
        page.until_orders([doubted, working])
        found = page.driver.execute_script("return [...document.querySelectorAll('.actions button')].map((one) => one.dataset.key)")
        assert set(found) == wanted, role
        page.go("#/health")
        page.find('[aria-label="Brokers"] tbody tr')
        assert bool(page.all("form.settle")) == bool(page.all("form.halt")) == (role == "operate"), role
        page.go("#/orders")
        if role == "trade":
            page.press(f"replace-{working}")
            page.type("price_limit", "2400", inside="dialog")
            page.confirm()
            page.until(lambda: page.orders()[str(working)]["Limit"] == "2400", "the limit never changed")
        if role == "operate":
            decide(page, doubted, "rejected")  # without a field for a name: the key signs
            page.until(lambda: page.orders()[str(doubted)]["Status"] == "rejected", "not rejected")
        leave(page)
    page.driver.get("about:blank")
    trail = trail_of(server, tmp_path)
    assert ("desk", "order.replace", f"order/{working}") in trail
    assert trail[-1] == ("night", "order.resolve.rejected", f"order/{doubted}")
    assert page.hosts() <= {f"127.0.0.1:{server.port}"}, "the page asked another host"
