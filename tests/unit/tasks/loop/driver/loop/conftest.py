"""A small campaign on a table, the memory store, and a backend whose jobs end in any order one likes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from benchmarks.ended_jobs import EndedJobs
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import CampaignRecord, Command, Evaluation, Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import SiteSpec, TimingSpec
from tansaku.models.domain.states import JobState
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.driver.result import DriveResult
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tests.support.actors import ADA

TIMING = TimingSpec(lease=30.0, heartbeat=5.0, poll=1e-6, patience=0.5)


def write_table(
    folder: Path,
    *,
    systems: int = 3,
    per_axis: int = 4,
    failures: Sequence[int] = (),
    values: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """A smooth energy on a small translation grid for each of several systems; every second system has two surfaces.

    Args:
        values: Of some candidates, in place of the smooth one.
    """
    rows = []
    for system in range(systems):
        for surface in range(1 + system % 2):
            for i in range(per_axis):
                for j in range(per_axis):
                    x, y = i / per_axis, j / per_axis
                    value = 100 + 40 * np.cos(6.3 * (x - 0.1 * system)) + 30 * np.sin(6.3 * y) + 5 * surface + 3 * system
                    rows.append((f"s{system}-{surface}-{i}-{j}", f"s{system}", f"s{system}-{surface}", x, y, value))
    table = pd.DataFrame(rows, columns=["id", "system", "surface", "x", "y", "value"])
    table["cost"] = 10.0 + 5 * table["system"].str[1:].astype(float)
    table["d0"] = table["system"].str[1:].astype(float)
    table["d1"] = table["surface"].str[-1:].astype(float)
    table["angle"] = 20.0 + 15.0 * table["system"].str[1:].astype(float)
    table.loc[list(failures), "value"] = np.nan
    for name, value in values.items():
        table.loc[table["id"] == name, "value"] = value
    table.to_csv(folder / "table.csv", index=False)


def campaign_spec(**changes: object) -> CampaignSpec:
    """A campaign on that table; top-level keys may be given."""
    document: dict[str, object] = {
        "schema_version": 1,
        "name": "small",
        "space": {
            "type": "table",
            "candidates": "table.csv",
            "columns": {"id": "id", "system": "system", "surface": "surface", "value": "value", "cost": "cost"},
            "features": {
                "translation": {"columns": ["x", "y"]},
                "structure": {"columns": ["d0", "d1"]},
                "angle": {"columns": ["angle"]},
            },
        },
        "proposer": {"type": "gp", "preset": "published"},
        "budget": {"evaluations": 20},
        "execution": {"in_flight": 3, "retries": 2, "retry_backoff": 0.001},
    }
    return CampaignSpec.model_validate(document | changes)


@dataclass
class TableLauncher(EndedJobs):
    """A backend without processes: a job is evaluated from the table and ends after a random number of polls.

    Attributes:
        seed: Of the timing; the outcome of a job never depends on it.
        lose: Whether a job of this candidate and attempt count is lost, and why.
        outcome: What a job of this candidate gives; None: what the table says.
    """

    base_path: Path
    spec: CampaignSpec
    seed: int = 0
    lose: Callable[[str, int], str | None] = lambda candidate, count: None
    outcome: Callable[[str], Outcome] | None = None
    submitted: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.space = open_space(self.spec.space, self.base_path)
        self.polls: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.fates: dict[str, str | None] = {}
        self.documents: list[dict] = []

    def submit(self, job: JobRequest) -> dict:
        if job.name not in self.requests:
            candidate = job.document["candidate"]
            self.requests[job.name] = job
            self.submitted.append(candidate)
            self.documents.append(job.document)
            self.counts[candidate] = self.counts.get(candidate, 0) + 1
            self.polls[job.name] = int(self.rng.integers(0, 6))
            self.fates[job.name] = self.lose(candidate, self.counts[candidate])
        return {"name": job.name}

    def poll(self, handles: Sequence[dict]) -> list[JobStatus]:
        return [self._look(handle["name"]) for handle in handles]

    def _look(self, name: str) -> JobStatus:
        self.polls[name] -= 1
        if self.polls[name] > 0:
            return JobStatus(JobState.RUNNING)
        fate = self.fates[name]
        return JobStatus(JobState.FINISHED) if fate is None else JobStatus(JobState.LOST, fate, f"told to lose it: {fate}")

    def fetch(self, handle: dict) -> JobResult:
        if handle["name"] not in self.requests:
            raise NotFoundError(f"no job {handle['name']}")
        job = self.requests[handle["name"]]
        found = self.outcome or self.space.recorded
        return JobResult(job.token, found(job.document["candidate"]), self.base_path)

    def cancel(self, handle: dict) -> None:
        self.cancelled.append(handle["name"])

    def discard(self, handle: dict) -> None:
        self.discarded.append(handle["name"])
        self.requests.pop(handle["name"], None)


class Watcher(Observer):
    """Records what it is told; halts the driver, or does something, when a number is proposed."""

    def __init__(self, *, halt_at: int | None = None, at: dict[int, Callable[[], None]] | None = None) -> None:
        self.halt = threading.Event()
        self.halt_at = halt_at
        self.at = at or {}
        self.proposals: list[Evaluation] = []
        self.outcomes: list[Evaluation] = []
        self.waits: list[str] = []
        self.reasons: list[str] = []

    def on_proposal(self, evaluation: Evaluation) -> None:
        self.proposals.append(evaluation)
        number = evaluation.proposal.number
        if self.halt_at is not None and number >= self.halt_at:
            self.halt.set()
        if number in self.at:
            self.at[number]()

    def on_outcome(self, evaluation: Evaluation) -> None:
        self.outcomes.append(evaluation)

    def on_wait(self, reason: str, seconds: float) -> None:
        self.waits.append(reason)

    def on_stop(self, reason: str) -> None:
        self.reasons.append(reason)


@dataclass
class Bench:
    """A store with one campaign and the means to drive it."""

    folder: Path
    resources: Resources
    store: MemoryCampaignStore
    launcher: TableLauncher

    def record(self) -> CampaignRecord:
        return self.store.campaign("small")

    def loaded(self) -> LoadedCampaign:
        """The campaign's file, as it was read."""
        return LoadedCampaign(self.launcher.spec, self.folder)

    def sequence(self) -> list[str]:
        """Candidates in proposal order."""
        return [one.proposal.candidate for one in self.store.evaluations("small")]

    def drive(self, *, halt_at: int | None = None, at: dict[int, Callable[[], None]] | None = None) -> DriveResult:
        """A new driver: new loop, new proposer, nothing kept but store and backend.

        Args:
            halt_at: It is interrupted after proposing this number or a later one.
            at: What happens when a number was proposed.
        """
        watcher = Watcher(halt_at=halt_at, at=at)
        with CampaignLoop(self.resources, "small", watcher, halt=watcher.halt) as loop:
            loop.advance()
            return loop.result

    def keep_structures(self) -> None:
        """From now on every result names a file of its own, ``structure``."""
        fetch = self.launcher.fetch

        def with_structure(handle: dict) -> JobResult:
            result = fetch(handle)
            (self.folder / "structure.extxyz").write_text(handle["name"])
            outcome = result.outcome.model_copy(update={"artifacts": {"structure": "structure.extxyz"}})
            return JobResult(result.token, outcome, self.folder)

        self.launcher.fetch = with_structure

    def command(self, kind: str, **payload: object) -> None:
        known = len(self.record().commands)
        command = Command.model_validate(
            {"id": f"{kind}-{known}", "kind": kind, "payload": payload, "created_at": datetime.now(UTC)}
        )
        self.store.add_command("small", command)


