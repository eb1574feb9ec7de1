"""The operator's page, in a headless Chromium, against the running server. What an operator reads there is compared
with the digits that the API sends, and every test ends by asking the browser what it complained about and whom it
talked to."""

import http.server
import json
import mimetypes
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from http_driver import program

pytest.importorskip("selenium", reason="Debian: python3-selenium")

import browser
from page_desk import chromium, exact, fill, order, page, place  # noqa: F401 (fixtures are found by name)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

ROOT = Path(os.environ.get("ORCHESTRATOR_SOURCE_DIR", Path(__file__).resolve().parents[2]))
PAGE = ROOT / "examples" / "http_server" / "page"

HOSTILE = "<script>window.caught='symbol'</script>"
HOSTILE_REASON = "<img src=x onerror=\"window.caught='reason'\">"


@pytest.fixture
def instruments(tmp_path):
    """Imported before the server opens the database: ask for it first."""
    cli = Path(os.environ.get("ORCHESTRATOR_CLI_BIN") or Path(program()).with_name("orchestrator"))
    (tmp_path / "instruments.csv").write_text(
        f"instrument_id,symbol,lot_size\n1,GOLD,0.1\n2,DUST,0.000000001\n4,{HOSTILE},1\n")
    subprocess.run([cli, "instrument", "import", "instruments.csv", "--database-url", f"sqlite:///{tmp_path}/orders.db"],
                   cwd=tmp_path, check=True, capture_output=True)


# --- the blotter ---

def test_an_order_appears_in_the_open_blotter_and_changes_there(page, server):
    page.open()
    page.until_text("#stream", "live")
    page.until_orders([])
    _, (bought, sold) = place(server, order(qty="100"), order(2, "SELL", "50", "2600"))
    page.until_orders([bought, sold])
    page.until(lambda: page.orders()[str(bought)]["Status"] == "acked", "never acked")
    fill(server, bought, "2499.5", "40")
    page.until(lambda: page.orders()[str(bought)]["Executed"] == "40", "the execution never showed")
    row = page.orders()[str(bought)]
    assert (row["Status"], row["Average"], row["Side"], row["Quantity"]) == ("part filled", "2499.5", "BUY", "100")


def test_filters_narrow_the_blotter_and_stay_in_the_address(page, server):
    first, (one, two) = place(server, order(broker="alpaca-mock"), order(2, broker="zerodha-mock"))
    _, (other,) = place(server, order(3, broker="alpaca-mock"), portfolio_id=7)
    fill(server, one, "2500", "100")
    page.open()
    page.until_orders([one, two, other])
    page.choose("status", "filled")
    page.until_orders([one])
    page.choose("status", "")
    page.until_orders([one, two, other])
    page.choose("broker", "alpaca-mock")
    page.until_orders([one, other])
    page.type("portfolio_id", "7\n")
    page.until_orders([other])
    assert "broker=alpaca-mock" in page.driver.current_url and "portfolio_id=7" in page.driver.current_url
    page.driver.refresh()
    page.until_orders([other])
    page.go(f"#/orders?batch_id={first}")
    page.until_orders([one, two])
    page.go("#/orders?instrument_id=3")
    page.until_orders([other])
    page.driver.back()
    page.until_orders([one, two])


def test_a_filter_that_is_no_number_is_not_sent(page, server):
    _, (one,) = place(server, order())
    page.open()
    page.until_orders([one])
    page.type("batch_id", "1; drop\n")
    assert page.driver.execute_script("return document.querySelector('[name=batch_id]').validity.patternMismatch")
    assert "batch_id" not in page.driver.current_url


def test_pages_lead_to_older_orders_and_back(page, server):
    _, ids = place(server, *[order(instrument_id=1 + at) for at in range(120)])
    newest_first = sorted(ids, key=int, reverse=True)
    page.open()
    page.until_orders(newest_first[:50])
    page.click(".pager [data-key=older]")
    page.until_orders(newest_first[50:100])
    page.click(".pager [data-key=older]")
    page.until_orders(newest_first[100:])
    assert not page.find(".pager [data-key=older]").is_enabled()
    page.click(".pager [data-key=newer]")
    page.until_orders(newest_first[50:100])
    page.click(".pager [data-key=newer]")
    page.until_orders(newest_first[:50])
    assert not page.find(".pager [data-key=newer]").is_enabled()


