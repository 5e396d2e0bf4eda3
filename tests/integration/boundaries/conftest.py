"""Campaigns on boundaries that are driven to their end in this process: real files, jobs and potentials, no worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tansaku.models.domain.ports import JobRequest, JobResult, JobStatus
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.site import SiteSpec, TimingSpec
from tansaku.models.domain.states import JobState
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.ledger.observer import SilentObserver
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import system_rows
from tests.support.actors import ADA

TIMING = TimingSpec(lease=600.0, heartbeat=60.0, poll=1e-6, patience=0.5)


@dataclass
class InProcess:
    """A backend that computes a job when it is submitted."""

    folder: Path
    results: dict[str, JobResult] = field(default_factory=dict)

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def runtime(self) -> Mapping[str, object]:
        return {}

    def submit(self, job: JobRequest) -> dict:
        folder = self.folder / job.name
        folder.mkdir(parents=True)
        outcome = evaluate(JobDocument.model_validate(job.document), folder)
        self.results[job.name] = JobResult(job.token, outcome, folder)
        return {"name": job.name}

    def find(self, name: str) -> dict | None:
        return {"name": name} if name in self.results else None

    def poll(self, handles: Sequence[dict]) -> list[JobStatus]:
        return [JobStatus(JobState.FINISHED) for _ in handles]

    def wait(self, handles: Sequence[dict], timeout: float) -> None: ...

    def fetch(self, handle: dict) -> JobResult:
        return self.results[handle["name"]]

    def cancel(self, handle: dict) -> None: ...

    def discard(self, handle: dict) -> None: ...


@pytest.fixture
def campaign(tmp_path: Path, mishin_aluminium: Path) -> Callable[..., list[JsonDict]]:
    """``campaign(planes, evaluations, cell=…)``: rows of the systems after a campaign with Mishin's aluminium."""

    def run(planes: Sequence[Sequence[int]], evaluations: int, **changes: object) -> list[JsonDict]:
        blocks = changes.get("cell", {}).get("boundaries") == 1
        space = {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
            "boundaries": {"planes": [list(plane) for plane in planes]},
            "translation": {"normal": [0.3], "in_plane": {"step": 0.3}, "along_axis": {"step": 0.3}},
        }
        document = {
            "schema_version": 1,
            "seed": changes.pop("seed", 0),
            "space": space | {key: changes.pop(key) for key in ("cell", "translation", "spacing") if key in changes},
            "calculator": {
                "type": "lammps",
                "potential": str(mishin_aluminium / "Al99.eam.alloy"),
                "relaxation": {"cell": "fixed" if blocks else "normal", "translation": "free", "fmax": 0.005},
            },
            "objective": {"unit": "mJ/m2"},
            "budget": {"evaluations": evaluations},
            "execution": {"polish": 2},
        }
        file = tmp_path / "full-period.yaml"
        file.write_text(yaml.safe_dump(document | changes), encoding="utf-8")
        loaded = load_campaign(file)
        store, launcher = MemoryCampaignStore(), InProcess(tmp_path / "jobs")
        resources = Resources(
            settings=Settings(home=tmp_path),
            site=SiteSpec(timing=TIMING),
            store=store,
            artifacts=FileArtifactStore(tmp_path / "artifacts"),
            open_launcher=lambda _spec: launcher,
        )
        prepare_campaign(resources, ADA, loaded)
        with CampaignLoop(resources, loaded.spec.name, SilentObserver()) as loop:
            loop.advance()
            assert loop.result.reason == "evaluations"
        return system_rows(Campaign.load(store, loaded.spec.name))

    return run
