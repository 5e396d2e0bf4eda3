from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from tansaku.models.domain.pool import PotentialLines
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.gain import Conditional, Prediction, expected_found, gains, incumbents, levels
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.kernels import expand
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import build_kernel, settings
from tansaku.models.engine.transforms import TransformState

RNG = np.random.default_rng(3)
N = 12
_ROOT = RNG.normal(size=(N, 4))
COVARIANCE = _ROOT @ _ROOT.T / 4 + 0.2 * np.eye(N)
MEAN = RNG.normal(size=N)
DEVIATION = np.sqrt(np.diag(COVARIANCE))
THRESHOLD = np.full(N, -0.4)
OBSERVED = np.array([0, 30, 55])
VALUES = np.array([210.0, 190.0, 150.0])


@pytest.fixture
def prediction(grid_pool):
    terms = expand(build_kernel("additive", grid_pool))
    parameters = {name: prior.centre for name, prior in default_priors(grid_pool, terms).items()}
    state = TransformState(False, 0.0, np.full(3, 180.0), 30.0)
    posterior = PoolPosterior(grid_pool, terms, parameters, 1e-3)
    posterior.start(OBSERVED.tolist())
    targets = state.forward(VALUES, grid_pool.system_codes[OBSERVED])
    mean, variance = posterior.predict([], [], targets, np.ones(3, dtype=bool))
    return Prediction(state, mean, np.sqrt(variance), posterior)


def _gains(pool, prediction, spec, history=None):
    history = history or History(OBSERVED, VALUES)
    allowed = np.ones(len(pool), dtype=bool)
    allowed[OBSERVED] = False
    return gains(settings(spec), pool, history, prediction, allowed, np.random.default_rng(0))


def test_each_system_competes_with_its_own_best(grid_pool, prediction):
    best = incumbents(grid_pool, History(OBSERVED, VALUES), prediction)
    assert best[0] == pytest.approx(1.0 / 3.0)
    assert best[1] == pytest.approx(-1.0)


def test_a_system_without_data_gains_on_its_worst_plausible_candidate(grid_pool, prediction):
    best = incumbents(grid_pool, History(OBSERVED, VALUES), prediction)
    members = grid_pool.system_codes == 2
    assert best[2] == pytest.approx((prediction.mean + prediction.deviation)[members].max())


def test_a_pending_candidate_counts_at_its_predicted_mean(grid_pool, prediction):
    promising = int(np.argmin(np.where(grid_pool.system_codes == 0, prediction.mean, np.inf)))
    history = History(OBSERVED, VALUES, pending=np.array([promising]))
    assert incumbents(grid_pool, history, prediction)[0] == pytest.approx(prediction.mean[promising])


def test_a_hull_is_to_be_beaten_once_a_system_has_five_values(grid_pool, prediction):
    goal, lines = Goal("hull"), PotentialLines("X", np.array([0.0, 10.0, 0.0]), np.array([0, 0, 1]), -1.0)
    pool = replace(grid_pool, lines=lines)
    second = np.flatnonzero(pool.system_codes == 1)[:5]
    values = np.array([300.0, 260.0, 220.0, 270.0, 280.0])
    history = History(np.concatenate([[0], second]), np.concatenate([[150.0], values]))
    own = incumbents(pool, history, prediction) * 30.0 + 180.0
    assert levels(goal, pool, history, prediction) == pytest.approx([own[0], 160.0, own[2]])
    pending = replace(history, pending=np.array([1]))
    expected = float(prediction.mean[1]) * 30.0 + 180.0
    assert levels(goal, pool, pending, prediction)[1] == pytest.approx(min(150.0, expected) + 10.0)


def test_expected_improvement_is_in_the_objectives_unit(grid_pool, prediction):
    values, logarithmic = _gains(grid_pool, prediction, GPProposerSpec(cost_exponent=0.0))
    assert not logarithmic
    rng = np.random.default_rng(1)
    at = 40
    drawn = 180.0 + 30.0 * (prediction.mean[at] + prediction.deviation[at] * rng.standard_normal(400_000))
    assert values[at] == pytest.approx(np.maximum(190.0 - drawn, 0.0).mean(), rel=0.02)


def test_log_ei_is_the_logarithm_of_ei_per_cost(grid_pool, prediction):
    for exponent in (0.0, 0.5, 1.0):
        plain, _ = _gains(grid_pool, prediction, GPProposerSpec(cost_exponent=exponent))
        logs, logarithmic = _gains(grid_pool, prediction, GPProposerSpec(acquisition="log_ei", cost_exponent=exponent))
        assert logarithmic
        assert np.allclose(logs, np.log(plain), atol=1e-6)