def test_an_order_is_filled_and_cancelled_from_the_page(page, server):
    _, (one,) = place(server, order(qty="100", price_limit="0.1"))
    page.open()
    page.press(f"fill-{one}")
    page.type("fill_price", "0.123456789", inside="dialog")
    page.type("fill_qty", "30", inside="dialog")
    page.confirm()
    page.until(lambda: page.orders()[str(one)]["Executed"] == "30", "not filled")
    execution, = exact(server.get(f"/api/v1/orders/{one}"))["executions"]
    assert (execution["price"], execution["qty"]) == ("0.123456789", "30")
    page.press(f"cancel-{one}")
    page.driver.find_element("tag name", "body").send_keys("\ue00c")  # Escape: nothing is cancelled
    page.until(lambda: not page.all("dialog"), "Escape leaves the dialog")
    assert exact(server.get(f"/api/v1/orders/{one}"))["status"] == "partially_filled"
    page.press(f"cancel-{one}")
    page.confirm()
    page.until(lambda: page.orders()[str(one)]["Status"] == "cancelled", "not cancelled")
    assert exact(server.get(f"/api/v1/orders/{one}"))["status"] == "cancelled"


def test_a_refusal_is_shown_in_the_services_words(page, server):
    _, (one,) = place(server, order(qty="100"))
    page.allowed_logs = [r"simulate_fill .* 4\d\d "]
    page.open()
    page.press(f"fill-{one}")
    page.type("fill_qty", "101", inside="dialog")
    page.confirm()
    notice = page.find("#notices .bad").text
    refusal = server.post(f"/api/v1/orders/{one}/simulate_fill", {"fills": [{"fill_price": "2500", "fill_qty": "101"}]})
    assert refusal.json()["detail"] in notice and refusal.json()["code"] in notice


# --- one batch ---

def facts(page, scope):
    """What a list of facts says: name -> text."""
    return page.driver.execute_script("""
        return Object.fromEntries([...document.querySelectorAll(arguments[0] + ' dl > div')].map((fact) =>
          [fact.querySelector('dt').textContent, fact.querySelector('dd').textContent]))""", scope)


def test_a_batch_shows_the_reports_figures_in_the_apis_own_digits(instruments, page, server):
    batch, (bought, sold) = place(server, order(qty="0.3", price_limit="123456789.123456789"),
                                  order(1, "SELL", "0.7", "123456790.1"))
    fill(server, bought, "123456789.000000001", "0.1")
    fill(server, bought, "123456788.999999999", "0.2")
    fill(server, sold, "123456790.123456789", "0.3")
    report = exact(server.get(f"/api/v1/reconcile/{batch}"))
    assert len(report["actual_pnl"].split(".")[1]) > 8, "figures that a JavaScript number would round"
    page.open(f"#/batch/{batch}", wait_for=".charts svg")
    shown = facts(page, ".report")
    for label, name in {"Orders": "total_orders", "Filled": "filled_orders", "Pending": "pending_orders",
                        "Quantity": "total_qty", "Executed quantity": "filled_qty", "Value": "total_value",
                        "Executed value": "filled_value", "Expected P&L": "expected_pnl", "Actual P&L": "actual_pnl",
                        "Fees": "fees"}.items():
        assert shown[label] == report[name], label
    labels = page.texts(".chart .label")
    values = dict(zip(labels, page.texts(".chart .value")))
    assert values["ordered"] == report["total_value"] and values["executed"] == report["filled_value"]
    assert values["expected"] == report["expected_pnl"] and values["actual"] == report["actual_pnl"]
    assert values[report["instruments"][0]["symbol"]] == report["instruments"][0]["slippage"]
    executions = {"123456789.000000001", "123456788.999999999", "123456790.123456789"}
    page.until(lambda: executions <= set(page.texts('[aria-label="Executions"] tbody .number')), "not all executions")


