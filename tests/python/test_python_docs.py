"""The Python that the documents show runs, and the examples run and are typed strictly."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator as o

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(o.__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples" / "python").glob("*.py"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DOCUMENTS = [path for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
             if BLOCK.search(path.read_text())]


def run(*arguments, folder, **environment):
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(PACKAGE), **environment}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_python_of_a_document_runs_from_top_to_bottom(path, tmp_path):
    pytest.importorskip("pandas", reason="Debian: python3-pandas")
    run("-c", "\n".join(BLOCK.findall(path.read_text())), folder=tmp_path)


def test_quickstart_gives_the_same_figures_every_time_it_is_run(tmp_path):
    example = ROOT / "examples" / "python" / "quickstart.py"
    first, second = run(example, folder=tmp_path), run(example, folder=tmp_path)
    assert first.startswith("batch 1\n") and second.startswith("batch 1 (replayed)\n")
    assert first.endswith("expected P&L 5000, actual P&L 5000\n") and second.splitlines()[1:] == first.splitlines()[1:]


def test_the_reconciliation_script_prints_its_tables_and_plots(tmp_path):
    pytest.importorskip("pandas", reason="Debian: python3-pandas")
    pytest.importorskip("matplotlib", reason="Debian: python3-matplotlib")
    output = run(ROOT / "examples" / "python" / "reconciliation.py", folder=tmp_path, MPLCONFIGDIR=str(tmp_path))
    assert "matched_pnl" in output and "matched P&L 1204.795, slippage -72.92" in output
    assert (tmp_path / "reconciliation.png").stat().st_size > 1000


def test_the_end_to_end_example_trades_a_whole_day(tmp_path):
    output = run(ROOT / "examples" / "python" / "end_to_end.py", folder=tmp_path)
    assert output.splitlines() == [
        "40 batches placed",
        "refused: qty 0.5 is below the lot size 1; nearest: 1",
        "80 orders filled",
        "actual P&L 720.0",
        "80 orders settled",
    ]


FORMS_OF_A_REQUEST = """
import numpy
import orchestrator as o

oms = o.Orchestrator("memory:", mock_ledger="memory:")
oms.place([o.OrderRequest(1, 2, "BUY", 3)], portfolio_id=1)
oms.place([{"instrument_id": 1, "qty": 2, "side": "BUY"}], portfolio_id=1)
oms.place({"instrument_id": [1, 2], "qty": [1, 2], "side": ["BUY", "SELL"], "price_limit": ["5", 6]}, portfolio_id=1)
oms.place(numpy.array([(1, 2, "BUY")], dtype=[("instrument_id", "i8"), ("qty", "i8"), ("side", "U4")]), portfolio_id=1)
oms.place("BUY", portfolio_id=1)  # type: ignore[arg-type]
oms.close()
"""


@pytest.mark.slow
def test_the_package_and_the_examples_are_typed_strictly(tmp_path):
    pytest.importorskip("mypy", reason="Debian: mypy")
    pytest.importorskip("numpy", reason="Debian: python3-pandas")
    run("-m", "mypy", "--strict", "--cache-dir", tmp_path, "--config-file", "pyproject.toml", "-p", "orchestrator",
        folder=ROOT, MYPYPATH=str(ROOT / "python"))
    forms = tmp_path / "forms.py"
    forms.write_text(FORMS_OF_A_REQUEST)
    for program in [*EXAMPLES, forms]:
        run("-m", "mypy", "--strict", "--cache-dir", tmp_path, "--config-file", "pyproject.toml", program,
            folder=ROOT, MYPYPATH=str(ROOT / "python"))
