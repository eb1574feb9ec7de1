"""What is deployed says what is true of the program: images, services, dashboard, workflow."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from deploy_servers import PASSWORD, started
from kafka_server import broker_count
from server_process import Unavailable

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "examples" / "http_server" / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
TASKS = set(re.findall(r"^  ([a-z| -]+)\) ", (ROOT / "dev").read_text().split("case ${1:-help} in")[1], re.M))
TASK_WORDS = {word for line in TASKS for word in re.split(r" \| ", line)}
SECONDS_MAX = 120
ORDER = b'{"portfolio_id": 1, "orders": [{"instrument_id": 1, "qty": 1, "side": "BUY", "price_limit": 10}]}'


def services():
    return COMPOSE["services"]


# --- docker-compose.yml ---------------------------------------------------------------------------------------------

def test_every_port_is_on_loopback():
    ports = [port for service in services().values() for port in service["ports"]]
    assert len(ports) == 4 and all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports), ports


def test_no_password_is_written_in_it():
    text = (ROOT / "docker-compose.yml").read_text()
    for line in text.splitlines():
        if re.search(r"passw|auth:|requirepass|:[^ ]*@", line, re.I) and not line.lstrip().startswith("#"):
            rest = re.sub(r"\$\{\w+:\?[^}]*\}", "", line)
            assert rest != line or "scram" in line or "orchestrator@postgres" in line, line
    example = (ROOT / ".env.example").read_text()
    for variable in set(re.findall(r"\$\{(\w+)", text)):
        assert re.search(rf"^#{variable}=", example, re.M), f"{variable} is not in .env.example"
    for variable in re.findall(r"^#(\w*PASSWORD)=", example, re.M):
        assert f"#{variable}=\n" in example


def test_every_service_has_a_health_check_and_waits_for_what_it_needs():
    for name, service in services().items():
        assert name == "server" or service["healthcheck"]["test"][0] == "CMD", name
    assert "HEALTHCHECK" in DOCKERFILE
    needed = services()["server"]["depends_on"]
    assert needed == {name: {"condition": "service_healthy"} for name in services() if name != "server"}


def test_every_volume_that_is_used_is_declared():
    used = {volume.split(":")[0] for service in services().values() for volume in service.get("volumes", [])}
    assert {name for name in used if not re.match(r"[./$]", name)} == set(COMPOSE["volumes"])


def test_kafka_is_the_version_of_the_tests():
    pom = (ROOT / "tests" / "servers" / "kafka" / "pom.xml").read_text()
    version = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)</version>", pom).group(1)
    assert services()["kafka"]["image"] == f"apache/kafka:{version}"


def test_every_setting_of_the_server_is_one():
    example = (ROOT / ".env.example").read_text()
    table = example + "".join(path.read_text() for path in (ROOT / "examples" / "http_server").glob("settings.cpp"))
    image = re.findall(r"(?:ENV|^)\s+([A-Z_]+)=", DOCKERFILE, re.M)
    assert len(image) == 5
    for name in (*services()["server"]["environment"], *image):
        known = name in table or name == "PGPASSWORD" or name.startswith("ORCHESTRATOR_HTTP_")
        assert known, f"{name} is no setting of the server"


@pytest.fixture
def folder():
    """On a disk that the accounts of the servers may enter."""
    with tempfile.TemporaryDirectory(prefix="orchestrator-compose-", dir="/var/tmp") as path:
        yield Path(path)


@pytest.fixture
def composed(folder):
    running = []

    def start(name):
        try:
            running.append(started(name, folder, services()[name]))
        except Unavailable as error:
            pytest.skip(f"{name}: {error}")
        return running[-1]
    yield start
    for server in running:
        server.end()


@pytest.mark.slow
def test_postgres_starts_with_its_settings(composed):
    postgres = composed("postgres")
    postgres.make_database()
    url = services()["server"]["environment"]["DATABASE_URL"].replace("postgres:5432", f"127.0.0.1:{postgres.port}")
    asked = "select current_user || ' ' || current_database() || ' ' || current_setting('synchronous_commit')"
    done = subprocess.run(["psql", "-X", "-At", "-d", url, "-c", asked], capture_output=True, text=True, check=False,
                          env={**postgres.environment, "PGPASSWORD": PASSWORD}, timeout=SECONDS_MAX)
    assert (done.stdout, done.returncode) == ("orchestrator orchestrator on\n", 0), done.stderr
    program, *options = services()["postgres"]["healthcheck"]["test"][1:]
    assert subprocess.run([program, *options, "--host=127.0.0.1", f"--port={postgres.port}"], check=False,
                          capture_output=True, timeout=SECONDS_MAX).returncode == 0


@pytest.mark.slow
def test_redis_starts_with_its_settings(composed):
    redis = composed("redis")
    program, *options = services()["redis"]["healthcheck"]["test"][1:]
    done = subprocess.run([program, "-p", str(redis.port), *options], capture_output=True, text=True, check=False,
                          env={**redis.environment, "REDISCLI_AUTH": PASSWORD}, timeout=SECONDS_MAX)
    assert done.stdout == "PONG\n", done.stderr
    assert redis.ask("CONFIG GET maxmemory-policy").startswith("*2")


@pytest.mark.slow
def test_kafka_starts_with_its_settings_and_makes_the_topic(composed, tmp_path):
    kafka = composed("kafka")
    assert broker_count(kafka.url) == 1
    assert kafka.properties()["process.roles"] == "broker,controller"
    program = os.environ.get("ORCHESTRATOR_CLI_BIN")
    if not program or not Path(program).exists():
        pytest.skip("the command line program was not built: set ORCHESTRATOR_CLI_BIN")
    topic = services()["server"]["environment"]["KAFKA_TOPIC"]
    settings = {"PATH": "/usr/bin:/bin", "DATABASE_URL": f"sqlite:///{tmp_path}/orders.db",
                "KAFKA_BOOTSTRAP_SERVERS": kafka.url, "KAFKA_TOPIC": topic}
    for arguments in (["place", "-"], ["event", "publish"]):
        done = subprocess.run([program, *arguments], cwd=tmp_path, env=settings, input=ORDER, capture_output=True,
                              check=False, timeout=SECONDS_MAX)
        assert done.returncode == 0, done.stderr
    done = subprocess.run([program, "health", "--json"], cwd=tmp_path, env=settings, capture_output=True, check=False,
                          timeout=SECONDS_MAX)
    assert json.loads(done.stdout)["outbox"]["rows"] == 0, done.stdout


# --- Dockerfile -----------------------------------------------------------------------------------------------------

def test_every_step_of_the_image_is_one_of_dev():
    steps = re.findall(r"\./dev ([a-z-]+)", DOCKERFILE)
    assert steps and set(steps) <= TASK_WORDS, f"{steps} are not all in {sorted(TASK_WORDS)}"
    for source in re.findall(r"^COPY --from=build (.+) \S+$", DOCKERFILE, re.M):
        for path in source.split():
            assert path in ("/src/runtime-packages", "/src/build/bin/orchestrator", "/src/build/bin/orchestrator_http")


def test_the_image_runs_as_nobody_special_and_keeps_secrets_out():
    assert re.search(r"^USER 10001$", DOCKERFILE, re.M)
    assert DOCKERFILE.index("USER 10001") < DOCKERFILE.index("ENTRYPOINT")
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".git", ".env", "keys", "build", "*.db"} <= set(ignored)


def health_check():
    return json.loads(re.search(r"^\s+CMD (\[.+\])$", DOCKERFILE, re.M).group(1))


@pytest.mark.parametrize("status, healthy", [(200, True), (503, False), (None, False)])
def test_the_health_check_is_healthy_while_the_store_answers_stopped_or_not(status, healthy):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/health" else 503)
            self.end_headers()

        def log_message(self, *_):
            pass
    server = HTTPServer(("127.0.0.1", 0), Answer)
    port = str(server.server_port)
    if status is None:
        server.server_close()
    else:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = subprocess.run(health_check(), check=False, capture_output=True, timeout=30,
                              env={"PATH": "/usr/bin:/bin", "ORCHESTRATOR_HTTP_PORT": port})
    finally:
        if status is not None:
            server.shutdown()
            server.server_close()
    assert (done.returncode == 0) == healthy, done.stderr


# --- systemd, workflow, dashboard -----------------------------------------------------------------------------------

def test_the_unit_is_valid_and_confined(tmp_path):
    text = (DEPLOY / "orchestrator-http.service").read_text()
    unit = tmp_path / "orchestrator-http.service"
    unit.write_text(text.replace("ExecStart=/usr/local/bin/orchestrator_http", "ExecStart=/bin/true"))
    assert unit.read_text() != text
    if shutil.which("systemd-analyze") is None:  # a system without systemd runs no unit either
        return
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False,
                              timeout=SECONDS_MAX)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15", str(unit)],
                           capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    assert rated.returncode == 0, rated.stdout + rated.stderr


def test_the_workflow_runs_what_ci_runs():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert steps[-1] == {"run": ".ci/run"}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert workflow["permissions"] == {"contents": "read"}


def exported():
    """Names of the metrics in the server's sources, with what a histogram adds."""
    names = set()
    for source in (ROOT / "examples" / "http_server").glob("*.cpp"):
        names |= set(re.findall(r'"(orchestrator_[a-z_]+)",\s*"', source.read_text()))
        names |= set(re.findall(r'Name\("(orchestrator_[a-z_]+)"\)', source.read_text()))
    assert len(names) > 20
    return names | {name + suffix for name in names if name.endswith(("_seconds", "_units"))
                    for suffix in ("_bucket", "_sum", "_count")}


def test_the_dashboard_asks_for_metrics_that_there_are_and_leaves_none_out():
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    asked = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expression = target["expr"]
            assert expression.count("(") == expression.count(")"), expression
            asked |= set(re.findall(r"orchestrator_[a-z_]+", expression))
    assert asked <= exported(), asked - exported()
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked} | {"orchestrator_build_info"}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported()}
    assert families <= shown, families - shown
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_the_documentation_names_every_metric():
    text = (ROOT / "docs" / "operations.md").read_text()
    documented = set(re.findall(r"^\| `(orchestrator_[a-z_]+)", text, re.M))
    assert documented == {name for name in exported() if not re.search(r"_(bucket|sum|count)$", name)}


def test_the_dashboards_queries_are_promql():
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = {"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel:{i}", "expr": text.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for i, text in enumerate(expressions)]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump(rules, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True, check=False,
                              timeout=SECONDS_MAX)
    assert done.returncode == 0, done.stdout + done.stderr
