"""`pip install .` on a machine with the README's packages: the wheel is built, and works in an environment that has
nothing else. Built without optimisation and with SQLite alone, which changes nothing about the packaging."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator as o

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "build-dir": "build/wheel",
    "cmake.define.CMAKE_CXX_FLAGS_RELEASE": "-O0",
    "cmake.define.ORCHESTRATOR_POSTGRES": "OFF",
    "cmake.define.ORCHESTRATOR_REDIS": "OFF",
    "cmake.define.ORCHESTRATOR_KAFKA": "OFF",
}
MAIN_JOB = """
import sys
import orchestrator as o
assert "site-packages" in o.__file__, o.__file__
with o.Orchestrator("sqlite:///orders.db") as oms:
    receipt = oms.place([dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")], portfolio_id=1)
    print(o.__version__, oms.get_order(receipt.orders[0].id).status)
    try:
        oms.orders().to_pandas()
    except ImportError as error:
        print(error)
"""


def environment(folder):
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    return folder / "bin" / "python"


def run(*arguments, folder):
    without_source = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(map(str, arguments)), cwd=folder, env=without_source, capture_output=True, text=True,
                          check=False)
    if "No matching distribution found for" in done.stderr:
        pytest.skip("the wheel's build requirements (scikit-build-core, pybind11) cannot be downloaded here")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@pytest.mark.slow
def test_the_wheel_works_in_a_clean_environment(tmp_path):
    pytest.importorskip("ensurepip", reason="Debian: python3-venv")
    python = environment(tmp_path / "builder")
    run(python, "-m", "pip", "wheel", ROOT, "--no-deps", "--wheel-dir", tmp_path,
        *(f"--config-settings={name}={value}" for name, value in SETTINGS.items()), folder=ROOT)
    wheel, = tmp_path.glob("orchestrator-*.whl")
    assert wheel.name.startswith(f"orchestrator-{o.__version__}-cp3")

    clean = environment(tmp_path / "clean")
    run(clean, "-m", "pip", "install", "--no-index", "--no-deps", wheel, folder=tmp_path)
    assert run(clean, "-c", MAIN_JOB, folder=tmp_path).splitlines() == [
        f"{o.__version__} acked", "to_pandas() needs pandas: pip install 'orchestrator[pandas]'"]
    site = next((tmp_path / "clean" / "lib").glob("python3*/site-packages"))
    assert {path.name for path in (site / "orchestrator").iterdir() if path.is_file()} >= {
        "__init__.py", "_native.pyi", "py.typed"}
    metadata = next(site.glob("orchestrator-*.dist-info/METADATA")).read_text()
    assert "Provides-Extra: pandas" in metadata and "Requires-Python: >=3.11" in metadata
