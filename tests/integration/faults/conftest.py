"""Drivers that can be killed anywhere, on one real mongod, with campaigns small enough to be run a hundred times."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml

from tansaku.models.domain.records import Proposal
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.ground.settings import Settings
from tests.support.campaign_files import boundary_space, table_space
from tests.support.kill_points import KillPoints, References
from tests.support.warm_workers import WarmWorkers
from tests.support.workers import workers_on

LIMIT = 120.0  # longest life of one driver [s]
TIMING = {"lease": 20.0, "heartbeat": 0.05, "poll": 0.1, "patience": 60.0}
_COUNT = itertools.count()


class DriverServer:
    """Handle of ``driver_server.py``: starts drivers, waits for them, signals them.

    Args:
        preloaded: Modules that it imports; none: those of most drivers and workers.
        environment: Variables that it has beside those of this process.
    """

    def __init__(self, preloaded: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("driver_server.py")), *preloaded],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])} | (environment or {}),
        )
        self._started: list[int] = []
        self._ended: dict[int, int] = {}
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            message = json.loads(line)
            with self._news:
                if "pid" in message:
                    self._ended.pop(message["pid"], None)  # numbers of processes come again in a long run
                    self._started.append(message["pid"])
                else:
                    self._ended[message["ended"]] = message["status"]
                self._news.notify_all()

    def start(self, request: dict) -> int:
        known = len(self._started)
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        with self._news:
            assert self._news.wait_for(lambda: len(self._started) > known, LIMIT)
            return self._started[known]

    def wait(self, pid: int, limit: float = LIMIT) -> int:
        with self._news:
            if not self._news.wait_for(lambda: pid in self._ended, limit):
                os.kill(pid, signal.SIGKILL)
                raise AssertionError(f"driver {pid} did not end within {limit} s")
            return self._ended[pid]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(LIMIT)


@pytest.fixture(scope="session")
def open_driver_server() -> Iterator[Callable[..., DriverServer]]:
    """Starts the process that forks drivers; each one ends with the session."""
    opened: list[DriverServer] = []

    def open_one(preloaded: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> DriverServer:
        opened.append(DriverServer(preloaded, environment))
        return opened[-1]

    yield open_one
    for server in opened:
        server.close()


@pytest.fixture(scope="session")
def driver_server(open_driver_server: Callable[..., DriverServer]) -> DriverServer:
    return open_driver_server()


@pytest.fixture(scope="session")
def mongod_uri(require: Callable[[str], None]) -> Iterator[str]:
    require("mongod")
    mongod = EmbeddedMongod(Settings.from_environment().home / "faults")
    yield mongod.start()
    mongod.stop()


class Answer(dict):
    """How a driver ended; a key that it lacks fails a test with the whole answer."""

    def __missing__(self, key: str) -> object:
        raise AssertionError(f"a driver's answer has no {key!r}: {dict(self)}")


def _steady_numbers(proposal: Proposal) -> dict[str, float | None]:
    """Numbers of a proposal without what may differ: its wall time, and the last digits of what the proposer computed.

    A driver adds results to its posterior one by one; one that resumes adds all of them at once, and is rounded differently.
    """
    numbers = {name: getattr(proposal, name) for name in ("acquisition", "predicted_mean", "predicted_deviation")}
    rounded = {name: None if value is None else round(float(f"{value:.6g}"), 9) for name, value in numbers.items()}
    return {"proposer_seconds": 0.0, **rounded}


@dataclass
class Campaign:
    """A campaign file, a home and a database of its own."""

    folder: Path
    server: DriverServer
    uri: str
    warm_workers: WarmWorkers
    extra: dict = field(default_factory=dict)
    name: str = "small"

    def __post_init__(self) -> None:
        self.database = f"faults{os.getpid()}_{next(_COUNT)}"
        self.store = MongoCampaignStore(open_database(self.uri, self.database))

    @property
    def spool(self) -> Path:
        """Folder of the jobs; there is none before the campaign is stored."""
        known = self.name in self.store.campaign_names()
        return self.folder / "home" / "spool" / (self.store.campaign_id(self.name) if known else "nothing")

    def request(self, **options: object) -> dict:
        return {
            "home": str(self.folder / "home"),
            "uri": self.uri,
            "database": self.database,
            "campaign": str(self.folder / f"{self.name}.yaml"),
            "workers": self.warm_workers.address,
            "timing": TIMING,
            "out": str(self.folder / f"out-{next(_COUNT)}"),
            **self.extra,
            **options,
        }

    def start(self, **options: object) -> tuple[int, dict]:
        request = self.request(**options)
        return self.server.start(request), request

    def drive(self, **options: object) -> dict:
        """Drives to the driver's end; a killed driver answers ``{"signal": …}``."""
        pid, request = self.start(**options)
        return self.answer(pid, request)

    def answer(self, pid: int, request: dict) -> dict:
        status = self.server.wait(pid)
        if status < 0:
            return Answer(signal=-status)
        assert status == 0, Path(request["out"] + ".err").read_text()
        return Answer(json.loads(Path(request["out"]).read_text()))

    def wait_for(self, condition: Callable[[], object], limit: float = LIMIT) -> object:
        """Looks until something is true."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if found := condition():
                return found
            time.sleep(0.01)
        raise AssertionError(f"did not come true within {limit} s")

    def log(self, request: dict) -> list[dict]:
        path = Path(request["out"] + ".log")
        return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")] if path.exists() else []

    def facts(self) -> list[tuple]:
        """All that a crash may not change: proposals, their results and numbers of attempts, in order."""
        return [
            (
                one.proposal.model_copy(update=_steady_numbers(one.proposal)).model_dump_json(),
                one.state.value,
                one.outcome.value if one.outcome else None,
                len(one.attempts),
            )
            for one in self.store.evaluations(self.name)
        ]

    def observed(self) -> list[tuple]:
        return [(one.number, one.candidate, one.value, one.reason) for one in self.store.observations(self.name)]

    def everything(self) -> dict[str, list]:
        """Every stored document but the artifacts."""
        database = open_database(self.uri, self.database)
        try:
            return {name: list(database[name].find().sort("_id")) for name in sorted(database.list_collection_names())}
        finally:
            database.client.close()

    def workers(self) -> list[psutil.Process]:
        """Living workers on this campaign's spool."""
        return workers_on(self.spool.resolve())

    def close(self) -> None:
        for worker in self.workers():
            worker.kill()
        self.store._collections.database.client.drop_database(self.database)
        self.store.close()


