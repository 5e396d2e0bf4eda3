"""What a row says was done is what is stored: a measurement at other conditions than proposed is a candidate of its own."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.measurements import measurements_of
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.parameters import ParametersSpaceSpec
from tansaku.models.domain.states import EvaluationState, StopReason
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.commands import steer
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.act.measurements import ask_tell, stored_commands
from tansaku.tasks.act.measurements.report_file import ReportError
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import evaluation_rows, system_rows
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA
from tests.unit.tasks.act.measurements.ask_tell.conftest import campaign_document

DONE, CANCELLED = EvaluationState.DONE, EvaluationState.CANCELLED
OVEN = {
    "type": "parameters",
    "parameters": {
        "heat": {"type": "number", "low": 20, "high": 80, "step": 0.2, "unit": "degC", "tolerance": 1.0},
        "rate": {"type": "number", "low": 0.01, "high": 10, "log": True},
        "layers": {"type": "integer", "low": 1, "high": 9},
        "solvent": {"type": "category", "values": ["water", "ethanol"]},
        "mix": {"type": "fractions", "parts": ["a", "b"], "step": 0.05},
    },
    "constraints": [{"terms": {"heat": 1}, "at_most": 78}],
    "pool": 32,
    "refine": {"around": 1, "neighbours": 20},
}


@pytest.fixture
def oven(open_laboratory):
    def build(asked=0, /, **changes):
        keys = {"space": OVEN, "proposer": {"type": "grid"}, "budget": {"evaluations": 4}, "execution": {"in_flight": 3}}
        return open_laboratory(asked, **keys | changes)

    return build


def states(laboratory):
    return [(item.state, item.done_as, item.outcome and item.outcome.value) for item in laboratory.evaluations()]


def cells(laboratory, candidate):
    return dict(stored_commands.open_manual(laboratory.store, "lab").space.cells(candidate))


def test_a_value_is_stored_at_the_conditions_that_the_row_gives(oven):
    laboratory = oven(2)
    first, second = laboratory.waiting().waiting
    told = laboratory.tell({"number": 1, "candidate": first.candidate, "heat": "90 degC", "value": 5.0})
    assert told.new == {"values": 1, "off_pool": 1}
    (otherwise,) = told.otherwise
    assert (otherwise.number, otherwise.proposed, otherwise.done) == (1, {"heat": first.cells["heat"]}, {"heat": 90.0})
    assert f"proposal 1 ({first.candidate}): heat proposed {first.cells['heat']:.6g}, done 90; stored as" in told.describe()
    assert states(laboratory) == [(CANCELLED, 3, None), (EvaluationState.SUBMITTED, None, None), (DONE, None, 5.0)]
    stored = laboratory.evaluations()[2].proposal
    assert cells(laboratory, stored.candidate) == first.cells | {"heat": 90.0}
    event = next(event for event in laboratory.store.events("lab") if event.kind == "done-otherwise")
    assert (event.data["number"], event.data["done_as"]) == (1, 3)
    # The same file again, with and without the conditions; then a second measurement, and a correction.
    row = {"number": 1, "candidate": first.candidate, "heat": 90, "value": 5.0}
    for again in (row, {"number": 1, "value": 5.0}, {"number": 1, "candidate": stored.candidate, "value": 5.0}):
        told = laboratory.tell(again)
        assert (told.new, told.known, told.otherwise) == ({}, (1,), ())
    assert laboratory.tell({"number": 1, "value": 5.5, "status": "repeat"}).new == {"repeats": 1}
    assert laboratory.tell({"number": 1, "value": 6.0, "status": "correction"}).new == {"corrections": 1}
    assert [value for _, _, value in states(laboratory)] == [None, None, 6.0]
    assert laboratory.tell({"candidate": second.candidate, "heat": second.cells["heat"], "value": 1.0}).otherwise == ()


def test_the_budget_counts_it_once_and_the_campaign_goes_on(oven):
    laboratory = oven(2, proposer={"type": "gp", "initial_points": 2})
    rows = [{"number": item.number, "heat": 90, "value": float(item.number)} for item in laboratory.waiting().waiting]
    laboratory.tell(*rows)
    status = campaign_status(laboratory.store, "lab")
    assert (status.evaluations, status.done, status.cost, status.polish) == (2, 2, 2.0, 0)
    data = Campaign.load(laboratory.store, "lab")
    assert [row["cost"] for row in evaluation_rows(data)] == [0.0, 0.0, 1.0, 1.0]
    assert re.fullmatch(r"done otherwise: .* number 3", evaluation_rows(data)[0]["reason"])
    assert [(row["evaluations"], row["cost"]) for row in system_rows(data)] == [(2, 2.0)]
    laboratory.ask(3)
    numbers = laboratory.numbers()
    assert numbers == [5, 6], "the initial design has ended, and two of four evaluations are left"
    assert {item.model for item in (one.proposal for one in laboratory.evaluations()[4:])} == {"default"}
    laboratory.tell(*({"number": number, "value": 0.0} for number in numbers))
    assert laboratory.ask(3).reason == "evaluations"
    assert campaign_status(laboratory.store, "lab").stop_reason is StopReason.EVALUATIONS
    assert len(laboratory.evaluations()) == 6


def test_a_sheet_in_which_one_proposal_was_done_as_another_may_be_reported_again(oven):
    laboratory = oven(2)
    first, _ = laboratory.waiting().waiting
    sheet = [{"number": 1, "heat": 90, "value": 5.0}, {"number": 2, **first.cells, "value": 2.0}]
    assert laboratory.tell(*sheet).new == {"off_pool": 1, "values": 2}
    again = laboratory.tell(*sheet)
    assert (again.new, again.known) == ({}, (1, 2))


def test_a_row_that_names_a_candidate_is_of_that_one_though_its_proposal_was_done_otherwise(oven):
    laboratory = oven(1)
    (first,) = laboratory.waiting().waiting
    otherwise, own = {"number": 1, "heat": 90, "value": 5.0}, {"candidate": first.candidate, "value": 7.0}
    laboratory.tell(otherwise)
    assert laboratory.tell(own).new == {"values": 1}
    assert laboratory.tell(otherwise, own).new == laboratory.tell(own | first.cells).new == {}
    assert {item.proposal.candidate: item.outcome.value for item in laboratory.evaluations()}[first.candidate] == 7.0
    assert sorted(value for _, _, value in states(laboratory)) == [5.0, 7.0]


def test_the_candidate_of_the_pool_is_taken_where_the_conditions_are_its(oven):
    laboratory = oven(2)
    first, second = laboratory.waiting().waiting
    assert laboratory.tell({"number": 1, **second.cells, "value": 2.0}).new == {"values": 1}
    assert states(laboratory) == [(CANCELLED, 2, None), (DONE, None, 2.0)]
    laboratory.ask(1)
    (third,) = laboratory.waiting().waiting
    told = laboratory.tell({"number": third.number, **second.cells, "value": 2.0})
    assert told.new == {"repeats": 1}, "the same value of another proposal is another measurement"
    assert states(laboratory)[2] == (CANCELLED, 2, None)
    assert laboratory.tell({"number": third.number, **second.cells, "value": 2.0}).known == (1,)
    # What was never measured may be measured after all.
    assert laboratory.tell({**first.cells, "value": 3.0}).new == {"values": 1}
    assert states(laboratory)[0] == (DONE, None, 3.0)


def test_within_the_declared_tolerance_nothing_is_said(oven):
    laboratory = oven(2)
    first, second = laboratory.waiting().waiting
    near = first.cells["heat"] + 1.0
    rounded = f"{second.cells['rate']:.4g}"
    told = laboratory.tell({"number": 1, "heat": near, "value": 1.0}, {"number": 2, "rate": rounded, "value": 2.0})
    assert (told.new, told.otherwise) == ({"values": 2}, ())
    assert states(laboratory) == [(DONE, None, 1.0), (DONE, None, 2.0)]
    found = [measurements_of(item)[0].done for item in laboratory.evaluations()]
    assert found == [{"heat": pytest.approx(near)}, {}]
    laboratory.ask(1)
    (third,) = laboratory.waiting().waiting
    told = laboratory.tell({"number": third.number, "heat": third.cells["heat"] + 1.1, "value": 1.0})
    assert len(told.otherwise) == 1


def test_a_table_declares_tolerances_too(open_laboratory):
    features = {"process": {"columns": ["temperature"], "tolerance": {"temperature": 5.0}}}
    space = {"type": "table", "candidates": "candidates.csv", "columns": {"id": "name"}, "features": features}
    laboratory = open_laboratory(space=space)
    assert laboratory.tell({"candidate": "water-300", "temperature": 304, "value": 1.0}).otherwise == ()
    told = laboratory.tell({"candidate": "water-325", "temperature": 331, "value": 2.0})
    assert told.describe().splitlines()[1].strip().startswith("water-325: temperature is 325, done 331; stored as off-pool-")
    assert set(laboratory.values().values()) == {1.0, 2.0}
    assert "water-325" not in laboratory.values()
    features["process"]["tolerance"] = {"heat": 1.0}
    with pytest.raises(ConfigurationError, match=r"process\.tolerance: 'heat' is not a column of this group"):
        open_laboratory(space=space).waiting()


def test_a_tolerance_is_part_of_the_campaign():
    def hash_of(**tolerance):
        features = {"all": {"columns": ["x"], **({"tolerance": {"x": 1.0}} if tolerance else {})}}
        heat = {"type": "number", "low": 0, "high": 1, **tolerance}
        spaces = ({"type": "parameters", "parameters": {"x": heat}}, {"type": "table", "candidates": "t", "features": features})
        specs = [
            campaign_document(space={"columns": {"id": "n"}} | space if "features" in space else space) for space in spaces
        ]
        return [spec_hash(CampaignSpec.model_validate(spec)) for spec in specs]

    assert not {*hash_of()} & {*hash_of(tolerance=0.1)}


def test_a_surface_stays_in_its_system(open_laboratory, tmp_path):
    (tmp_path / "grains.csv").write_text("name,grain,face,x\na,g1,f1,1\nb,g2,f2,2\nc,g2,f3,3\n")
    columns = {"id": "name", "system": "grain", "surface": "face"}
    space = {"type": "table", "candidates": "grains.csv", "columns": columns, "features": {"all": {"columns": ["x"]}}}
    laboratory = open_laboratory(space=space, proposer={"type": "grid"})
    with pytest.raises(ReportError, match="line 1: face: 'f1' is in the system 'g1', not 'g2'"):
        laboratory.tell({"candidate": "a", "grain": "g2", "value": 1.0})
    assert laboratory.tell({"candidate": "b", "face": "f3", "value": 1.0}).otherwise
    assert laboratory.ask(1).reason == "waiting"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"solvent": "acid"}, "solvent: 'acid' is not a known category"),
        ({"layers": 2.5}, "layers: 2.5 is not a whole number"),
        ({"rate": -1}, "rate: -1; its scale is logarithmic"),
        ({"mix.a": 0.999}, "mix: fractions .* with the sum 1"),
        ({"heat": "90 GPa"}, "heat: 'GPa' .* cannot be converted"),
        ({"heat": "1e999"}, "heat: '1e999' is not a finite number"),
        ({"heat": "1e50"}, "heat: expected at most 1e\\+12"),
        ({"heat": "warm"}, "heat: 'warm' is not a number"),
    ],
)
def test_what_the_space_cannot_express_is_refused_by_line(oven, row, problem):
    laboratory = oven(1)
    with pytest.raises(ReportError, match=f"line 1: {problem}"):
        laboratory.tell({"number": 1, "value": 1.0} | row)
    assert laboratory.numbers() == [1]


def test_a_proposal_with_a_value_keeps_it(oven):
    laboratory = oven(2)
    laboratory.tell({"number": 1, "value": 1.0})
    for row in (
        {"number": 1},
        {"number": 1, "status": "repeat"},
        {"candidate": laboratory.evaluations()[0].proposal.candidate},
    ):
        with pytest.raises(ReportError, match=r"line 1: proposal 1 .* has its result, at heat .*; to report a measurement"):
            laboratory.tell({"heat": 90, "value": 2.0} | row)
    with pytest.raises(ReportError, match="a correction replaces values"):
        laboratory.tell({"number": 1, "heat": 90, "value": 2.0, "status": "correction"})
    with pytest.raises(ReportError, match="line 2: another row of proposal 2 says that something else was measured"):
        laboratory.tell({"number": 2, "value": 1.0}, {"number": 2, "heat": 90, "value": 1.0})
    own = cells(laboratory, laboratory.evaluations()[0].proposal.candidate)
    with pytest.raises(ReportError, match="line 2: another row describes 'mine' otherwise"):
        laboratory.tell(*({"candidate": "mine", **own, "heat": heat, "value": 1.0} for heat in (90, 91)))
    assert len(laboratory.evaluations()) == 2


def test_a_failure_at_other_conditions_is_theirs(oven):
    laboratory = oven(1)
    assert laboratory.tell({"number": 1, "heat": 90, "status": "failed"}).new == {"failures": 1, "off_pool": 1}
    assert [state for state, _, _ in states(laboratory)] == [CANCELLED, EvaluationState.FAILED]


def test_released_and_retried_proposals(oven):
    laboratory = oven(2)
    ask_tell.release(laboratory.resources, ADA, "lab", [1])
    first, second = (item.proposal.candidate for item in laboratory.evaluations())
    laboratory.tell({"number": 1, "heat": 90, "value": 1.0}, {"number": 2, "heat": 91, "value": 2.0})
    assert [done_as for _, done_as, _ in states(laboratory)] == [3, 4, None, None]
    assert campaign_status(laboratory.store, "lab").evaluations == 2
    steer.request(laboratory.store, ADA, "lab", "retry")
    assert ask_tell.apply_commands_now(laboratory.resources, "lab")
    assert laboratory.numbers() == [], "both were measured, as far as anybody wanted"
    steer.request(laboratory.store, ADA, "lab", "retry", [first])
    assert ask_tell.apply_commands_now(laboratory.resources, "lab")
    assert laboratory.numbers() == [1]
    laboratory.tell({"number": 1, "value": 9.0})
    assert states(laboratory)[0] == (DONE, None, 9.0)
    assert second not in {item.candidate for item in laboratory.waiting().waiting}


def test_columns_that_are_not_read_are_listed_once(oven):
    laboratory = oven(3)
    assert laboratory.tell({"number": 1, "operator": "Ada", "value": 1.0}).ignored == ("operator",)
    told = laboratory.tell({"number": 2, "operator": "Ada", "humidity": 3, "value": 2.0})
    assert told.ignored == ("humidity",)
    assert laboratory.tell({"number": 3, "operator": "Ada", "humidity": 3, "value": 3.0}).ignored == ()


def test_measurements_of_ones_own_in_a_space_of_parameters(oven):
    laboratory = oven(proposer={"type": "gp", "initial_points": 2}, budget={"evaluations": 12})
    own = {"heat": 40.1, "rate": 0.5, "layers": 3, "solvent": "water", "mix.a": 0.333, "mix.b": 0.667}
    assert laboratory.tell({**own, "value": 9.0}, {"candidate": "mine", **own, "heat": 95, "value": 1.0}).new == {
        "values": 2,
        "off_pool": 2,
    }
    assert laboratory.tell({**own, "value": 9.0}).new == {}
    one, two = (item.proposal.candidate for item in laboratory.evaluations())
    assert (two, cells(laboratory, one), cells(laboratory, "mine")["heat"]) == ("mine", own, 95.0)
    with pytest.raises(ReportError, match="candidate: 'p000900' is a name as the space gives it"):
        laboratory.tell({"candidate": "p000900", **own, "heat": 50, "value": 1.0})
    with pytest.raises(ReportError, match=r"to describe a new candidate, mix\.b must be given too"):
        laboratory.tell({key: cell for key, cell in own.items() if key != "mix.b"} | {"value": 1.0})
    for _ in range(3):
        assert laboratory.ask(2).reason == "waiting"
        laboratory.tell(*({"number": item.number, "value": 0.0} for item in laboratory.waiting().waiting))
    assert any(item.proposal.candidate.startswith(f"{one}-") for item in laboratory.evaluations()), "the best has neighbours"


def test_neighbours_of_a_candidate_outside_the_constraints_are_left_out(tmp_path):
    row = {"id": "mine", "cells": {"heat": 79, "rate": 0.5, "layers": 3, "solvent": "water", "mix.a": 0.3, "mix.b": 0.7}}
    inside = {"id": "other", "cells": {**row["cells"], "heat": -5.0}}
    space = open_space(ParametersSpaceSpec.model_validate(OVEN | {"off_pool": [row, inside]}), tmp_path)
    assert len(space.pool()) == 34
    assert space.refined([], ["mine"]).ids.tolist() == space.pool().ids.tolist()
    for wrong in ({"id": "p000001"}, {"cells": row["cells"] | {"layers": 0.5}}, {"cells": {"heat": 79}}):
        with pytest.raises(ConfigurationError, match=r"space\.off_pool: "):
            open_space(ParametersSpaceSpec.model_validate(OVEN | {"off_pool": [row | wrong]}), tmp_path)
    added = set(space.refined([], ["mine", "other"]).ids.tolist()) - set(space.pool().ids.tolist())
    assert len(added) > 10
    for name in added:
        assert name.startswith("other-")
        assert 20 <= space.cells(name)["heat"] <= 78


def test_what_was_done_otherwise_moves_with_an_exported_campaign(oven, tmp_path):
    laboratory, store = oven(), MemoryCampaignStore()
    laboratory.ask(2)
    laboratory.tell({"number": 1, "heat": 90, "value": 5.0})
    path = tmp_path / "lab.parquet"
    export_observations(laboratory.store, "lab", path)
    owner = LeaseOwner(host="here", pid=1, process_started=0.0, user="ada")
    assert import_observations(store, path, owner).unchecked is None
    assert pd.read_parquet(path)["cost"].tolist() == [0.0, 1.0, 1.0], "what was not done costs nothing"
    other = replace(laboratory, store=store, resources=replace(laboratory.resources, store=store))
    assert [item.done_as for item in other.evaluations()] == [3, None, None]
    assert other.tell({"number": 1, "value": 5.5, "status": "repeat"}).new == {"repeats": 1}


def test_readers_see_a_report_about_ended_evaluations(oven):
    laboratory = oven(1)
    laboratory.tell({"number": 1, "value": 1.0})
    mark = laboratory.store.changes("lab").mark
    laboratory.tell({"number": 1, "value": 2.0, "status": "correction"})
    assert laboratory.store.changes("lab", mark).reset


def test_a_row_names_the_candidate_that_was_measured_instead(open_laboratory):
    laboratory = open_laboratory(2, proposer={"type": "grid"})
    first, second = laboratory.waiting().waiting
    for wrong, said in (
        ({"number": 1, "instead": "wine-300", "value": 5.0}, "instead: 'wine-300' is not in the space"),
        ({"number": 1, "instead": "water-575", "temperature": 310, "value": 5.0}, "temperature 310 too; give one of the two"),
        ({"instead": "water-575", "value": 5.0}, "number, candidate: both are missing"),
    ):
        with pytest.raises(ReportError, match=re.escape(said)):
            laboratory.tell(wrong)
    told = laboratory.tell(
        {"number": 1, "instead": "water-575", "value": 5.0} | first.cells,
        {"number": 2, "instead": second.candidate, "value": 6.0},
    )
    assert told.new == {"values": 2}
    assert f"proposal 1 ({first.candidate}): candidate proposed {first.candidate}, done water-575" in told.describe()
    assert states(laboratory) == [(CANCELLED, 3, None), (DONE, None, 6.0), (DONE, None, 5.0)]
    assert laboratory.evaluations()[2].proposal.candidate == "water-575"
