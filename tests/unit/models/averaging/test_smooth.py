"""Models that bend: a mixture by its formulas, better where the truth bends, and as good where it does not."""

from itertools import product

import numpy as np
import pytest

from tansaku.models.averaging.averaging import fit_average
from tansaku.models.averaging.smooth import fit_smooth


def table(rows, columns=8, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    return x, 40.0 + 10.0 * np.sin(1.5 * x[:, 2]) + 4.0 * x[:, 5] + 0.5 * rng.normal(size=rows)


def fitted(x, y, largest=2):
    return fit_smooth(x, y, np.zeros(x.shape[1]), np.ones(x.shape[1]), largest)


def test_it_is_the_mixture_of_all_models_of_its_grid():
    x, y = table(12)
    x = x[:, [2, 5]]
    unseen = np.random.default_rng(5).normal(size=(3, 2))
    target, logs, means, squares = (y - y.mean()) / y.std(), [], [], []
    few = [(0.0, 1.0), *product((0.5, 1.0), (1.0, 2.0))]
    models = [([0], few, 0.5 / 3 / 2), ([1], few, 0.5 / 3 / 2), ([0, 1], few, 0.5 / 3), ([0, 1], few[1:], 0.5)]
    for columns, bends, prior in models:
        a, b = x[:, columns], unseen[:, columns]
        both = np.concatenate([a, b])
        distances = ((both[:, None] - both[None]) ** 2).sum(axis=2)
        for (bend, length), noise in product(bends, (0.05, 0.3)):
            curved = np.exp(-distances / (2 * len(columns) * length**2))
            whole = (1 - noise) * ((1 - bend) * both @ both.T / len(columns) + bend * curved) + 1.0 + noise * np.eye(15)
            inverse, cross = np.linalg.inv(whole[:12, :12]), whole[12:, :12]
            square = target @ inverse @ target
            logs.append(np.log(prior / len(bends) / 2) + 0.5 * np.linalg.slogdet(inverse)[1] - 7.0 * np.log(1.0 + 0.5 * square))
            means.append(cross @ inverse @ target)
            squares.append((1.0 + 0.5 * square) / 7.0 * np.diag(whole[12:, 12:] - cross @ inverse @ cross.T) + means[-1] ** 2)
    weights = np.exp(np.array(logs) - np.max(logs))
    weights /= weights.sum()
    mean = weights @ np.array(means)
    found, deviation = fitted(x, y).predict(unseen)
    # Models with a hundredth of the weight together are left out.
    assert found == pytest.approx(mean * y.std() + y.mean(), abs=0.05 * y.std())
    assert deviation == pytest.approx(np.sqrt(weights @ np.array(squares) - mean**2) * y.std(), rel=0.03)


def test_what_bends_is_predicted_better_and_errors_are_as_large_as_said():
    x, y = table(60)
    unseen, values = table(400, seed=1)
    bent, straight = fitted(x, y), fit_average(x, y, 2)
    mean, deviation = bent.predict(unseen)
    assert np.sqrt(np.mean((values - mean) ** 2)) < 0.5 * np.sqrt(np.mean((values - straight.predict(unseen)[0]) ** 2))
    assert 0.6 < np.std((values - mean) / deviation) < 1.4
    assert bent.column_probabilities[[2, 5]].min() > 0.95
    assert bent.weights.sum() == pytest.approx(1.0)


def test_where_few_columns_explain_little_all_of_them_do():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 8))
    y = x.sum(axis=1) + 0.1 * rng.normal(size=60)
    average = fitted(x, y)
    everything = np.array([fit.model.all_columns for fit in average.fitted])
    assert average.weights[everything].sum() > 0.9


def test_a_row_that_is_awaited_is_known_better_and_moves_no_mean():
    x, y = table(20)
    average = fitted(x, y)
    further = x[:2] + 1.5
    before, after = average.predict(further), average.conditioned(further).predict(further)
    assert after[0] == pytest.approx(before[0])
    assert (after[1] < before[1]).all()
    one_by_one = average.conditioned(further[:1]).conditioned(further[1:])
    assert one_by_one.predict(x[:5] + 1.0)[1] == pytest.approx(average.conditioned(further).predict(x[:5] + 1.0)[1])


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_and_equal_values(rows):
    x, y = table(rows)
    for values in (y, np.full(rows, 3.0)):
        mean, deviation = fitted(x, values, 3).predict(table(5)[0])
        assert np.isfinite(mean).all()
        assert (deviation > 0.0).all()
