from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.certificate import ENOUGH
from tansaku.models.domain.ports import Certifier, History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, RandomProposerSpec
from tansaku.models.engine.certificate import AS_DRAWN, JOINT, LEARNED, Calibration, Remaining, question
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.kernels import expand
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import build_kernel
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.transforms import OutputTransform, TransformState

OBSERVED = np.array([0, 3, 30, 55, 60, 90, 100])
VALUES = np.array([210.0, 190.0, 150.0, 200.0, 170.0, 160.0, 155.0])


def predict(pool, state=None) -> Prediction:
    terms = expand(build_kernel("additive", pool))
    parameters = {name: prior.centre for name, prior in default_priors(pool, terms).items()}
    state = state or TransformState(False, 0.0, np.full(3, 180.0), 30.0)
    posterior = PoolPosterior(pool, terms, parameters, 1e-3)
    posterior.start(OBSERVED.tolist())
    targets = state.forward(VALUES, pool.system_codes[OBSERVED])
    mean, variance = posterior.predict([], [], targets, np.ones(len(OBSERVED), dtype=bool))
    return Prediction(state, mean, np.sqrt(variance), posterior)


def all_open(asked):
    return replace(asked, open_shares=(1.0,) * len(asked.levels))


def ask(pool, prediction, *, by_system=True, closed=OBSERVED, calibration=AS_DRAWN, seed=0, joint=JOINT) -> Remaining:
    open_ = np.ones(len(pool), dtype=bool)
    open_[closed] = False
    levels = np.full(3, np.inf)
    np.minimum.at(levels, pool.system_codes[OBSERVED], VALUES)
    if not by_system:
        levels = np.full(3, VALUES.min())
    asked = replace(question(pool, levels, open_, len(OBSERVED), by_system=by_system), joint=joint)
    return Remaining(pool, [prediction], all_open(asked), np.random.default_rng(seed), calibration)


def brute_force(pool, prediction, within: float, members: np.ndarray, level: float) -> float:
    """Share of joint draws of all members in which none is better."""
    covariance = prediction.posterior.covariance_between(members, members)
    root = np.linalg.cholesky(covariance + 1e-3 * np.eye(len(members)))
    draws = prediction.mean[members] + np.random.default_rng(9).standard_normal((20_000, len(members))) @ root.T
    values = prediction.state.scale * draws + prediction.state.centre[pool.system_codes[members]]
    return float((values.min(axis=1) >= level - within).mean())


@pytest.mark.parametrize("within", [0.0, 10.0, 40.0])
def test_probabilities_are_those_of_joint_draws(grid_pool, within):
    prediction = predict(grid_pool)
    found = ask(grid_pool, prediction).probabilities(within)
    for code in range(3):
        members = np.setdiff1d(np.flatnonzero(grid_pool.system_codes == code), OBSERVED)
        level = VALUES[grid_pool.system_codes[OBSERVED] == code].min()
        assert found[code] == pytest.approx(brute_force(grid_pool, prediction, within, members, level), abs=0.04)


def test_one_question_for_all_systems(grid_pool):
    prediction = predict(grid_pool)
    members = np.setdiff1d(np.arange(len(grid_pool)), OBSERVED)
    found = ask(grid_pool, prediction, by_system=False).probabilities(20.0)
    assert found == pytest.approx([brute_force(grid_pool, prediction, 20.0, members, 150.0)], abs=0.04)


def test_candidates_that_are_not_drawn_can_only_lower_it(grid_pool):
    prediction = predict(grid_pool)
    full = ask(grid_pool, prediction).probabilities(20.0)
    bound = ask(grid_pool, prediction, joint=5).probabilities(20.0)
    assert (bound <= full + 0.03).all()
    assert bound.sum() < full.sum()


def test_tolerances_are_where_the_probability_reaches_the_confidence(grid_pool):
    remaining = ask(grid_pool, predict(grid_pool))
    together, alone = remaining.tolerances(0.9)
    for code, tolerance in enumerate(alone):
        assert remaining.probabilities(tolerance)[code] >= 0.9
        assert remaining.probabilities(tolerance - 0.1)[code] < 0.9
    assert together > alone.max()
    assert np.prod(remaining.probabilities(together)) == pytest.approx(0.9, abs=0.01)


def test_probability_grows_with_the_tolerance_and_repeats_with_the_seed(grid_pool):
    prediction = predict(grid_pool)
    first, again = (ask(grid_pool, prediction, seed=4) for _ in range(2))
    curve = [first.probabilities(x) for x in np.linspace(0, 100, 30)]
    assert (np.diff(curve, axis=0) >= 0).all()
    assert first.probabilities(12.0).tolist() == again.probabilities(12.0).tolist()


def test_a_finished_system_is_certain_and_an_unknown_one_is_not(grid_pool):
    prediction = predict(grid_pool)
    finished = np.union1d(OBSERVED, np.flatnonzero(grid_pool.system_codes == 0))
    assert ask(grid_pool, prediction, closed=finished, calibration=Calibration(-1.0, 0.1, 0.0)).probabilities(0.0)[0] == 1.0
    open_ = np.ones(len(grid_pool), dtype=bool)
    asked = question(grid_pool, np.array([np.inf, 150.0, 150.0]), open_, len(OBSERVED), by_system=True)
    assert asked.open_shares == (1.0, 1.0, 1.0)
    remaining = Remaining(grid_pool, [prediction], asked, np.random.default_rng(0))
    assert remaining.probabilities(1e6)[0] == 0.0
    together, alone = remaining.tolerances(0.9)
    assert (together, alone[0]) == (np.inf, np.inf)


