"""Averaging over supports agrees with the free energy, predicts with the right deviation and learns from what is known."""

import numpy as np
import pytest
from scipy.special import logsumexp

from tansaku.models.averaging import averaging
from tansaku.models.averaging.averaging import fit_average, screened
from tansaku.models.averaging.design import Design
from tansaku.models.averaging.evidence import NoiseGrid
from tansaku.models.averaging.subsets import unrank
from tansaku.sparse.models.search.scores import FreeEnergy

NAMES = (1, 4, 7)


def table(rows: int, columns: int = 12, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    y = 5.0 + x[:, 1] * 1.2 - 0.8 * x[:, 4] + 0.5 * x[:, 7] + 0.3 * rng.normal(size=rows)
    return x, y


@pytest.mark.parametrize("rows", [8, 60])
def test_evidences_differ_as_free_energies_do(rows):
    x, y = table(rows)
    design = Design.of(x, y)
    mine, theirs = [], []
    for size, count in ((0, 1), (2, 66), (3, 220)):
        supports = unrank(np.arange(count), 12, size)
        mine.append(-logsumexp(averaging._scored(design, supports, NoiseGrid()).logs, axis=1))
        padded = np.full((count, 3), -1)
        padded[:, :size] = supports
        theirs.append(FreeEnergy(design).energies(padded))
    difference = np.concatenate(mine) - np.concatenate(theirs)
    assert np.ptp(difference) < 2e-3


def test_the_planted_columns_are_found_and_errors_are_as_large_as_said():
    x, y = table(60)
    average = fit_average(x, y)
    assert sorted(average.members[0].columns.tolist()) == list(NAMES)
    assert average.weights.sum() == pytest.approx(1.0)
    assert (average.column_probabilities[list(NAMES)] > 0.95).all()
    unseen, values = table(400, seed=1)
    mean, deviation = average.predict(unseen)
    assert np.sqrt(np.mean((values - mean) ** 2)) < 0.4
    assert 0.7 < np.std((values - mean) / deviation) < 1.3


def test_a_known_row_is_known_better_and_moves_no_mean():
    x, y = table(12)
    average = fit_average(x, y)
    after_it = average.conditioned(x[:1] + 3.0)
    before, after = average.predict(x[:1] + 3.0), after_it.predict(x[:1] + 3.0)
    assert after[0] == pytest.approx(before[0])
    assert after[1] < before[1]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_and_columns_that_do_not_vary(rows):
    x, y = table(rows)
    x[:, 3] = 2.0
    x[:, 5] = x[:, 6]
    mean, deviation = fit_average(x, y, 6).predict(table(5)[0])
    assert np.isfinite(mean).all()
    assert (deviation >= 0.0).all()


def test_screening_keeps_what_only_shows_after_the_first_column():
    x, y = table(200, 400)
    design = Design.of(x, y)
    kept = screened(design.x, design.y, 40)
    assert len(kept) == 40
    assert set(NAMES) <= set(kept.tolist())


@pytest.mark.parametrize("rows", [6, 30])
def test_predictions_are_those_of_a_plain_computation_support_by_support(rows):
    x, y = table(rows)
    x, unseen = x[:, 1:7], table(4, seed=1)[0][:, 1:7]
    design, grid = Design.of(x, y), NoiseGrid()
    standard = (unseen - design.x_mean) / design.x_scale
    logs, means, squares = [], [], []
    for size in range(3):
        for support in unrank(np.arange([1, 6, 15][size]), 6, size):
            own, rest = design.x[:, support], standard[:, support]
            for ratio in grid.ratios:
                inverse = np.linalg.inv(own.T @ own + np.eye(size) / ratio)
                weights = inverse @ (own.T @ design.y)
                quadratic = float(design.y @ (design.y - own @ weights))
                low = np.log(max(grid.noise[0], grid.weight[0] / np.sqrt(ratio)))
                high = np.log(min(grid.noise[1], grid.weight[1] / np.sqrt(ratio)))
                noise = np.linspace(low, high, 4001)
                terms = -(rows - 1) * noise - 0.5 * quadratic * np.exp(-2.0 * noise)
                share = np.exp(terms - terms.max())
                variance = float(share @ np.exp(2.0 * noise) / share.sum())
                own_log = terms.max() + np.log(np.trapezoid(share, noise))
                own_log += 0.5 * np.linalg.slogdet(inverse)[1] - 0.5 * size * np.log(ratio)
                logs.append(own_log - np.log([1, 6, 15][size]))
                means.append(rest @ weights)
                spread = np.einsum("ni,ij,nj->n", rest, inverse, rest) + 1.0 / rows + 1.0
                squares.append((rest @ weights) ** 2 + variance * spread)
    weights = np.exp(np.array(logs) - logsumexp(logs))
    mean = weights @ np.array(means)
    deviation = np.sqrt(weights @ np.array(squares) - mean**2) * design.y_scale
    found, error = fit_average(x, y, 2).predict(unseen)
    assert found == pytest.approx(mean * design.y_scale + design.y_mean, abs=3e-3)
    assert error == pytest.approx(deviation, rel=5e-3)
