"""Noise of measurements: given deviations and numbers of repeats reach the fit and the posterior."""

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.history import computed_only
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.kernels import Scale, Stationary, expand
from tansaku.models.engine.likelihood import LogPosterior
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.proposer_registry import build_proposer
from tests.support.pools import pool_of

POSITIONS = np.array([0, 5, 10, 15])


@pytest.fixture
def pool():
    return pool_of(20, FeatureGroup("place", np.linspace(0.0, 1.0, 20)[:, None], np.arange(20), ("x",)))


def history(**changes):
    values = np.array([0.0, 1.0, 0.5, 0.2])
    empty = np.empty(0, dtype=np.intp)
    return replace(History(observed=POSITIONS, values=values, pending=empty), **changes)


def deviation_at(pool, known, position, noise=0.04):
    """What the model does not know of a candidate, with one set of hyper-parameters throughout."""
    proposer = build_proposer(GPProposerSpec())
    fitted = proposer.fit(pool, history(), None)
    fitted["parameters"]["noise"] = [noise]
    state = proposer._transform(pool, known, fitted)
    return float(proposer._predict(pool, known, fitted, state).deviation[position])


def test_a_known_deviation_makes_a_value_less_certain_and_repeats_more(pool):
    plain = deviation_at(pool, history(), 5)
    noisy = deviation_at(pool, history(noise=np.array([0.0, 0.3, 0.0, 0.0])), 5)
    repeated = deviation_at(pool, history(repeats=np.array([1, 8, 1, 1])), 5)
    assert repeated < plain < noisy
    assert deviation_at(pool, history(repeats=np.array([8, 1, 1, 1])), 5) == pytest.approx(plain, rel=0.05)


def test_a_mean_of_many_is_a_value_with_little_noise(pool):
    """Eight repeats at the noise of one are one value at an eighth of the noise, for this candidate."""
    terms = expand(Scale("a", Stationary("place", "l", "rbf", ard=True)))
    targets = np.array([-1.0, 1.0, 0.2, -0.4])
    priors = default_priors(pool, terms)
    shares = np.full(4, 1 / 8)
    repeated = LogPosterior(pool, terms, POSITIONS, targets, priors, (None, shares))
    plain = LogPosterior(pool, terms, POSITIONS, targets, priors)
    at = plain.centre.copy()
    parameters = plain.unpack(at)
    less = plain.pack({**parameters, "noise": parameters["noise"] / 8})
    assert repeated.value(at) == pytest.approx(plain.value(less), rel=1e-12)


def test_the_gradient_knows_of_repeats(pool):
    terms = expand(Scale("a", Stationary("place", "l", "rbf", ard=True)))
    targets = np.array([-1.0, 1.0, 0.2, -0.4])
    density = LogPosterior(
        pool,
        terms,
        POSITIONS,
        targets,
        default_priors(pool, terms),
        (np.array([0.0, 0.1, 0.0, 0.2]), np.array([1, 0.5, 0.25, 1])),
    )
    at = density.centre + 0.2
    gradient = density(at)[1]
    for i in range(len(at)):
        step = np.zeros(len(at))
        step[i] = 1e-5
        slope = (density(at + step)[0] - density(at - step)[0]) / 2e-5
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_measured_values_are_no_predictions(pool):
    known = history(noise=np.array([0.0, 0.3, 0.0, 0.0]), repeats=np.array([1, 2, 1, 1]))
    assert computed_only(known) is known
    mixed = replace(known, deviations=np.array([0.1, 0.0, 0.0, 0.0]))
    kept = computed_only(mixed)
    assert kept.observed.tolist() == [5, 10, 15]
    assert (kept.noise.tolist(), kept.repeats.tolist()) == ([0.3, 0.0, 0.0], [2, 1, 1])