def test_what_is_known_of_some_systems_holds_for_them_together(grid_pool):
    open_ = np.ones(len(grid_pool), dtype=bool)
    asked = question(grid_pool, np.array([np.inf, 150.0, 150.0]), open_, len(OBSERVED), by_system=True)
    remaining = Remaining(grid_pool, [predict(grid_pool)], asked, np.random.default_rng(0), AS_DRAWN)
    together, alone = remaining.tolerances(0.9)
    known = remaining.tolerance_of([1, 2], 0.9)
    assert together == np.inf
    assert alone[1:].max() < known < np.inf
    assert np.prod(remaining.probabilities(known)[1:]) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    "transform", [OutputTransform(log=True), OutputTransform(compress=0.7), OutputTransform(standardise="system")]
)
def test_tolerances_are_in_the_objectives_unit_under_every_transform(grid_pool, transform):
    state = transform.fit(VALUES, grid_pool.system_codes[OBSERVED], 3)
    prediction = predict(grid_pool, state)
    code, within = 1, 15.0
    members = np.setdiff1d(np.flatnonzero(grid_pool.system_codes == code), OBSERVED)
    level = VALUES[grid_pool.system_codes[OBSERVED] == code].min()
    covariance = prediction.posterior.covariance_between(members, members)
    root = np.linalg.cholesky(covariance + 1e-3 * np.eye(len(members)))
    draws = prediction.mean[members] + np.random.default_rng(5).standard_normal((20_000, len(members))) @ root.T
    limit = state.forward(np.array([level - within]), np.array([code]))[0]
    expected = (draws.min(axis=1) >= limit).mean()
    assert ask(grid_pool, prediction).probabilities(within)[code] == pytest.approx(expected, abs=0.04)


def test_calibration_moves_probabilities_and_keeps_their_order():
    soft = Calibration(0.3, 0.5, 0.7)
    levels = [soft(p, 30.0, 1.0) for p in (0.0, 0.01, 0.2, 0.5, 0.9, 1.0)]
    assert levels == sorted(levels)
    assert soft(0.5, 30.0, 1.0) == pytest.approx(0.6179, abs=1e-3)
    assert soft(0.5, 60.0, 1.0) > soft(0.5, 30.0, 1.0)
    assert soft(0.5, 30.0, 0.1) == pytest.approx(1 - 0.1 * (1 - 0.6179), abs=1e-3)
    assert [AS_DRAWN(p, 7.0, 1.0) for p in (0.2, 0.7)] == pytest.approx([0.2, 0.7])
    assert 0 < levels[0] < levels[-1] < 1


def test_an_ensemble_is_averaged(grid_pool):
    one = predict(grid_pool)
    other = replace(one, mean=one.mean - 1.0)
    open_ = np.ones(len(grid_pool), dtype=bool)
    open_[OBSERVED] = False
    asked = question(grid_pool, np.full(3, 150.0), open_, len(OBSERVED), by_system=True)
    alone = [Remaining(grid_pool, [p], asked, np.random.default_rng(0), AS_DRAWN).probabilities(30.0) for p in (one, other)]
    both = Remaining(grid_pool, [one, other], asked, np.random.default_rng(0), AS_DRAWN).probabilities(30.0)
    assert both == pytest.approx(np.mean(alone, axis=0), abs=0.04)
    uneven = [replace(one, weight=0.1), replace(other, weight=0.9)]
    weighed = Remaining(grid_pool, uneven, asked, np.random.default_rng(0), AS_DRAWN).probabilities(30.0)
    assert weighed == pytest.approx(np.average(alone, axis=0, weights=[0.1, 0.9]), abs=0.04)
    assert np.abs(weighed - both).max() > 0.05


@pytest.mark.parametrize(
    "goal", [{"type": "best_per_system"}, {"type": "top_k", "k": 3}, {"type": "all_below", "threshold": "140 mJ/m2"}]
)
def test_a_proposer_answers_for_its_goal_and_its_choice_stays_the_same(grid_pool, goal):
    proposer = build_proposer(GPProposerSpec(), ObjectiveSpec.model_validate({"goal": goal}))
    assert isinstance(proposer, Certifier)
    history = History(OBSERVED, VALUES, pending=np.array([17]))
    fitted = proposer.fit(grid_pool, history, None)
    before = proposer.propose(grid_pool, history, 9, np.random.default_rng(0), fitted)
    remaining = proposer.remaining(grid_pool, history, np.random.default_rng(0), fitted)
    assert len(remaining.probabilities(5.0)) == (3 if goal["type"] == "best_per_system" else 1)
    assert proposer.propose(grid_pool, history, 9, np.random.default_rng(0), fitted) == before
    assert not isinstance(build_proposer(RandomProposerSpec()), Certifier)


def test_the_results_that_a_sentence_asks_for_are_those_that_the_correction_needs():
    sure = [LEARNED(1.0, number, 1.0) for number in (ENOUGH - 1, ENOUGH)]
    assert sure[0] < 0.95 <= sure[1]
