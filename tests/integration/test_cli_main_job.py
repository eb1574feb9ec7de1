"""The main job through the program: place, follow, fill, reconcile, settle, and the same again under the same key."""

import csv
import io
import json
import subprocess
from decimal import Decimal

import pytest

from cli_driver import (BREAKS, CONFLICT, DATA, OK, REFUSED, USAGE, Cli, batch, one_document, order, statuses,
                        two_orders)


def fill_both(cli):
    cli.ok("order", "fill", 1, "--price", "2500.0", "--qty", 100)
    cli.ok("order", "fill", 2, "--price", 2600, "--qty", 50)


def test_the_specifications_example_gives_exactly_its_figures(cli):
    receipt = cli.json("place", DATA / "two_orders.json", "--idempotency-key", "test-key-123")
    assert receipt["batch_id"] == 1 and receipt["idempotency_key"] == "test-key-123"
    assert [leg["id"] for leg in receipt["orders"]] == [1, 2]
    assert all(len(leg["client_order_id"]) == 20 and leg["client_order_id"].isalnum() for leg in receipt["orders"])
    assert [routing["order_id"] for routing in receipt["proposed_routing"]] == [1, 2]
    assert statuses(cli) == ["acked", "acked"], "place drives the dispatch of its batch before it exits"

    fill_both(cli)
    report = cli.json("reconcile", 1)
    figures = {name: report[name] for name in (
        "batch_id", "total_orders", "filled_orders", "pending_orders", "cancelled_orders", "total_qty", "filled_qty",
        "total_value", "filled_value", "expected_pnl", "actual_pnl")}
    assert figures == {
        "batch_id": 1, "total_orders": 2, "filled_orders": 2, "pending_orders": 0, "cancelled_orders": 0,
        "total_qty": 150, "filled_qty": 150, "total_value": 380000, "filled_value": 380000,
        "expected_pnl": 5000, "actual_pnl": 5000}
    assert [(row["instrument_id"], row["net_position_change"], row["cash_flow"]) for row in report["instruments"]] == [
        (1, 100, -250000), (2, -50, 130000)]


def test_the_report_is_the_same_as_table_and_as_csv(cli):
    cli.place(two_orders()).expect(OK)
    fill_both(cli)
    table = cli.ok("reconcile", 1).text
    for line in ("total_orders 2", "filled_orders 2", "total_qty 150", "filled_qty 150", "total_value 380000",
                 "filled_value 380000", "expected_pnl 5000", "actual_pnl 5000"):
        assert line in [" ".join(row.split()) for row in table.splitlines()], table
    values = [row for row in table.splitlines() if row.startswith(("total_", "filled_"))]
    assert len({len(row) for row in values}) == 1, f"numbers end in the same column:\n{table}"
    totals = cli.ok("reconcile", 1, "--format", "csv", "--section", "totals").text
    header, row = totals.split("\r\n")[:2]
    named = dict(zip(header.split(","), row.split(",")))
    assert (named["total_value"], named["actual_pnl"]) == ("380000", "5000")
    orders = cli.ok("reconcile", 1, "--format", "csv").text.split("\r\n")
    assert len([line for line in orders if line]) == 3
    assert cli.ok("reconcile", 1, "--format", "json").text == cli.ok("reconcile", 1, "--json").text


def test_a_half_filled_batch_has_no_pnl_rather_than_zero(cli):
    cli.place(batch(order())).expect(OK)
    report = cli.json("reconcile", 1)
    assert report["expected_pnl"] is None and report["actual_pnl"] is None
    assert report["pending_orders"] == 1


def test_a_replay_is_byte_identical_and_places_nothing(cli):
    first = cli.place(two_orders(), "--idempotency-key", "k").expect(OK)
    fill_both(cli)
    again = cli.place(two_orders(), "--idempotency-key", "k").expect(OK)
    assert again.output == first.output, "whatever happened to the orders since"
    respelled = batch(order(qty="100.00", price_limit="2500"), order(2, 50, "SELL", 2600), idempotency_key="k")
    assert cli.place(respelled).expect(OK).output == first.output, "an equal request in another spelling"
    assert len(statuses(cli)) == 2 and len(cli.json("batch", "list")["batches"]) == 1
    assert len(cli.json("broker", "orders", "alpaca-mock")["orders"]) == 2


