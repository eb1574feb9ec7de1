"""Drives the command line program the way a script does: a folder, an environment, arguments; then the exit status,
the bytes of standard output and the words of standard error."""

import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("ORCHESTRATOR_SOURCE_DIR", Path(__file__).resolve().parents[2]))
DATA = ROOT / "examples" / "data"
PROGRAM = Path(os.environ.get("ORCHESTRATOR_CLI_BIN", ROOT / "build" / "bin" / "orchestrator"))
FAILPOINTS_PROGRAM = Path(
    os.environ.get("ORCHESTRATOR_CLI_FAILPOINTS_BIN", ROOT / "build" / "test" / "bin" / "orchestrator"))

OK, INTERNAL, USAGE, REFUSED, NOT_FOUND, CONFLICT, STORAGE, HALTED, BROKER, IN_DOUBT, BREAKS, TIMED_OUT = range(12)
TIMEOUT_S = 120  # of one run; a hang is a failure, not a wait


def one_document(text):
    """Parses text that has to be exactly one JSON document and a line end. Numbers stay exact."""
    assert text.endswith("\n"), f"no line end after the document: {text[-80:]!r}"
    def no_constants(word):
        raise AssertionError(f"{word} is no JSON")
    def no_duplicates(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), f"a name is there twice: {names}"
        return dict(pairs)
    return json.loads(text, parse_float=Decimal, parse_constant=no_constants, object_pairs_hook=no_duplicates)


class Result:
    def __init__(self, done, arguments):
        self.status = done.returncode
        self.output = done.stdout
        self.text = done.stdout.decode("utf-8")
        self.errors = done.stderr.decode("utf-8", errors="replace")
        self.arguments = arguments

    @property
    def json(self):
        return one_document(self.text)

    def expect(self, status):
        assert self.status == status, f"{self.arguments}: exit {self.status}, not {status}\n{self.text}\n{self.errors}"
        return self

    def refusal(self, status, code):
        """Checks a failed run with --json: one error document, and a sentence for people."""
        self.expect(status)
        error = self.json["error"]
        assert error["code"] == code, self.text
        assert self.errors.startswith("error: "), self.errors
        return error


class Cli:
    """One working folder, and with it one database. Nothing of the caller's settings gets in."""

    def __init__(self, folder, program=None, **environment):
        self.folder = Path(folder)
        self.program = Path(program or PROGRAM)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("ORCHESTRATOR_")
                            and name not in ("DATABASE_URL", "REDIS_URL", "NO_COLOR")}
        self.environment.update(environment)

    def command(self, *arguments):
        return [str(self.program), *[str(argument) for argument in arguments]]

    def run(self, *arguments, stdin=b"", **environment):
        if isinstance(stdin, str):
            stdin = stdin.encode()
        done = subprocess.run(self.command(*arguments), input=stdin, cwd=self.folder, capture_output=True,
                              env={**self.environment, **environment}, timeout=TIMEOUT_S, check=False)
        return Result(done, arguments)

    def ok(self, *arguments, **options):
        return self.run(*arguments, **options).expect(OK)

    def json(self, *arguments, **options):
        return self.ok(*arguments, "--json", **options).json

    def start(self, *arguments, **environment):
        return subprocess.Popen(self.command(*arguments), cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**self.environment, **environment})

    def place(self, body, *arguments, **options):
        """Places a body given as a dictionary or as text; the run's result."""
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.run("place", "-", *arguments, "--json", stdin=text, **options)

    def book(self):
        """Everything a refused command must leave as it was."""
        return [self.json("batch", "list"), self.json("order", "list"), self.json("event", "list"),
                self.json("limit", "list")]


def order(instrument_id=1, qty=100, side="BUY", price_limit=2500, **more):
    return {"instrument_id": instrument_id, "qty": qty, "side": side, "price_limit": price_limit, **more}


def batch(*orders, portfolio_id=1, **more):
    return {"portfolio_id": portfolio_id, "orders": list(orders or [order()]), **more}


def two_orders():
    return (DATA / "two_orders.json").read_text()


def statuses(cli, *arguments):
    return [row["status"] for row in cli.json("order", "list", *arguments)["orders"]]


def need(program):
    if not program.exists():
        pytest.fail(f"{program} is not built: run ./dev test, or set the ORCHESTRATOR_CLI_* variables")