def test_more_exploration_raises_the_confidence_bound_by_deviations(grid_pool, prediction):
    low, high = (
        _gains(grid_pool, prediction, GPProposerSpec(acquisition="ucb", exploration=b, cost_exponent=0.0))[0]
        for b in (1.0, 2.0)
    )
    assert np.allclose(high - low, prediction.deviation * 30.0)


def test_probability_of_improvement_is_per_cost(grid_pool, prediction):
    free, _ = _gains(grid_pool, prediction, GPProposerSpec(acquisition="pi", cost_exponent=0.0))
    paid, logarithmic = _gains(grid_pool, prediction, GPProposerSpec(acquisition="pi", cost_exponent=2.0))
    assert logarithmic
    assert (free <= 0).all()
    assert np.allclose(free - paid, 2.0 * np.log(grid_pool.cost))


def test_a_posterior_sample_covers_the_allowed_candidates_and_follows_the_stream(grid_pool, prediction):
    spec = GPProposerSpec(acquisition="thompson", cost_exponent=0.0)
    first, second = _gains(grid_pool, prediction, spec)[0], _gains(grid_pool, prediction, spec)[0]
    assert np.array_equal(first, second)
    assert np.isneginf(first[OBSERVED]).all()
    assert np.isfinite(np.delete(first, OBSERVED)).all()


@pytest.mark.parametrize("acquisition", ["ei", "log_ei", "ucb", "thompson"])
def test_gains_on_a_logarithmic_model_are_in_the_objectives_unit(grid_pool, prediction, acquisition):
    state = TransformState(True, 0.0, np.full(3, 5.0), 0.2)
    logged = Prediction(state, prediction.mean, prediction.deviation, prediction.posterior)
    history = History(OBSERVED, np.exp(5.0 + 0.2 * (VALUES - 180.0) / 30.0))
    spec = GPProposerSpec(acquisition=acquisition, transform={"log": True}, cost_exponent=0.0)
    raw = GPProposerSpec(acquisition=acquisition, preset="published", cost_exponent=0.0)
    in_unit, in_logs = (_gains(grid_pool, logged, s, history)[0] for s in (spec, raw))
    others = np.setdiff1d(np.arange(len(grid_pool)), OBSERVED)
    assert not np.allclose(in_unit[others], in_logs[others])
    if acquisition == "ucb":
        best = np.exp(5.0 + 0.2 * incumbents(grid_pool, history, logged))[grid_pool.system_codes]
        bound = np.exp(5.0 + 0.2 * (prediction.mean - 2.0 * prediction.deviation))
        assert np.allclose(in_unit, best - bound)


def test_all_systems_compete_for_the_lowest_of_all_and_for_the_k_lowest(grid_pool, prediction):
    history = History(OBSERVED, VALUES)
    assert levels(Goal("top_k", 1), grid_pool, history, prediction) == pytest.approx([150.0] * 3)
    assert levels(Goal("top_k", 2), grid_pool, history, prediction) == pytest.approx([190.0] * 3)
    worst = 180.0 + 30.0 * (prediction.mean + prediction.deviation).max()
    assert levels(Goal("top_k", 4), grid_pool, history, prediction) == pytest.approx([worst] * 3)
    assert levels(Goal("all_below", threshold=170.0), grid_pool, history, prediction) == pytest.approx([170.0] * 3)


def test_levels_of_systems_are_their_incumbents_to_the_last_bit(grid_pool, prediction):
    history, state = History(OBSERVED, VALUES), prediction.state
    expected = incumbents(grid_pool, history, prediction) * state.scale + state.centre
    assert levels(Goal(), grid_pool, history, prediction).tolist() == expected.tolist()


def test_values_of_systems_with_centres_of_their_own_are_compared_as_they_are(grid_pool, prediction):
    state = TransformState(False, 0.0, np.array([100.0, 180.0, 300.0]), 30.0)
    centred = Prediction(state, prediction.mean, prediction.deviation, prediction.posterior)
    assert levels(Goal("top_k", 1), grid_pool, History(OBSERVED, VALUES), centred) == pytest.approx([150.0] * 3)


def test_a_pending_candidate_counts_among_the_k_lowest(grid_pool, prediction):
    lowest = int(np.argmin(prediction.mean))
    history = History(OBSERVED, VALUES, pending=np.array([lowest]))
    expected = np.sort([*VALUES, 180.0 + 30.0 * prediction.mean[lowest]])[1]
    assert levels(Goal("top_k", 2), grid_pool, history, prediction) == pytest.approx([expected] * 3)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("acquisition", ["probability", "straddle", "expected_found"])
