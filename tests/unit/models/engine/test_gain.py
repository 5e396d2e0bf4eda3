import numpy as np
import pytest

from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.gain import Prediction, gains, incumbents
from tansaku.models.engine.kernels import expand
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import build_kernel, settings
from tansaku.models.engine.transforms import TransformState

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
