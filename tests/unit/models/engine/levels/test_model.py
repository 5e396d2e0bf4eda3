"""The model of several levels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tansaku.models.domain.levels import EVIDENCE, with_levels
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.engine.kernels import covariance
from tansaku.models.engine.levels.model import LevelFit, LevelPosterior, fit_levels, level_kernel, scaled
from tansaku.models.engine.likelihood import NOISE
from tests.support.pools import pool_of

N = 60
RNG = np.random.default_rng(5)
X = np.sort(RNG.uniform(0.0, 1.0, N))
TOP = np.sin(7.0 * X) + 0.3 * RNG.standard_normal(N)
RELATED = np.column_stack([5.0 + 2.0 * TOP + 0.1 * RNG.standard_normal(N), TOP])
SHUFFLED = np.column_stack([RNG.permutation(RELATED[:, 0]), TOP])
ROWS = with_levels(pool_of(N, FeatureGroup.compact("x", X[:, None], np.arange(N), ("x",))), ["look"], [np.full(N, 0.1)])
LEVELS = ROWS.levels
NONE = np.empty(0, dtype=np.intp)


def known(table, looks, pairs):
    """Values of looks at all of the first candidates, and full values of the first few of them."""
    candidates = np.concatenate([np.arange(looks), np.arange(pairs)])
    levels = np.repeat([0, 1], [looks, pairs])
    return LEVELS.places[candidates, levels], table[candidates, levels]


def taken_in(fit, rows, values):
    found = LevelPosterior(ROWS, fit, len(rows))
    found.update(rows, values, NONE)
    return found


def test_levels_are_scaled_by_what_is_known_at_both():
    found = scaled(LEVELS, *known(RELATED, 20, 8), (1, 1))
    np.testing.assert_allclose([state.centre[0] for state in found.levels], RELATED[:8].mean(axis=0))
    np.testing.assert_allclose([state.scale for state in found.levels], RELATED[:8].std(axis=0))


def test_a_level_without_values_is_not_scaled():
    found = scaled(LEVELS, LEVELS.places[:3, 1], TOP[:3], (1, 1))
    assert (found.levels[0].centre[0], found.levels[0].scale) == (0.0, 1.0)
    assert found.levels[1].centre[0] == pytest.approx(TOP[:3].mean())


def test_related_levels_are_found_and_looks_announce_full_values():
    data = known(RELATED, 30, 15)
    fit = fit_levels(ROWS, *data)
    assert fit.evidence > EVIDENCE
    assert not fit.single
    assert fit.related[0] > 0.7
    mean, _ = taken_in(fit, *data).at(1)
    looked = np.arange(15, 30)  # their full values are not known
    smooth = np.sin(7.0 * X[looked])
    own = [fit.scaling.levels[1].moments(each, 0.0, 0)[0] for each in (fit.weights @ mean)[looked]] - smooth
    assert np.corrcoef(own, (TOP - np.sin(7.0 * X))[looked])[0, 1] > 0.8


def test_shuffled_looks_leave_one_level():
    fit = fit_levels(ROWS, *known(SHUFFLED, 30, 15))
    assert fit.single
    assert not fit.proven
    posterior = taken_in(fit, *known(SHUFFLED, 30, 15))
    informed = posterior.informed(np.arange(30, 40), 0)[0]
    assert (informed < 0.02 * posterior.at(1)[1][0, 30:40]).all()
    assert fit.weights[0] > 0.5


def test_one_wrong_look_leaves_levels_related():
    table = RELATED.copy()
    worst = int(np.argmax(TOP[:15]))
    table[worst, 0] = table[:, 0].min()
    fit = fit_levels(ROWS, *known(table, 30, 15))
    assert fit.wrong == (LEVELS.places[worst, 0],)
    assert fit.evidence > EVIDENCE
    assert fit_levels(ROWS, *known(RELATED, 30, 15)).wrong == ()


def test_an_awaited_value_narrows_its_neighbours_and_moves_no_mean():
    fit = fit_levels(ROWS, *(data := known(RELATED, 30, 15)))
    posterior = taken_in(fit, *data)
    mean, deviation = posterior.at(1)
    posterior.update(*data, LEVELS.places[40:41, 1])
    awaited = posterior.at(1)
    np.testing.assert_allclose(awaited[0], mean, atol=1e-8)
    assert awaited[1][0, 40] < 0.5 * deviation[0, 40]
    posterior.update(*data, NONE)
    np.testing.assert_allclose(posterior.at(1)[1], deviation)


def test_a_stored_fit_is_the_same():
    fit = fit_levels(ROWS, *known(RELATED, 30, 7))
    again = LevelFit.from_json(json.loads(json.dumps(fit.to_json())))
    assert again.to_json() == fit.to_json()
    assert (again.pairs, again.single) == (7, fit.single)


def test_few_pairs_are_averaged_over_how_strongly_levels_are_related():
    fit = fit_levels(ROWS, *known(RELATED, 30, 7))
    assert len(fit.weights) > 1
    assert fit.weights.sum() == pytest.approx(1.0)
    assert len(fit_levels(ROWS, *known(RELATED, 30, 10)).weights) == 1


def test_predictions_are_those_of_dense_algebra_and_grow_value_by_value():
    points, values = known(RELATED, 20, 12)
    fit = fit_levels(ROWS, points, values)
    grown = LevelPosterior(ROWS, fit, 20)
    for count in (20, 25, 32):
        grown.update(points[:count], values[:count], NONE)
    assert grown.follows(points.tolist())
    assert not grown.follows(points[::-1].tolist())
    terms, parameters = level_kernel(ROWS), fit.parameters[0]
    looks, tops = LEVELS.places.T
    noise = float(parameters[NOISE][0])
    inner = covariance(terms, ROWS, parameters, points, points) + noise * np.eye(len(points))
    weights = np.linalg.solve(inner, covariance(terms, ROWS, parameters, points, np.arange(2 * N)))
    spread = covariance(terms, ROWS, parameters, np.arange(2 * N), np.arange(2 * N))
    spread -= covariance(terms, ROWS, parameters, np.arange(2 * N), points) @ weights
    mean, deviation = grown.at(1)
    targets = fit.scaling.forward(values, LEVELS.level[points])
    np.testing.assert_allclose(mean[0], (weights.T @ targets)[tops], atol=1e-8)
    np.testing.assert_allclose(deviation[0], np.sqrt(spread[tops, tops]), atol=1e-6)
    informed = np.abs(spread[looks, tops]) / np.sqrt(spread[looks, looks] + noise)
    np.testing.assert_allclose(grown.informed(np.arange(40, 50), 0)[0], informed[40:50], atol=1e-6)


@pytest.mark.parametrize("relation", ["falls", "unknown"])
def test_looks_that_fall_with_the_full_value_announce_it_where_the_level_says_so(relation):
    rows, values = known(RELATED, 30, 15)
    values[:30] *= -1.0
    pool = with_levels(LEVELS.candidates, ["look"], [np.full(N, 0.1)], [relation])
    fit, plain = fit_levels(pool, rows, values), fit_levels(ROWS, *known(RELATED, 30, 15))
    assert fit.scaling.signs == (-1, 1)
    assert fit.evidence == pytest.approx(plain.evidence)
    assert fit_levels(ROWS, rows, values).evidence < EVIDENCE < fit.evidence
    again = LevelFit.from_json(json.loads(json.dumps(fit.to_json())))
    posterior = LevelPosterior(pool, again, len(rows))
    posterior.update(rows, values, NONE)
    mean, _ = posterior.at(1)
    assert np.corrcoef(mean[0, 15:30], TOP[15:30])[0, 1] > 0.9
    expected, _ = fit.scaling.moments(0.0, 1.0, 0)
    assert expected == pytest.approx(values[:15].mean())


def test_a_relation_that_is_not_known_is_found_where_looks_rise():
    pool = with_levels(LEVELS.candidates, ["look"], [np.full(N, 0.1)], ["unknown"])
    data = known(RELATED, 30, 15)
    assert fit_levels(pool, *data).to_json() == fit_levels(ROWS, *data).to_json()