def write_table(folder: Path) -> None:
    """Three systems, a 5 x 5 grid each; two values are missing."""
    grid = np.arange(5) / 5
    x, y = (axis.ravel() for axis in np.meshgrid(grid, grid))
    parts = []
    for system in range(3):
        value = 100 + 40 * np.cos(6.3 * (x - 0.1 * system)) + 30 * np.sin(6.3 * y) + 3 * system
        parts.append(
            pd.DataFrame({"x": x, "y": y, "value": value, "system": f"s{system}", "d": system, "angle": 20.0 + system})
        )
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "id", [f"c{number:03d}" for number in range(len(table))])
    table["cost"] = 10.0 + table["d"]
    table.loc[[7, 40], "value"] = np.nan
    table.to_csv(folder / "table.csv", index=False)


def campaign_document(name: str = "small", **changes: object) -> dict:
    return {
        "schema_version": 1,
        "name": name,
        "seed": 3,
        "space": table_space(
            "table.csv",
            {"id": "id", "system": "system", "value": "value", "cost": "cost"},
            {
                "translation": {"columns": ["x", "y"]},
                "structure": {"columns": ["d"]},
                "angle": {"columns": ["angle"]},
            },
        ),
        "proposer": {"type": "gp", "preset": "published"},
        "budget": {"evaluations": 12},
        "execution": {"in_flight": 3, "retries": 1, "retry_backoff": 0.01},
    } | changes


def slow_document(**changes: object) -> dict:
    """Real relaxations with ASE's own EMT, long enough to be stopped in; the first one of a worker takes longest."""
    return (
        campaign_document(
            space=boundary_space("Al", 3.994, [1, 1, 3], axis=[1, 1, 0], translation={"normal": [0.0, 0.4]}),
            calculator={"type": "ase", "name": "emt", "relaxation": {"fmax": 0.01}},
            proposer={"type": "random"},
            budget={"evaluations": 4},
            execution={"in_flight": 2, "retries": 2, "retry_backoff": 0.01, "polish": 0, "timeout": 60},
        )
        | changes
    )


@pytest.fixture
def make_campaign(
    tmp_path: Path, driver_server: DriverServer, mongod_uri: str, warm_workers: WarmWorkers
) -> Iterator[Callable[..., Campaign]]:
    """``make_campaign(extra={request keys}, slow=…, **campaign keys)``."""
    made: list[Campaign] = []

    def make(extra: dict | None = None, uri: str = mongod_uri, slow: bool = False, **changes: object) -> Campaign:
        folder = tmp_path / f"campaign-{len(made)}"
        folder.mkdir()
        write_table(folder)
        document = slow_document(**changes) if slow else campaign_document(**changes)
        (folder / f"{document['name']}.yaml").write_text(yaml.safe_dump(document))
        made.append(Campaign(folder, driver_server, uri, warm_workers, extra or {}, document["name"]))
        return made[-1]

    yield make
    for campaign in made:
        campaign.close()


_UNDISTURBED: dict[bool, tuple[list, list]] = {}


@pytest.fixture
def undisturbed(make_campaign: Callable[..., Campaign]) -> Callable[..., tuple[list, list]]:
    """``undisturbed(slow=…)``: facts and observations of a campaign to which nothing happens; computed once."""

    def get(slow: bool = False) -> tuple[list, list]:
        if slow not in _UNDISTURBED:
            campaign = make_campaign(slow=slow)
            assert campaign.drive()["reason"] == "evaluations"
            _UNDISTURBED[slow] = campaign.facts(), campaign.observed()
        return _UNDISTURBED[slow]

    return get


@pytest.fixture(scope="session")
def references() -> References:
    """Undisturbed campaigns of this test process."""
    return References()


@pytest.fixture
def kill_points(make_campaign: Callable[..., Campaign], references: References) -> KillPoints:
    """Kills drivers and compares with the undisturbed campaigns."""
    return KillPoints(make_campaign, references)
