"""The scenario files of tests/scenarios: their steps, run at any desk that has a method for each verb.
tests/scenarios/README.md has the language."""

from pathlib import Path

SCENARIOS = sorted((Path(__file__).resolve().parent / "scenarios").glob("*.scn"))


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


def run_scenario(path, desk):
    """desk.run(words, body) gives the document that a step answers."""
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
