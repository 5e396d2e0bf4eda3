"""A campaign that learns from values of another level of theory says so, before it is created and in its audit."""

import pytest

from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.loop.transfer.levels import OTHER_LEVEL, UNKNOWN, level_note, note_levels
from tests.support.campaign_files import boundary_space
from tests.support.records import campaign_record

BOUNDARIES = boundary_space("Al", 4.04, [1, 1, 1], axis=[1, 1, 0])
GPAW = GpawSpec(cutoff=300, setups_sha256="a" * 64)


def record(name, calculator, *sources):
    data = {
        "schema_version": 1,
        "name": name,
        "space": BOUNDARIES,
        "calculator": calculator.model_dump(mode="json"),
        "proposer": {"type": "gp"},
    }
    if sources:
        data["transfer"] = {"sources": [{"type": "campaign", "name": source} for source in sources]}
    return campaign_record(CampaignSpec.model_validate(data), name=name)


@pytest.fixture
def store():
    store = MemoryCampaignStore()
    for name, calculator in (("emt", EmtSpec()), ("gpaw", GPAW), ("chgnet", ChgnetSpec())):
        store.create_campaign(record(name, calculator))
    return store


def noted(store, name):
    return [event.data for event in store.events(name) if event.kind == OTHER_LEVEL]


def test_other_levels_are_named_in_the_audit_once(store):
    target = store.create_campaign(record("target", GPAW, "emt", "gpaw", "chgnet"))
    note_levels(store, target)
    note_levels(store, target)
    (found,) = noted(store, "target")
    assert found["sources"] == {"emt": "ase-emt", "chgnet": "chgnet 0.3.0 (dtype float32)"}
    assert found["campaign"].startswith("gpaw PBE (cutoff 300.0")


def test_the_same_level_needs_no_word(store):
    target = store.create_campaign(record("target", GPAW.model_copy(update={"density": True}), "gpaw"))
    note_levels(store, target)
    assert noted(store, "target") == []
    spec = CampaignSpec.model_validate(target.spec)
    assert level_note(spec, "ase-emt").startswith(
        "; different level of theory, modelled with a correlation: ase-emt; here gpaw"
    )
    assert level_note(spec, None).count(UNKNOWN) == 1


def test_a_source_that_is_gone_stops_nothing(store):
    target = store.create_campaign(record("target", GPAW, "gone", "emt"))
    note_levels(store, target)
    assert list(noted(store, "target")[0]["sources"]) == ["emt"]
