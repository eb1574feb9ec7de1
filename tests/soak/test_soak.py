"""A short soak: it comes to its end, everything was tried, and the audit is clean. And its audit can fail."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MINUTES = 0.5
SECONDS_MAX = 900  # a machine under load is no finding

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("soak")]


@pytest.fixture
def environment(postgres_url, redis_url, kafka_address):  # where the tests have none, it has none
    del postgres_url, redis_url, kafka_address
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed")
    package = Path(os.environ.get("ORCHESTRATOR_PYTHON_PATH", ROOT / "build" / "python"))
    server = os.environ.get("ORCHESTRATOR_HTTP_BIN", package.parent / "bin" / "orchestrator_http")
    return {**os.environ, "ORCHESTRATOR_PYTHON_PATH": str(package), "ORCHESTRATOR_HTTP_BIN": str(server)}


def test_a_short_soak_loses_and_doubles_nothing(environment, tmp_path):
    report = tmp_path / "report.json"
    done = subprocess.run(
        [ROOT / "tests" / "servers" / "run", "--own", sys.executable, "-B", HERE / "soak.py", "--minutes", str(MINUTES),
         "--json", report, "--fault-pause", "2"],
        env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if "servers: no " in done.stderr:
        pytest.skip(next(line for line in done.stderr.splitlines() if line.startswith("servers: no ")))
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(report.read_text())
    assert told["findings"] == [] and told["book"]["orders"] >= told["load"]["orders"] > 0
    assert len(told["faults"]) >= 3, told["faults"]