def test_a_chart_is_as_long_as_its_figure(page, server):
    batch, (bought, sold) = place(server, order(qty="100", price_limit="1000"), order(1, "SELL", "100", "1010"))
    fill(server, bought, "1000", "50")
    page.open(f"#/batch/{batch}", wait_for=".charts svg")
    ordered, executed = [float(one) for one in page.driver.execute_script(
        "return [...document.querySelectorAll('.charts .tone-neutral')].map((bar) => bar.getAttribute('width'))")]
    assert ordered == 1000 and executed == 1000 * 50000 // 201000
    fill(server, bought, "1002", "50")
    fill(server, sold, "1010", "100")
    page.until_text(".charts .value", exact(server.get(f"/api/v1/reconcile/{batch}"))["actual_pnl"])
    worse, = page.driver.execute_script(
        "return [...document.querySelectorAll('.chart:last-child .tone-bad')].map((bar) => bar.getAttribute('width'))")
    assert worse == "1000"


def test_a_batch_is_found_in_the_list_opened_and_cancelled(page, server):
    batch, ids = place(server, order(), order(2, "SELL"))
    page.open("#/batches")
    page.click(f'[data-key="batch-{batch}"]')
    page.until_orders(ids)
    page.press("cancel-batch")
    page.confirm()
    page.until_text("h1 + .state", "cancelled")
    assert exact(server.get(f"/api/v1/batches/{batch}"))["status"] == "cancelled"


def test_the_comparison_with_the_brokers_is_shown(page, server):
    batch, _ = place(server, order())
    page.open(f"#/batch/{batch}")
    page.press("compare")
    page.until_text("h2", "Differences from the brokers' books: 0")


def test_an_order_shows_its_terms_executions_and_events(page, server):
    _, (one,) = place(server, order(qty="100"))
    fill(server, one, "2500", "100")
    page.open(f"#/order/{one}", wait_for="dl")
    shown = facts(page, ".cards")
    stored = exact(server.get(f"/api/v1/orders/{one}"))
    assert shown["Client order id"] == stored["client_order_id"] and shown["Value"] == stored["fill_notional"]
    page.until_text('[aria-label="Events"] td', "order.filled")
    assert page.texts('[aria-label="Executions"] tbody tr td:first-child') == [stored["executions"][0]["execution_id"]]


# --- health and stop switches ---

def test_everything_is_halted_and_resumed_with_a_confirmation(page, server):
    page.open("#/health", wait_for="form.halt")
    page.type("reason", "fat finger")
    page.click("form.halt button")
    page.click("dialog[open] .plain")  # do not halt
    page.until(lambda: not page.all("dialog"), "the dialog stays")
    assert exact(server.get("/api/v1/halts"))["halts"] == []
    page.click("form.halt button")
    page.confirm()
    page.until_text("#halts .halted", "Everything: fat finger")
    halt, = exact(server.get("/api/v1/halts"))["halts"]
    assert (halt["scope"], halt["reason"], halt["mode"]) == ("all", "fat finger", "halt")
    assert server.post("/api/v1/orders", {"portfolio_id": 1, "orders": [order()]}).json()["code"] == "halted"
    page.press("banner-all-null")
    page.confirm()
    page.until(lambda: not page.all("#halts .halted"), "the banner stays")
    assert exact(server.get("/api/v1/halts"))["halts"] == []
    place(server, order())


def test_one_broker_is_halted_for_all_but_cancels(page, server):
    page.open("#/health", wait_for="form.halt")
    page.choose("scope", "broker")
    page.type("target", "alpaca-mock")
    page.choose("mode", "cancel_only")
    page.type("reason", "slow")
    page.click("form.halt button")
    page.confirm()
    page.until_text("#halts .halted", "Broker alpaca-mock: slow")
    halt, = exact(server.get("/api/v1/halts"))["halts"]
    assert (halt["scope"], halt["target"], halt["mode"]) == ("broker", "alpaca-mock", "cancel_only")


def test_health_names_dependencies_brokers_and_the_outbox(page, server):
    place(server, order())
    page.open("#/health", wait_for="dl")
    page.until(lambda: page.texts('[aria-label="Brokers"] tbody td:first-child') == ["zerodha-mock", "alpaca-mock"], "no brokers")
    health = exact(server.get("/health"))["health"]
    assert page.texts('[aria-label="Dependencies"] tbody td:nth-child(2)') == [
        f"{one['name']} {one['version']}" for one in health["dependencies"]]
    assert facts(page, ".card")["New orders"] == "accepted"
    assert facts(page, ".card")["Events in the outbox"] == health["outbox"]["rows"]


