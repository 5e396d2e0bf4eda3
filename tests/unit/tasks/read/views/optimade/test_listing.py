"""Pages of structures of several campaigns, by filter, order, place and time."""

import pytest

from tansaku.models.domain.errors import FieldError, NotFoundError
from tansaku.models.domain.records import LeaseOwner
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tansaku.tasks.read.views.optimade import entries as module
from tansaku.tasks.read.views.optimade.entries import Compositions
from tansaku.tasks.read.views.optimade.fields import FIELDS
from tansaku.tasks.read.views.optimade.filters import parsed
from tansaku.tasks.read.views.optimade.listing import Query, Structures
from tests.support.alloys import ENERGIES, outcome_of, store_crystals
from tests.support.records import campaign_record, proposal_of, store_evaluation

FIRST = list(ENERGIES)


class Clock:
    """Each look at it takes a second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


@pytest.fixture
def stored(tmp_path, require):
    require("optimade")
    store, artifacts = MemoryCampaignStore(), FileArtifactStore(tmp_path / "artifacts")
    for name in ("first", "second"):
        store_crystals(store, artifacts, tmp_path, name)
    return Structures(store, artifacts, Compositions(), lambda _: True)


def names(found):
    return [f"{entry.campaign.name} {entry.evaluation.proposal.candidate}" for entry in found.entries]


def candidates(found):
    return [entry.evaluation.proposal.candidate for entry in found.entries]


def every_page(stored, **query):
    pages, cursor = [], None
    while True:
        pages.append(stored.page(Query(**query, cursor=cursor)))
        cursor = pages[-1].next
        if cursor is None:
            return pages


def test_all_with_a_structure_are_listed_by_campaign_and_round(stored):
    found = stored.page(Query())
    assert names(found) == [f"{name} {candidate}" for name in ("first", "second") for candidate in FIRST]
    assert (found.next, found.count, found.left_out) == (None, 10, ())


@pytest.mark.parametrize("limit", [1, 3, 5, 10])
def test_pages_together_are_the_list(stored, limit):
    pages = every_page(stored, limit=limit)
    assert [name for page in pages for name in names(page)] == names(stored.page(Query()))
    assert {len(page.entries) for page in pages[:-1]} <= {limit}
    assert [page.count for page in pages] == [10] + [None] * (len(pages) - 1)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('_tansaku_campaign = "second" AND _tansaku_round <= 2', FIRST[:2]),
        ('_tansaku_campaign = "second" AND chemical_formula_reduced = "AuCu3"', ["L12-AuCu3"]),
        ('_tansaku_campaign = "second" AND nsites = 2', ["B2-AuCu", "B1-AuCu"]),
        ('_tansaku_campaign = "second" AND elements HAS "Al"', []),
        ('_tansaku_campaign = "second" AND _tansaku_energy < 0 AND nelements = 2', FIRST[:3]),
        ('_tansaku_campaign = "second" AND lattice_vectors LENGTH 3', FIRST),
        ('_tansaku_calculator != "emt"', []),
        ('_tansaku_campaign = "third"', []),
    ],
)
def test_filters_find_structures_of_campaigns(stored, text, wanted):
    found = stored.page(Query(parsed(text)))
    assert sorted(candidates(found)) == sorted(wanted)
    assert found.count == len(wanted)


def test_no_structure_is_read_where_the_campaign_or_the_round_decides(stored, monkeypatch):
    monkeypatch.setattr(module, "read_structure", lambda *_: pytest.fail("read"))
    for text in ('elements HAS "Cu" AND _tansaku_campaign = "third"', "nsites > 1 AND _tansaku_round > 99"):
        assert stored.page(Query(parsed(text))).count == 0


@pytest.mark.parametrize("limit", [2, 20])
def test_sorted_lists_have_pages_too_and_unknown_values_come_last(stored, limit):
    def found(*sort):
        pages = every_page(stored, sort=sort, filter=parsed('_tansaku_campaign="first"'), limit=limit)
        return [name for page in pages for name in candidates(page)]

    by_energy = sorted(FIRST, key=ENERGIES.get)
    assert found(("_tansaku_value", False)) == by_energy
    assert found(("_tansaku_value", True)) == by_energy[::-1]
    assert found(("nelements", False), ("_tansaku_round", True)) == FIRST[::-1]
    assert found(("_tansaku_predicted_by", False), ("_tansaku_round", False)) == FIRST


def test_a_page_ends_when_the_time_is_up_and_the_next_one_continues(stored):
    slow = Structures(stored.store, stored.artifacts, stored.compositions, stored.sees, Clock())
    first = slow.page(Query(limit=20))
    assert 0 < len(first.entries) < 10
    assert first.count is None
    assert [name for page in every_page(slow, limit=20) for name in names(page)] == names(stored.page(Query()))
    with pytest.raises(FieldError, match="too many structures to sort"):
        slow.page(Query(sort=(("nsites", False),)))


@pytest.mark.parametrize("cursor", ["", "first", "first/", "$where/1", "first/9" + "9" * 15, "@0", "first/1\n"])
def test_another_cursor_is_refused(stored, cursor):
    with pytest.raises(FieldError, match="page_cursor"):
        stored.page(Query(cursor=cursor))
    with pytest.raises(FieldError, match="page_cursor"):
        stored.page(Query(cursor="first/1", sort=(("nsites", False),)))


def test_damaged_structures_and_campaigns_are_left_out_and_said(stored, tmp_path):
    store = stored.store
    store.create_campaign(campaign_record(name="broken", spec={"nothing": 1}, id="id-of-broken"))
    lease = store.acquire_lease("second", LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
    texts = ("no structure", '1\nLattice="1 0 0 0 1 0 0 0 1"\nCu nan 0.0 0.0\n', "1\n\nX 0.0 0.0 0.0\n")
    files = [tmp_path / f"{number}.extxyz" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    for number, sha256 in enumerate([*map(stored.artifacts.put, files), "0" * 64], start=7):
        store_evaluation(store, lease, proposal_of(number), outcome_of(0.1, artifacts={STRUCTURE_FILE: sha256}))
    found = stored.page(Query())
    assert found.count == 10
    assert found.left_out[0].startswith("campaign broken is left out: ")


def test_an_id_stays_when_the_campaign_is_renamed_and_others_are_not_found(stored):
    (first, *_) = stored.page(Query()).entries
    stored.store.rename_campaign("first", "another")
    found = stored.entry(first.id).attributes(("_tansaku_campaign", "chemical_formula_reduced", "_other_gap"))
    assert found == {"_tansaku_campaign": "another", "chemical_formula_reduced": "AuCu3", "_other_gap": None}
    without = stored.store.evaluations("another")[-1]
    for identifier in (without.id, "", "$where", "x" * 1000):
        with pytest.raises(NotFoundError):
            stored.entry(identifier)


def test_every_field_has_a_value_or_null(stored):
    (first, *_) = stored.page(Query()).entries
    found = first.attributes(tuple(FIELDS))
    assert [name for name, value in found.items() if value is None] == ["_tansaku_predicted_by", "_tansaku_model_sha256"]
    assert found["chemical_formula_anonymous"] == "A3B"
    assert found["elements_ratios"] == [0.25, 0.75]
    assert found["_tansaku_energy"] == pytest.approx(found["_tansaku_energy_per_atom"] * found["nsites"])
