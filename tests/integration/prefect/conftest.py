"""One real Prefect server on loopback for all these tests, and a service on it that can be killed."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import tansaku.tasks.backends.launchers.local  # noqa: F401 - workers of a module that the tests know are forked, and paced
from tansaku.flows.engines import living_engines
from tansaku.flows.names import deployment_name
from tansaku.tasks.backends.resources import Resources, open_resources
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site
from tests.support.campaign_files import aluminium_campaign
from tests.support.prefect_commands import SERVER, WORKER, arguments
from tests.support.prefect_database import MigratedDatabase
from tests.support.programs import PACED
from tests.support.warm_workers import WarmProcess, WarmWorkers

LIMIT = 240.0
DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


def wait_for(condition: Callable[[], object], what: str, limit: float = LIMIT) -> object:
    """Looks until something is true."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.25)  # each look costs the server ten milliseconds of a processor
    raise AssertionError(f"{what}: not within {limit} s")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class PrefectServer:
    """``prefect server start`` on a port and a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.user = f"test:{secrets.token_hex(8)}"
        self._process: subprocess.Popen | None = None

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        return kept | {
            "PREFECT_HOME": str(self.folder),
            "PREFECT_API_URL": self.url,
            "PREFECT_API_AUTH_STRING": self.user,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                arguments(SERVER, host="127.0.0.1", port=self.port),
                env=self.environment() | {"PREFECT_SERVER_API_AUTH_STRING": self.user},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self.answers, "the Prefect server answers")

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def sleep(self) -> None:
        """Stops its work until it wakes: idle, it takes 4 % of a processor."""
        if self.lives:
            os.killpg(self._process.pid, signal.SIGSTOP)

    def wake(self) -> None:
        if self.lives:
            os.killpg(self._process.pid, signal.SIGCONT)
            wait_for(self.answers, "the Prefect server answers")

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/health") is True
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL to it and to what it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(LIMIT)

    def ask(self, method: str, path: str, body: object = None) -> object:
        """One call of the API. Raises urllib.error.HTTPError."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Content-Type": "application/json",
                "Authorization": "Basic " + base64.b64encode(self.user.encode()).decode(),
            },
        )
        until = time.monotonic() + LIMIT
        # A slow machine answers late; only the look whether it answers is repeated soon.
        patience = 30 if path == "/health" else LIMIT
        while True:
            try:
                with urllib.request.urlopen(request, timeout=patience) as answer:
                    text = answer.read()
            except urllib.error.HTTPError as error:
                if error.code != 503 or time.monotonic() > until:  # its SQLite was busy, as a client of Prefect's expects
                    raise
                time.sleep(0.5)
            else:
                return json.loads(text) if text else None

    def refusal(self, method: str, path: str, body: object) -> tuple[int, str]:
        """Status and words of a call that is refused."""
        with pytest.raises(urllib.error.HTTPError) as refused:
            self.ask(method, path, body)
        return refused.value.code, refused.value.read().decode()


