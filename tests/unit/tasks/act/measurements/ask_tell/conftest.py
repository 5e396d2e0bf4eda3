"""A campaign on a small table of candidates whose values are reported, on the memory store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import SiteSpec, TimingSpec
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.measurements import ask_tell
from tansaku.tasks.act.measurements.report_file import read_report, report_of
from tansaku.tasks.act.measurements.stored_commands import Receipt
from tansaku.tasks.act.measurements.waiting import Asked, waiting_proposals
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.result import DriveResult
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tests.support.actors import ADA

SOLVENTS = ("water", "ethanol", "hexane")


def hardness(temperature: float, solvent: str) -> float:
    """What a measurement would give [GPa]."""
    return 5.0 - 1e-4 * (temperature - 420.0) ** 2 + 0.5 * SOLVENTS.index(solvent)


def write_candidates(folder: Path) -> None:
    rows = ["name,temperature,solvent,stirred"]
    for temperature in range(300, 600, 25):
        rows += [f"{solvent}-{temperature},{temperature},{solvent},{temperature > 400}" for solvent in SOLVENTS]
    (folder / "candidates.csv").write_text("\n".join(rows) + "\n")


def no_backend(_spec: object) -> object:
    raise AssertionError("a campaign whose values are reported opens no backend")


@dataclass
class Laboratory:
    """A store with one campaign, and people who measure."""

    folder: Path
    resources: Resources
    store: MemoryCampaignStore
    spec: CampaignSpec

    def ask(self, count: int | None = None, identifier: str | None = None) -> DriveResult | None:
        return ask_tell.ask(self.resources, ADA, "lab", count, identifier=identifier)

    def tell(self, *rows: Mapping[str, object], identifier: str | None = None) -> Receipt:
        return ask_tell.tell(self.resources, ADA, "lab", report_of(rows), identifier)

    def tell_text(self, text: str | bytes) -> Receipt:
        content = text.encode() if isinstance(text, str) else text
        return ask_tell.tell(self.resources, ADA, "lab", read_report(content))

    def waiting(self) -> Asked:
        return waiting_proposals(self.store, "lab")

    def numbers(self) -> list[int]:
        return [item.number for item in self.waiting().waiting]

    def evaluations(self) -> list[Evaluation]:
        return self.store.evaluations("lab")

    def values(self) -> dict[str, float | None]:
        return {item.proposal.candidate: item.outcome and item.outcome.value for item in self.evaluations()}

    def measure_all(self) -> None:
        """Reports the true value of everything that waits."""
        found = [
            {"number": item.number, "value": hardness(float(item.cells["temperature"]), str(item.cells["solvent"]))}
            for item in self.waiting().waiting
        ]
        self.tell(*found)


def campaign_document(**changes: object) -> dict[str, object]:
    document: dict[str, object] = {
        "schema_version": 1,
        "name": "lab",
        "space": {
            "type": "table",
            "candidates": "candidates.csv",
            "columns": {"id": "name"},
            "features": {
                "process": {"columns": ["temperature"], "units": {"temperature": "K"}},
                "solvent": {"columns": ["solvent", "stirred"], "categories": "one_hot"},
            },
        },
        "calculator": {"type": "manual"},
        "objective": {"property": "hardness", "unit": "GPa", "direction": "maximize"},
        "budget": {"evaluations": 20},
        "execution": {"in_flight": 2},
    }
    return document | changes


@pytest.fixture
def open_laboratory(tmp_path: Path) -> Callable[..., Laboratory]:
    """Makes a laboratory; top-level keys of the campaign may be given, and for how many proposals it asks at once."""

    def build(asked: int = 0, /, **changes: object) -> Laboratory:
        write_candidates(tmp_path)
        spec = CampaignSpec.model_validate(campaign_document(**changes))
        store = MemoryCampaignStore()
        resources = Resources(
            settings=Settings(home=tmp_path),
            site=SiteSpec(timing=TimingSpec(lease=30.0, heartbeat=5.0, poll=1e-6, patience=0.5)),
            store=store,
            artifacts=FileArtifactStore(tmp_path / "artifacts"),
            open_launcher=no_backend,
        )
        prepare_campaign(resources, ADA, LoadedCampaign(spec, tmp_path))
        made = Laboratory(tmp_path, resources, store, spec)
        if asked:
            made.ask(asked)
        return made

    return build
