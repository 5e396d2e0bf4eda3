"""Searches for a front: complete, repeatable, and faster than chance."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import ConstraintsSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, RandomProposerSpec
from tansaku.models.engine.front import dominated_volume, volume_curve, worst
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.act.replay.campaign import replay
from tests.support.pools import pool_of
from tests.support.records import rules_of

pytestmark = pytest.mark.needs("botorch")

TWO = ObjectiveSpec.model_validate(
    {"unit": "eV", "goal": {"type": "pareto", "also": [{"property": "stability", "unit": "meV", "direction": "maximize"}]}}
)
THREE = ObjectiveSpec.model_validate(
    {"unit": "eV", "goal": {"type": "pareto", "also": [{"property": name, "unit": "eV"} for name in ("b", "c")]}}
)


def landscape(n: int = 300, seed: int = 3) -> tuple[CandidatePool, np.ndarray]:
    """Two systems; the second objective, which is wanted high, falls where the first one does."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(size=(n, 2))
    codes = np.arange(n) % 2
    pool = pool_of(
        np.where(codes == 0, 1.0, 2.0), FeatureGroup("place", place, np.arange(n), ("x", "y")), systems=("a", "b"), codes=codes
    )
    first = np.sin(3 * place[:, 0]) + 2 * (place[:, 1] - 0.3) ** 2 + 0.1 * codes
    second = np.cos(3 * place[:, 0]) + 2 * (place[:, 1] - 0.7) ** 2 + 0.2 * np.sin(6 * place[:, 1])
    return pool, np.column_stack([first, -1000.0 * second])


def search(proposer_spec, count, *, seed=0, objective=TWO, values=None, in_flight=1, constraints=None):
    pool, given = landscape()
    values = given if values is None else values
    proposer = build_proposer(proposer_spec, objective, constraints)
    known = {"direction": objective.direction, "further": objective.further_directions}
    rules = rules_of(proposer, pool, count, seed=seed, in_flight=in_flight, **known)
    return replay(pool, values, proposer, rules, count_initial=True)