class Service:
    """``tansaku serve`` with a site file and a database of its own."""

    def __init__(self, server: PrefectServer, folder: Path, uri: str, workers: int, forks: WarmWorkers) -> None:
        self.server, self.folder, self.forks = server, folder, forks
        self.name = f"s{secrets.token_hex(4)}"
        self.database = f"service-{self.name}"
        self.site = folder / "site.yaml"
        self.site.write_text(
            f"schema_version: 1\nlauncher: {{type: local, workers: {workers}}}\n"
            f"database: {{name: {self.database}}}\ntiming: {{lease: 20, heartbeat: 0.5, poll: 0.05}}\n"
        )
        (folder / "uri").write_text(uri)
        (folder / "uri").chmod(0o600)
        self.uri, self.log = uri, folder / "service.log"
        self.store = MongoCampaignStore(open_database(uri, self.database))
        self.with_site = True
        self.further: dict[str, str] = {}
        self._process: WarmProcess | None = None

    def environment(self) -> dict[str, str]:
        """Of the service, and of programs beside it that are forked as it is."""
        return (
            self.server.environment()
            | self.further
            | {
                "TANSAKU_HOME": str(self.folder / "home"),
                "TANSAKU_MONGO_URI_FILE": str(self.folder / "uri"),
                "OMP_NUM_THREADS": "1",
            }
        )

    def of_a_program(self) -> dict[str, str]:
        """The environment of programs that are started, not forked."""
        return self.environment() | {"PYTHONPATH": PACED}

    def arguments(self, *options: str) -> list[str]:
        site = ["--site", str(self.site)] if self.with_site else []
        return ["serve", "--name", self.name, *site, "--folder", str(self.folder), *options]

    def start(self, *options: str) -> None:
        seen = self.said().count(f"service {self.name} at")
        with self.log.open("ab") as log:
            self._process = self.forks.command(self.arguments(*options), log, log, self.environment())
        wait_for(lambda: self.said().count(f"service {self.name} at") > seen or self._process.poll() is not None, "it serves")
        assert self._process.poll() is None, self.said()[-3000:]

    @property
    def serves(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(LIMIT)

    def stop(self) -> int:
        """SIGTERM, as systemd or Docker do it."""
        self._process.terminate()
        return self._process.wait(LIMIT)

    def deployment(self, flow: str) -> dict:
        return self.server.ask("GET", f"/deployments/name/{flow}/{deployment_name(flow, self.name)}")

    def launch(self, flow: str, **parameters: object) -> str:
        """Creates a run as the page does; returns its id."""
        path = f"/deployments/{self.deployment(flow)['id']}/create_flow_run"
        try:
            return self.server.ask("POST", path, {"parameters": parameters, "state": {"type": "SCHEDULED"}})["id"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{error}: {error.read().decode()}")

    def run(self, identity: str) -> dict:
        return self.server.ask("GET", f"/flow_runs/{identity}")

    def history(self, identity: str) -> list[str]:
        """Names of the states that a run was in, in order."""
        states = self.server.ask("GET", f"/flow_run_states/?flow_run_id={identity}")
        return [state["name"] for state in sorted(states, key=lambda state: state["timestamp"])]

    def wait_for_end(self, identity: str) -> dict:
        def ended() -> dict | None:
            state = self.run(identity)["state"]
            return state if state["type"] in {"COMPLETED", "FAILED", "CANCELLED"} else None

        try:
            return wait_for(ended, f"run {identity} ends")
        except AssertionError:
            pytest.fail(f"{self.history(identity)}\n{self.said()[-4000:]}")

    def engine(self, identity: str):
        """The process that executes a run, or None."""
        return next((process for run, process in living_engines() if run == identity), None)

    def facts(self, name: str) -> list[tuple]:
        """All that a crash may not change, but for attempts."""
        return [
            (one.proposal.number, one.proposal.candidate, one.state.value, one.outcome.value if one.outcome else None)
            for one in self.store.evaluations(name)
        ]

    def close(self) -> None:
        if self.serves:
            self.kill()
        for flow in ("campaign", "stored-campaign", "retrain", "reconcile", "scheduled-training"):
            try:
                path = f"/deployments/{self.deployment(flow)['id']}"
            except urllib.error.HTTPError:
                continue
            self.server.ask("DELETE", path)
        self.store._collections.database.client.drop_database(self.database)
        self.store.close()


@pytest.fixture(scope="session", name="wait_for")
def wait_for_fixture() -> Callable[..., object]:
    """``wait_for(condition, what)``."""
    return wait_for


@pytest.fixture(scope="session", name="free_port")
def free_port_fixture() -> Callable[[], int]:
    """``free_port()``."""
    return free_port


@pytest.fixture(scope="session")
def started_server(require: Callable[[str], None], prefect_database: MigratedDatabase) -> Iterator[PrefectServer]:
    """The server of this test process; the session's end ends it."""
    require("prefect")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        server = PrefectServer(Path(folder))
        prefect_database.put(server.folder)
        server.start()
        yield server
        server.kill()


@pytest.fixture(scope="module")
def prefect_server(started_server: PrefectServer) -> Iterator[PrefectServer]:
    """The server of this test process, which works only while a file needs it."""
    started_server.wake()
    yield started_server
    started_server.sleep()


@contextmanager
def new_service(server: PrefectServer, uri: str, folder: Path, forks: WarmWorkers, workers: int = 1) -> Iterator[Service]:
    """A service that does not run yet, on a server that does."""
    if not server.answers():
        server.start()
    made = Service(server, folder, uri, workers, forks)
    yield made
    made.close()


@pytest.fixture(scope="module")
def local_workers() -> int:
    """Worker processes of a driver; a file that is about what they do at once has more."""
    return 1


@pytest.fixture
def service(
    prefect_server: PrefectServer, mongo_server, tmp_path: Path, warm_services: WarmWorkers, local_workers: int
) -> Iterator[Service]:
    """A service of this test alone, that does not run yet."""
    with new_service(prefect_server, mongo_server.start(), tmp_path, warm_services, local_workers) as made:
        yield made


@pytest.fixture(scope="module")
def module_service(
    prefect_server: PrefectServer, mongo_server, warm_services: WarmWorkers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The service of all tests of a file."""
    with new_service(prefect_server, mongo_server.start(), tmp_path_factory.mktemp("service"), warm_services) as made:
        yield made


@pytest.fixture
def shared_service(module_service: Service) -> Service:
    """The service of all tests of a file, serving, whatever the test before it left."""
    if not module_service.server.answers():
        module_service.server.start()
    if not module_service.serves:
        module_service.start("--reconcile", "never")
    return module_service


@pytest.fixture
def pool_template(service: Service) -> Callable[[Path], Path]:
    """``pool_template(target)``: writes the template of a work pool that ships, with this service's paths in it."""

    def write(target: Path) -> Path:
        template = (DEPLOY / "hpc/slurm-work-pool.json").read_text()
        shared = service.folder / "shared"
        shared.mkdir()
        for old, new in (("local/tansaku", service.folder / "local"), ("site.yaml", service.site), ("shared", shared)):
            template = template.replace(f"/CHANGE/ME/{old}", str(new))
        assert "CHANGE" not in template
        target.write_text(template)
        return target

    return write


@pytest.fixture
def pool_worker(service: Service, pool_template: Callable[[Path], Path]) -> Iterator[Callable[[], str]]:
    """``pool_worker()``: makes a work pool of the template that ships, starts a worker of it and returns the pool's name."""
    workers: list[subprocess.Popen[bytes]] = []

    def make() -> str:
        pool = f"pool-{service.name}"
        template = json.loads(pool_template(service.folder / "template.json").read_text())
        body = {"name": pool, "type": "process", "base_job_template": template}
        service.server.ask("POST", "/work_pools/", body)
        with (service.folder / "worker.log").open("ab") as output:
            workers.append(
                subprocess.Popen(
                    arguments(WORKER, pool=pool),
                    env=service.of_a_program(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    # Prefect ends it by making INT of TERM; a suite that runs in the background hands down that INT is ignored.
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                )
            )
        return pool

    yield make
    for worker in workers:
        worker.terminate()
        worker.wait(LIMIT)


@pytest.fixture
def resources(service) -> Iterator[Resources]:
    """The database of the service, as its commands and its dashboard open it."""
    settings = Settings(home=service.folder / "home", mongo_uri=service.uri)
    with open_resources(settings, load_site(service.site)) as opened:
        yield opened


@pytest.fixture
def campaign_document() -> dict:
    """Some seconds of real relaxations with ASE's EMT, which sleeps (``tests/support/paced_emt.py``)."""
    return aluminium_campaign(evaluations=8, retries=3) | {"objective": {"unit": "mJ/m2"}}
