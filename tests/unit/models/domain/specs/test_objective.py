from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec, ObjectiveSpec
from tansaku.models.domain.specs.objective import AllBelowSpec, BestPerSystemSpec, StopRuleSpec, TopKSpec, parse_worth
from tansaku.models.domain.states import StopReason
from tests.support.campaign_files import boundary_space

TABLE = {"type": "table", "candidates": "a.csv", "columns": {"id": "id", "value": "v"}, "features": {"x": {"columns": "x"}}}


def campaign(**keys: object) -> CampaignSpec:
    return CampaignSpec.model_validate({"schema_version": 1, "name": "a", "space": TABLE} | keys)


def objective(**goal: object) -> ObjectiveSpec:
    return ObjectiveSpec.model_validate({"unit": "eV", "goal": goal})


def test_goals_are_told_by_their_type():
    assert ObjectiveSpec().goal == BestPerSystemSpec()
    assert objective(type="best_overall").goal.type == "best_overall"
    assert objective(type="top_k", k=10).goal == TopKSpec(k=10)
    assert objective(type="all_below", threshold="300 meV").goal == AllBelowSpec(threshold="300 meV")


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ({"type": "all_below", "threshold": 0.3}, "0.3 has no unit"),
        ({"type": "all_below", "threshold": "0.3"}, "0.3 has no unit"),
        ({"type": "all_below", "threshold": "0.3 mJ/m2"}, "goal.threshold: 'mJ/m2' cannot be converted to 'eV'"),
        ({"type": "all_below"}, "threshold"),
        ({"type": "top_k", "k": 0}, "greater than or equal to 1"),
        ({"type": "best_overall", "k": 2}, "k"),
    ],
)
def test_bad_goals_are_refused(goal, message):
    with pytest.raises(ValidationError, match=message):
        objective(**goal)


@pytest.mark.parametrize(
    ("goal", "acquisition", "serves"),
    [
        ({"type": "all_below", "threshold": "0.3 eV"}, "ei", False),
        ({"type": "all_below", "threshold": "0.3 eV"}, "straddle", True),
        ({"type": "all_below", "threshold": "0.3 eV"}, "probability", True),
        ({"type": "all_below", "threshold": "0.3 eV"}, "expected_found", True),
        ({"type": "best_overall"}, "expected_found", False),
        ({"type": "best_overall"}, "thompson", True),
        ({"type": "top_k", "k": 3}, "ei", True),
    ],
)
def test_an_acquisition_has_to_serve_the_goal(goal, acquisition, serves):
    keys = {"objective": {"unit": "eV", "goal": goal}, "proposer": {"type": "gp", "acquisition": acquisition}}
    if serves:
        assert campaign(**keys).objective.goal.type == goal["type"]
        return
    with pytest.raises(ValidationError, match=f"proposer.acquisition: {acquisition} does not support the goal {goal['type']}"):
        campaign(**keys)


def test_failures_are_learned_by_a_model_only():
    constraints = {"avoid_failures": True, "max_cost": 5}
    assert campaign(constraints=constraints).constraints.max_cost == 5.0
    with pytest.raises(ValidationError, match=r"constraints.avoid_failures: proposer random has no model"):
        campaign(constraints=constraints, proposer={"type": "random"})
    with pytest.raises(ValidationError, match="greater than 0"):
        campaign(constraints={"max_cost": 0})


WORTH = {"when": "not_worth_it", "worth": "1 mJ/m2 per evaluation"}


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        ({"within": 5}, "5 has no unit"),
        ({"within": "5 meV"}, r"budget.stop.within: 'meV' cannot be converted to 'mJ/m2', the objective's unit"),
        ({"within": "-5 mJ/m2"}, "is negative"),
        ({"within": "5 mJ/m2", "probability": 1.0}, "less than or equal to 0.999"),
        ({"within": "5 mJ/m2", "probability": 0.3}, "greater than or equal to 0.5"),
        ({"probability": 0.9}, "within"),
        ({"when": "not_worth_it"}, "worth: missing; when: not_worth_it needs it"),
        (WORTH | {"within": "5 mJ/m2"}, "within: not with when: not_worth_it; remove it"),
        ({"within": "5 mJ/m2", "worth": "1 mJ/m2 per cost"}, "worth: not with when: certain; remove it"),
        (
            WORTH | {"worth": "1 mJ/m2"},
            "is no gain for a price; expected a number with its unit per evaluation, cost, core_hour",
        ),
        (WORTH | {"worth": "1 mJ/m2 per day"}, "is no gain for a price"),
        (WORTH | {"worth": "1 per cost"}, "1 has no unit"),
        (WORTH | {"worth": "1 meV per cost"}, r"budget.stop.worth: 'meV' cannot be converted to 'mJ/m2', the objective's unit"),
        (WORTH | {"worth": "-1 mJ/m2 per cost"}, "is negative"),
        (WORTH | {"worth": "1 mJ/m2 per core_hour"}, "the costs of this space are no times; expected per evaluation or cost"),
    ],
)
def test_bad_stop_rules_are_refused(stop, message):
    with pytest.raises(ValidationError, match=message):
        campaign(budget={"stop": stop})


