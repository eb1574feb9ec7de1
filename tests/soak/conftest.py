"""Where the soak's own files, and what it borrows from other tests, are found; and the package as the build left it."""

import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PACKAGE = Path(os.environ.get("ORCHESTRATOR_PYTHON_PATH", TESTS.parent / "build" / "python"))
for folder in (TESTS, TESTS / "servers", TESTS / "http", TESTS / "integration", TESTS / "soak", PACKAGE):
    sys.path.insert(0, str(folder))
