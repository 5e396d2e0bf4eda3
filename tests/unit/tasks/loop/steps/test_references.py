"""Elements that a campaign computes as its first evaluations: what they cost, where they are seen, and what a kill leaves."""

from __future__ import annotations

import shutil

import pytest
import yaml

from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.states import CampaignState, EvaluationState, FailureKind, StopReason
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.act.commands.steer import request
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.evaluation_table import SORTS, Selection, evaluation_of, neighbours, table_page
from tansaku.tasks.read.views.hull import campaign_hull
from tansaku.tasks.read.views.results import described_frame, evaluation_rows
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA
from tests.support.alloys import FILE
from tests.support.copper_desk import Desk

GIVEN = yaml.safe_load(FILE.read_text())["space"]["phases"]["energies"]
COST = {"budget": {"evaluations": 2}}


def alloys(desk: Desk, name: str, phases: dict[str, object] | None = None, **changes: object) -> None:
    """Creates a campaign on crystals of copper and gold."""
    shutil.copy(FILE.with_name("cu-au.json"), desk.folder)
    data = yaml.safe_load(FILE.read_text())
    space = data["space"] | {"systems": "all", "relaxed": False, "phases": phases or {"references": "compute"}}
    rest = {"calculator": {"type": "emt"}, "objective": data["objective"], "proposer": {"type": "gp", "initial_points": 2}}
    desk.create(name, 0, 0, **{"space": space, **rest, **COST, **changes})


def purposes(desk: Desk, name: str) -> list[tuple[str, str, int]]:
    found = desk.store.evaluations(name)
    return [(item.proposal.purpose, item.proposal.candidate, len(item.attempts)) for item in found]


def test_elements_are_evaluations_that_come_first_and_give_the_numbers_written_by_hand(desk):
    alloys(desk, "new")
    assert desk.store.evaluations("new") == []
    assert desk.drive("new") == "evaluations"
    found = desk.store.evaluations("new")
    assert purposes(desk, "new")[:2] == [("reference", "Au", 1), ("reference", "Cu", 1)]
    assert [item.proposal.purpose for item in found[2:]] == ["search"] * 2
    data = Campaign.load(desk.store, "new")
    assert data.spec.space.phases.computed == pytest.approx(GIVEN, abs=5e-5)
    assert [item.outcome.provenance.code for item in data.references] == ["ase-emt"] * 2
    assert [item.proposal.candidate for item in data.evaluations] == [item.proposal.candidate for item in found[2:]]
    alloys(desk, "given", {"energies": dict(data.spec.space.phases.computed)})
    desk.drive("given")
    values = {item.proposal.candidate: item.outcome.value for item in desk.store.evaluations("given")}
    own = {item.proposal.candidate: item.outcome.value for item in found[2:]}
    assert all(own[name] == pytest.approx(values[name], abs=1e-9) for name in own.keys() & values.keys())
    assert [phase.name for phase in campaign_hull(data).phases if phase.given] == ["Au", "Cu"]


def test_the_search_is_that_with_given_energies(desk):
    both = {"proposer": {"type": "grid"}, "budget": {"evaluations": 4}}
    alloys(desk, "new", **both)
    alloys(desk, "given", {"energies": GIVEN}, **both)
    desk.drive("new")
    desk.drive("given")
    found, given = desk.store.evaluations("new")[2:], desk.store.evaluations("given")
    assert [item.proposal.candidate for item in found] == [item.proposal.candidate for item in given]
    assert [item.proposal.initial for item in found] == [item.proposal.initial for item in given]
    assert [item.outcome.value for item in found] == pytest.approx([item.outcome.value for item in given], abs=0.1)


