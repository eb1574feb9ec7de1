"""A running server: on SQLite, or with the parameter "postgres" on the server that tests/servers/run started."""

import tempfile
from pathlib import Path

import pytest

from deploy_servers import ROOT
from http_driver import Server
from postgres_server import Postgres
from server_process import Unavailable


@pytest.fixture
def start_server(tmp_path):
    """Starts servers that end with the test."""
    started = []

    def start(**more):
        started.append(Server(tmp_path, **more))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture(params=["sqlite", "postgres"])
def any_server(request, start_server):
    if request.param == "sqlite":
        return start_server()
    return start_server(database_url=request.getfixturevalue("new_schema")())


@pytest.fixture
def own_postgres():
    """One that a test may stop, in a folder that its account may enter."""
    with tempfile.TemporaryDirectory(prefix="orchestrator-http-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(folder, ROOT / "build" / "servers")
        postgres.folder.mkdir()
        try:
            postgres.prepare()
            postgres.start()
        except Unavailable as error:
            pytest.skip(str(error))
        yield postgres
        postgres.resume()
        postgres.end()