def shares(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    signed = values * [1.0, -1.0]
    reference = worst(signed)
    return volume_curve(signed[positions], reference) / dominated_volume(signed, reference)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_the_front_is_known_after_fewer_evaluations_than_by_chance(in_flight):
    _, values = landscape()
    needed = {"gp": [], "random": []}
    for seed in range(5):
        for name, spec, count in (("gp", GPProposerSpec(preset="obo"), 45), ("random", RandomProposerSpec(), 300)):
            curve = shares(values, search(spec, count, seed=seed, in_flight=in_flight).positions)
            needed[name].append(int(np.argmax(curve >= 0.95)) + 1 if curve.max() >= 0.95 else 10_000)
    assert max(needed["gp"]) < 45
    assert np.mean(needed["gp"]) < 0.5 * np.mean(needed["random"])


def test_every_candidate_is_proposed_once_failures_included():
    pool, values = landscape(40)
    values = values.copy()
    values[3::7, 1] = np.nan
    proposer = build_proposer(GPProposerSpec(preset="obo"), TWO)
    rules = rules_of(proposer, pool, None, initial_count=2, in_flight=3, further=TWO.further_directions)
    done = replay(pool, values, proposer, rules, count_initial=True)
    assert sorted(done.positions.tolist()) == list(range(len(pool)))


@pytest.mark.parametrize(
    "spec",
    [GPProposerSpec(preset="obo"), GPProposerSpec(preset="published"), GPProposerSpec(hyperparameters="bayes", members=2)],
)
def test_a_resume_makes_the_same_choice_from_what_was_stored(spec):
    pool, values = landscape(60)
    observed, pending = np.arange(0, 30, 3), np.array([1, 4])
    history = History(observed, values[observed, 0], pending=pending, others=-values[observed, 1:])
    driver = build_proposer(spec, TWO)
    fitted = driver.fit(pool, history, None)
    assert json.loads(json.dumps(fitted)) == fitted
    for number in (11, 12):
        choice = driver.propose(pool, history, number, proposal_rng(0, number), fitted)
        again = build_proposer(spec, TWO).propose(
            pool, history, number, proposal_rng(0, number), json.loads(json.dumps(fitted))
        )
        assert choice == again
        assert choice.position not in {*observed.tolist(), *pending.tolist()}
        assert np.isfinite([choice.acquisition, choice.mean, choice.deviation]).all()


def choice_of(objective=TWO, spec=None, constraints=None, **changes):
    pool, values = landscape()
    observed = np.arange(0, 60, 3)
    history = History(observed, values[observed, 0], others=-values[observed, 1:])
    proposer = build_proposer(spec or GPProposerSpec(preset="obo"), objective, constraints)
    return proposer.propose(pool, replace(history, **changes), 25, proposal_rng(0, 25), None)


def test_a_pending_candidate_is_believed_and_another_one_chosen():
    first = choice_of().position
    pool, _ = landscape()
    second = choice_of(pending=np.array([first])).position
    place = pool.groups["place"].values
    assert second != first
    # Not a neighbour of the pending one either, whose result would tell the same.
    assert np.linalg.norm(place[second] - place[first]) > 0.05


def test_the_reference_says_which_part_of_the_front_is_worth_having():
    _, values = landscape()
    chosen = {}
    for name, reference in (("low", ["-0.2 eV", "-1500 meV"]), ("stable", ["2 eV", "400 meV"])):
        goal = TWO.goal.model_copy(update={"reference": tuple(reference)})
        chosen[name] = choice_of(TWO.model_copy(update={"goal": goal})).position
    assert values[chosen["low"], 0] < 0.2 < values[chosen["stable"], 0]
    assert values[chosen["low"], 1] < values[chosen["stable"], 1]


def test_a_direction_turns_the_objective_round():
    turned = ObjectiveSpec.model_validate(
        {"unit": "eV", "goal": {"type": "pareto", "also": [{"property": "stability", "unit": "meV"}]}}
    )
    _, values = landscape()
    found = [search(GPProposerSpec(preset="obo"), 25, objective=one).positions for one in (TWO, turned)]
    assert values[found[0], 1].mean() > values[found[1], 1].mean() + 200


def test_cost_and_likely_failure_count():
    pool, _ = landscape()
    dear = choice_of(spec=GPProposerSpec(preset="obo", cost_exponent=0.0)).acquisition
    cheap = choice_of(spec=GPProposerSpec(preset="obo", cost_exponent=8.0))
    assert pool.cost[cheap.position] == 1.0
    assert cheap.acquisition <= dear
    wanted = choice_of().position
    place = pool.groups["place"].values
    near = np.argsort(np.linalg.norm(place - place[wanted], axis=1))[1:6]
    near = near[near % 3 != 0]
    avoiding = choice_of(constraints=ConstraintsSpec(avoid_failures=True), failed=near, refused=near)
    indifferent = choice_of(failed=near, refused=near)
    assert avoiding.acquisition < indifferent.acquisition


def test_three_objectives_have_a_front_too():
    pool, values = landscape()
    third = pool.groups["place"].values[:, 1]
    values = np.column_stack([values[:, 0], -values[:, 1] / 1000, third])
    whole = dominated_volume(values, worst(values))
    reached = {}
    for name, spec in (("gp", GPProposerSpec(preset="obo")), ("random", RandomProposerSpec())):
        found = [search(spec, 30, seed=seed, objective=THREE, values=values).positions for seed in range(3)]
        reached[name] = np.mean([dominated_volume(values[one], worst(values)) / whole for one in found])
    assert reached["gp"] > 0.93
    assert reached["gp"] > reached["random"] + 0.05


def test_stated_errors_of_the_first_objective_are_not_those_of_the_others():
    pool, values = landscape(40)
    known = History(observed=np.arange(12), values=values[:12, 0], others=-values[:12, 1:])
    proposer = build_proposer(GPProposerSpec(preset="default"), TWO)
    plain, stated = (proposer.fit(pool, history, None)["objectives"] for history in (known, replace(known, noise=np.ones(12))))
    assert plain[0] != stated[0]
    assert plain[1] == stated[1]


def test_a_choice_says_what_is_expected_of_each_objective():
    pool, values = landscape(40)
    known = History(observed=np.arange(12), values=values[:12, 0], others=-values[:12, 1:])
    proposer = build_proposer(GPProposerSpec(preset="obo"), TWO)
    choice = proposer.propose(pool, known, 13, proposal_rng(0, 13), proposer.fit(pool, known, None))
    ((mean, deviation),) = choice.others
    assert deviation > 0
    assert abs(mean + values[choice.position, 1]) < 5 * deviation