# --- what must never happen ---

def test_markup_in_a_symbol_or_a_reason_stays_text(instruments, page, server):
    batch, (one,) = place(server, order(instrument_id=4))
    page.open()
    page.until_orders([one])
    assert page.orders()[str(one)]["Instrument"] == HOSTILE
    page.go(f"#/batch/{batch}")
    page.until_text(".chart .label", HOSTILE)
    page.go(f"#/order/{one}")
    page.until_text(".cards dd", HOSTILE)
    page.go("#/health")
    page.type("reason", HOSTILE_REASON)
    page.click("form.halt button")
    assert HOSTILE_REASON in page.find("dialog[open]").text
    page.confirm()
    page.until_text("#halts .halted", HOSTILE_REASON)
    assert len(page.all("script")) == 1 and len(page.all("img")) == 1, "markup became elements"


def test_a_hostile_address_is_only_a_filter_that_matches_nothing(page, server):
    page.allowed_logs = [r"/api/v1/orders\?.* 4\d\d "]
    page.open("#/orders?broker=%3Cscript%3Ewindow.caught%3D1%3C/script%3E&status=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E")
    page.find("#notices .bad")
    assert len(page.all("script")) == 1


def test_numbers_are_read_as_their_text_and_never_rounded(page, server):
    page.open()
    document = {"a": "0.1", "b": "123456789012345678.123456789012345678", "c": "-0.000000000000000001",
                "d": ["99999999999999999999999999999999999999", "1"], "e": 'text "1.50", \\ 7 and "', "f\"9": None}
    sent = ('{"a":0.1,"b":123456789012345678.123456789012345678,"c":-0.000000000000000001,'
            '"d":[99999999999999999999999999999999999999,1],"e":' + json.dumps(document["e"]) + ',"f\\"9":null}')
    read, shown, order_of = page.driver.execute_async_script("""
        const done = arguments[arguments.length - 1];
        const sent = arguments[0];
        Promise.all([import('/page_exact.js'), import('/page_elements.js')]).then(([exact, elements]) => {
          const read = exact.parseJson(sent);
          const figures = [read.a, read.b, read.c, ...read.d];
          const shown = figures.map((figure) => elements.figure(figure).textContent);
          figures.sort((one, other) => (exact.units(one) < exact.units(other) ? -1 : 1));
          done([read, shown, figures]);
        });""", sent)
    assert read == document
    assert shown == [document["a"], document["b"], document["c"], *document["d"]]
    assert order_of == [document["c"], "0.1", "1", document["b"], document["d"][0]]


# --- everybody can use it ---

@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_every_view_fits_and_can_be_read(instruments, page, server, width, scheme):
    batch, (one, two) = place(server, order(), order(2, "SELL", "123456789.123456789", "0.000000001"))
    fill(server, one, "2500", "40")
    exact(server.post(f"/api/v1/orders/{two}/cancel"))
    page.resize(width, 800, scheme)
    for view, sign in {"#/orders": "tbody tr", "#/batches": "tbody tr", f"#/batch/{batch}": ".charts svg",
                       f"#/order/{one}": ".cards dl", "#/health": "tbody tr"}.items():
        page.open(view, wait_for=sign)
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width, view
        assert page.driver.execute_script(UNREADABLE) == [], view
        assert page.driver.execute_script(UNNAMED) == [], view


# Texts whose contrast with what is behind them is below 4.5.
UNREADABLE = """
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
      .map((c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4))
      .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
    const behind = (element) => {
      for (let one = element; one; one = one.parentElement) {
        const [r, g, b, alpha = 1] = channels(getComputedStyle(one).backgroundColor);
        if (alpha > 0) return [r, g, b];
      }
      return [255, 255, 255];
    };
    const found = [];
    for (const element of document.querySelectorAll('body *')) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!own || element.disabled || !element.checkVisibility() || element.closest('.unseen, .changed, option')) continue;
      const [light, dark] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a);
      const contrast = (light + .05) / (dark + .05);
      if (contrast < 4.5) found.push([element.textContent, element.className, contrast]);
    }
    return found;
"""

# What can be worked with and says no name.
UNNAMED = """
    return [...document.querySelectorAll('input, select, button, a[href], [role=region]')].filter((element) =>
      !(element.labels?.length || element.textContent.trim() || element.getAttribute('aria-label'))).map((element) => element.outerHTML);
"""