def test_a_rule_of_worth_is_checked_at_each_proposal_and_needs_a_goal_with_a_gain():
    rule = campaign(budget={"stop": WORTH}).budget.stop
    assert (rule.interval, rule.reason) == (1, StopReason.NOT_WORTH_IT)
    assert parse_worth(rule.worth) == ("1 mJ/m2", "evaluation")
    certain = StopRuleSpec(within="5 mJ/m2")
    assert (certain.interval, certain.reason) == (10, StopReason.CERTAIN)
    below = {"goal": {"type": "all_below", "threshold": "5 mJ/m2"}}
    with pytest.raises(ValidationError, match=r"budget.stop.when: not_worth_it, but with the goal all_below"):
        campaign(budget={"stop": WORTH}, objective=below)


def test_core_hours_are_a_price_where_cost_is_learned():
    stop = WORTH | {"worth": "1 mJ/m2 per core_hour"}
    space = boundary_space("Al", 4.05, [1, 1, 3], axis=[1, 1, 0], cost={"model": "measured"})
    loaded = campaign(space=space, calculator={"type": "emt"}, objective={"unit": "mJ/m2"}, budget={"stop": stop})
    assert loaded.budget.stop.worth == "1 mJ/m2 per core_hour"


def test_a_stop_rule_needs_a_model():
    budget = {"stop": {"within": "5 mJ/m2"}}
    assert campaign(budget=budget).budget.stop.probability == 0.95
    with pytest.raises(ValidationError, match=r"budget.stop: proposer grid does not estimate what remains"):
        campaign(budget=budget, proposer={"type": "grid"})


def hull(**changes: object) -> dict:
    objective = {"property": "formation_energy", "unit": "meV/atom", "goal": {"type": "on_hull"}}
    space = {"type": "structures", "paths": ["a.cif"], "phases": {"energies": {"Cu": 0.0}}}
    campaign = {"schema_version": 1, "name": "a", "space": space, "calculator": {"type": "emt"}}
    return campaign | {"objective": objective | changes.pop("objective", {})} | changes


FORMULAS = TABLE | {"columns": TABLE["columns"] | {"formula": "f"}}


def test_a_hull_is_of_energies_of_candidates_with_a_composition():
    assert CampaignSpec.model_validate(hull()).objective.goal.acquisitions[0] == "hull_gain"
    assert CampaignSpec.model_validate(hull(space=FORMULAS, calculator=None)).space.competes
    composition = {"type": "composition", "parent": {"prototype": "tavorite"}, "phases": {"energies": {"Li": 0.0}}}
    assert CampaignSpec.model_validate(hull(space=composition)).space.competes
    for changes, message in (
        (
            {"objective": {"property": "energy_above_hull"}},
            "on_hull is about energy_per_atom or formation_energy of cand",
        ),
        ({"objective": {"property": "volume", "unit": "Angstrom3/atom"}}, "on_hull is about energy_per_atom or"),
        ({"space": TABLE, "calculator": None}, "with a composition; expected .* or table with columns.formula"),
        (
            {"space": FORMULAS, "calculator": None, "objective": {"unit": "V"}},
            "unit: 'V'; the goal on_hull expects eV/atom or",
        ),
        ({"objective": {"direction": "maximize"}}, "expected minimize for the goal on_hull"),
        (
            {"objective": {"limits": [{"property": "volume", "at_most": "20 Angstrom3/atom"}]}},
            "limits: not with the goal on_hull",
        ),
        ({"proposer": {"type": "gp", "acquisition": "ei"}}, "ei does not support the goal on_hull"),
        ({"proposer": {"type": "sparse"}}, "sparse does not support the goal on_hull"),
        (
            {"budget": {"stop": WORTH | {"worth": "1 meV/atom per evaluation"}}},
            "with the goal on_hull an evaluation gains no amount",
        ),
    ):
        with pytest.raises(ValidationError, match=message):
            CampaignSpec.model_validate(hull(**changes))


def pareto(**changes: object) -> dict:
    space = TABLE | {"columns": TABLE["columns"] | {"quantities": {"hull": {"column": "h", "unit": "meV/atom"}}}}
    goal = {"type": "pareto", "also": [{"property": "hull", "unit": "eV/atom"}]}
    return {"schema_version": 1, "name": "a", "space": space, "objective": {"unit": "eV", "goal": goal | changes}}


