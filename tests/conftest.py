"""The servers that tests/servers/run starts, or that the user names; a test of one that is not there is skipped."""

import os
import secrets

import pytest

from psql import psql


def server_of_the_tests(variable, name):
    address = os.environ.get(variable)
    if not address:
        why = os.environ.get(f"ORCHESTRATOR_TEST_{name}_MISSING", "run it by tests/servers/run, or name a server there")
        pytest.skip(f"{variable} is not set: {why}")
    return address


@pytest.fixture
def postgres_url():
    return server_of_the_tests("ORCHESTRATOR_TEST_POSTGRES_URL", "POSTGRES")


@pytest.fixture
def new_schema(postgres_url):
    """Makes empty schemas; gives the URL under which each is a database of its own."""
    names = []
    def make():
        names.append(f"test_{secrets.token_hex(6)}")
        psql(postgres_url, f"CREATE SCHEMA {names[-1]}")
        return f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-csearch_path%3D{names[-1]}"
    yield make
    psql(postgres_url, "".join(f"DROP SCHEMA IF EXISTS {name} CASCADE;" for name in names))


@pytest.fixture
def redis_url():
    return server_of_the_tests("ORCHESTRATOR_TEST_REDIS_URL", "REDIS")


@pytest.fixture
def kafka_address():
    return server_of_the_tests("ORCHESTRATOR_TEST_KAFKA", "KAFKA")
