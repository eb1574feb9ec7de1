"""The scenario files of tests/scenarios, run through the CLI: the same steps, the same documents, the same
expectations as through the library. tests/scenarios/README.md has the language."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(os.environ["ORCHESTRATOR_SOURCE_DIR"])
CLI = os.environ["ORCHESTRATOR_CLI_BIN"]
SCENARIOS = sorted((ROOT / "tests" / "scenarios").glob("*.scn"))


def read_steps(path):
    steps = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("  "):
            steps[-1]["body"] += line[2:] + "\n"
        elif line.startswith("->"):
            for word in line[2:].split():
                if "=" in word:
                    steps[-1]["expected"].append(word.split("=", 1))
                else:
                    steps[-1]["expected"][-1][1] += " " + word
        else:
            steps.append({"line": number, "words": line.split(), "body": "", "expected": []})
    return steps


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


def text_at(document, path):
    for part in path.split("."):
        if isinstance(document, list):
            if int(part) >= len(document):
                return None
            document = document[int(part)]
        elif isinstance(document, dict):
            document = document.get(part)
        else:
            return None
    if isinstance(document, bool):
        return "true" if document else "false"
    return document


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/desk.db"
    return request.getfixturevalue("new_schema")()


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_scenario(path, tmp_path, database_url):
    desk = Desk(tmp_path, database_url)
    for step in read_steps(path):
        document = desk.run(step["words"], step["body"])
        where = f"{path.name}:{step['line']} {document}"
        failure_expected = any(name.startswith("error.") for name, _ in step["expected"])
        assert ("error" in document) == failure_expected, where
        for name, text in step["expected"]:
            found = text_at(document, name)
            if text == "!":
                assert found is None, where
            elif text == "*":
                assert found is not None, where
            else:
                assert found == text, f"{where}\n{name}: {found!r}, expected {text!r}"


def test_there_are_scenarios():
    assert SCENARIOS
