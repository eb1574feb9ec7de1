"""A browser at the page of a running server, and a book to look at there."""

import json
import re

import pytest

import browser


@pytest.fixture(scope="module")
def chromium():
    driver = browser.start()
    yield driver
    driver.quit()


def exact(answer):
    """The document of an answer that went well; its numbers stay the text they are."""
    assert answer.status == 200, answer.body
    return json.loads(answer.body, parse_float=str, parse_int=str)


@pytest.fixture
def page(chromium, server):
    page = browser.Page(chromium, server.url(""))
    page.resize(1440, 900)
    page.hosts()
    page.allowed_logs = []
    yield page
    complaints = [text for _, text in page.logs() if not any(re.search(one, text) for one in page.allowed_logs)]
    assert complaints == []
    assert page.hosts() <= {f"127.0.0.1:{server.port}"}, "the page asked another host"
    assert page.driver.execute_script("return window.caught ?? null") is None
    page.driver.get("about:blank")


def order(instrument_id=1, side="BUY", qty="100", price_limit="2500", **more):
    return {"instrument_id": instrument_id, "side": side, "qty": qty, "price_limit": price_limit, **more}


def place(server, *orders, portfolio_id=1):
    """Ids of the batch and its orders."""
    receipt = exact(server.post("/api/v1/orders", {"portfolio_id": portfolio_id, "orders": list(orders)}))
    return receipt["batch_id"], [leg["id"] for leg in receipt["orders"]]


def fill(server, order_id, price, qty):
    return exact(server.post(f"/api/v1/orders/{order_id}/simulate_fill", {"fills": [{"fill_price": price, "fill_qty": qty}]}))
