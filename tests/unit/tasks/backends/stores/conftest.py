"""A tiny campaign that was really searched and exported, and what a store holds, for tests of hostile files."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from tansaku.models.domain.records import (
    CampaignRecord,
    Command,
    Failure,
    LeaseOwner,
    Outcome,
    Proposal,
    Provenance,
    Refit,
)
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.act.commands.export_import import export_observations
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tests.support.records import NOW, campaign_record

OWNER = LeaseOwner(host="there", pid=1, process_started=1.0, user="ada")


def spec(name: str = "small") -> CampaignSpec:
    """A campaign on a table of six candidates in two systems."""
    columns = {"id": "id", "system": "system", "value": "value"}
    space = {"type": "table", "candidates": "table.csv", "columns": columns, "features": {"x": {"columns": ["x"]}}}
    document = {"schema_version": 1, "name": name, "space": space, "objective": {"unit": "eV"}, "budget": {"evaluations": 6}}
    return CampaignSpec.model_validate(document)


def record(folder: Path, name: str = "small") -> CampaignRecord:
    """The campaign as it is first stored."""
    own = spec(name)
    return campaign_record(own, name=name, base_path=str(folder), tansaku_version="1")


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported file beside its table: two done, one failed, one cancelled and one proposed; two refits, two commands."""
    folder = tmp_path_factory.mktemp("searched")
    rows = [f"c{number},s{number % 2},{number / 10},{number}" for number in range(1, 7)]
    (folder / "table.csv").write_text("\n".join(["id,system,x,value", *rows]) + "\n")
    store, artifacts = MemoryCampaignStore(clock=lambda: NOW), FileArtifactStore(folder / "artifacts")
    store.create_campaign(record(folder))
    lease = store.acquire_lease("small", OWNER, 60.0)
    (folder / "structure.extxyz").write_text('1\nLattice="4 0 0 0 4 0 0 0 4"\nAl 0 0 0\n')
    structure = artifacts.put(folder / "structure.extxyz")
    for number in range(1, 6):
        if number in (2, 3):
            refit = {"number": number - 1, "at_proposal": number, "horizon": 1, "hyperparameters": {"l": [0.5]}}
            store.insert_refit(lease, Refit.model_validate(refit | {"campaign": "small", "fitted_at": NOW}))
        system = f"s{number % 2}"
        place = {"candidate": f"c{number}", "system": system, "surface": system, "source": "table", "model": "gp"}
        proposal = Proposal.model_validate(
            place | {"number": number, "predicted_cost": 1.0, "refit": 1 if number > 2 else None}
        )
        one = store.insert_proposal(lease, proposal)
        if number == 5:
            continue
        store.begin_attempt(lease, one.id, 1, f"t{number}", f"j{number}")
        store.record_handle(lease, one.id, f"t{number}", {"name": f"j{number}"})
        if number == 4:
            store.cancel_evaluation(lease, one.id)
            continue
        failure = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="too close") if number == 3 else None
        value = None if failure is not None else float(number)
        kept = {"structure.extxyz": structure} if number == 1 else {}
        origin = Provenance(code="table", code_version="1")
        outcome = Outcome(value=value, failure=failure, wall_time=0.5, artifacts=kept, provenance=origin)
        store.accept_outcome(lease, one.id, f"t{number}", outcome)
    for identifier, kind in (("p", "pause"), ("r", "resume")):
        store.add_command("small", Command(id=identifier, kind=kind, created_at=NOW))
        store.apply_command(lease, identifier, 3, None)
    file = folder / "small.parquet"
    export_observations(store, "small", file, artifacts, structures=True)
    return file


@pytest.fixture(scope="session")
def contents() -> Callable[[MemoryCampaignStore, Path], object]:
    """``contents(store, folder)``: all that a memory store and a folder of artifacts hold."""

    def everything(store: MemoryCampaignStore, folder: Path) -> object:
        held = {name: dict(value) for name, value in vars(store).items() if isinstance(value, dict)}
        files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        # An empty entry of a mapping by campaign is what looking one up leaves.
        return copy.deepcopy(
            {name: {key: one for key, one in value.items() if one != {}} for name, value in held.items()}
        ), files

    return everything
