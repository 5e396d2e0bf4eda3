"""Every command of Prefect's that the documents name, run as it stands there against a real server.

A command that is newly documented fails the first test here until it is run below.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.support.prefect_commands import SERVER, WORKER
from tests.support.warm_worker_server import PREFECT_COMMAND

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 240.0
SOURCES = (
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "docker-compose.yml")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "deploy").rglob("*.md")),
    *sorted((ROOT / "deploy").rglob("*Dockerfile")),
    *sorted((ROOT / "deploy").rglob("*.yaml")),
    *sorted((ROOT / "deploy").rglob("*.sh")),
)
_COMMAND = re.compile(r"^(?:export )?(?:[A-Z_]+=\S+ )*prefect [a-z].*$")

STARTED = (SERVER, WORKER)
"""Started by fixtures: the server of these tests, with a password, and the worker of a pool in `test_service.py`."""

# Run by the tests below, in the order in which a user would.
SERVED = (
    "prefect server start",
    "PREFECT_SERVER_UI_API_URL=http://127.0.0.1:4300/api prefect server start --port 4300",
    "prefect deployment ls",
    'prefect deployment run campaign/tansaku-run-campaign --params "$(tansaku check my.yaml --parameters)"',
    "prefect flow-run ls",
    "prefect flow-run logs RUN",
    "prefect flow-run cancel RUN",
    "prefect automation ls",
    "prefect work-pool ls",
    "prefect work-pool create cluster --type process --base-job-template slurm-work-pool.json",
    # docker-compose.yml, on ports of its containers.
    "prefect worker start --pool campaigns --type process --with-healthcheck",
)


def documented() -> dict[str, str]:
    """The commands with the file that names each."""
    found: dict[str, str] = {}
    for path in SOURCES:
        for command in commands_in(path.name, path.read_text()):
            found.setdefault(command, str(path.relative_to(ROOT)))
    return found


def commands_in(name: str, text: str) -> Iterator[str]:
    if name.endswith(".md"):
        blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    elif name == "docker-compose.yml":
        services = yaml.safe_load(text)["services"].values()
        lines = [" ".join(one["command"]) for one in services if one.get("command")]
    else:
        lines = text.splitlines()
    for line in lines:
        command = re.sub(r"\s+#.*$", "", line).strip()
        if _COMMAND.match(command):
            yield command


def test_every_documented_command_is_run_here():
    found = documented()
    assert {command: found.get(command, "no document") for command in found.keys() ^ {*STARTED, *SERVED}} == {}


def test_a_new_command_in_a_document_would_be_noticed():
    text = "Type `prefect flow-run pause X` or\n\n```sh\nA=1 prefect x \\\n    --all   # why\nexport B=prefect\n```\n"
    assert list(commands_in("x.md", text)) == ["A=1 prefect x      --all", "prefect flow-run pause X"]


class Shell:
    """Runs documented commands as a user's shell does, with this environment's programs.

    Args:
        server: Prefect's.
        folder: In which it runs them.
        further: Variables.
        forks: Folder of programs that are forked, for commands that run to their end; None: all are started.
    """

    def __init__(self, server, folder: Path, further: dict[str, str], forks: Path | None = None) -> None:
        self.folder, self.forks = folder, forks
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = server.environment() | further | {"PATH": programs, "COLUMNS": "400"}
        self.done: list[str] = []

    def __call__(self, documented_command: str, **replaced: str) -> str:
        """Runs it, with words replaced; returns what it printed."""
        self.done.append(documented_command)
        command = documented_command
        for old, new in replaced.items():
            assert old in command
            command = command.replace(old, new)
        path = self.environment["PATH"]
        environment = self.environment | ({"PATH": f"{self.forks}:{path}"} if self.forks else {})
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def test_documented_commands_work(
    service, campaign_document, require, wait_for, free_port, pool_template, warm_services, tmp_path_factory
):
    """On one server and one service; what starts a process of its own is started, seen, and ended."""
    require("prefect")
    service.start("--reconcile", "never")
    forks = tmp_path_factory.mktemp("programs")
    warm_services.program(forks)
    warm_services.program(forks, "prefect", PREFECT_COMMAND)
    shell = Shell(service.server, service.folder, service.environment(), forks)
    document = {key: value for key, value in campaign_document.items() if key != "name"} | {"budget": {"evaluations": 1}}
    (service.folder / "my.yaml").write_text(yaml.safe_dump(document))
    mine = {"tansaku-run": f"{service.name}-run"}

    listed = shell("prefect deployment ls")
    for flow in ("campaign", "stored-campaign", "retrain", "reconcile"):
        assert f"{flow}/{service.deployment(flow)['name']}" in listed
    run = created(
        shell('prefect deployment run campaign/tansaku-run-campaign --params "$(tansaku check my.yaml --parameters)"', **mine)
    )
    assert service.wait_for_end(run)["type"] == "COMPLETED"
    assert service.run(run)["name"] == "my"
    assert run in shell("prefect flow-run ls")
    wait_for(lambda: "evaluations so far" in shell("prefect flow-run logs RUN", RUN=run), "its log is there")

    later = service.server.ask(
        "POST",
        f"/deployments/{service.deployment('stored-campaign')['id']}/create_flow_run",
        {
            "parameters": {"name": "my"},
            "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": "2100-01-01T00:00:00Z"}},
        },
    )["id"]
    shell("prefect flow-run cancel RUN", RUN=later)
    assert service.wait_for_end(later)["type"] == "CANCELLED"
    assert f"tansaku {service.name}: crashed runs start again" in shell("prefect automation ls")

    pool = f"pool-{service.name}"
    pool_template(service.folder / "slurm-work-pool.json")
    shell("prefect work-pool create cluster --type process --base-job-template slurm-work-pool.json", cluster=pool)
    assert pool in shell("prefect work-pool ls")
    checked = "prefect worker start --pool campaigns --type process --with-healthcheck"
    begun(shell, checked.replace("campaigns", pool), lambda: workers(service, pool), wait_for, free_port)
    shell.done.append(checked)
    service.server.ask("DELETE", f"/work_pools/{pool}")
    assert service.stop() == 0
    assert set(shell.done) == {command for command in SERVED if "server start" not in command}


def created(printed: str) -> str:
    """The id of the run that `deployment run` created."""
    return re.search(r"UUID: ([0-9a-f-]{36})", printed)[1]


def workers(service, pool: str) -> list[str]:
    return [
        one["name"] for one in service.server.ask("POST", f"/work_pools/{pool}/workers/filter", {}) if one["status"] == "ONLINE"
    ]


def begun(shell: Shell, command: str, seen, wait_for, free_port, **further: str) -> None:
    """Starts what stays, waits until it is seen, and ends it."""
    with (shell.folder / "begun.log").open("ab") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec env {command}"],
            env=shell.environment | {"PREFECT_WORKER_WEBSERVER_PORT": str(free_port())} | further,
            cwd=shell.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(lambda: seen() or process.poll() is not None, command)
        assert process.poll() is None, (shell.folder / "begun.log").read_text()[-3000:]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT)


def page_asks(port: int) -> str | None:
    """The address at which the page looks for the API; None while there is no server."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ui-settings", timeout=10) as answer:
            return json.loads(answer.read())["api_url"]
    except OSError:
        return None


