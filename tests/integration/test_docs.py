"""What the documents show is true: their programs compile, their commands run and print what is shown, their links and
paths lead somewhere.

Fences: ```console is a session, run in order in one empty folder per document that holds examples/. A line `$ command`
is run and must exit 0; the lines up to the next one are its output, where a line `...` stands for any lines and `...`
inside a line for any text. ```cpp is a whole program. ```json is one document. ```bash is shown and not run.
```python is run by tests/python/test_python_docs.py.
"""

import json
import os
import re
import subprocess
from decimal import Decimal

import pytest

from cli_driver import PROGRAM, ROOT, TIMEOUT_S, Cli, need

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCES = {"", "console", "cpp", "json", "bash", "cmake", "python"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(path):
    return str(path.relative_to(ROOT))


def blocks(path, language):
    return [body for kind, body in FENCE.findall(path.read_text()) if kind == language]


def with_blocks(language):
    return [path for path in DOCUMENTS if blocks(path, language)]


def prose(path):
    return FENCE.sub("", path.read_text())


def steps(block):
    """(command, lines of output shown) of a session."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            assert found, f"a session begins with a command, not with {line!r}"
            found[-1][1].append(line.rstrip())
    return found


def pattern_of(shown):
    """A regular expression for the output: `...` alone is any number of lines, inside a line any text."""
    parts = [r"(?:[^\n]*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
             for line in shown]
    return re.compile("".join(parts))


@pytest.mark.parametrize("shown,output,fits", [
    (["a", "..."], "a\nb\nc\n", True),
    (["a"], "a\nb\n", False),
    (["...", "c"], "a\nb\nc\n", True),
    (["a", "...", "b"], "a\nb\n", True),
    (["..."], "", True),
    (["error: ..."], "error: this\n", True),
    (["error: ..."], "error: this\nthat\n", False),
    (["1.5"], "125\n", False),
])
def test_shown_output_is_compared_line_by_line(shown, output, fits):
    assert bool(pattern_of(shown).fullmatch(output)) == fits


@pytest.mark.parametrize("path", with_blocks("console"), ids=name_of)
def test_commands_run_and_print_what_is_shown(path, tmp_path):
    need(PROGRAM)
    programs = tmp_path / "programs"
    folder = tmp_path / "folder"
    programs.mkdir()
    folder.mkdir()
    (programs / "orchestrator").symlink_to(PROGRAM.resolve())
    server = PROGRAM.with_name("orchestrator_http")
    if server.exists():
        (programs / server.name).symlink_to(server.resolve())
    elif f"$ {server.name} " in path.read_text():
        pytest.skip("orchestrator_http was not built")
    (folder / "examples").symlink_to(ROOT / "examples")
    environment = {**Cli(folder).environment, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    for block in blocks(path, "console"):
        for command, shown in steps(block):
            done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                                  timeout=TIMEOUT_S)
            assert done.returncode == 0, f"$ {command}\nexit status {done.returncode}\n{done.stdout}"
            output = "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())
            assert pattern_of(shown).fullmatch(output), f"$ {command}\nprints\n{output}and not\n" + "\n".join(shown)


@pytest.mark.parametrize("path", with_blocks("cpp"), ids=name_of)
def test_programs_compile(path, tmp_path):
    for number, block in enumerate(blocks(path, "cpp")):
        source = tmp_path / f"block{number}.cpp"
        source.write_text(block)
        done = subprocess.run(["g++", "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                               "-Wno-missing-field-initializers", "-I", ROOT / "include", source],
                              capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        assert done.returncode == 0, block + done.stderr


@pytest.mark.parametrize("path", with_blocks("json"), ids=name_of)
def test_json_is_json(path):
    for block in blocks(path, "json"):
        json.loads(block)


def test_readme_has_the_programs_and_commands_that_are_tested():
    readme = ROOT / "README.md"
    assert blocks(readme, "cpp") and blocks(readme, "console")
    assert blocks(ROOT / "docs" / "quickstart.md", "console")
    assert len(blocks(readme, "cpp")[0].splitlines()) <= 20


def test_the_event_that_is_shown_is_one_that_is_written(cli):
    cli.ok("place", ROOT / "examples" / "data" / "two_orders.json", "--idempotency-key", "morning-1")
    cli.ok("order", "fill", 1, "--price", 2500, "--qty", 100)
    written = cli.json("event", "list", "--order", 1)["events"][-1]
    (block,) = blocks(ROOT / "docs" / "concepts.md", "json")
    shown = json.loads(block, parse_float=Decimal)
    for event in (shown, written):
        assert event.pop("time") and event["data"]["execution"].pop("executed_at")
    assert shown == written


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_fences_say_what_they_are(path):
    text = path.read_text()
    assert text.count("```") == 2 * len(FENCE.findall(text)), "a fence is not closed, or not at the line's beginning"
    assert {kind for kind, _ in FENCE.findall(text)} <= FENCES


def anchors(path):
    """The anchors of a document's headings, made as the usual renderers make them."""
    titles = re.findall(r"^#+ +(.*)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"https?://", target):
            continue
        file, _, anchor = target.partition("#")
        goal = (path.parent / file).resolve() if file else path
        assert goal.exists(), f"{target}: there is no such file"
        assert ROOT.resolve() in [goal, *goal.resolve().parents], f"{target} leads out of the project"
        assert not anchor or anchor in anchors(goal), f"{target}: {name_of(goal)} has no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_paths_named_in_the_text_exist(path):
    named = re.findall(r"`((?:cli|cmake|docs|examples|include|migrations|src|tests)/[\w./-]*)`", prose(path))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_readme_guides_to_every_public_header():
    headers = {str(header.relative_to(ROOT / "include" / "orchestrator"))
               for header in (ROOT / "include" / "orchestrator").rglob("*.hpp")}
    guide = prose(ROOT / "README.md").partition("## Guide to the public headers")[2]
    named = [name for row in re.findall(r"^\|(.*?)\|", guide, re.MULTILINE) for name in re.findall(r"`([\w/]+\.hpp)`", row)]
    assert sorted(named) == sorted(headers)


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "adr"
    records = {path.name for path in folder.glob("[0-9]*.md")}
    assert set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text())) == records