def test_the_keyboard_reaches_the_content_and_stays_where_it_was(page, server):
    _, (one,) = place(server, order())
    page.open()
    page.until_orders([one])
    page.driver.find_element("tag name", "body").send_keys("\ue004")  # Tab
    assert page.driver.switch_to.active_element.text == "Skip to the content"
    page.driver.execute_script("document.querySelector(arguments[0]).focus()", f'[data-key="order-{one}"]')
    _, (two,) = place(server, order(2))
    page.until_orders([one, two])
    assert page.driver.switch_to.active_element.get_attribute("data-key") == f"order-{one}"


def test_a_service_that_comes_back_is_followed_again(page, server):
    page.allowed_logs = ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING",
                         "ERR_EMPTY_RESPONSE"]
    _, (one,) = place(server, order())
    page.open()
    page.until_orders([one])
    page.until_text("#stream", "live")
    server.stop()
    page.until_text("#stream", "reconnecting")
    server.start(port=server.port)
    page.until_text("#stream", "live")
    _, (two,) = place(server, order(2))
    page.until_orders([one, two])


# --- keys ---

class Keyed(http.server.BaseHTTPRequestHandler):
    """As much of a service with keys as the page meets on its way in: the key is all that is looked at here."""

    def do_GET(self):
        path = self.path.split("?")[0]
        file = PAGE / (path.lstrip("/") or "index.html")
        if file.is_file():
            return self.answer(200, file.read_bytes(), mimetypes.guess_type(file.name)[0])
        self.server.asked.append((path, self.headers["Authorization"]))
        known = self.headers["Authorization"] == "Bearer right"
        if path == "/health" and self.headers["Authorization"] is None:
            return self.answer(200, b'{"status":"ok"}')
        if not known:
            return self.answer(401, b'{"detail":"no such key","code":"not_authenticated"}')
        self.answer(200, json.dumps({
            "status": "ok", "role": "read", "halts": [HALT], "brokers": [], "next_cursor": None,
            "orders": [SHOWN_ORDER]}).encode())

    def answer(self, status, body, content_type="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


HALT = {"scope": "broker", "target": "alpaca-mock", "mode": "cancel_only", "reason": "", "by": None,
        "since": "2026-01-05T09:15:00.000000Z"}
SHOWN_ORDER = {"id": 1, "version": 1, "batch_id": 1, "portfolio_id": 1, "symbol": "GOLD", "side": "BUY", "qty": 1,
               "price_limit": None, "fill_qty": 0, "fill_price": None, "status": "acked", "broker": "alpaca-mock",
               "created_at": "2026-01-05T09:15:00.000000Z", "reason": None}


def test_a_key_is_asked_for_once_kept_in_the_tab_and_forgotten_on_demand(chromium):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keyed) as service:
        service.asked = []
        threading.Thread(target=service.serve_forever, daemon=True).start()
        page = browser.Page(chromium, f"http://127.0.0.1:{service.server_port}")
        page.open(wait_for="dialog[open]")
        assert [asked for asked in service.asked if asked[0] != "/health"] == [], "nothing is asked for without a key"
        page.type("key", "wrong\n", inside="dialog")
        page.until_text("dialog p", "does not know this key")
        page.type("key", "right\n", inside="dialog")
        page.until_orders([1])
        assert page.texts(".actions button") == [], "a key that may read is offered nothing to press"
        page.go("#/health")
        page.until_text(".card .note", "need a key that may operate")
        assert page.texts("#halts span")[0] == "Broker alpaca-mock", "a stop without its reason"
        page.go("#/orders")
        page.driver.refresh()
        page.until_orders([1])
        stores = "return [{...sessionStorage}, {...localStorage}, document.cookie, location.href]"
        session, local, cookie, address = page.driver.execute_script(stores)
        assert session == {"orchestrator.key": "right"} and local == {} and cookie == ""
        assert not any("right" in path for path, _ in service.asked) and "right" not in address
        page.click("#leave")
        page.find("dialog[open]")
        assert page.driver.execute_script(stores)[0] == {}
        page.driver.get("about:blank")
        page.logs()
        service.shutdown()
