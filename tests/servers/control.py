"""Where a run of servers listens for the requests of tests/servers/ctl."""

import contextlib
import os
from pathlib import Path
from collections.abc import Iterator

CONTROL_VARIABLE = "ORCHESTRATOR_TEST_SERVERS"


@contextlib.contextmanager
def socket_path(folder: Path) -> Iterator[str]:
    """Short, however long the folder's own path is: the name of a socket has 107 bytes."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{handle}/control"
    finally:
        os.close(handle)
