"""A running server: on SQLite, or with the parameter "postgres" on the server that tests/servers/run started."""

import pytest

from http_driver import Server


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