def test_finding_acquisitions_want_what_is_below_the_threshold(grid_pool, prediction, acquisition, log):
    state = TransformState(log, 0.0, np.full(3, 5.0 if log else 180.0), 0.2 if log else 30.0)
    model = Prediction(state, prediction.mean, prediction.deviation, prediction.posterior)
    median = state.bent(np.array([170.0])) if log else np.array([170.0])
    chosen = replace(settings(GPProposerSpec(), Goal("all_below", threshold=170.0)), acquisition=acquisition, cost_exponent=0.0)
    allowed = np.ones(len(grid_pool), dtype=bool)
    allowed[OBSERVED] = False
    history = History(OBSERVED, np.full(3, 170.0), remaining_evaluations=5)
    values, logarithmic = gains(chosen, grid_pool, history, model, allowed, np.random.default_rng(0))
    mean, deviation = model.mean * state.scale + state.centre[0], model.deviation * state.scale
    below = ndtr((median[0] - mean) / deviation)
    if acquisition == "straddle":
        assert not logarithmic
        np.testing.assert_allclose(values, 2.0 * deviation - np.abs(mean - median[0]))
    elif acquisition == "probability":
        assert logarithmic
        np.testing.assert_allclose(np.exp(values), below, rtol=1e-9)
    else:
        likeliest = np.sort(below[allowed])[-5]
        assert (values[allowed][below[allowed] >= likeliest] >= likeliest - 1e-9).all()


def test_expected_found_knows_how_much_the_budget_still_buys(grid_pool, prediction):
    chosen = replace(settings(GPProposerSpec(), Goal("all_below", threshold=170.0)), cost_exponent=0.0)
    allowed = np.ones(len(grid_pool), dtype=bool)
    allowed[OBSERVED] = False
    mean_cost = float(grid_pool.cost[allowed].mean())
    runs = [
        gains(chosen, grid_pool, History(OBSERVED, VALUES, **left), prediction, allowed, np.random.default_rng(0))[0]
        for left in ({"remaining_evaluations": 2}, {"remaining_cost": 2.2 * mean_cost}, {"remaining_evaluations": 30})
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.allclose(runs[0], runs[2])


@pytest.mark.parametrize("acquisition", ["probability", "straddle", "expected_found"])
def test_finding_acquisitions_are_divided_by_cost(grid_pool, prediction, acquisition):
    goal = Goal("all_below", threshold=170.0)
    allowed = np.ones(len(grid_pool), dtype=bool)
    found = [
        gains(
            replace(settings(GPProposerSpec(cost_exponent=exponent), goal), acquisition=acquisition),
            grid_pool,
            History(OBSERVED, VALUES, remaining_evaluations=3),
            prediction,
            allowed,
            np.random.default_rng(0),
        )[0]
        for exponent in (0.0, 1.0)
    ]
    if acquisition == "probability":
        np.testing.assert_allclose(found[1], found[0] - np.log(grid_pool.cost))
    else:
        gained = found[0] >= 0.0
        np.testing.assert_allclose(found[1][gained], (found[0] / grid_pool.cost)[gained])


def _found(remaining: int, covariance: np.ndarray = COVARIANCE) -> np.ndarray:
    rest = Conditional(MEAN, DEVIATION, covariance, DEVIATION)
    return expected_found(THRESHOLD, np.arange(N), rest, remaining)


def test_the_last_evaluation_finds_what_is_likeliest():
    np.testing.assert_allclose(_found(1), ndtr((THRESHOLD - MEAN) / DEVIATION))


def test_without_correlation_nothing_is_learned():
    probability = ndtr((THRESHOLD - MEAN) / DEVIATION)
    gains = _found(4, np.diag(np.diag(COVARIANCE)))
    ordered = np.sort(probability)[::-1]
    # Any of the four likeliest leaves the other three; anything else takes the place of the fourth.
    np.testing.assert_allclose(gains, np.where(probability >= ordered[3], ordered[3], probability), atol=1e-12)


@pytest.mark.parametrize("remaining", [2, 5])
def test_agrees_with_monte_carlo(remaining):
    gains = _found(remaining)
    rng = np.random.default_rng(0)
    before = np.sort(ndtr((THRESHOLD - MEAN) / DEVIATION))[N - remaining + 1 :].sum()
    for at in (0, 5, 9):
        found = []
        for result in MEAN[at] + DEVIATION[at] * rng.standard_normal(20_000):
            mean = MEAN + COVARIANCE[at] / COVARIANCE[at, at] * (result - MEAN[at])
            variance = DEVIATION**2 - COVARIANCE[at] ** 2 / COVARIANCE[at, at]
            chances = ndtr((THRESHOLD - mean) / np.sqrt(np.maximum(variance, 1e-12)))
            chances[at] = 0.0
            found.append((result < THRESHOLD[at]) + np.sort(chances)[N - remaining + 1 :].sum())
        assert gains[at] == pytest.approx(np.mean(found) - before, abs=0.03)


def test_knowing_more_is_never_worth_less():
    assert (_found(4) >= _found(4, np.diag(np.diag(COVARIANCE))) - 1e-9).all()
