"""The audit of a soak notices what it is there for: each case spoils one of the books of a clean run."""

import json
import sqlite3

import pytest

import orchestrator as o
from audit import check_brokers, check_events, check_follower, check_histories
from history import History, read, unfinished

BODY = {"portfolio_id": 1, "orders": [
    {"instrument_id": number, "qty": 10, "side": "BUY", "price_limit": "25.50", "broker": broker}
    for number, broker in ((1, "alpaca-mock"), (2, "zerodha-mock"))]}


@pytest.fixture
def book(tmp_path):
    """A folder with one batch that was placed and filled in part, and the orchestrator that did it."""
    o.Orchestrator("memory:", mock_ledger=str(tmp_path / "ledger")).close()
    (tmp_path / "truth.jsonl").touch()
    history = History(tmp_path / "history-one.jsonl")
    with o.Orchestrator(f"sqlite:///{tmp_path}/orders.db", mock_ledger=str(tmp_path / "brokers")) as oms:
        history.write("asked", key="k", body=BODY)
        receipt = oms.place(BODY["orders"], portfolio_id=1, idempotency_key="k")
        history.write("answered", key="k", receipt=receipt.to_json())
        fill = oms.simulate_fill(receipt.orders[0].id, price="25.50", qty=4)
        history.write("filled", order_id=receipt.orders[0].id, executions=[fill.execution.execution_id])
        oms.poll()
        yield tmp_path, oms, history


def brokers_say(folder, oms, change=""):
    with sqlite3.connect(folder / "brokers") as ledger:
        ledger.executescript(change)
    return check_brokers(folder, list(oms.orders()))[0]


def clients_say(folder, oms):
    return check_histories(folder, oms, list(oms.orders()))[0]


def messages_of(oms):
    texts = [event.to_json("/orchestrator") for event in oms.events(after=0, follow=False)]
    return [[json.loads(text)["subject"], text] for text in texts]


def test_a_clean_run_has_no_finding(book):
    folder, oms, _ = book
    assert brokers_say(folder, oms) == clients_say(folder, oms) == check_events(oms, messages_of(oms))[0] == []


@pytest.mark.parametrize("change, word", [
    ("DELETE FROM orders WHERE fill_qty = 0", "lost"),
    ("UPDATE orders SET client_order_id = 'stranger' WHERE fill_qty = 0", "lost"),
    ("INSERT INTO orders SELECT broker_id, number + 1, ext_order_id || 'x', client_order_id, symbol, instrument_id, side, "
     "multiplier, placed_at, qty, price_limit, status, reason, fill_qty, fill_notional, execution_count, due_price, "
     "updated_at FROM orders WHERE fill_qty = 0", "duplicate"),
    ("UPDATE orders SET fill_qty = fill_qty + 1 WHERE fill_qty > 0", "figure"),
    ("UPDATE orders SET ext_order_id = 'other' WHERE fill_qty > 0", "figure"),
    ("UPDATE orders SET status = 'cancelled' WHERE fill_qty > 0", "state"),
])
def test_a_ledger_that_differs_is_a_finding(book, change, word):
    folder, oms, _ = book
    assert any(one.startswith(word) for one in brokers_say(folder, oms, change))


@pytest.mark.parametrize("attempts, word", [([1, 1], "duplicate: attempt 1"), ([2], "without a claim")])
def test_a_request_on_the_wire_that_has_no_claim_of_its_own_is_a_finding(book, attempts, word):
    folder, oms, _ = book
    client = next(iter(oms.orders())).client_order_id
    lines = [json.dumps({"event": "request", "request": {"kind": "place", "orders": [
        {"client_order_id": client, "attempt": attempt}]}}) for attempt in attempts]
    (folder / "truth.jsonl").write_text("".join(f"{line}\n" for line in lines))
    assert any(word in one for one in brokers_say(folder, oms))


@pytest.mark.parametrize("line, word", [
    ({"what": "answered", "key": "k", "receipt": "{\"orders\": []}"}, "the replay of k is another"),
    ({"what": "asked", "key": "open", "body": BODY}, "stuck"),
    ({"what": "refused", "key": "k", "code": "halted", "overtaken": False}, "k was refused"),
    ({"what": "changed_answer", "key": "k", "was": "a", "is": "b"}, "the replay of k has changed"),
    ({"what": "filled", "order_id": 1, "executions": ["never"]}, "lost: execution never"),
    ({"what": "cancelled", "order_id": 2}, "the cancel of order 2"),
])
def test_a_client_that_remembers_otherwise_is_a_finding(book, line, word):
    folder, oms, history = book
    history.write(**line)
    assert any(one.startswith(word) for one in clients_say(folder, oms))


def test_a_batch_that_nobody_asked_for_is_a_finding(book):
    folder, oms, _ = book
    oms.place(BODY["orders"], portfolio_id=1, idempotency_key="other")
    assert any(one.startswith("a batch that nobody asked for") for one in clients_say(folder, oms))


@pytest.mark.parametrize("spoil, word", [
    (lambda messages: messages[:-1], "lost: event"),
    (lambda messages: messages[::-1], "came after number"),
    (lambda messages: [["order/999", messages[0][1]], *messages[1:]], "lies under the key"),
    (lambda messages: [*messages, [messages[0][0], messages[0][1] + " "]], "in two forms"),
    (lambda messages: [*messages[:-1], [messages[-1][0], messages[-1][1] + " "]], "differs"),
    (lambda messages: [*messages, ["order/999", json.dumps({"id": "order/999/1", "subject": "order/999"})]],
     "not in the log"),
])
def test_a_topic_that_differs_is_a_finding(book, spoil, word):
    _, oms, _ = book
    assert any(word in one for one in check_events(oms, spoil(messages_of(oms)))[0])


def test_a_message_that_came_twice_is_none(book):
    _, oms, _ = book
    messages = messages_of(oms)
    findings, _, again = check_events(oms, messages + messages)
    assert (findings, again) == ([], len(messages))


def test_a_torn_line_of_a_killed_writer_is_as_if_it_never_was(tmp_path):
    path = tmp_path / "history"
    History(path).write("asked", key="k", body={})
    with open(path, "ab") as file:
        file.write(b'{"what": "answ')
    History(path).write("asked", key="l", body={})
    assert list(unfinished(read(path))) == ["k", "l"]


def test_an_event_that_a_follower_missed_or_saw_otherwise_is_a_finding(book):
    _, oms, _ = book
    seen = {json.loads(text)["id"]: json.loads(text)["type"] for _, text in messages_of(oms)}
    assert check_follower(oms, seen) == []
    one = next(iter(seen))
    assert "never shown" in check_follower(oms, {id: type for id, type in seen.items() if id != one})[0]
    assert "was shown as" in check_follower(oms, {**seen, one: "order.other"})[0]
