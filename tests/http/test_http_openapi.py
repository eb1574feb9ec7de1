"""The OpenAPI document against the server: the same routes, and no answer that the document does not know.

schemathesis invents requests from the document, lawful and unlawful ones, and looks at each answer: no 5xx, no
status, header, content type or body that is not documented. Its version is pinned, as another one invents others."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from http_driver import TWO_ORDERS, program

ROOT = Path(os.environ.get("ORCHESTRATOR_SOURCE_DIR", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("ORCHESTRATOR_BUILD_DIR", ROOT / "build"))
DOCUMENT = ROOT / "examples" / "http_server" / "openapi.json"
FUZZ_S = int(os.environ.get("ORCHESTRATOR_HTTP_FUZZ_S", "45"))
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance,unsupported_method,allow_header_conformance")

pytestmark = pytest.mark.xdist_group("openapi")


@pytest.fixture(scope="module")
def document():
    return json.loads(DOCUMENT.read_text())


@pytest.fixture(scope="module")
def tools():
    """The folder with the programs of the pinned tools; downloaded once."""
    pytest.importorskip("ensurepip", reason="Debian: python3-venv")
    wanted = (Path(__file__).parent / "requirements.txt").read_text()
    folder = BUILD / "http-tools"
    done = folder / "requirements.txt"
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        installed = subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "-r",
                                    Path(__file__).parent / "requirements.txt"], capture_output=True, text=True, check=False)
        if "No matching distribution found for" in installed.stderr:
            pytest.skip("schemathesis and openapi-spec-validator cannot be downloaded here")
        assert installed.returncode == 0, installed.stderr[-3000:]
        done.write_text(wanted)
    return folder / "bin"


def routes_of(document):
    return {(method.upper(), re.sub(r"\{\w+\}", "{}", path)): operation["x-role"]
            for path, item in document["paths"].items() for method, operation in item.items()}


def test_the_document_has_the_servers_routes_and_roles(document):
    printed = subprocess.run([program(), "routes", "--json"], check=True, capture_output=True, text=True).stdout
    served = {(one["method"], re.sub(r"\{\w+\}", "{}", one["pattern"])): one["role"] for one in json.loads(printed)}
    assert routes_of(document) == served


def test_an_operation_says_which_credentials_it_needs(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            open_to_all = operation["x-role"] == "none"
            assert (operation.get("security") == []) == open_to_all, (method, path)
            assert ("401" in operation["responses"]) != open_to_all, (method, path)


@pytest.mark.slow
def test_the_document_and_its_examples_are_valid(tools):
    checked = subprocess.run([tools / "python", Path(__file__).parent / "check_openapi.py", DOCUMENT],
                             capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr[-3000:]
    assert int(checked.stdout.split()[0]) >= 13


def test_the_server_serves_the_document(document, server):
    answer = server.get("/openapi.json")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    assert answer.json() == document


def fuzz(tools, server, seconds, *options, at_least, folder):
    seed = os.environ.get("ORCHESTRATOR_HTTP_FUZZ_SEED") or int.from_bytes(os.urandom(4), "big")
    print(f"schemathesis --seed {seed}")  # ORCHESTRATOR_HTTP_FUZZ_SEED repeats it
    run = subprocess.run(
        [tools / "schemathesis", "run", server.url("/openapi.json"), "--seed", str(seed), "--max-time", str(seconds),
         "--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--continue-on-failure", "--request-timeout", "70",
         "--warnings", "off", "--generation-database", "none", *options],
        cwd=folder, capture_output=True, text=True, timeout=seconds * 4 + 300, check=False)
    assert run.returncode == 0, f"seed {seed}\n{run.stdout[-12000:]}{run.stderr[-3000:]}"
    tested = re.search(r"(\d+) generated", run.stdout)
    assert tested and int(tested.group(1)) >= at_least, run.stdout[-3000:]


# A halt is left to a run of its own: behind one, orders are lawfully refused with 503, and a 503 is what we look for.
@pytest.mark.slow
def test_invented_requests_get_documented_answers_and_no_5xx(tools, server, tmp_path):
    assert server.post("/api/v1/orders", TWO_ORDERS).status == 200
    fuzz(tools, server, FUZZ_S, "--exclude-operation-id", "halt", at_least=200, folder=tmp_path)
    assert server.get("/api/v1/orders").json()["orders"] and server.process.poll() is None


@pytest.mark.slow
def test_invented_halts_get_documented_answers(tools, server, tmp_path):
    fuzz(tools, server, 25, "--include-operation-id", "halt", "--include-operation-id", "resume",
         "--include-operation-id", "listHalts", at_least=20, folder=tmp_path)