def test_the_documented_server_serves_its_page_and_whoever_asks_is_told_of_the_missing_password(
    prefect_server, prefect_database, tmp_path, require, wait_for, free_port
):
    """Both documented ways of starting it, on other ports; `tansaku serve` meets a server without a password."""
    require("prefect")
    home = tmp_path / "prefect"
    prefect_database.put(home)
    shell = Shell(prefect_server, tmp_path, {"PREFECT_HOME": str(home), "TANSAKU_HOME": str(tmp_path / "home")})
    for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
        del shell.environment[name]

    def start(command: str, check) -> None:
        port = free_port()
        shell.done.append(command)
        moved = re.sub("4[23]00", str(port), command)
        port_by_default = {"PREFECT_SERVER_API_PORT": str(port)} if moved == command else {}
        begun(
            shell, moved, lambda: (asked := page_asks(port)) and check(port, asked) is None, wait_for, free_port,
            **port_by_default,
        )  # fmt: skip

    def meets_serve(port: int, asked: str) -> None:
        assert asked
        refused_beyond_loopback(shell, port)
        warned_on_loopback(shell, port)

    def asks_itself(port: int, asked: str) -> None:
        assert asked == f"http://127.0.0.1:{port}/api"

    start("prefect server start", meets_serve)
    start("PREFECT_SERVER_UI_API_URL=http://127.0.0.1:4300/api prefect server start --port 4300", asks_itself)
    assert set(shell.done) == {command for command in SERVED if "server start" in command}


def served(shell: Shell, url: str, **further: str) -> subprocess.Popen:
    command = [sys.executable, "-uc", "from tansaku.deploy.cli.main import main; main()", "serve", "--reconcile", "never"]
    return subprocess.Popen(
        command, cwd=shell.folder, env=shell.environment | {"PREFECT_API_URL": url} | further,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def refused_beyond_loopback(shell: Shell, port: int) -> None:
    # An address that reaches this machine and is not loopback by its name.
    with served(shell, f"http://0.0.0.0:{port}/api") as process:
        said = process.communicate(timeout=LIMIT)[0]
    assert process.returncode == 2, said
    assert "0.0.0.0' answers without a password" in said


def warned_on_loopback(shell: Shell, port: int) -> None:
    with served(shell, f"http://127.0.0.1:{port}/api") as process:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("service tansaku at"):
                process.terminate()
    assert process.returncode == 0, said
    assert sum("has no password" in line for line in said) == 1, said
