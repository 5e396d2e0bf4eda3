import json
import math
from pathlib import Path

import bson
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import (
    Command,
    Failure,
    LeaseOwner,
    Outcome,
    Proposal,
    Provenance,
    Quantity,
    Refit,
)
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.act.commands.export_import import Imported, export_observations, import_observations
from tansaku.tasks.backends.stores.artifacts import GridFSArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tests.support.records import NOW, campaign_record

ME = LeaseOwner(host="here", pid=1, process_started=1.0, user="ada")
TABLE = {"type": "table", "candidates": "t.csv", "columns": {"id": "id", "value": "e"}, "features": {"x": {"columns": ["x"]}}}


def spec_of(**changes: object) -> CampaignSpec:
    document = {"schema_version": 1, "name": "c", "space": TABLE, "objective": {"unit": "eV"}, "budget": {"cost": 0.1}}
    return CampaignSpec.model_validate(document | changes)


VALUES = {1: 0.1 + 0.2, 2: None, 3: 5e-324, 4: -math.pi}


@pytest.fixture
def source() -> MemoryCampaignStore:
    """A campaign under way: four finished (one failed), one cancelled, one being computed, one lost; an edit and two refits."""
    store = MemoryCampaignStore()
    store.create_campaign(campaign_record(spec_of(), name="c", base_path="/there"))
    lease = store.acquire_lease("c", ME, 60.0)
    for number in range(1, 8):
        if number in (2, 3):
            fitted = {"l": [1 / number, 1e-300]}
            refit = Refit(campaign="c", number=number - 1, at_proposal=number, horizon=1, hyperparameters=fitted, fitted_at=NOW)
            store.insert_refit(lease, refit)
        proposal = Proposal(
            number=number, candidate=f"c{number}", system="s", surface="s/0", source="x", predicted_cost=1 / 3, model="m"
        )
        evaluation = store.insert_proposal(lease, proposal)
        store.begin_attempt(lease, evaluation.id, 1, f"t{number}", f"j{number}")
        store.record_handle(lease, evaluation.id, f"t{number}", {"spool": "/private"})
        if number in VALUES:
            failure = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="too close")
            value = VALUES[number]
            outcome = Outcome(value=value, failure=None if value is not None else failure, wall_time=0.5)
            quantities = {"e": Quantity(value=1 / 7, unit="eV")}
            store.accept_outcome(lease, evaluation.id, f"t{number}", outcome.model_copy(update={"quantities": quantities}))
        elif number == 5:
            store.cancel_evaluation(lease, evaluation.id)
        elif number == 7:
            store.mark_lost(lease, evaluation.id, "t7", Failure(kind=FailureKind.PLUMBING, reason="timeout", message="x"), 9.0)
    store.add_command("c", Command(id="e1", kind="edit", payload={"budget": 2}, created_at=NOW))
    store.apply_command(lease, "e1", 5, spec_of(budget={"cost": 0.2}).model_dump(mode="json"))
    return store


@pytest.fixture(params=["memory", "mongo"])
def target(request: pytest.FixtureRequest) -> CampaignStore:
    if request.param == "memory":
        return MemoryCampaignStore()
    return MongoCampaignStore(request.getfixturevalue("mongo_database"))


def test_campaign_continues_from_a_file_on_an_empty_store(source: CampaignStore, target: CampaignStore, tmp_path: Path) -> None:
    file = tmp_path / "c.parquet"
    assert export_observations(source, "c", file) == 7
    done = import_observations(target, file, ME)
    assert done == Imported(campaign="c", new=7, total=7, unchecked=done.unchecked)
    assert "'/there/t.csv'" in (done.unchecked or "")
    old, new = source.campaign("c"), target.campaign("c")
    assert new.model_copy(update={"lease": old.lease, "epoch": old.epoch, "driven": old.driven}) == old
    assert new.lease is None
    assert target.observations("c") == source.observations("c")
    assert target.refits("c") == source.refits("c")
    for mine, theirs in zip(target.evaluations("c"), source.evaluations("c"), strict=True):
        assert (mine.id, mine.proposal, mine.outcome) == (theirs.id, theirs.proposal, theirs.outcome)
        assert mine.state is (theirs.state if theirs.state.terminal else EvaluationState.PROPOSED)
        assert mine.finished_at == theirs.finished_at
    lease = target.acquire_lease("c", ME, 60.0)
    assert target.begin_attempt(lease, target.evaluations("c")[5].id, 1, "t", "j").state is EvaluationState.SUBMITTING
    following = target.evaluations("c")[0].proposal.model_copy(update={"number": 8, "candidate": "c8"})
    assert target.insert_proposal(lease, following).proposal.number == 8
    assert target.insert_refit(lease, source.refits("c")[0].model_copy(update={"number": 3})).number == 3


def test_import_twice_of_a_file_with_a_hash_by_a_former_rule(
    source: CampaignStore, target: CampaignStore, tmp_path: Path
) -> None:
    export_observations(source, "c", tmp_path / "c.parquet")
    file = rewritten(tmp_path / "c.parquet", "spec_hash", "0" * 64)
    import_observations(target, file, ME)
    before = (target.evaluations("c"), target.observations("c"), target.refits("c"), target.events("c"))
    assert import_observations(target, file, ME).new == 0
    after = (target.evaluations("c"), target.observations("c"), target.refits("c"), target.events("c"))
    assert [one.model_copy(update={"epoch": 0}) for one in after[0]] == [
        one.model_copy(update={"epoch": 0}) for one in before[0]
    ]
    assert after[1:3] == before[1:3]
    known = {event.id for event in before[3]}
    assert {event.kind for event in after[3] if event.id not in known} == {"lease.acquired"}


