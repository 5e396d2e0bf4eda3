"""Several quantities of each evaluation: probabilities of keeping limits, and what they do to a choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import LimitSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.several import log_between, log_chance
from tests.support.pools import pool_of


@pytest.mark.parametrize(
    ("low", "high"), [(-np.inf, 0.3), (1.2, np.inf), (-1.0, 2.0), (3.0, 5.0), (-6.0, -4.0), (-np.inf, np.inf)]
)
def test_the_probability_between_two_numbers(low, high):
    wanted = np.log(norm.cdf(high) - norm.cdf(low)) if low < 3 else np.log(norm.sf(low) - norm.sf(high))
    assert log_between(np.array([low]), np.array([high])) == pytest.approx([wanted], rel=1e-10)


def test_far_from_a_limit_the_probability_still_tells_which_is_nearer():
    ends = np.array([-50.0, -60.0])
    below, above = log_between(np.full(2, -np.inf), ends), log_between(-ends, np.full(2, np.inf))
    assert np.isfinite(below).all()
    assert below[0] > below[1]
    assert above == pytest.approx(below)
    assert np.isfinite(log_between(-ends, -ends + 1e-300)).all()


def line() -> CandidatePool:
    x = np.linspace(0.0, 1.0, 41)
    return pool_of(41, FeatureGroup("x", x[:, None], np.arange(41), ("x",)))


X = np.linspace(0.0, 1.0, 41)
LIMIT = LimitSpec(property="impurity", at_most="0.5 eV")
OBJECTIVE = ObjectiveSpec(unit="eV", goal={"type": "best_overall"}, limits=(LIMIT,))
SPEC = GPProposerSpec(engine=3)


def history(observed: list[int], value: np.ndarray, impurity: np.ndarray) -> History:
    return History(np.array(observed), value[observed], others=impurity[observed, None])


def proposed(known: History, objective: ObjectiveSpec = OBJECTIVE, spec: GPProposerSpec = SPEC):
    proposer = build_proposer(spec, objective)
    return proposer.propose(line(), known, 9, proposal_rng(0, 9), proposer.fit(line(), known, None))


def test_while_no_result_keeps_the_limit_its_probability_alone_decides():
    """The values fall to the right, impurities to the left."""
    known = history([14, 18, 22, 26, 30], 1.0 - X, 0.2 + X)
    assert proposed(known).position < 12
    assert proposed(known, ObjectiveSpec(unit="eV", goal={"type": "best_overall"})).position > 30


def test_the_incumbent_is_the_best_result_within_the_limit():
    """The lowest value is impure: near it nothing is a gain, and what is a gain on the best pure one lies at the limit."""
    known = history([0, 4, 8, 32, 36, 40], 1.0 - X, 0.2 + X)
    choice = proposed(known)
    assert 8 < choice.position < 18
    ((mean, deviation),) = choice.others
    assert mean == pytest.approx(0.2 + X[choice.position], abs=3 * deviation + 0.05)
    assert build_proposer(SPEC, OBJECTIVE).name == "default+limits"


def test_values_beyond_the_limit_teach_both_models():
    value, impurity = np.sin(6 * X), 0.2 + X
    known = history([0, 4, 8, 32, 36, 40], value, impurity)
    proposer = build_proposer(SPEC, OBJECTIVE)
    fitted = proposer.fit(line(), known, None)["objectives"]
    assert [one["n_observed"] for one in fitted] == [6, 6]


def test_a_pending_candidate_beyond_the_limit_is_no_incumbent():
    known = history([0, 4, 8, 12, 32, 36, 40], 1.0 - X, 0.2 + X)
    waiting = replace(known, pending=np.array([38]))
    assert proposed(waiting).position == proposed(known).position


def test_limits_weigh_on_costs_and_failures_too():
    known = history([0, 4, 8, 32, 36, 40], 1.0 - X, 0.2 + X)
    choice = proposed(
        replace(known, failed=np.array([12, 13]), refused=np.array([12, 13])), spec=GPProposerSpec(cost_exponent=1.0)
    )
    assert choice.acquisition > 0


def test_members_of_a_mixture_weigh_their_probabilities():
    proposer = build_proposer(SPEC, OBJECTIVE)
    known = history([0, 10, 20, 30, 40], 1.0 - X, 0.2 + X)
    fitted = proposer.fit(line(), known, None)["objectives"][1]
    (_, model), part = proposer._models, replace(known, values=known.others[:, 0])
    members = model.predictions(line(), part, fitted)
    weights = [item.weight for item in members]
    alone = [np.exp(log_chance(LIMIT, line(), [item])) for item in members]
    assert np.exp(log_chance(LIMIT, line(), members)) == pytest.approx(np.average(alone, axis=0, weights=weights))
    first = members[0]
    mean = first.mean * first.state.scale + first.state.centre[0]
    wanted = norm.cdf((0.5 - mean) / (first.deviation * first.state.scale))
    assert alone[0] == pytest.approx(wanted, abs=1e-9)