def test_their_cost_counts_and_they_are_shown_by_their_purpose(desk):
    alloys(desk, "new", budget={"cost": 6.0})
    assert desk.drive("new") == "budget"
    data, status = Campaign.load(desk.store, "new"), campaign_status(desk.store, "new")
    spent = sum(row["cost"] for row in evaluation_rows(data))
    assert (data.aside_cost, status.cost) == (2.0, 2.0 + spent)
    assert 0.0 < spent <= 4.0

    left = [cost for name, cost in zip(data.pool.ids, data.pool.cost, strict=True) if name not in data.columns.candidates]
    assert min(left) > 6.0 - status.cost
    assert (status.references, status.evaluations, status.done) == (2, len(data.columns), len(data.columns))
    assert status.core_hours == pytest.approx(7.0 * (2 + len(data.columns)) / 3600)
    assert "references [eV/atom]: Au " in status.describe()
    assert [row["candidate"] for row in evaluation_rows(data, "reference")] == ["Au", "Cu"]
    assert not {"Au", "Cu"} & {row["candidate"] for row in evaluation_rows(data)}
    assert evaluation_of(data, 1).proposal.candidate == "Au"
    page = table_page(data, Selection(limit=3))
    assert [(line["candidate"], line["purpose"]) for line in page.lines[:2]] == [("Au", "reference"), ("Cu", "reference")]
    assert (page.lines[2]["purpose"], page.total) == ("search", 2 + len(data.columns))
    assert (neighbours(data, 2), neighbours(data, 3)[0]) == ((1, 3), 2)
    assert [line["candidate"] for line in table_page(data, Selection(system="reference")).lines] == ["Au", "Cu"]
    for sort in SORTS:
        assert {line["purpose"] for line in table_page(data, Selection(sort=sort)).lines} == {"reference", "search"}
    assert described_frame(data, "all")["purpose"].tolist()[:2] == ["reference", "reference"]
    whole = data.updated(desk.store.campaign("new"), desk.store.evaluations("new")[:3])
    assert whole.spec.space.phases.computed == data.spec.space.phases.computed
    assert len(whole.columns) == len(data.columns)


def test_they_cost_as_much_as_a_full_value_where_there_are_looks(desk):
    rough = {"name": "rough", "cost": 0.1, "calculator": {"relaxation": {"fmax": 0.5}}}
    alloys(desk, "new", budget={"cost": 6.0}, levels=[rough], proposer={"type": "multi_level"})
    desk.drive("new")
    assert Campaign.load(desk.store, "new").aside_cost == 2.0


@pytest.mark.parametrize("method", ["insert_proposal", "begin_attempt", "accept_outcome"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_two_elements_it_goes_on_and_computes_nothing_twice(desk, method, when):
    changes = {"execution": {"in_flight": 1, "polish": 0}, "proposer": {"type": "grid"}}
    alloys(desk, "new", **changes)
    desk.drive_to_its_death("new", method, 2, when)
    first = list(desk.launcher.computed)
    assert desk.drive("new") == "evaluations"
    assert [item[1:] for item in purposes(desk, "new")[:2]] == [("Au", 1), ("Cu", 1)]
    # A result that was computed and not accepted is fetched again; this backend computes when it is asked.
    assert [*first, *desk.launcher.computed].count("Au") == 1
    again = method == "accept_outcome" and when == "before"
    assert [*first, *desk.launcher.computed].count("Cu") == (2 if again else 1)
    assert len(desk.store.evaluations("new")) == 4


def test_a_failed_element_ends_the_search_before_it_begins_until_it_is_tried_again(desk, monkeypatch):
    failure = Failure(kind=FailureKind.SCIENCE, reason="no_reference", message="no minimum")
    with monkeypatch.context() as changed:
        changed.setattr("tansaku.tasks.node.jobs.references.ReferenceJob.__call__", lambda _: Outcome(failure=failure))
        alloys(desk, "new")
        assert desk.drive("new") == "reference"
    status = campaign_status(desk.store, "new")
    assert (status.state, status.stop_reason) == (CampaignState.STOPPED, StopReason.REFERENCE)
    assert (status.references, status.references_failed, status.evaluations) == (2, 2, 0)
    assert [failed.candidate for failed in status.failures] == ["Au", "Cu"]
    request(desk.store, ADA, "new", "retry")
    assert desk.drive("new") == "evaluations"
    assert [item[1:] for item in purposes(desk, "new")[:2]] == [("Au", 2), ("Cu", 2)]


def test_they_travel_with_the_campaign(desk, tmp_path):
    alloys(desk, "new")
    desk.drive("new")
    export_observations(desk.store, "new", tmp_path / "new.parquet")
    elsewhere = MemoryCampaignStore()
    assert import_observations(elsewhere, tmp_path / "new.parquet", this_driver()).new == 4
    here, there = (Campaign.load(store, "new") for store in (desk.store, elsewhere))
    assert there.spec.space.phases == here.spec.space.phases
    assert campaign_hull(there).rows == campaign_hull(here).rows


def test_a_campaign_that_an_older_version_created_with_its_elements_computes_none(desk):
    alloys(desk, "old-one")
    record = desk.store.campaign("old-one")
    record.spec["space"]["phases"]["computed"] = dict(GIVEN)
    desk.store.delete_campaign("old-one")
    desk.store.create_campaign(record)
    assert desk.drive("old-one") == "evaluations"
    assert {item[0] for item in purposes(desk, "old-one")} == {"search"}
    assert all(item.state is EvaluationState.DONE for item in desk.store.evaluations("old-one"))