def test_import_into_a_campaign_created_from_its_yaml(source: CampaignStore, target: CampaignStore, tmp_path: Path) -> None:
    export_observations(source, "c", tmp_path / "c.parquet")
    record = source.campaign("c")
    fresh = {"lease": None, "epoch": 0, "last_number": 0, "last_refit": 0, "commands": (), "base_path": "/here"}
    target.create_campaign(record.model_copy(update=fresh))
    assert import_observations(target, tmp_path / "c.parquet", ME).new == 7
    assert target.campaign("c").base_path == "/here"
    assert target.campaign("c").last_number == 7


def test_other_base_path_is_taken(source: CampaignStore, tmp_path: Path) -> None:
    export_observations(source, "c", tmp_path / "c.parquet")
    target = MemoryCampaignStore()
    import_observations(target, tmp_path / "c.parquet", ME, base_path=tmp_path)
    assert target.campaign("c").base_path == str(tmp_path)


def test_results_of_another_level_of_theory_are_refused_and_both_are_named(target: CampaignStore, tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "examples" / "al-twin-dft.yaml"
    spec = CampaignSpec.model_validate(yaml.safe_load(example.read_text()) | {"name": "dft"})
    store = MemoryCampaignStore()
    stored, known = spec.model_dump(mode="json"), spec_hash(spec)
    store.create_campaign(campaign_record(name="dft", spec=stored, spec_hash=known))
    lease = store.acquire_lease("dft", ME, 60.0)
    proposal = Proposal(number=1, candidate="c1", system="s", surface="s/0", source="x", predicted_cost=1.0, model="m")
    evaluation = store.insert_proposal(lease, proposal)
    store.begin_attempt(lease, evaluation.id, 1, "t", "j")
    store.record_handle(lease, evaluation.id, "t", {})
    store.accept_outcome(
        lease, evaluation.id, "t", Outcome(value=70.0, provenance=Provenance(code="ase-emt", code_version="3", model="\x1b[2J"))
    )
    export_observations(store, "dft", tmp_path / "dft.parquet")
    with pytest.raises(
        StoreError, match=r"candidate 'c1'\) was computed by ase-emt \\x1b\[2J; the campaign computes by gpaw PBE \(cutoff 250"
    ):
        import_observations(target, tmp_path / "dft.parquet", ME)
    assert target.campaign_names() == []


def test_columns_are_readable_by_anyone(source: CampaignStore, tmp_path: Path) -> None:
    export_observations(source, "c", tmp_path / "c.parquet")
    frame = pd.read_parquet(tmp_path / "c.parquet")
    assert frame["number"].tolist() == list(range(1, 8))
    assert frame["value"][0] == 0.1 + 0.2
    assert frame["value"][2] == 5e-324
    assert np.isnan(frame["value"][1])
    assert frame["reason"][1] == "overlap"
    assert set(frame["unit"]) == {"eV"}
    assert frame["state"].tolist()[4:] == ["CANCELLED", "PROPOSED", "PROPOSED"]
    header = json.loads(pq.read_metadata(tmp_path / "c.parquet").metadata[b"tansaku"])
    assert header["campaign"]["spec"]["budget"]["cost"] == 0.2
    assert "/private" not in (tmp_path / "c.parquet").read_bytes().decode("latin-1") + frame.to_string()


def test_unwritable_file_is_a_clear_error(source: CampaignStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        export_observations(source, "c", tmp_path / "missing" / "c.parquet")


def rewritten(file: Path, key: str, value: object, row: int | None = None) -> Path:
    """The file with one key changed: of the campaign in its header, of the first refit, or of a row's record."""
    table = pq.read_table(file)
    header = json.loads(table.schema.metadata[b"tansaku"])
    records = [json.loads(text) for text in table.column("record").to_pylist()]
    part = header["refits"][0] if key.startswith("refit.") else header["campaign"] if row is None else records[row]
    *parents, last = key.removeprefix("refit.").split(".")
    for parent in parents:
        part = part[parent]
    part[last] = value
    place = table.schema.get_field_index("record")
    table = table.set_column(place, "record", pa.array([json.dumps(one) for one in records]))
    changed = file.with_name("changed.parquet")
    pq.write_table(table.replace_schema_metadata({b"tansaku": json.dumps(header)}), changed)
    return changed


def everything(database: MongoDatabase) -> dict[str, list[bytes]]:
    names = sorted(database.list_collection_names())
    return {name: sorted(bson.encode(one) for one in database[name].find()) for name in names}


@pytest.mark.parametrize(
    ("key", "value", "row"),
    [
        ("refit.number", 7, None),
        ("proposal.number", 2**63 - 1, 6),
        ("outcome.properties", {"$where": "1"}, 0),
    ],
)
def test_a_refused_file_leaves_every_collection_as_it_was(
    source: CampaignStore, mongo_database: MongoDatabase, tmp_path: Path, key: str, value: object, row: int | None
) -> None:
    export_observations(source, "c", tmp_path / "c.parquet")
    file = rewritten(tmp_path / "c.parquet", key, value, row)
    store, artifacts = MongoCampaignStore(mongo_database), GridFSArtifactStore(mongo_database)
    for known in (False, True):
        if known:
            import_observations(store, tmp_path / "c.parquet", ME, artifacts=artifacts)
        before = everything(mongo_database)
        with pytest.raises(StoreError, match=r"changed\.parquet"):
            import_observations(store, file, ME, artifacts=artifacts)
        assert everything(mongo_database) == before