def test_a_front_knows_its_objectives():
    goal = CampaignSpec.model_validate(pareto(reference=["1 eV", "100 meV/atom"])).objective
    assert [(one.property, one.unit, one.direction) for one in goal.further] == [("hull", "eV/atom", "minimize")]
    assert goal.further_directions == ("minimize",)
    assert ObjectiveSpec().further == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"also": [{"property": "hull"}]}, r"also\.0\.unit\s+Field required"),
        (
            {"also": [{"property": "hull", "unit": "eV"}]},
            r"objective.goal.also\[0\].unit: 'meV/atom' cannot be converted to 'eV'",
        ),
        ({"also": [{"property": "shell", "unit": "eV"}]}, r"objective.goal.also\[0\].property: 'shell' is not known; .* hull"),
        ({"also": []}, "at least 1"),
        ({"also": [{"property": "hull", "unit": "eV/atom"}] * 2}, "also: 'hull' is named twice"),
        ({"reference": ["1 eV"]}, "goal.reference: 1 values for 2 objectives, expected one for each"),
        ({"reference": ["1 eV", "2 eV"]}, r"goal.reference\[1\]: 'eV' cannot be converted to 'eV/atom', the unit of that"),
        ({"reference": [1, "2 eV/atom"]}, "1 has no unit"),
    ],
)
def test_bad_fronts_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        CampaignSpec.model_validate(pareto(**changes))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"proposer": {"type": "gp", "acquisition": "ei"}},
            "ei does not support the goal pareto; expected one of ehvi, log_nehvi",
        ),
        (
            {"budget": {"stop": {"within": "5 meV"}}},
            "budget.stop.when: certain, but with the goal pareto nothing is certified; expected not_worth_it and worth",
        ),
        (
            {"budget": {"stop": {"when": "not_worth_it", "worth": "5 meV per evaluation"}}},
            "budget.stop.worth: 'meV' .* cannot be converted to '%'.*, a share of the front's volume",
        ),
        ({"space": TABLE}, r"also\[0\].property: 'hull' is not known; expected a quantity that space.columns.quantities names"),
    ],
)
def test_what_does_not_go_with_a_front_is_refused(more, message):
    with pytest.raises(ValidationError, match=message):
        CampaignSpec.model_validate(pareto() | more)


def reported(also, **changes):
    space = {"type": "table", "candidates": "a.csv", "columns": {"id": "name"}, "features": {"x": {"columns": ["x"]}}}
    objective = {"unit": "GPa", "property": "hardness", "goal": {"type": "pareto", "also": [also]}}
    document = {"schema_version": 1, "name": "a", "space": space, "calculator": {"type": "manual"}, "objective": objective}
    return CampaignSpec.model_validate(document | changes)


def test_a_report_gives_all_quantities_of_a_front_whatever_their_names():
    spec = reported({"property": "strength", "unit": "MPa"})
    assert spec.measured == {"value": "GPa", "strength": "MPa"}
    with pytest.raises(ValidationError, match=r"budget\.stop\.when: certain, but with the goal pareto"):
        reported({"property": "strength", "unit": "MPa"}, budget={"stop": {"within": "1 GPa"}})
    stop = {"when": "not_worth_it", "worth": "2 % per evaluation"}
    assert reported({"property": "strength", "unit": "MPa"}, budget={"stop": stop}).budget.stop.interval == 1


@pytest.mark.parametrize(
    ("quantities", "message"),
    [
        ({}, r"known\.quantities\.strength: missing; with the goal pareto each result gives strength"),
        ({"strength": {"column": "s", "unit": "J"}}, r"known\.quantities\.strength\.unit: 'J' .* cannot be converted to 'MPa'"),
        ({"toughness": {"column": "t", "unit": "J"}}, r"'toughness' is no quantity of a result; expected strength"),
        ({"strength": {"column": "s"}}, r"known\.quantities\.strength\.unit"),
    ],
)
def test_known_results_have_all_quantities_of_a_front(quantities, message):
    wanted = {"property": "strength", "unit": "MPa"}
    with pytest.raises(ValidationError, match=message):
        reported(wanted, known={"file": "a.csv", "quantities": quantities})
    spec = reported(wanted, known={"file": "a.csv", "quantities": {"strength": {"column": "s", "unit": "GPa"}}})
    assert CampaignSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize("name", ["value", "id", "note", "std", "uncertainty", "hardness"])
def test_a_measured_quantity_has_no_name_of_another_column(name):
    with pytest.raises(ValidationError, match=rf"objective\.goal\.also\[0\]\.property: a column '{name}' of a report"):
        reported({"property": name, "unit": "MPa"})


def test_the_acquisition_of_a_front_serves_nothing_else():
    with pytest.raises(ValidationError, match="ehvi does not support the goal best_per_system"):
        campaign(proposer={"type": "gp", "acquisition": "ehvi"})


