"""The package as the build left it; ORCHESTRATOR_PYTHON_PATH names another place to import it from."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("ORCHESTRATOR_SOURCE_DIR", Path(__file__).resolve().parents[2]))
PACKAGE = Path(os.environ.get("ORCHESTRATOR_PYTHON_PATH", ROOT / "build" / "python"))

if not (PACKAGE / "orchestrator").is_dir():
    raise pytest.UsageError(f"{PACKAGE} has no package `orchestrator`: build it first (./dev build)")
sys.path.insert(0, str(PACKAGE))

import orchestrator as o  # noqa: E402


@pytest.fixture
def database_url(tmp_path):
    return f"sqlite:///{tmp_path}/orders.db"


@pytest.fixture
def oms(database_url):
    with o.Orchestrator(database_url) as opened:
        yield opened


@pytest.fixture
def in_memory():
    with o.Orchestrator("memory:", mock_ledger="memory:") as opened:
        yield opened
