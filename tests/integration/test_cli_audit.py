"""`audit`: what does not add up is found, and the trail cannot be edited unseen."""

import sqlite3

from cli_driver import BREAKS, HALTED, OK, STORAGE, batch


def place(cli, key):
    return cli.place(batch(), "--idempotency-key", key)


def database(cli):
    return sqlite3.connect(cli.folder / "orchestrator.db")


def test_a_sound_book_is_clean_and_its_head_can_be_kept(cli):
    place(cli, "k1").expect(OK)
    cli.ok("order", "fill", 1, "--price", 2500, "--qty", 10)
    report = cli.json("audit", "--brokers")
    assert report["clean"] is True and report["orders"] == 1 and report["broker_orders"] == 1
    cli.ok("halt", "--reason", "drill", "--operator", "asha")
    cli.ok("resume")
    head = cli.json("audit")["trail_head"]
    cli.ok("limit", "set", 1, "--max-quantity", 1000)
    assert cli.json("audit", "--head", head)["trail_head"] != head
    cut = cli.run("audit", "--json", "--head", "0" * 64).expect(BREAKS)
    assert [finding["check"] for finding in cut.json["findings"]] == ["trail.head"]


def test_the_trail_tells_who_did_what(cli):
    cli.ok("halt", "--cancel-only", "--portfolio-id", 7, "--reason", "limit breach", "--operator", "asha")
    cli.ok("resume", "--portfolio-id", 7, "--operator", "ravi")
    entries = cli.json("audit", "--trail")["entries"]
    assert [(entry["by"], entry["action"], entry["subject"]) for entry in entries] == [
        ("asha", "cancel_only", "portfolio/7"), ("ravi", "resume", "portfolio/7")]
    assert entries[0]["detail"] == {"reason": "limit breach"}
    page = cli.json("audit", "--trail", "--limit", 1)
    assert page["next_cursor"] == 1
    assert cli.json("audit", "--trail", "--after", 1)["entries"] == entries[1:]


def test_what_was_asked_of_an_order_is_in_the_trail_under_the_operators_name(cli):
    place(cli, "k1").expect(OK)
    cli.ok("order", "replace", 1, "--price-limit", 2400, "--operator", "ravi")
    cli.ok("order", "cancel", 1, "--operator", "asha")
    place(cli, "k2").expect(OK)
    cli.ok("batch", "cancel", 2, "--operator", "meera")
    place(cli, "k3").expect(OK)
    cli.ok("order", "fill", 3, "--price", 2500, "--qty", 100)
    cli.ok("settle", "--as-of", "2100-01-01", "--operator", "night")
    entries = cli.json("audit", "--trail")["entries"]
    assert [(entry["by"], entry["action"], entry["subject"]) for entry in entries] == [
        ("ravi", "order.replace", "order/1"), ("asha", "order.cancel", "order/1"),
        ("meera", "order.cancel", "order/2"), ("night", "order.settle", "order/3")]
    assert entries[0]["detail"]["price_limit"] == 2400
    assert cli.json("audit")["clean"] is True


def test_entries_cannot_be_changed_and_a_forged_one_breaks_the_chain(cli):
    for number in (1, 2, 3):
        cli.ok("limit", "set", number, "--max-quantity", 5)
    with database(cli) as rows:
        for statement in ("UPDATE audit_trail SET by = 'nobody'", "DELETE FROM audit_trail"):
            try:
                rows.execute(statement)
                raise AssertionError(statement + " was let through")
            except sqlite3.IntegrityError as refused:
                assert "never" in str(refused)
        rows.execute("DROP TRIGGER audit_trail_unchanged")
        rows.execute("UPDATE audit_trail SET by = 'nobody' WHERE id = 2")
    run = cli.run("audit", "--json")
    run.expect(BREAKS)
    assert [(finding["check"], finding["subject"]) for finding in run.json["findings"]] == [("trail.hash", "entry/2")]


