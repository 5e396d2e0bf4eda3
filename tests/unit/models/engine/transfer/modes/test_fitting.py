import numpy as np
import pytest

from tansaku.models.engine.likelihood import NOISE, LogPosterior
from tansaku.models.engine.presets import PRESETS
from tansaku.models.engine.transfer.extended import COUPLING, SHIFT, correlations
from tansaku.models.engine.transfer.modes import SHIFT_VARIANCE, Family, Problem, coupling_gain, fit_all, fit_coupling, priors


def _problem(pair, n=15):
    family = Family(PRESETS["default"], pair.pool, [pair.source])
    history = pair.history(n)
    own = family.transform(history).forward(history.values, np.zeros(n, dtype=np.intp))
    extended = family.extended
    positions = np.concatenate([extended.positions, history.observed])
    problem = Problem(extended, family.terms, family.uncoupled, positions, np.concatenate([extended.targets, own]))
    return family, problem


@pytest.fixture(scope="module")
def fitted(pair):
    family, problem = _problem(pair)
    return problem, family.source_fit().parameters


def test_coupling_is_the_maximum_of_the_whole_density(fitted):
    problem, source = fitted
    found, density = fit_coupling(problem, source)
    whole = LogPosterior(
        problem.extended.pool,
        problem.terms,
        problem.positions,
        problem.targets,
        {**priors(problem.extended, problem.terms)},
    )
    best = whole.pack(found)
    at = np.flatnonzero(whole.pack({COUPLING: np.array([9.0])}) != whole.centre)
    assert abs(whole(best)[1][at]).max() < 1e-3
    likelihood = whole.likelihood(best)[0]
    off = (np.log(found[COUPLING]) - whole.centre[at]) / 0.75
    assert density == pytest.approx(likelihood - 0.5 * float(off @ off), rel=1e-9)


def test_coupling_leaves_everything_else_as_it_was(fitted):
    problem, source = fitted
    found, _ = fit_coupling(problem, source)
    assert found.keys() == source.keys()
    assert all(np.array_equal(found[name], source[name]) for name in source if name != COUPLING)


def test_a_source_that_resembles_the_target_correlates_and_a_reversed_one_does_not(pair, fitted):
    problem, source = fitted
    alike, _ = fit_coupling(problem, source)
    family, reversed_ = _problem(pair.with_source(-pair.source.values))
    unlike, _ = fit_coupling(reversed_, family.source_fit().parameters)
    assert correlations(alike[COUPLING])[0] > 0.6
    assert correlations(unlike[COUPLING])[0] < 0.2


def test_fitting_all_is_at_least_as_probable_and_holds_the_means(fitted):
    problem, source = fitted
    coupled, _ = fit_coupling(problem, source)
    found, density = fit_all(problem, coupled)
    whole = LogPosterior(
        problem.extended.pool, problem.terms, problem.positions, problem.targets, priors(problem.extended, problem.terms)
    )
    assert density >= whole(whole.pack(coupled))[0] - 1e-9
    assert density == pytest.approx(whole(whole.pack(found))[0], rel=1e-9)
    assert found[SHIFT].tolist() == [SHIFT_VARIANCE]
    assert found[NOISE][0] >= 1e-6


def test_what_a_correlation_gains_is_a_difference_of_likelihoods(fitted):
    problem, source = fitted
    found, _ = fit_coupling(problem, source)
    whole = LogPosterior(
        problem.extended.pool, problem.terms, problem.positions, problem.targets, priors(problem.extended, problem.terms)
    )
    alone = whole.likelihood(whole.pack({**found, COUPLING: np.array([0.02])}))[0]
    expected = whole.likelihood(whole.pack(found))[0] - alone
    assert coupling_gain(problem, found) == pytest.approx(expected, abs=1e-6)
    assert expected > 1.0