def test_the_same_key_with_another_request_is_refused_and_nothing_written(cli):
    cli.place(two_orders(), "--idempotency-key", "k").expect(OK)
    before = cli.book()
    cli.place(batch(order(qty=101)), "--idempotency-key", "k").refusal(CONFLICT, "idempotency_conflict")
    assert cli.book() == before


def test_two_equal_requests_without_keys_are_two_batches(cli):
    keys = [cli.place(two_orders()).expect(OK).json["idempotency_key"] for _ in range(2)]
    assert keys[0] != keys[1] and len(cli.json("batch", "list")["batches"]) == 2


def test_an_expired_key_never_places_again(cli):
    first = cli.place(two_orders(), "--idempotency-key", "k", "--idempotency-ttl-s", 1).expect(OK)
    for _ in range(2000):
        again = cli.place(two_orders(), "--idempotency-key", "k")
        if again.status != OK:
            break
        assert again.output == first.output
    again.refusal(CONFLICT, "idempotency_expired")
    cli.place(batch(order(9)), "--idempotency-key", "k").expect(CONFLICT)
    assert len(statuses(cli)) == 2


def race(cli, commands):
    running = [cli.start(*command) for command in commands]
    done = []
    for process in running:
        output, errors = process.communicate(timeout=120)
        done.append((process.returncode, output, errors.decode()))
    return done


def test_a_text_that_a_spreadsheet_would_run_is_quoted_in_csv_and_a_number_is_not(cli):
    rows = '1,"=HYPERLINK(""http://x"",""y"")"\n2,@SUM(A1)\n3,-RELIANCE\n4,=1+1\n5,PLAIN\n'
    (cli.folder / "i.csv").write_text("instrument_id,symbol\n" + rows)
    cli.ok("instrument", "import", "i.csv")
    cli.place(batch(*[order(n) for n in range(1, 6)])).expect(OK)
    table = list(csv.DictReader(io.StringIO(cli.ok("reconcile", 1, "--format", "csv", "--section", "orders").text)))
    assert [row["symbol"] for row in table] == [
        "'=HYPERLINK(\"http://x\",\"y\")", "'@SUM(A1)", "'-RELIANCE", "'=1+1", "PLAIN"]


def test_racing_processes_with_one_key_make_one_batch_and_read_the_same_bytes(cli):
    (cli.folder / "body.json").write_text(two_orders())
    done = race(cli, [("place", "body.json", "--idempotency-key", "race", "--json")] * 6)
    assert [status for status, _, _ in done] == [OK] * 6, done
    assert len({output for _, output, _ in done}) == 1
    assert statuses(cli) == ["acked", "acked"]
    assert len(cli.json("broker", "orders", "alpaca-mock")["orders"]) == 2


def test_racing_requests_under_one_key_have_one_winner(cli):
    for n in range(4):
        (cli.folder / f"body{n}.json").write_text(json.dumps(batch(order(qty=n + 1))))
    done = race(cli, [("place", f"body{n}.json", "--idempotency-key", "race", "--json") for n in range(4)])
    assert sorted(status for status, _, _ in done) == [OK] + [CONFLICT] * 3, done
    assert len(statuses(cli)) == 1


def test_racing_batches_with_keys_of_their_own_are_all_placed(cli):
    (cli.folder / "body.json").write_text(two_orders())
    done = race(cli, [("place", "body.json", "--idempotency-key", f"race-{n}", "--json") for n in range(6)])
    assert [status for status, _, _ in done] == [OK] * 6, done
    ids = [leg["id"] for _, output, _ in done for leg in one_document(output.decode())["orders"]]
    assert len(set(ids)) == 12
    assert statuses(cli) == ["acked"] * 12


def test_a_csv_basket_comes_from_a_file_or_standard_input_with_or_without_mark(cli):
    basket = (DATA / "basket_50.csv").read_text()
    cli.ok("instrument", "import", DATA / "instruments_kite.csv")
    receipt = cli.json("place", DATA / "basket_50.csv", "--portfolio-id", 2, "--strict", "--idempotency-key", "k")
    assert len(receipt["orders"]) == 50
    piped = cli.run("place", "-", "--format", "csv", "--portfolio-id", 2, "--idempotency-key", "k", "--json",
                    stdin="\ufeff" + basket.replace("\n", "\r\n")).expect(OK)
    assert piped.json == receipt, "the same orders, whatever the file's line ends"
    lines = [line.split(",") for line in basket.splitlines()[1:]]
    total = sum(Decimal(line[2]) * Decimal(line[3]) for line in lines)
    assert cli.json("reconcile", 1)["total_value"] == total
    symbols = {row["symbol"] for row in cli.json("order", "list", "--limit", 100)["orders"]}
    assert "HDFCLIFE" in symbols and "M&M" in symbols and not any(symbol.startswith("#") for symbol in symbols)


