"""The search over campaigns finds the same in every store, and the line for mongosh finds the same as the page."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Failure, LeaseOwner, Outcome, Quantity
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.read.views.search import Hits, Search, each_hit, search, searchable
from tests.support.alloys import ENERGIES, NAME, store_alloys
from tests.support.campaign_files import copper_campaign
from tests.support.records import campaign_record, proposal_of

COPPER = "boundaries"
FAILED = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="two atoms in one place")
RESULTS = (
    Outcome(value=0.3, quantities={"excess_volume": Quantity(value=0.2, unit="Angstrom")}),
    Outcome(failure=FAILED),
    Outcome(value=0.31, quantities={"excess_volume": Quantity(value=0.4, unit="Angstrom")}, predicted_by="m@1"),
)
"""Of boundaries of copper [J/m2]."""


@pytest.fixture
def stored(store: CampaignStore) -> CampaignStore:
    """Two campaigns: crystals of copper and gold (1 to 6, the last without gold), and boundaries of copper (1 to 3)."""
    store_alloys(store, {**ENERGIES, "Cu-fcc": 0.0})
    spec = campaign_from_data(yaml.safe_load(copper_campaign(COPPER, 3)), Path("/"), "here").spec
    store.create_campaign(campaign_record(spec, id="cu", owner="ada"))
    lease = store.acquire_lease(COPPER, LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
    for number, outcome in enumerate(RESULTS, start=1):
        made = store.insert_proposal(lease, proposal_of(number, system="$ne" if number == 3 else "s"))
        store.begin_attempt(lease, made.id, 1, made.id, made.id)
        store.accept_outcome(lease, made.id, made.id, outcome)
    return store


def found(store: CampaignStore, wanted: Search, **arguments: object) -> Hits:
    return search(store, searchable(store), wanted, **arguments)


def places(hits: Hits) -> list[tuple[str, int]]:
    return [(hit.campaign, hit.round) for hit in hits.items]


def copper(*rounds: int) -> list[tuple[str, int]]:
    return [(COPPER, number) for number in rounds]


def crystals(*rounds: int) -> list[tuple[str, int]]:
    return [(NAME, number) for number in rounds]


SEARCHES = {
    "everything": (Search(), copper(1, 2, 3) + crystals(1, 2, 3, 4, 5, 6)),
    "an element": (Search(elements=frozenset({"Cu"})), copper(1, 2, 3) + crystals(1, 2, 3, 4, 5, 6)),
    "two elements": (Search(elements=frozenset({"Cu", "Au"})), crystals(1, 2, 3, 4, 5)),
    "an element that nothing has": (Search(elements=frozenset({"Li"})), []),
    "elements of a candidate": (Search(elements=frozenset({"Au"}), candidate="Cu-fcc"), []),
    "a value in its unit": (Search(value=Decimal("-20"), unit="meV/atom"), crystals(1, 2)),
    "a value in another unit": (Search(value=Decimal("-0.02"), unit="eV/atom"), crystals(1, 2)),
    "above": (Search(comparison=">", value=Decimal("300"), unit="mJ/m2"), copper(3)),
    "in the digits given": (Search(comparison="=", value=Decimal("0.3"), unit="J/m2"), copper(1, 3)),
    "in more digits": (Search(comparison="=", value=Decimal("0.30"), unit="J/m2"), copper(1)),
    "without a unit": (Search(value=Decimal("0.305")), copper(1) + crystals(1, 2, 3, 6)),
    "a unit alone": (Search(unit="eV/atom"), crystals(1, 2, 3, 4, 5, 6)),
    "an objective": (Search(property="formation_energy", order="lowest"), crystals(2, 1, 3, 6, 4, 5)),
    "a further result": (Search(property="energy_per_atom", value=Decimal("0"), unit="meV/atom"), crystals(1, 2, 3)),
    "a further result above": (Search(property="excess_volume", comparison=">", value=Decimal("0.2")), copper(3)),
    "a further result in a foreign unit": (Search(property="excess_volume", value=Decimal("9"), unit="eV"), []),
    "no result": (Search(property="$where"), []),
    "a state": (Search(state=EvaluationState.FAILED), copper(2)),
    "a calculator": (Search(calculator="emt", space="structures", order="newest"), crystals(6, 5, 4, 3, 2, 1)),
    "no calculator": (Search(calculator="table"), []),
    "an owner": (Search(owner="ada", order="highest"), copper(3, 1)),
    "a part of a name": (Search(campaign="BOUND", system="s"), copper(1, 2)),
    "text that is no operator": (Search(system="$ne"), copper(3)),
    "a program": (Search(candidate="{$gt: ''}"), []),
}


@pytest.mark.parametrize("page", [50, 2])
def test_conditions_choose_evaluations(stored: CampaignStore, page: int, request: pytest.FixtureRequest) -> None:
    wrong = {}
    for name, (wanted, expected) in SEARCHES.items():
        shown: list[tuple[str, int]] = []
        after, line = None, ""
        for _ in range(len(expected) + 1):
            hits = found(stored, wanted, after=after, limit=page)
            shown, after, line = shown + places(hits), hits.next, line or hits.mongosh
            assert hits.left_out == ()
            if after is None:
                break
        if shown != expected or after is not None:
            wrong[name] = shown, after
        if "emptied_database" in request.fixturenames and sorted(asked(stored, line)) != sorted(expected):
            wrong[f"{name}: {line}"] = asked(stored, line)
    assert wrong == {}


def asked(store: CampaignStore, line: str) -> list[tuple[str, int]]:
    """What a line for mongosh finds."""
    if not line:
        return []
    matched = re.fullmatch(r"db\.evaluations\.find\((.*)\)\.sort\(.*\)\.limit\(500\)\.maxTimeMS\(5000\)", line)
    assert matched is not None, line
    rows = store._collections.evaluations.find(json.loads(matched[1]))
    return [(store.campaign_of(row["campaign"]).name, row["proposal"]["number"]) for row in rows]


def test_what_is_shown_of_an_evaluation(stored: CampaignStore) -> None:
    (first,) = found(stored, Search(property="excess_volume", comparison=">", value=Decimal("0.2"))).items
    assert (first.value, first.unit, first.property, first.predicted) == (0.4, "Angstrom", "excess_volume", True)
    assert (first.calculator, first.system, first.candidate) == ("m@1", "$ne", "c3")
    (second,) = found(stored, Search(state=EvaluationState.FAILED)).items
    assert (second.value, second.unit, second.calculator) == (None, "J/m2", "emt")


def test_a_page_ends_early_when_the_time_is_up(stored: CampaignStore) -> None:
    times = iter([0.0, *[9.0] * 9])
    first = found(stored, Search(), clock=lambda: next(times))
    assert (places(first), first.next, first.mongosh) == (copper(1, 2, 3), f"{COPPER}/", "")
    second = found(stored, Search(), after=first.next)
    assert (places(second), second.next) == (crystals(1, 2, 3, 4, 5, 6), None)


@pytest.mark.parametrize("after", ["", "x", "x/-1", "x/²", f"{COPPER}/2"])
def test_a_place_that_is_none_is_refused(stored: CampaignStore, after: str) -> None:
    with pytest.raises(FieldError, match="after"):
        found(stored, Search(order="lowest"), after=after)


def test_a_download_has_the_first_hits(stored: CampaignStore) -> None:
    hits = each_hit(stored, searchable(stored), Search(), 4)
    assert [(hit.campaign, hit.round) for hit in hits] == copper(1, 2, 3) + crystals(1)


def test_a_campaign_whose_files_are_gone_is_left_out_with_the_reason(stored: CampaignStore) -> None:
    stored.move_campaign(NAME, "/nowhere")
    hits = found(stored, Search(elements=frozenset({"Cu"})))
    assert places(hits) == copper(1, 2, 3)
    assert [item.campaign for item in hits.left_out] == [NAME]
    assert "/nowhere" in hits.left_out[0].reason
