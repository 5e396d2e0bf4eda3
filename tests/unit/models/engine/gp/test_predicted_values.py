"""Values that another model predicted count by their error bars, and are told apart from computed ones."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from tansaku.models.domain.history import Entry, build_history
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.engine.kernels import covariance, expand
from tansaku.models.engine.map_fit import default_priors, observed_posterior
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import build_kernel
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.transforms import OutputTransform

NOISE = 1e-3
POINTS = [0, 5, 9, 11, 3]
EXTRA = {5: 0.3, 11: 0.02}
TARGETS = np.array([1.0, -0.5, 0.3, 0.0, 2.0])


@pytest.mark.parametrize("split", [0, 3, 5])
def test_posterior_with_error_bars_is_the_textbook_formula(any_pool, split):
    terms = expand(build_kernel("additive", any_pool))
    parameters = {key: prior.centre for key, prior in default_priors(any_pool, terms).items()}
    here, everything = np.asarray(POINTS), np.arange(len(any_pool))
    k = covariance(terms, any_pool, parameters, here, here) + NOISE * np.eye(5)
    k[np.diag_indices(5)] += [EXTRA.get(point, 0.0) for point in POINTS]
    cross = covariance(terms, any_pool, parameters, here, everything)
    posterior = PoolPosterior(any_pool, terms, parameters, NOISE)
    assert posterior.add_variances(EXTRA)
    posterior.start(POINTS[:split])
    mean, variance = posterior.predict(POINTS[split:], (), TARGETS, np.ones(5, dtype=bool))
    assert np.allclose(mean, np.linalg.solve(k, cross).T @ TARGETS, rtol=0, atol=1e-10)
    prior = np.diagonal(covariance(terms, any_pool, parameters, everything, everything))
    assert np.allclose(variance, prior - np.einsum("ij,ij->j", cross, np.linalg.solve(k, cross)), rtol=0, atol=1e-10)
    assert not posterior.add_variances({5: 0.1})
    assert posterior.add_variances(EXTRA | {17: 1.0})


def test_likelihood_with_error_bars_is_that_of_the_larger_matrix(any_pool):
    terms = expand(build_kernel("additive", any_pool))
    extra = np.array([EXTRA.get(point, 0.0) for point in POINTS])
    density = observed_posterior(any_pool, terms, np.asarray(POINTS), TARGETS, (extra, None))
    parameters = density.unpack(density.centre)
    k = covariance(terms, any_pool, parameters, np.asarray(POINTS), np.asarray(POINTS))
    k += np.diag(parameters["noise"][0] + extra)
    expected = -0.5 * TARGETS @ np.linalg.solve(k, TARGETS) - 0.5 * np.linalg.slogdet(k)[1] - 2.5 * np.log(2 * np.pi)
    assert density.value(density.centre) == pytest.approx(expected)
    rng = np.random.default_rng(0)
    there = density.centre + 0.3 * rng.standard_normal(len(density.centre))
    assert check_grad(lambda v: density.likelihood(v)[0], lambda v: density.likelihood(v)[1], there) < 1e-4


def history(pool, deviations=None):
    observed = np.array([3, 40, 60, 77, 100, 118])
    group = pool.groups["translation"]
    x = group.values[group.index]
    values = (250.0 + 60.0 * np.sin(9.0 * x[:, 0]) + 20.0 * pool.system_codes)[observed]
    return History(observed, values, **({} if deviations is None else {"deviations": np.asarray(deviations, dtype=float)}))


@pytest.mark.parametrize("preset", ["default", "published"])
def test_a_doubted_value_pulls_the_prediction_less(grid_pool, preset):
    proposer = build_proposer(GPProposerSpec(preset=preset))
    known = history(grid_pool)
    fitted = proposer.fit(grid_pool, known, None)
    for deviation, closer in ((1e-9, True), (1e4, False)):
        doubted = history(grid_pool, [0, deviation, 0, 0, 0, 0])
        mean, spread = build_proposer(GPProposerSpec(preset=preset)).expected(grid_pool, doubted, fitted)
        sure_mean, sure_spread = proposer.expected(grid_pool, known, fitted)
        assert (abs(mean[40] - sure_mean[40]) < 0.1) == closer
        assert (spread[40] < 2 * sure_spread[40] + 1e-6) == closer


def test_a_warm_proposer_chooses_as_a_fresh_one_when_error_bars_change(grid_pool):
    spec = GPProposerSpec()
    warm = build_proposer(spec)
    fitted = warm.fit(grid_pool, history(grid_pool), None)
    for deviations in (None, [0, 9, 0, 0, 0, 0], [0, 3, 0, 5, 0, 0]):
        known = history(grid_pool, deviations)
        fresh = build_proposer(spec).propose(grid_pool, known, 20, proposal_rng(0, 20), fitted)
        again = warm.propose(grid_pool, known, 20, proposal_rng(0, 20), fitted)
        assert (again.position, again.mean) == (fresh.position, pytest.approx(fresh.mean))


def test_error_bars_count_in_the_fit(grid_pool):
    proposer = build_proposer(GPProposerSpec())
    sure = proposer.fit(grid_pool, history(grid_pool), None)
    doubted = proposer.fit(grid_pool, history(grid_pool, [0, 60, 0, 60, 0, 60]), None)
    assert sure["parameters"] != doubted["parameters"]


def test_spread_is_in_the_transformed_unit():
    values, systems = np.array([10.0, 20.0, 40.0]), np.zeros(3, dtype=np.intp)
    state = OutputTransform(standardise="global").fit(values, systems, 1)
    assert np.allclose(state.spread(values, np.array([1.0, 2.0, 0.0]), systems), np.array([1.0, 2.0, 0.0]) / values.std())
    logarithmic = OutputTransform(log=True, standardise="none").fit(values, systems, 1)
    assert np.allclose(logarithmic.spread(values, np.array([1.0, 2.0, 4.0]), systems), np.log(1.1))


def test_histories_tell_predicted_values_by_their_deviation(grid_pool):
    done = EvaluationState.DONE
    entries = [Entry(1, 4, 1.0, done, 7.0), Entry(2, 9, 1.0, done, 8.0, deviation=0.5), Entry(3, 11, 1.0, done, 6.0)]
    state = SearchState(grid_pool)
    for entry in entries:
        state.note(entry)
    for known in (build_history(entries, 3), state.history(3)):
        assert known.deviations.tolist() == [0.0, 0.5, 0.0]
    assert build_history(entries[:1], 3).deviations.size == 0
    # Computed after all, as a rerun is: the later one counts.
    state.note(Entry(4, 9, 1.0, done, 8.4))
    assert state.history(4).deviations.size == 0