def test_import_counts_and_names_the_rows_it_skips(cli):
    done = cli.ok("instrument", "import", DATA / "instruments_kite.csv", "--json")
    assert (done.json["imported"], done.json["skipped"]) == (50, 1)
    assert done.json["first_skipped"].startswith("line 32: ")
    assert "line 32" in done.errors
    rows = cli.json("instrument", "list", 738561, 408065)["instruments"]
    assert {(row["id"], row["symbol"], row["tick_size"]) for row in rows} == {
        (408065, "INFY", Decimal("0.05")), (738561, "RELIANCE", Decimal("0.05"))}


def test_dry_run_validates_and_routes_and_writes_nothing(cli):
    before = cli.book()
    preview = cli.json("place", DATA / "two_orders.json", "--dry-run", "--idempotency-key", "k")
    assert preview["batch_id"] is None and [leg["id"] for leg in preview["orders"]] == [None, None]
    assert [routing["broker"] for routing in preview["proposed_routing"]] == ["alpaca-mock"] * 2
    assert preview["warnings"] == []
    assert cli.book() == before
    assert cli.json("broker", "orders", "alpaca-mock")["orders"] == []
    cli.ok("halt", "--reason", "drill")
    halted = cli.json("place", DATA / "two_orders.json", "--dry-run")
    assert [warning["code"] for warning in halted["warnings"]] == ["halted"]
    cli.ok("resume")
    bad = batch(order(qty=0))
    cli.place(bad, "--dry-run").refusal(REFUSED, "validation_failed")


def test_policy_each_places_the_good_orders_and_reports_the_bad(cli):
    receipt = cli.place(batch(order(qty=0), order()), "--policy", "each").expect(OK)
    assert [leg["status"] for leg in receipt.json["orders"]] == ["rejected", "placed"]
    assert "orders[0].qty" in receipt.errors
    assert statuses(cli) == ["acked"]


def test_an_option_that_contradicts_the_body_is_an_error_and_one_that_agrees_is_not(cli):
    body = batch(order(), user_id=7, idempotency_key="k")
    cli.place(body, "--portfolio-id", 2).refusal(USAGE, "invalid_argument")
    cli.place(body, "--user-id", 8).refusal(USAGE, "invalid_argument")
    cli.place(body, "--idempotency-key", "other").refusal(USAGE, "invalid_argument")
    cli.place({**body, "policy": "each"}, "--policy", "all").refusal(USAGE, "invalid_argument")
    assert statuses(cli) == []
    cli.place(body, "--portfolio-id", 1, "--user-id", 7, "--idempotency-key", "k", "--policy", "all").expect(OK)


def test_wait_follows_the_batch_to_its_brokers(cli):
    done = cli.place(two_orders(), "--wait", "--wait-timeout", 20).expect(OK)
    assert len(done.json["orders"]) == 2
    assert statuses(cli) == ["acked", "acked"]


def test_wait_says_when_the_time_is_over(cli):
    cli.ok("halt", "--broker", "zerodha-mock", "--reason", "maintenance")
    done = cli.place(batch(order(broker="alpaca-mock")), "--wait", "--wait-timeout", 1)
    done.expect(OK)
    before = len(statuses(cli))
    refused = cli.place(batch(order(broker="zerodha-mock")), "--wait", "--wait-timeout", 1)
    assert refused.status != OK and len(statuses(cli)) == before


def test_partial_fills_accumulate_and_too_much_is_refused(cli):
    cli.place(batch(order(qty=100))).expect(OK)
    first = cli.json("order", "fill", 1, "--price", "2499.5", "--qty", "40")
    assert first["order"]["status"] == "partially_filled" and first["execution"]["qty"] == 40
    cli.run("order", "fill", 1, "--price", 2500, "--qty", "60.1", "--json").refusal(REFUSED, "limit_exceeded")
    second = cli.json("order", "fill", 1, "--price", "2500.25", "--qty", "60")
    assert (second["order"]["status"], second["order"]["fill_qty"]) == ("filled", 100)
    assert second["order"]["fill_price"] == Decimal("2499.95")
    shown = cli.json("order", "get", 1)
    assert [row["qty"] for row in shown["executions"]] == [40, 60]
    cli.run("order", "fill", 1, "--price", 2500, "--qty", 1, "--json").expect(REFUSED)


