import pytest

from cli_driver import PROGRAM, Cli, need


@pytest.fixture
def cli(tmp_path):
    need(PROGRAM)
    return Cli(tmp_path)