@pytest.fixture
def open_bench(tmp_path: Path) -> Callable[..., Bench]:
    """Makes a bench: ``open_bench(seed=…, lose=…, outcome=…, table={…}, **campaign keys)``; ``open_bench.driven(…)``."""
    count = 0

    def build(
        *,
        seed: int = 0,
        lose: Callable[[str, int], str | None] | None = None,
        outcome: Callable[[str], Outcome] | None = None,
        table: dict | None = None,
        **changes: object,
    ) -> Bench:
        nonlocal count
        count += 1
        folder = tmp_path / f"bench-{count}"
        folder.mkdir()
        write_table(folder, **(table or {}))
        spec = campaign_spec(**changes)
        launcher = TableLauncher(folder, spec, seed, lose or (lambda candidate, count: None), outcome)
        store = MemoryCampaignStore()
        resources = Resources(
            settings=Settings(home=folder),
            site=SiteSpec(timing=TIMING),
            store=store,
            artifacts=FileArtifactStore(folder / "artifacts"),
            open_launcher=lambda _spec: launcher,
        )
        prepare_campaign(resources, ADA, LoadedCampaign(spec, folder))
        return Bench(folder, resources, store, launcher)

    def driven(**how: object) -> Bench:
        """One whose campaign has been driven to its end."""
        made = build(**how)
        made.drive()
        return made

    build.driven = driven
    return build
