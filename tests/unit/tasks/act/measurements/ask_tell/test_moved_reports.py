"""What people reported moves with an exported campaign: values, candidates that the space does not list, and descriptors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.records import Command, LeaseOwner
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.export_import import Imported, export_observations, import_observations
from tansaku.tasks.act.measurements import ask_tell
from tansaku.tasks.act.measurements.waiting import waiting_proposals
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tests.support.actors import ADA
from tests.unit.tasks.act.measurements.ask_tell.test_descriptors import after_the_design, open_table, place, table

__all__ = ["open_table"]

OWNER = LeaseOwner(host="here", pid=1, process_started=0.0, user="ada")


@pytest.fixture
def moved(tmp_path):
    """Exports a laboratory's campaign, and imports it into another store; gives that as a laboratory's store."""

    def move(laboratory, store: MemoryCampaignStore) -> Imported:
        path = tmp_path / "lab.parquet"
        export_observations(laboratory.store, "lab", path)
        return import_observations(store, path, OWNER)

    return move


def bought(laboratory) -> dict[str, float]:
    """Buys what a campaign asks for first."""
    offer = after_the_design(laboratory).descriptor
    numbers = {name: float(table()[place(name), 2]) for name in offer.candidates}
    laboratory.tell(*({"candidate": name, offer.column: number} for name, number in numbers.items()))
    return numbers


def elsewhere(laboratory, store: MemoryCampaignStore):
    return replace(laboratory, store=store, resources=replace(laboratory.resources, store=store))


def test_a_candidate_that_the_space_does_not_list_moves(open_laboratory, moved):
    laboratory, store = open_laboratory(), MemoryCampaignStore()
    laboratory.ask(1)
    laboratory.tell({"temperature": 473.15, "solvent": "water", "stirred": True, "value": 4.5})
    assert moved(laboratory, store).unchecked is None
    other = elsewhere(laboratory, store)
    assert other.values() == laboratory.values()
    other.ask(2)
    assert len(other.waiting().waiting) == 2


@pytest.mark.parametrize("stored", [False, True])
def test_bought_descriptors_move_with_a_campaign(open_table, moved, stored):
    laboratory, store = open_table(), MemoryCampaignStore()
    other = elsewhere(laboratory, store)
    if stored:
        prepare_campaign(other.resources, ADA, LoadedCampaign(laboratory.spec, laboratory.folder))
    numbers = bought(laboratory)
    assert moved(laboratory, store).new == 5
    assert moved(laboratory, store).new == 0, "importing again changes nothing"
    space = stored_spec(store.campaign("lab")).space
    assert {item.id: item.numbers["costly"] for item in space.described} == numbers
    assert space.spent_on_descriptors == pytest.approx(0.05 * len(numbers))
    for each in (laboratory, other):
        each.ask(1)
    assert other.waiting().descriptor == laboratory.waiting().descriptor
    assert [item.candidate for item in other.waiting().waiting] == [item.candidate for item in laboratory.waiting().waiting]


def test_another_number_than_the_stored_one_is_refused(open_table, moved):
    laboratory, store = open_table(), MemoryCampaignStore()
    other = elsewhere(laboratory, store)
    prepare_campaign(other.resources, ADA, LoadedCampaign(laboratory.spec, laboratory.folder))
    name, number = next(iter(bought(laboratory).items()))
    other.tell({"candidate": name, "costly": number + 1.0})
    with pytest.raises(StoreError, match=f"'costly' of candidate '{name}' is .*, stored is"):
        moved(laboratory, store)
    assert other.evaluations() == [], "a refused file changes nothing"
    assert ask_tell.apply_commands_now(other.resources, "lab")
    assert waiting_proposals(store, "lab").descriptor is None


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        ({"candidate": "water-300", "descriptors": {"temperature": 1.0}}, "no column of this campaign's space has a price"),
        ({"candidate": "water-300", "measurements": 3}, "a report of values is malformed"),
    ],
)
def test_a_file_whose_reports_do_not_fit_is_refused(open_laboratory, moved, report, problem):
    laboratory, store = open_laboratory(), MemoryCampaignStore()
    told = {"reports": [{"measurements": []} | report]}
    at = datetime(2026, 1, 1, tzinfo=UTC)
    laboratory.store.add_command("lab", Command(id="t", kind="tell", payload=told, created_at=at, applied_at_number=1))
    with pytest.raises(StoreError, match=problem):
        moved(laboratory, store)
    with pytest.raises(NotFoundError):
        store.campaign("lab")


def test_a_correction_moves_with_what_it_replaced(open_laboratory, moved):
    laboratory, store = open_laboratory(), MemoryCampaignStore()
    laboratory.tell({"candidate": "water-300", "value": 300.0})
    laboratory.tell({"candidate": "water-300", "value": 3.0, "status": "correction"})
    moved(laboratory, store)
    (before,), (after,) = laboratory.evaluations(), elsewhere(laboratory, store).evaluations()
    assert (after.outcome.value, after.attempts[0].superseded.value, after.known_from) == (3.0, 300.0, 2)
    kept = [("number", "token", "failure", "superseded", "known_from", "started_at")] * 2
    assert [[getattr(item, key) for key in keys] for item, keys in zip(after.attempts, kept, strict=True)] == [
        [getattr(item, key) for key in keys] for item, keys in zip(before.attempts, kept, strict=True)
    ]
