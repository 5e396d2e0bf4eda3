"""A store with small campaigns on strained copper, driven in this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from benchmarks.ended_jobs import EndedJobs
from tansaku.models.domain.adoption import adopted_from
from tansaku.models.domain.ports import CampaignStore, JobResult
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tests.support.actors import ADA

COPPER = {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Direct(EndedJobs):
    """A backend that computes a job when it is fetched."""

    folder: Path
    computed: list[str] = field(default_factory=list)

    def fetch(self, handle: dict) -> JobResult:
        job = self.requests[handle["name"]]
        self.computed.append(job.document["candidate"])
        folder = self.folder / job.name
        folder.mkdir(exist_ok=True)
        outcome = evaluate(JobDocument.model_validate(job.document), folder)
        return JobResult(job.token, outcome.model_copy(update={"wall_time": 7.0}), folder)


@dataclass
class Desk:
    """A store, and campaigns on strained copper in it."""

    folder: Path
    resources: Resources
    launcher: Direct

    @property
    def store(self) -> CampaignStore:
        return self.resources.store

    def write(self, name: str, start: float, stop: float, **changes: object):
        """A campaign on lattices from ``start`` to ``stop`` percent, in steps of 1; its crystal has the campaign's name."""
        steps = round(stop - start) + 1
        text = {
            "schema_version": 1,
            "name": name,
            "space": {
                "type": "crystals",
                "crystals": {name: COPPER},
                "scans": [{"type": "lattice", "percent": {"start": start, "stop": stop, "steps": steps}}],
            },
            "calculator": {"type": "emt"},
            "objective": {"property": "energy_per_atom", "unit": "eV/atom"},
            "proposer": {"type": "grid"},
            "execution": {"in_flight": 1, "polish": 0},
        } | changes
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(text))
        return load_campaign(path)

    def create(self, name: str, start: float, stop: float, **changes: object):
        return prepare_campaign(self.resources, ADA, self.write(name, start, stop, **changes))

    def run(self, name: str, start: float, stop: float, **changes: object) -> str:
        """Creates a campaign and drives it to its end."""
        self.create(name, start, stop, **changes)
        return self.drive(name)

    def drive(self, name: str) -> str:
        self.launcher.computed.clear()
        with CampaignLoop(self.resources, name) as loop:
            loop.advance()
            return loop.result.reason

    def origins(self, name: str) -> list[tuple[str, int] | None]:
        found = [adopted_from(item) for item in self.store.evaluations(name)]
        return [None if origin is None else (origin.campaign, origin.number) for origin in found]

    def frozen(self, name: str) -> dict:
        (event,) = self.store.events(name, kind="reuse.frozen")
        return event.data

    def drive_to_its_death(self, name: str, method: str, call: int, when: str) -> None:
        """Drives a campaign until its process is killed before or after a write of the store, the ``call``-th of its kind."""
        real, calls = getattr(self.store, method), []

        def dying(*given, **named):
            calls.append(method)
            if len(calls) == call:
                if when == "after":
                    real(*given, **named)
                raise Killed
            return real(*given, **named)

        setattr(self.store, method, dying)
        with pytest.raises(Killed):
            self.drive(name)
        setattr(self.store, method, real)


def opened_desk(folder: Path) -> Desk:
    """A desk with a campaign ``old`` that has ended after five evaluations."""
    launcher = Direct(folder / "jobs")
    launcher.folder.mkdir()
    resources = Resources(
        settings=Settings(home=folder),
        site=SiteSpec(),
        store=MemoryCampaignStore(),
        artifacts=FileArtifactStore(folder / "artifacts"),
        open_launcher=lambda _spec: launcher,
    )
    made = Desk(folder, resources, launcher)
    made.create("old", -2, 2)
    assert made.drive("old") == "exhausted"
    assert len(launcher.computed) == 5
    return made
