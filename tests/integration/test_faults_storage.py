"""The program over a disk that is full and a database that has forgotten: no receipt without a row, nothing sent
without a claim, and no order twice."""

import json
import shutil

import pytest

from cli_driver import NOT_FOUND, OK, STORAGE, batch, order, statuses
from test_cli_storage import on_a_small_disk


def test_on_a_full_disk_nothing_is_sent_and_no_receipt_is_printed_without_its_row(cli):
    """The broker's ledger is on another disk, so that it could take orders all the time."""
    (cli.folder / "batch.json").write_text(json.dumps(batch(*[order(n) for n in range(1, 41)])))
    program = f'"{cli.program}" --mock-ledger "{cli.folder}/ledger"'
    place = f'{program} place "{cli.folder}/batch.json" --json --idempotency-key'
    done = on_a_small_disk(
        # Until it is full; then once more, and reading; then there is room again.
        f'n=0; while {place} "k$n" > "{cli.folder}/receipt$n" 2>/dev/null; do n=$((n + 1)); [ $n -lt 500 ] || exit 90; done; '
        f'{place} "k$n" > "{cli.folder}/refused"; [ $? = {STORAGE} ] || exit 91; '
        f'{program} order list --limit 100000 --json > "{cli.folder}/orders" || exit 92; '
        f'{program} broker orders alpaca-mock --json > "{cli.folder}/at_broker" || exit 93; '
        f'{program} reconcile 1 --json > /dev/null || exit 94; '
        f'rm -f filler; mount -o remount,size=8m . || exit 95; '
        f'{place} "k$n" > "{cli.folder}/receipt$n" || exit 96; '
        f'{program} recover --json > /dev/null || exit 97; '
        f'{program} order list --limit 100000 --json > "{cli.folder}/orders_later" || exit 98; '
        f'{program} broker orders alpaca-mock --json > "{cli.folder}/at_broker_later" || exit 99', cli.folder)
    assert done.returncode == 0, done.stdout + done.stderr

    def read(name):
        return json.loads((cli.folder / name).read_text())
    error = read("refused")["error"]
    assert (error["code"], error["retryable"], error["in_doubt"]) == ("storage_full", True, False)
    receipts = [path for path in cli.folder.glob("receipt*") if "batch_id" in path.read_text()]
    told = {leg["client_order_id"] for path in receipts for leg in json.loads(path.read_text())["orders"]}
    last = max(receipts, key=lambda path: int(path.name.removeprefix("receipt")))
    later = {leg["client_order_id"] for leg in json.loads(last.read_text())["orders"]}

    stored = [row["client_order_id"] for row in read("orders")["orders"]]
    sent = [row["client_order_id"] for row in read("at_broker")["orders"]]
    assert told - later <= set(stored), "a receipt without its rows"
    assert len(sent) == len(set(sent)) and set(sent) <= set(stored), "sent without a row"
    assert not later & set(sent), "the refused batch has left"
    final = read("orders_later")["orders"]
    assert {row["client_order_id"] for row in final} >= told
    assert {row["status"] for row in final} == {"acked"}
    at_broker = [row["client_order_id"] for row in read("at_broker_later")["orders"]]
    assert sorted(at_broker) == sorted(row["client_order_id"] for row in final)


@pytest.fixture
def forgetful(cli):
    """A database set back to the state before its last batch, which its broker has."""
    cli.place(batch(order(1)), "--idempotency-key", "kept").expect(OK)
    database = cli.folder / "orchestrator.db"
    shutil.copy(database, cli.folder / "backup")
    cli.receipt = cli.place(batch(order(2), order(3)), "--idempotency-key", "lost").expect(OK).json
    for path in cli.folder.glob("orchestrator.db-*"):
        path.unlink()
    shutil.copy(cli.folder / "backup", database)
    return cli


def broker_ids(cli):
    return [row["client_order_id"] for row in cli.json("broker", "orders", "alpaca-mock")["orders"]]


def test_a_batch_that_the_database_forgot_is_adopted_when_its_caller_calls_again(forgetful):
    lost = {leg["client_order_id"] for leg in forgetful.receipt["orders"]}
    orphans = {name for name in broker_ids(forgetful)
               if not forgetful.json("order", "list", "--client-order-id", name)["orders"]}
    assert orphans == lost, "the broker's list shows what we have lost"
    again = forgetful.place(batch(order(2), order(3)), "--idempotency-key", "lost").expect(OK).json
    assert {leg["client_order_id"] for leg in again["orders"]} == lost
    assert sorted(broker_ids(forgetful)) == sorted(set(broker_ids(forgetful))), "an order twice at its broker"
    assert statuses(forgetful) == ["acked"] * 3
    assert forgetful.json("reconcile", again["batch_id"], "--broker")["breaks"] == []


def test_what_the_database_forgot_of_an_order_comes_back_from_its_broker(forgetful):
    forgetful.place(batch(order(2), order(3)), "--idempotency-key", "lost").expect(OK)
    shutil.copy(forgetful.folder / "orchestrator.db", forgetful.folder / "backup")
    forgetful.ok("order", "fill", 2, "--price", 2500, "--qty", 40)
    shutil.copy(forgetful.folder / "backup", forgetful.folder / "orchestrator.db")
    assert forgetful.json("order", "get", 2)["fill_qty"] == 0
    breaks = forgetful.run("reconcile", 2, "--broker", "--json").json["breaks"]
    assert {"missing_here", "quantity"} <= {row["type"] for row in breaks}
    forgetful.ok("recover")
    shown = forgetful.json("order", "get", 2)
    assert (shown["fill_qty"], len(shown["executions"])) == (40, 1)
    assert forgetful.json("reconcile", 2, "--broker")["breaks"] == []
    forgetful.run("batch", "get", 3).expect(NOT_FOUND)
