"""The end of a soak: the brokers' ledgers, the store, the events in Kafka and what the clients remember have to tell the
same story. Every function returns its findings, one sentence each."""

import json
import sqlite3
import subprocess
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from history import read
from world import TOPIC

AT_REST = ("acked", "partially_filled", "filled", "cancelled", "rejected", "expired", "settled")

ENDED_THERE = ("filled", "complete", "cancelled", "canceled")  # in either mock's words


def broker_truth(folder):
    """By broker: how often each client order id was accepted, and as what; read past everything that lies."""
    truth = {"alpaca-mock": [], "zerodha-mock": [], "fake": []}
    truth.update(read_ledger(folder / "brokers"))
    truth["fake"] = read_ledger(folder / "ledger")["alpaca-mock"]
    return truth


def read_ledger(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as ledger:
        rows = ledger.execute(
            "SELECT name, client_order_id, ext_order_id, side, qty, fill_qty, fill_notional, status FROM orders "
            "JOIN brokers USING (broker_id) WHERE lower(status) <> 'rejected'").fetchall()
    by_broker = defaultdict(list)
    for name, *row in rows:
        by_broker[name].append(dict(zip(["client", "ext", "side", "qty", "fill_qty", "fill_notional", "status"], row)))
    return by_broker


def check_brokers(folder, orders):
    findings = []
    ours = {(str(order.broker), order.client_order_id): order for order in orders}
    seen = Counter()
    for broker, accepted in broker_truth(folder).items():
        for row in accepted:
            seen[broker, row["client"]] += 1
            order = ours.get((broker, row["client"]))
            if order is None:
                findings.append(f"lost: {broker} has {row['client']} ({row['ext']}), and the store does not")
                continue
            findings += compare(broker, row, order)
        for client in {row["client"] for row in accepted}:
            if seen[broker, client] > 1:
                findings.append(f"duplicate: {broker} accepted {client} {seen[broker, client]} times")
    for (broker, client), order in ours.items():
        if order.status not in ("rejected",) and not order.parked and not seen[broker, client]:
            findings.append(f"lost: order {order.id} ({client}) is {order.status}, and {broker} never had it")
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    return findings + check_wire(truth, {client: order for (_, client), order in ours.items()}), sum(seen.values())


def check_wire(truth, ours):
    """Of the requests that the fake broker has read: every attempt was claimed, and is one of them."""
    twice = Counter(line["client_order_id"] for line in truth if line["event"] == "accepted")
    findings = [f"duplicate: fake accepted {client} {number} times" for client, number in twice.items() if number > 1]
    requests = [line["request"] for line in truth if line["event"] == "request"]
    attempts = Counter((row["client_order_id"], row["attempt"])
                       for request in requests if request["kind"] == "place" for row in request["orders"])
    for (client, attempt), number in attempts.items():
        if number > 1:
            findings.append(f"duplicate: attempt {attempt} of {client} was sent {number} times")
        if client not in ours or attempt > ours[client].attempt:
            findings.append(f"attempt {attempt} of {client} was sent without a claim")
    return findings


def compare(broker, row, order):
    told = {"ext_order_id": row["ext"], "side": row["side"], "qty": Decimal(row["qty"]) / 10**9,
            "fill_qty": Decimal(row["fill_qty"]) / 10**9, "fill_notional": Decimal(row["fill_notional"])}
    findings = [f"figure: order {order.id} at {broker}: {name} is {getattr(order, name)} here and {theirs} there"
                for name, theirs in told.items() if getattr(order, name) != theirs]
    ended = row["status"].lower() in ENDED_THERE
    if order.status not in AT_REST or ended != (order.status in ("filled", "cancelled", "settled")):
        findings.append(f"state: order {order.id} is {order.status} here and {row['status']} at {broker}")
    return findings


def check_histories(folder, oms, orders):
    """What a client saw acknowledged is there, once, and a replay gives the same bytes."""
    findings, by_id = [], {order.id: order for order in orders}
    keys = Counter(batch.idempotency_key for batch in oms.batches())
    asked, placed = set(), 0
    for path in sorted(folder.glob("history-*.jsonl")):
        lines = read(path)
        bodies = {line["key"]: line["body"] for line in lines if line["what"] == "asked"}
        asked |= bodies.keys()
        for line in lines:
            if line["what"] == "answered":
                placed += 1
                findings += check_receipt(line["key"], bodies[line["key"]], line["receipt"], by_id, oms)
            elif line["what"] == "refused" and keys[line["key"]] and not line["overtaken"]:
                findings.append(f"{line['key']} was refused with {line['code']}, and is placed")
            elif line["what"] == "changed_answer":
                findings.append(f"the replay of {line['key']} has changed: {line['was']} / {line['is']}")
            elif line["what"] == "filled":
                known = {execution.execution_id for execution in oms.executions(line["order_id"])}
                findings += [f"lost: execution {one} of order {line['order_id']}"
                             for one in line["executions"] if one not in known]
            elif line["what"] == "cancelled" and by_id[line["order_id"]].status not in ("cancelled", "filled", "rejected",
                                                                                         "settled"):
                findings.append(f"the cancel of order {line['order_id']} was acknowledged, and it is "
                                f"{by_id[line['order_id']].status}")
        refused = {line["key"] for line in lines if line["what"] in ("answered", "refused")}
        findings += [f"stuck: {key} has no outcome" for key in bodies.keys() - refused]
    findings += [f"duplicate: {number} batches of {key}" for key, number in keys.items() if number > 1]
    findings += [f"a batch that nobody asked for: {key}" for key in keys.keys() - asked]
    return findings, placed


def check_receipt(key, body, receipt, by_id, oms):
    findings, told = [], json.loads(receipt, parse_float=Decimal)
    again = oms.place(body["orders"], portfolio_id=body["portfolio_id"], idempotency_key=key)
    if not again.replayed or again.to_json() != receipt:
        findings.append(f"the replay of {key} is another: {again.to_json()} / {receipt}")
    if len(told["orders"]) != len(body["orders"]):
        return [*findings, f"the receipt of {key} has {len(told['orders'])} of {len(body['orders'])} orders"]
    for wanted, leg in zip(body["orders"], told["orders"]):
        order = by_id.get(leg["id"])
        if order is None:
            findings.append(f"lost: order {leg['id']} of {key} was acknowledged")
        elif (order.client_order_id, order.instrument_id, str(order.side), order.price_limit, str(order.broker)) != (
                leg["client_order_id"], wanted["instrument_id"], wanted["side"], Decimal(wanted["price_limit"]),
                wanted["broker"]):
            findings.append(f"figure: order {leg['id']} of {key} is not what was asked for")
    return findings


def published(brokers):
    """Key and value of every message of the topic, those of a partition in their order."""
    done = subprocess.run(["kcat", "-C", "-q", "-e", "-o", "beginning", "-b", brokers, "-t", TOPIC, "-f", "%k\t%s\n"],
                          capture_output=True, check=True, timeout=300)
    return [line.decode().split("\t", 1) for line in done.stdout.splitlines()]


def check_events(oms, messages, source="/orchestrator"):
    """The topic has every event of the log, the same bytes, of each subject in the order of its numbers."""
    first, findings, last = {}, [], defaultdict(int)
    for key, value in messages:
        event = json.loads(value)
        if key != event["subject"]:
            findings.append(f"event {event['id']} lies under the key {key}")
        if event["id"] in first:
            if first[event["id"]] != value:
                findings.append(f"event {event['id']} was published in two forms")
            continue
        first[event["id"]] = value
        number = int(event["id"].rpartition("/")[2])
        if number != last[key] + 1:
            findings.append(f"event {event['id']} came after number {last[key]}")
        last[key] = number
    texts = (event.to_json(source) for event in oms.events(after=0, follow=False))
    logged = {json.loads(text)["id"]: text for text in texts}
    findings += [f"lost: event {one} was never published" for one in logged.keys() - first.keys()]
    findings += [f"event {one} is in Kafka and not in the log" for one in first.keys() - logged.keys()]
    findings += [f"event {one} differs: {first[one]} / {logged[one]}"
                 for one in logged.keys() & first.keys() if first[one] != logged[one]]
    return findings, len(logged), len(messages) - len(first)


def check_follower(oms, seen):
    """Who followed the log from its beginning has missed nothing."""
    logged = {json.loads(event.to_json())["id"]: str(event.type) for event in oms.events(after=0, follow=False)}
    findings = [f"lost: event {one} was never shown to who followed the log" for one in logged.keys() - seen.keys()]
    return findings + [f"event {one} was shown as {seen[one]} and is {logged.get(one)} in the log"
                       for one in seen if logged.get(one) != seen[one]]


def audit(folder: Path, oms, kafka, seen):
    """All findings, and what was counted on the way. `seen` is what somebody saw who followed the log."""
    orders = list(oms.orders())
    book = oms.audit(brokers=True)
    findings = [f"audit: {one.check} {one.subject}: {one.detail}" for one in book.findings]
    broker_findings, accepted = check_brokers(folder, orders)
    client_findings, placed = check_histories(folder, oms, orders)
    event_findings, events, twice = check_events(oms, published(kafka))
    states = Counter(str(order.status) + (" (parked)" if order.parked else "") for order in orders)
    return findings + broker_findings + client_findings + event_findings + check_follower(oms, seen), {
        "orders": len(orders), "accepted by brokers": accepted, "batches acknowledged": placed, "events": events,
        "events delivered again": twice, "executions": book.executions, "orders by status": dict(states)}
