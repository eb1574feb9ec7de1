"""The scenario files of tests/scenarios, run through the CLI: the same steps, the same documents, the same
expectations as through the library. tests/scenarios/README.md has the language."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from scenario_steps import SCENARIOS, run_scenario

CLI = os.environ["ORCHESTRATOR_CLI_BIN"]


class Desk:
    def __init__(self, folder, database_url):
        self.folder = folder
        self.receipts = {}
        self.environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
        }

    def cli(self, *arguments, body=None):
        done = subprocess.run(
            [CLI, *arguments, "--json"],
            input=body,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        # Numbers stay the text that was printed.
        return json.loads(done.stdout, parse_float=str, parse_int=str) if done.stdout.strip() else {}

    def id(self, reference):
        key, leg = re.fullmatch(r"(\w+)\[(\d+)\]", reference).groups()
        return self.receipts[key]["orders"][int(leg)]["id"]

    def run(self, words, body):
        verb, *rest = words
        return getattr(self, verb)(*rest, **({"body": body} if body else {}))

    def place(self, key, body):
        document = self.cli("place", "-", "--format", "json", "--idempotency-key", key, body=body)
        if "error" not in document:
            self.receipts[key] = document
        return document

    def order(self, reference):
        return self.cli("order", "get", self.id(reference))

    def fill(self, reference, qty, price):
        return self.cli("order", "fill", self.id(reference), "--qty", qty, "--price", price)

    def cancel(self, reference):
        return self.cli("order", "cancel", self.id(reference))

    def replace(self, reference, qty, price):
        options = (["--qty", qty] if qty != "-" else []) + (["--price-limit", price] if price != "-" else [])
        return self.cli("order", "replace", self.id(reference), *options)

    def batch(self, key):
        return self.cli("batch", "get", self.receipts[key]["batch_id"])

    def reconcile(self, key):
        return self.cli("reconcile", self.receipts[key]["batch_id"])

    def breaks(self, key):
        return self.cli("reconcile", self.receipts[key]["batch_id"], "--broker")

    def settle(self, day):
        return self.cli("settle", "--as-of", day)

    def recover(self):
        return self.cli("recover")

    def events(self, reference):
        events = self.cli("event", "list", "--order", self.id(reference))["events"]
        return {"types": " ".join(event["type"] for event in events)}

    def halt(self, scope, target=None):
        return self.cli("halt", *self.scope(scope, target), "--reason", "scenario")

    def cancel_only(self, scope, target=None):
        return self.cli("halt", "--cancel-only", *self.scope(scope, target), "--reason", "scenario")

    def resume(self, scope, target=None):
        return self.cli("resume", *self.scope(scope, target))

    @staticmethod
    def scope(scope, target):
        return {"all": [], "portfolio": ["--portfolio-id", target], "broker": ["--broker", target]}[scope]

    def broker(self, name, state, body="{}"):
        self.cli("broker", "set", name, "--config", body)
        return self.cli("broker", "enable" if state == "on" else "disable", name)

    def instruments(self, body):
        path = Path(self.folder) / "instruments.csv"
        path.write_text(body)
        return self.cli("instrument", "import", str(path))

    def limits(self, portfolio, body):
        pairs = [line.split() for line in body.splitlines()]
        options = [word for name, value in pairs for word in ("--" + name.replace("_", "-"), value)]
        return self.cli("limit", "set", portfolio, *options)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/desk.db"
    return request.getfixturevalue("new_schema")()


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_scenario(path, tmp_path, database_url):
    desk = Desk(tmp_path, database_url)
    run_scenario(path, desk)


def test_there_are_scenarios():
    assert SCENARIOS