def test_cancel_and_replace_show_the_brokers_answer(cli):
    cli.place(batch(order(), order(2))).expect(OK)
    replaced = cli.json("order", "replace", 1, "--qty", 80, "--price-limit", "2501.5")
    assert (replaced["qty"], replaced["price_limit"], replaced["status"]) == (80, Decimal("2501.5"), "acked")
    assert cli.json("order", "cancel", 1)["status"] == "cancelled"
    cli.run("order", "cancel", 1, "--json").refusal(CONFLICT, "invalid_state")
    assert [row["status"] for row in cli.json("batch", "cancel", 1)["orders"]] == ["cancelled", "cancelled"]
    assert cli.json("batch", "get", 1)["status"] == "cancelled"


def test_order_list_filters_and_pages(cli):
    cli.place(batch(*[order(n) for n in range(1, 8)])).expect(OK)
    cli.place(batch(order(3, broker="zerodha-mock"), portfolio_id=5)).expect(OK)
    cli.ok("order", "cancel", 2)

    def ids(*arguments):
        return [row["id"] for row in cli.json("order", "list", *arguments)["orders"]]

    assert ids("--status", "cancelled") == [2]
    assert ids("--status", "cancelled", "--status", "acked") == list(range(1, 9))
    assert ids("--broker", "zerodha-mock") == [8] == ids("--portfolio-id", 5) == ids("--batch", 2)
    assert ids("--instrument-id", 3) == [3, 8]
    assert ids("--limit", 2, "--broker", "alpaca-mock", "--status", "acked") == [1, 3]
    seen, after = [], 0
    while after is not None:
        page = cli.json("order", "list", "--limit", 3, *(["--after", after] if after else []))
        seen += [row["id"] for row in page["orders"]]
        after = page["next_cursor"]
    assert seen == list(range(1, 9))
    newest = cli.json("order", "list", "--newest", "--limit", 3)
    assert [row["id"] for row in newest["orders"]] == [8, 7, 6] and newest["next_cursor"] == 6
    assert ids("--newest", "--after", 6, "--limit", 2) == [5, 4]


def test_settle_takes_what_is_due_by_the_calendar(cli):
    cli.place(two_orders()).expect(OK)
    fill_both(cli)
    early = cli.json("settle", "--as-of", "2001-01-01")
    assert (early["settled"], early["not_due"]) == ([], 2)
    late = cli.json("settle", "--as-of", "2099-01-05")
    assert (late["as_of"], late["settled"], late["not_due"]) == ("2099-01-05", [1, 2], 0)
    assert statuses(cli) == ["settled", "settled"]
    assert cli.json("settle", "--as-of", "2099-01-05")["settled"] == []


def test_reconcile_with_the_broker_exits_10_when_the_books_differ(cli):
    cli.place(two_orders()).expect(OK)
    assert cli.json("reconcile", 1, "--broker") == {"batch_id": 1, "breaks": []}
    # Another ledger is a broker that lost its book.
    lost = cli.run("reconcile", 1, "--broker", "--json", "--mock-ledger", "other.brokers").expect(BREAKS)
    assert {row["type"] for row in lost.json["breaks"]} == {"missing_there"}
    assert sorted(row["order_id"] for row in lost.json["breaks"]) == [1, 2]
    table = cli.run("reconcile", 1, "--broker", "--mock-ledger", "other.brokers").expect(BREAKS)
    assert table.text.count("missing_there") == 2
    csv = cli.run("reconcile", 1, "--broker", "--format", "csv", "--mock-ledger", "other.brokers").expect(BREAKS)
    assert csv.text.count("\r\n") == 3


def test_nothing_is_left_behind_in_the_folder_but_the_database_and_the_ledger(tmp_path):
    cli = Cli(tmp_path)
    cli.place(two_orders()).expect(OK)
    names = {path.name.split("-")[0] for path in tmp_path.iterdir()}
    assert all(name.startswith("orchestrator.db") for name in names), names


@pytest.mark.slow
def test_the_demo_runs_to_its_end(cli):
    demo = DATA.parent / "demo.sh"
    done = subprocess.run(["bash", str(demo)], cwd=cli.folder, capture_output=True, text=True, timeout=600, check=False,
                          env={**cli.environment, "ORCHESTRATOR_CLI_BIN": str(cli.program)})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stdout.rstrip().endswith("demo ok: every figure as expected")
