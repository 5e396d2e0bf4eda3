"""Structures that travel with a campaign's observations."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import LeaseOwner, Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tests.support.campaign_files import table_space
from tests.support.records import campaign_record, proposal_of

ME = LeaseOwner(host="here", pid=1, process_started=1.0, user="ada")
SPEC = CampaignSpec.model_validate(
    {
        "schema_version": 1,
        "name": "c",
        "space": table_space("t.csv", {"id": "id", "value": "e"}, {"x": {"columns": ["x"]}}),
        "objective": {"unit": "eV/atom"},
        "budget": {"evaluations": 3},
    }
)
TEXTS = {"c1": "1\nLattice=...\nAl 0 0 0\n", "c2": "an accent: é\r\n"}


@pytest.fixture
def here(tmp_path: Path) -> tuple[MemoryCampaignStore, FileArtifactStore]:
    """Three evaluations, the last without a structure."""
    store, artifacts = MemoryCampaignStore(), FileArtifactStore(tmp_path / "here")
    store.create_campaign(campaign_record(SPEC, name="c", base_path="/there"))
    lease = store.acquire_lease("c", ME, 60.0)
    for number in (1, 2, 3):
        one = store.insert_proposal(lease, proposal_of(number))
        store.begin_attempt(lease, one.id, 1, "t", "j")
        store.record_handle(lease, one.id, "t", {})
        kept = {}
        if f"c{number}" in TEXTS:
            file = tmp_path / "structure"
            file.write_bytes(TEXTS[f"c{number}"].encode())
            kept = {STRUCTURE_FILE: artifacts.put(file)}
        store.accept_outcome(lease, one.id, "t", Outcome(value=1.0, artifacts=kept))
    store.release_lease(lease)
    return store, artifacts


def text_of(store: MemoryCampaignStore, artifacts: FileArtifactStore, number: int) -> str:
    with artifacts.open(store.evaluations("c")[number].outcome.artifacts[STRUCTURE_FILE]) as stream:
        return stream.read().decode()


def test_structures_come_with_their_evaluations(here, tmp_path):
    store, artifacts = here
    file = tmp_path / "c.parquet"
    export_observations(store, "c", file, artifacts, structures=True)
    assert pq.read_table(file).column("structure").to_pylist() == [*TEXTS.values(), None]
    there, places = MemoryCampaignStore(), FileArtifactStore(tmp_path / "there")
    for _ in range(2):
        assert import_observations(there, file, ME, artifacts=places).total == 3
    assert [text_of(there, places, number) for number in (0, 1)] == list(TEXTS.values())


def test_a_file_has_them_only_where_they_are_asked_for(here, tmp_path):
    store, artifacts = here
    export_observations(store, "c", tmp_path / "c.parquet", artifacts)
    assert "structure" not in pq.read_schema(tmp_path / "c.parquet").names
    there = MemoryCampaignStore()
    import_observations(there, tmp_path / "c.parquet", ME, artifacts=FileArtifactStore(tmp_path / "there"))
    assert len(there.observations("c")) == 3


def test_structures_that_are_gone_are_left_out(here, tmp_path):
    store, _ = here
    export_observations(store, "c", tmp_path / "c.parquet", FileArtifactStore(tmp_path / "empty"), structures=True)
    assert pq.read_table(tmp_path / "c.parquet").column("structure").to_pylist() == [None, None, None]


def test_a_structure_that_was_changed_is_refused(here, tmp_path):
    store, artifacts = here
    file = tmp_path / "c.parquet"
    export_observations(store, "c", file, artifacts, structures=True)
    table = pq.read_table(file)
    changed = [text and text.replace("Al", "Cu") for text in table.column("structure").to_pylist()]
    place = table.schema.get_field_index("structure")
    pq.write_table(table.set_column(place, table.schema.field(place), [changed]), file)
    there = MemoryCampaignStore()
    with pytest.raises(StoreError, match=r"candidate 'c1'\) is damaged"):
        import_observations(there, file, ME, artifacts=FileArtifactStore(tmp_path / "there"))
    assert there.campaign_names() == []
