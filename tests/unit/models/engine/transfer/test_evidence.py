import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from tansaku.models.domain.errors import FitError
from tansaku.models.engine.kernels import covariance, expand
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.presets import build_kernel
from tansaku.models.engine.transfer.evidence import MARGIN_NATS, PRIOR_NATS, leave_one_out, log_derivative, preferred, skill
from tansaku.models.engine.transforms import OutputTransform, TransformState

TRANSFORMS = [OutputTransform(), OutputTransform(compress=0.6), OutputTransform(log=True)]


def _model(pair, noise=0.05):
    terms = expand(build_kernel("additive", pair.pool))
    parameters = {name: prior.centre for name, prior in default_priors(pair.pool, terms).items()}
    return pair.pool, terms, {**parameters, NOISE: np.array([noise])}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_closed_form_is_leaving_out_one_by_one(pair, transform):
    pool, terms, parameters = _model(pair)
    known = (np.array([50, 51, 52]), np.array([0.3, -1.0, 0.4]))
    positions = np.array([3, 9, 14, 20, 31, 40])
    values = pair.values[positions]
    systems = pool.system_codes[positions]

    def without(i):
        kept = np.arange(6) != i
        return OutputTransform.fit(
            transform, values if transform.log else values[kept], systems[: 6 if transform.log else 5], 1
        )

    found = leave_one_out((pool, terms, parameters), known, (positions, values), without)
    for i in range(6):
        state, kept = without(i), np.arange(6) != i
        points = np.concatenate([known[0], positions[kept]])
        z = np.concatenate([known[1], state.forward(values[kept], systems[kept])])
        k = covariance(terms, pool, parameters, points, points) + 0.05 * np.eye(8)
        here = positions[i : i + 1]
        cross = covariance(terms, pool, parameters, points, here)[:, 0]
        prior = covariance(terms, pool, parameters, here, here)[0, 0] + 0.05
        mean, variance = cross @ np.linalg.solve(k, z), prior - cross @ np.linalg.solve(k, cross)
        step = 1e-5 * values[i]
        z_near = state.forward(values[i] + np.array([-step, 0.0, step]), np.zeros(3, dtype=int))
        slope = (z_near[2] - z_near[0]) / (2 * step)
        assert found[i] == pytest.approx(norm.logpdf(z_near[1], mean, np.sqrt(variance)) + np.log(slope), abs=1e-5)


@given(value=st.floats(1.0, 50.0), knee=st.floats(2.0, 30.0), scale=st.floats(0.1, 5.0), log=st.booleans())
def test_slope_is_the_derivative(value, knee, scale, log):
    state = TransformState(log, -1.0 if log else 0.0, np.array([0.5]), scale, np.log(knee) if log else knee, 1.5)
    step = 1e-6 * value
    if abs(value + (1.0 if log else 0.0) - knee) < 3 * step:
        return
    low, high = state.forward(np.array([value - step, value + step]), np.zeros(2, dtype=int))
    assert np.exp(log_derivative(state, value)) == pytest.approx((high - low) / (2 * step), rel=1e-4)


def test_noise_without_variance_is_an_error(pair):
    pool, terms, parameters = _model(pair, noise=-5.0)
    nothing = (np.empty(0, dtype=np.intp), np.empty(0))
    positions = np.array([1, 2, 3])
    with pytest.raises(FitError, match="positive definite"):
        leave_one_out((pool, terms, parameters), nothing, (positions, pair.values[positions]), lambda _: _unit())


def _unit():
    return TransformState(False, 0.0, np.zeros(1), 1.0)


def test_skill_of_knowing_nothing_is_nothing():
    values = np.random.default_rng(0).normal(3.0, 2.0, 500)
    densities = norm.logpdf(values, values.mean(), values.std())
    assert skill(densities, values) == pytest.approx(0.0, abs=1e-9)
    assert skill(norm.logpdf(values, values, 0.5), values) > 100


def test_the_first_choice_has_no_margin():
    densities = {"none": np.full(6, -1.0), "posterior": np.full(6, -1.1)}
    assert preferred(densities, "joint") == "posterior"
    assert preferred({"none": np.full(30, -1.0), "posterior": np.full(30, -1.1)}, "joint") == "none"


def test_a_mode_stays_until_another_leads_by_more_than_the_margin():
    lead = MARGIN_NATS + PRIOR_NATS["posterior"]
    for n, excess, expected in ((8, -0.2, "posterior"), (8, 0.2, "none")):
        densities = {"posterior": np.full(n, -1.0), "none": np.full(n, -1.0 + (lead + excess) / n)}
        assert preferred(densities, "posterior") == expected


def test_a_lead_within_the_scatter_is_none():
    rng = np.random.default_rng(1)
    steady = np.full(40, -1.0)
    noisy = steady + 0.1 + 2.0 * rng.permutation(np.repeat([-1.0, 1.0], 20))
    sure = steady + 0.1
    assert preferred({"none": steady, "hyperparameters": noisy}, "none") == "none"
    assert preferred({"none": steady, "hyperparameters": sure}, "none") == "hyperparameters"