def test_a_row_changed_behind_the_programs_back_is_found(cli):
    place(cli, "k1").expect(OK)
    with database(cli) as rows:
        rows.execute("UPDATE orders SET fill_qty = 1 WHERE id = 1")
    run = cli.run("audit", "--json")
    run.expect(BREAKS)
    assert {"executions.sum", "order.fold"} <= {finding["check"] for finding in run.json["findings"]}
    assert "order/1" in cli.run("audit").expect(BREAKS).text


def test_cancel_only_lets_cancels_through_and_halt_says_how(cli):
    place(cli, "k1").expect(OK)
    cli.ok("halt", "--reason", "runaway")
    refused = cli.run("order", "cancel", 1)
    refused.expect(HALTED)
    assert "cancel-only" in refused.errors
    cli.ok("halt", "--cancel-only", "--reason", "runaway")
    place(cli, "k2").expect(HALTED)
    assert cli.json("order", "cancel", 1)["status"] == "cancelled"


def entries_without_guards(cli, statement):
    """Does to the trail what its triggers forbid."""
    with database(cli) as rows:
        rows.execute("DROP TRIGGER audit_trail_unchanged")
        rows.execute("DROP TRIGGER audit_trail_kept")
        rows.execute(statement)


def findings_of(cli, *options):
    """Runs a failed audit: one document on standard output, nothing on standard error, exit status 10."""
    run = cli.run("audit", "--json", *options).expect(BREAKS)
    report = run.json
    assert run.errors == "" and report["clean"] is False and report["findings_total"] == len(report["findings"])
    return [(finding["check"], finding["subject"]) for finding in report["findings"]]


def limits_three_times(cli):
    for number in (1, 2, 3):
        cli.ok("limit", "set", number, "--max-quantity", 5)
    return cli.json("audit")["trail_head"]


def test_an_entry_taken_out_of_the_middle_leaves_a_gap(cli):
    limits_three_times(cli)
    entries_without_guards(cli, "DELETE FROM audit_trail WHERE id = 2")
    assert findings_of(cli) == [("trail.gap", "entry/3"), ("trail.hash", "entry/3")]


def test_entries_cut_off_at_the_end_are_missed_by_the_noted_head_alone(cli):
    head = limits_three_times(cli)
    entries_without_guards(cli, "DELETE FROM audit_trail WHERE id = 3")
    assert cli.json("audit")["clean"] is True
    assert findings_of(cli, "--head", head) == [("trail.head", "trail")]


def test_a_stop_whose_entry_was_cut_off_is_found_without_a_noted_head(cli):
    limits_three_times(cli)
    cli.ok("halt", "--reason", "drill")
    entries_without_guards(cli, "DELETE FROM audit_trail WHERE id = 4")
    assert findings_of(cli) == [("halt.trail", "all")]


def test_a_hash_written_anew_breaks_the_chain_on_both_sides(cli):
    limits_three_times(cli)
    entries_without_guards(cli, "UPDATE audit_trail SET hash = replace(hash, 'a', 'b') || 'c' WHERE id = 2")
    assert findings_of(cli) == [("trail.hash", "entry/2"), ("trail.hash", "entry/3")]


def test_a_trail_that_cannot_be_read_hides_nothing_else(cli):
    place(cli, "k1").expect(OK)
    with database(cli) as rows:
        rows.execute("UPDATE orders SET qty = qty + 1 WHERE id = 1")
        rows.execute("DROP TABLE audit_trail")
    found = dict(findings_of(cli))
    assert found["trail.unreadable"] == "trail" and found["order.fold"] == "order/1"


def test_what_is_no_database_of_ours_is_refused_and_left_as_it_is(cli):
    path = cli.folder / "orchestrator.db"
    with sqlite3.connect(path) as rows:
        rows.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    cli.run("audit", "--json").refusal(STORAGE, "foreign_database")
    assert path.read_bytes() == before
    path.write_bytes(b"not a database at all, and long enough to be looked at" * 40)
    cli.run("audit", "--json").refusal(STORAGE, "storage_corrupt")


def test_a_folder_in_place_of_the_database_is_refused(cli):
    (cli.folder / "orchestrator.db").mkdir()
    run = cli.run("audit", "--json")
    assert run.status == STORAGE and run.json["error"]["code"].startswith(("storage", "foreign", "permission"))
