from __future__ import annotations

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.campaign import CampaignSpec, ObjectiveSpec
from tansaku.models.domain.specs.objective import AllBelowSpec, BestPerSystemSpec, TopKSpec

TABLE = {"type": "table", "candidates": "a.csv", "columns": {"id": "id", "value": "v"}, "features": {"x": {"columns": "x"}}}


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
    document = {
        "schema_version": 1,
        "name": "a",
        "space": TABLE,
        "objective": {"unit": "eV", "goal": goal},
        "proposer": {"type": "gp", "acquisition": acquisition},
    }
    if serves:
        assert CampaignSpec.model_validate(document).objective.goal.type == goal["type"]
        return
    with pytest.raises(ValidationError, match=f"proposer.acquisition: {acquisition} does not serve the goal {goal['type']}"):
        CampaignSpec.model_validate(document)


def test_failures_are_learned_by_a_model_only():
    document = {"schema_version": 1, "name": "a", "space": TABLE, "constraints": {"avoid_failures": True, "max_cost": 5}}
    assert CampaignSpec.model_validate(document).constraints.max_cost == 5.0
    with pytest.raises(ValidationError, match=r"constraints.avoid_failures: proposer random learns nothing"):
        CampaignSpec.model_validate(document | {"proposer": {"type": "random"}})
    with pytest.raises(ValidationError, match="greater than 0"):
        CampaignSpec.model_validate(document | {"constraints": {"max_cost": 0}})


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        ({"within": 5}, "5 has no unit"),
        ({"within": "5 meV"}, r"budget.stop.within: 'meV' cannot be converted to 'mJ/m2', the objective's unit"),
        ({"within": "-5 mJ/m2"}, "is negative"),
        ({"within": "5 mJ/m2", "probability": 1.0}, "less than or equal to 0.999"),
        ({"within": "5 mJ/m2", "probability": 0.3}, "greater than or equal to 0.5"),
        ({"probability": 0.9}, "within"),
    ],
)
def test_bad_stop_rules_are_refused(stop, message):
    document = {"schema_version": 1, "name": "a", "space": TABLE, "budget": {"stop": stop}}
    with pytest.raises(ValidationError, match=message):
        CampaignSpec.model_validate(document)


def test_a_stop_rule_needs_a_model():
    document = {"schema_version": 1, "name": "a", "space": TABLE, "budget": {"stop": {"within": "5 mJ/m2"}}}
    assert CampaignSpec.model_validate(document).budget.stop.probability == 0.95
    with pytest.raises(ValidationError, match=r"budget.stop: proposer grid cannot tell what remains"):
        CampaignSpec.model_validate(document | {"proposer": {"type": "grid"}})
