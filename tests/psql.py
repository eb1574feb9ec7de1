"""SQL by the program psql, for tests that look into a database or arrange one."""

import os
import subprocess
from urllib.parse import unquote, urlsplit

import pytest


def psql(url, sql):
    """What the statements print, a line a row. The password stays off the command line."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username else ""
    environment = {**os.environ, **({"PGPASSWORD": unquote(parts.password)} if parts.password else {})}
    try:
        done = subprocess.run(["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d",
                               parts._replace(netloc=user + host).geturl()],
                              input=sql, env=environment, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("psql is not installed")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
