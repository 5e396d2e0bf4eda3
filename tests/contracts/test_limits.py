"""Searches under limits: every goal that allows them, faster than ignoring them, complete, and repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.feasibility import answers_of
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, RandomProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.act.replay.campaign import replay
from tests.support.pools import pool_of
from tests.support.records import rules_of

LIMITS = [{"property": "impurity", "at_most": "-0.3 eV"}]
ALSO = [{"property": "cost", "unit": "eV"}]
GOALS = ({"type": "best_per_system"}, {"type": "best_overall"}, {"type": "top_k", "k": 3}, {"type": "pareto", "also": ALSO})


def square():
    """Gardner's first simulation: the lowest values break the limit."""
    axis = np.linspace(0, 6, 16)
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    pool = pool_of(256, FeatureGroup("x", np.column_stack([x, y]), np.arange(256), ("x", "y")))
    return pool, np.cos(2 * x) * np.cos(y) + np.sin(x), np.cos(x + y), np.sin(y)


def search(objective: ObjectiveSpec, spec, count: int, seed: int = 0, in_flight: int = 1):
    pool, value, impurity, cost = square()
    columns = {"impurity": impurity, "cost": cost}
    values = np.column_stack([value, *(columns[item.property] for item in objective.further)])
    proposer = build_proposer(spec, objective)
    further = objective.further_directions
    rules = rules_of(proposer, pool, count, seed=seed, in_flight=in_flight, further=further)
    return values, replay(pool, values, proposer, rules, count_initial=True)


def objective_of(goal: dict) -> ObjectiveSpec:
    return ObjectiveSpec.model_validate({"unit": "eV", "goal": goal, "limits": LIMITS})


@pytest.mark.parametrize("in_flight", [1, 4])
def test_the_best_within_the_limit_is_found_sooner_than_at_random(in_flight):
    objective = objective_of({"type": "best_overall"})
    found = {"gp": [], "random": []}
    for seed in range(3):
        for name, spec in (("gp", GPProposerSpec(engine=3)), ("random", RandomProposerSpec())):
            values, done = search(objective, spec, 24, seed, in_flight)
            answers = answers_of(objective, values)[:, 0]
            found[name].append(np.nanmin(answers[done.positions]) - np.nanmin(answers))
    assert max(found["gp"]) < 0.05
    assert np.mean(found["gp"]) < 0.2 * np.mean(found["random"])


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal["type"])
def test_most_of_what_is_evaluated_keeps_the_limit(require, goal):
    if goal["type"] == "pareto":
        require("botorch")
    objective = objective_of(goal)
    values, done = search(objective, GPProposerSpec(), 20)
    kept = ~np.isnan(answers_of(objective, values)[:, 0])
    assert kept[done.positions[8:]].mean() > kept.mean() + 0.15
    again = search(objective, GPProposerSpec(), 20)[1]
    assert again.positions.tolist() == done.positions.tolist()