def test_the_documented_front_is_a_campaign():
    page = (Path(__file__).parents[5] / "docs" / "guide" / "objectives.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(space:.*?)```", page.partition("## Search several objectives")[2], flags=re.DOTALL)
    spec = CampaignSpec.model_validate({"schema_version": 1, "name": "a"} | yaml.safe_load(text))
    assert [one.property for one in spec.objective.further] == ["stability"]


def limited(*limits: object, **more: object) -> dict:
    space = TABLE | {"columns": TABLE["columns"] | {"quantities": {"hull": {"column": "h", "unit": "meV/atom"}}}}
    objective = {"unit": "eV", "goal": {"type": "best_overall"}, "limits": limits}
    return {"schema_version": 1, "name": "a", "space": space, "objective": objective} | more


def test_a_limit_is_a_quantity_of_the_evaluation_with_a_range():
    spec = CampaignSpec.model_validate(limited({"property": "hull", "at_least": "0.01 eV/atom", "at_most": "30 meV/atom"}))
    (limit,) = spec.objective.limits
    assert limit.bounds == pytest.approx((10.0, 30.0))
    assert limit.describe() == "0.01 eV/atom <= hull <= 30 meV/atom"
    assert [(item.property, item.unit, item.direction) for item in spec.objective.further] == [("hull", "meV/atom", "minimize")]
    assert (spec.objective.goals, spec.objective.directions) == ((), ("minimize",))
    assert CampaignSpec.model_validate(spec.model_dump(mode="json")) == spec
    one_sided = CampaignSpec.model_validate(limited({"property": "hull", "at_least": "10 meV/atom"})).objective.limits[0]
    assert (one_sided.bounds, one_sided.describe()) == ((10.0, np.inf), "10 meV/atom <= hull")


LIMIT = {"property": "hull", "at_most": "30 meV/atom"}


@pytest.mark.parametrize(
    ("limits", "more", "message"),
    [
        ([{"property": "hull"}], {}, "at_most, at_least: both are missing; expected at least one, such as at_most: 5 %"),
        ([{"property": "hull", "at_most": "30"}], {}, "30 has no unit"),
        ([LIMIT | {"at_least": "40 meV/atom"}], {}, "at_least: 40 meV/atom is above at_most, 30 meV/atom"),
        ([LIMIT | {"at_least": "4 K"}], {}, "at_least: 'K' cannot be converted to 'meV/atom', the unit of at_most"),
        ([LIMIT, LIMIT], {}, r"limits\[1\].property: 'hull' has a limit; give it at_least and at_most together"),
        ([LIMIT | {"property": "shell"}], {}, r"objective.limits\[0\].property: 'shell' is not known; expected one of hull"),
        ([LIMIT | {"at_most": "3 eV"}], {}, r"objective.limits\[0\].unit: 'meV/atom' cannot be converted to 'eV'"),
        ([LIMIT], {"budget": {"stop": {"within": "5 meV"}}}, "budget.stop.when: certain, but with objective.limits nothing is"),
        ([LIMIT], {"budget": {"stop": WORTH}}, "budget.stop.worth: 'mJ/m2' cannot be converted to 'eV', the objective's unit"),
        ([LIMIT], {"proposer": {"type": "sparse"}}, "objective.limits: proposer sparse does not learn them"),
        (
            [LIMIT],
            {"proposer": {"type": "gp", "acquisition": "ucb"}},
            "ucb does not weigh objective.limits; expected log_ei or",
        ),
        ([LIMIT], {"proposer": {"type": "gp", "floor": 2}, "objective": {"limits": [LIMIT]}}, "proposer.floor: not with"),
        (
            [LIMIT],
            {"objective": {"unit": "eV", "goal": {"type": "all_below", "threshold": "1 eV"}, "limits": [LIMIT]}},
            "limits: not with the goal all_below",
        ),
        (
            [LIMIT],
            {"objective": pareto()["objective"] | {"limits": [LIMIT]}},
            r"limits\[0\].property: 'hull' is an objective; expected a further quantity",
        ),
    ],
)
def test_bad_limits_are_refused(limits, more, message):
    with pytest.raises(ValidationError, match=message):
        CampaignSpec.model_validate(limited(*limits, **more))


def test_searches_without_a_model_go_with_limits():
    assert CampaignSpec.model_validate(limited(LIMIT, proposer={"type": "random"})).objective.limits


def test_a_report_names_a_limit_by_its_key():
    manual = limited({"property": "note", "at_most": "3 eV"}, calculator={"type": "manual"})
    manual["space"] = TABLE | {"columns": {"id": "id"}}
    with pytest.raises(ValidationError, match=r"objective.limits\[0\].property: a column 'note' of a report"):
        CampaignSpec.model_validate(manual)
