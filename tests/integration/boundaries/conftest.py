"""Campaigns on boundaries that are driven to their end in this process: real files, jobs and potentials, no worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from benchmarks.ended_jobs import EndedJobs
from tansaku.models.domain.ports import JobResult
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.site import SiteSpec, TimingSpec
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import system_rows
from tests.support.actors import ADA

TIMING = TimingSpec(lease=600.0, heartbeat=60.0, poll=1e-6, patience=0.5)


@dataclass
class InProcess(EndedJobs):
    """A backend that computes a job when it is fetched."""

    folder: Path

    def fetch(self, handle: dict) -> JobResult:
        job, folder = self.requests[handle["name"]], self.folder / handle["name"]
        folder.mkdir(parents=True)
        return JobResult(job.token, evaluate(JobDocument.model_validate(job.document), folder), folder)


def driven(file: Path, home: Path) -> tuple[Campaign, FileArtifactStore]:
    """A campaign after all its evaluations, and its files."""
    loaded, launcher = load_campaign(file), InProcess(home / "jobs")
    store, artifacts = MemoryCampaignStore(), FileArtifactStore(home / "artifacts")
    resources = Resources(
        settings=Settings(home=home),
        site=SiteSpec(timing=TIMING),
        store=store,
        artifacts=artifacts,
        open_launcher=lambda _spec: launcher,
    )
    prepare_campaign(resources, ADA, loaded)
    with CampaignLoop(resources, loaded.spec.name, Observer()) as loop:
        loop.advance()
        assert loop.result.reason == "evaluations"
    return Campaign.load(store, loaded.spec.name), artifacts


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
        return system_rows(driven(file, tmp_path)[0])

    return run
