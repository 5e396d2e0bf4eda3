"""What to buy next, against simulations of what would be known afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.averaging.averaging import Average, fit_average
from tansaku.models.engine.sparse.purchase import OpenTable, expected_largest, guessed, improvement, purchases


def table(*, price: float = 0.1, value_price: float = 1.0, seed: int = 2) -> OpenTable:
    """Column 2 decides; it is unknown for the rows without a value. Column 0 says something of it, column 1 nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 3))
    x[:, 2] = 0.6 * x[:, 0] + 0.8 * x[:, 2]
    y = 1.5 * x[:, 2] + 0.2 * rng.normal(size=30)
    y[20:] = np.nan
    x[20:, 2] = np.nan
    return OpenTable(x, y, np.array([0.0, 0.0, price]), value_price)


def drawn(average: Average, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One value for each row, all drawn from the models: a support, its weights, the noise."""
    design = average.design
    rows = (x - design.x_mean) / design.x_scale
    chosen = rng.choice(len(average.members), size=len(x), p=average.weights)
    values = np.empty(len(x))
    for number, member in enumerate(average.members):
        mine = np.flatnonzero(chosen == number)
        own = np.column_stack([np.ones(len(mine)), rows[mine][:, member.columns]])
        weights = rng.multivariate_normal(member.mean, member.covariance, size=len(mine))
        values[mine] = (own * weights).sum(axis=1) + np.sqrt(member.noise) * rng.normal(size=len(mine))
    return values * design.y_scale + design.y_mean


def test_expected_improvement_of_a_row_with_an_unknown_number_is_that_of_drawn_numbers_and_values():
    given, rng = table(), np.random.default_rng(0)
    average, guess = fit_average(given.x[:20], given.y[:20]), guessed(given.x, 3)
    best = float(np.nanmin(given.y)) + 1.0
    for row in (21, 25):
        many = np.repeat(guess.x[[row]], 200_000, axis=0) + guess.deviation[row] * rng.normal(size=(200_000, 3))
        simulated = np.maximum(best - drawn(average, many, rng), 0.0)
        told = improvement(average, guess.x[[row]], guess.deviation[[row]], best)[0]
        assert told == pytest.approx(simulated.mean(), abs=4 * simulated.std() / 447 + 0.01 * told)


def test_the_gain_of_a_column_is_what_buying_it_and_then_the_best_value_brings_on_the_average():
    """Preposterior simulation: numbers are drawn, each row's gain is computed anew, and the best one is bought."""
    given, rng = table(), np.random.default_rng(1)
    bought = next(item for item in purchases(given) if item.column == 2)
    average, guess = fit_average(given.x[:20], given.y[:20]), guessed(given.x, 3)
    best, rows, draws = float(np.nanmin(given.y)), list(bought.rows), 4000
    after = np.empty((draws, 10))
    for place, row in enumerate(range(20, 30)):
        x, deviation = np.repeat(guess.x[[row]], draws, axis=0), np.repeat(guess.deviation[[row]], draws, axis=0)
        if row in rows:
            x[:, 2] += deviation[:, 2] * rng.normal(size=draws)
            deviation[:, 2] = 0.0
        after[:, place] = improvement(average, x, deviation, best)
    simulated = after.max(axis=1)
    assert bought.gain == pytest.approx(simulated.mean(), abs=4 * simulated.std() / np.sqrt(draws))
    assert bought.price == pytest.approx(0.1 * len(rows))


def test_a_cheap_column_is_bought_and_an_expensive_one_is_not():
    assert purchases(table(price=0.01))[0].column == 2
    first = purchases(table(price=10.0))[0]
    assert first.column is None
    assert first.per_price == first.gain / 1.0


def test_a_cheaper_column_is_bought_for_more_rows():
    counts = [len(next(item for item in purchases(table(price=p)) if item.column == 2).rows) for p in (0.001, 0.1, 3.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] == 1


def test_knowing_a_column_never_lowers_the_gain():
    for seed in range(4):
        found = purchases(table(seed=seed))
        values = max(item.gain for item in found if item.column is None)
        assert all(item.gain >= values - 1e-12 for item in found if item.column is not None)


def test_a_column_that_no_model_needs_gains_nothing():
    given = table()
    useless = given.x.copy()
    useless[:, 2] = np.where(np.arange(30) < 20, given.x[:, 2], given.x[:, 0])
    useless[25:, 1] = np.nan
    found = purchases(OpenTable(useless, given.y, np.array([0.0, 0.1, 0.1]), 1.0))
    values = max(item.gain for item in found if item.column is None)
    column = next(item for item in found if item.column == 1)
    assert column.gain == pytest.approx(values, rel=0.02)
    assert found[0].column is None


def test_the_expected_largest_of_discrete_numbers():
    assert expected_largest([], 2.0) == 2.0
    assert expected_largest([np.full(15, 3.0)], 2.0) == pytest.approx(3.0)
    assert expected_largest([np.full(15, 1.0)], 2.0) == pytest.approx(2.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    weights = weights / weights.sum()
    pairs = np.maximum(np.maximum.outer(nodes, 2.0 * nodes), 0.1)
    assert expected_largest([nodes, 2.0 * nodes], 0.1) == pytest.approx(weights @ pairs @ weights)


def test_too_few_rows_are_refused_and_nothing_is_bought_where_all_is_known():
    given = table()
    with pytest.raises(ValueError, match="2 rows have their value; expected at least 3"):
        purchases(OpenTable(given.x[18:], given.y[18:], given.prices, 1.0))
    assert purchases(OpenTable(given.x[:20], given.y[:20], given.prices, 1.0)) == []
    unknown = given.x.copy()
    unknown[2:, 1] = np.nan
    with pytest.raises(ValueError, match="column 1 is known in 2 rows"):
        guessed(unknown, 3)
