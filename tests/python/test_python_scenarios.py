"""The scenario files of tests/scenarios, run through the Python module: the same steps, the same documents, the same
expectations as through the library and the program. tests/scenarios/README.md has the language."""

import json
import re
from datetime import date

import pytest

import orchestrator as o
from scenario_steps import SCENARIOS, run_scenario


def exact(text):
    """Numbers stay the text that was written."""
    return json.loads(text, parse_float=str, parse_int=str)


def as_text(value):
    """A record's to_dict() with numbers as the text of its JSON."""
    return exact(json.dumps(value, default=str))


def python_numbers(text):
    """The request as Python holds it: whole numbers are ints, others text."""
    return json.loads(text, parse_float=str)


class Desk:
    def __init__(self, url):
        self.oms = o.Orchestrator(url)
        self.receipts = {}

    def id(self, reference):
        key, leg = re.fullmatch(r"(\w+)\[(\d+)\]", reference).groups()
        return int(self.receipts[key]["orders"][int(leg)]["id"])

    def batch_of(self, key):
        return int(self.receipts[key]["batch_id"])

    def run(self, words, body):
        verb, *rest = words
        try:
            return getattr(self, verb)(*rest, **({"body": body} if body else {})) or {}
        except o.OrchestratorError as error:
            return {"error": {"code": error.code.value, "message": str(error), "retryable": error.retryable,
                              "in_doubt": error.in_doubt,
                              "violations": [exact(violation.to_json()) for violation in error.violations]}}

    def place(self, key, body):
        receipt = self.oms.place(**{"idempotency_key": key} | python_numbers(body))
        self.receipts[key] = exact(receipt.to_json())
        return self.receipts[key] | {"replayed": receipt.replayed}

    def order(self, reference):
        return exact(self.oms.get_order(self.id(reference)).to_json()) | {
            "executions": [exact(execution.to_json()) for execution in self.oms.executions(self.id(reference))]}

    def fill(self, reference, qty, price):
        fill = self.oms.simulate_fill(self.id(reference), qty=qty, price=price)
        return {"execution": exact(fill.execution.to_json()), "order": exact(fill.order.to_json())}

    def cancel(self, reference):
        self.oms.cancel(self.id(reference))
        self.oms.poll()
        return self.order(reference)

    def replace(self, reference, qty, price):
        self.oms.replace(self.id(reference), qty=None if qty == "-" else qty,
                         price_limit=None if price == "-" else price)
        self.oms.poll()
        return self.order(reference)

    def batch(self, key):
        return exact(self.oms.get_batch(self.batch_of(key)).to_json())

    def reconcile(self, key):
        return exact(self.oms.reconcile(self.batch_of(key)).to_json())

    def breaks(self, key):
        return {"breaks": [exact(found.to_json()) for found in self.oms.compare_with_broker(self.batch_of(key))]}

    def settle(self, day):
        return as_text(self.oms.settle(date.fromisoformat(day)).to_dict())

    def recover(self):
        return exact(self.oms.recover().to_json())

    def events(self, reference):
        events = self.oms.events(order_id=self.id(reference), follow=False)
        return {"types": " ".join(event.type for event in events)}

    def halt(self, scope, target=None, mode="halt"):
        self.oms.halt(scope, target, reason="scenario", mode=mode)

    def cancel_only(self, scope, target=None):
        self.halt(scope, target, "cancel_only")

    def resume(self, scope, target=None):
        self.oms.resume(scope, target)

    def broker(self, name, state, body="{}"):
        self.oms.set_broker(name, python_numbers(body), active=state == "on")
        self.reopen()

    def reopen(self):
        """A connector takes its settings when the book is opened."""
        self.oms.close()
        self.oms = o.Orchestrator(self.oms._url)

    def instruments(self, body):
        self.oms.import_instruments(body)

    def limits(self, portfolio, body):
        self.oms.set_limits(int(portfolio), **dict(line.split() for line in body.splitlines()))


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_a_scenario_goes_through_python_as_through_the_program(path, database_url):
    desk = Desk(database_url)
    run_scenario(path, desk)
    desk.oms.close()


def test_there_are_scenarios():
    assert SCENARIOS
