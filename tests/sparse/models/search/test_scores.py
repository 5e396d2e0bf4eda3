"""The tree sweep, the list of supports and a plain least-squares fit give the same scores."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.models.averaging.design import Constraints, Design
from tansaku.models.averaging.subsets import unrank
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.search.exhaustive import search_all
from tansaku.sparse.models.search.scores import SCORES, folds_of, linear_score


def table(seed, rows=24, columns=6):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns)) * rng.uniform(0.01, 100.0, columns) + rng.normal(size=columns)
    return x, x[:, 0] / x[:, 0].std() - 0.5 * x[:, 2] / x[:, 2].std() + 0.3 * rng.normal(size=rows)


def residual(x, y, columns):
    full = np.column_stack([np.ones(len(y)), x[:, list(columns)]])
    weights, *_ = np.linalg.lstsq(full, y, rcond=None)
    return y - full @ weights, weights


def brute(name, x, y, columns):
    """By one fit per support and fold."""
    n = len(y)
    if name == "cv":
        total = 0.0
        for held in folds_of(n, 5):
            learned = np.setdiff1d(np.arange(n), held)
            _, weights = residual(x[learned], y[learned], columns)
            total += ((y[held] - np.column_stack([np.ones(len(held)), x[held][:, list(columns)]]) @ weights) ** 2).sum()
        return 0.5 * n * np.log(total / n)
    rest, _ = residual(x, y, columns)
    return 0.5 * n * np.log((rest**2).mean()) + 0.5 * len(columns) * np.log(n)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(["cv", "bic"]))
def test_equal_to_brute_force(seed, name):
    x, y = table(seed)
    found = search_all(linear_score(name, Design.of(x, y)), 3)
    standard = (y - y.mean()) / y.std()
    for size in range(4):
        supports = unrank(np.arange(len(found.by_size[size])), 6, size)
        expected = [brute(name, x, standard, support) for support in supports]
        assert found.by_size[size] == pytest.approx(expected, abs=1e-7)


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(SCORES), constrained=st.booleans())
def test_the_sweep_is_the_list(seed, name, constrained):
    x, y = table(seed)
    constraints = Constraints(required=(3,), excluded=(5,)) if constrained else Constraints()
    score = linear_score(name, Design.of(x, y, constraints))
    found = search_all(score, 3)
    for size, energies in enumerate(found.by_size):
        assert score.energies(unrank(np.arange(len(energies)), found.n_units, size)) == pytest.approx(energies, abs=1e-8)


def test_a_dependent_column_adds_nothing():
    x, y = table(1)
    x[:, 5] = x[:, 0] + x[:, 2]
    found = search_all(linear_score("cv", Design.of(x, y)), 3)
    by = {tuple(s): e for size in range(4) for s, e in zip(unrank(np.arange(len(found.by_size[size])), 6, size).tolist(),
                                                           found.by_size[size], strict=True)}  # fmt: skip
    assert by[(0, 2, 5)] == pytest.approx(by[(0, 2)], abs=1e-6)


def test_groups_come_together():
    x, y = table(2)
    design = Design.of(x, y, Constraints(groups=((0, 2),)))
    found = search_all(linear_score("bic", design), 2)
    single = linear_score("bic", Design.of(x, y))
    place = design.units.index((0, 2))
    assert found.n_units == 5
    assert found.by_size[1][place] == pytest.approx(single.energies(np.array([[0, 2]]))[0])


@pytest.mark.parametrize(
    "constraints",
    [Constraints(required=(9,)), Constraints(required=(1,), excluded=(1,)), Constraints(groups=((0, 1), (1, 2)))],
)
def test_impossible_constraints_are_refused(constraints):
    x, y = table(0)
    with pytest.raises(ConfigurationError, match="column"):
        Design.of(x, y, constraints)


def test_a_thousand_columns_do_not_overflow():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 1000))
    score = linear_score("free_energy", Design.of(x, x[:, 7]))
    energies = score.energies(np.array([[7, -1], [-1, -1], [3, 9]]))
    assert np.isfinite(energies).all()
    assert energies.argmin() == 0
    assert np.isfinite(score.energies(np.arange(1000)[None])).all()


def test_all_pairs_are_there():
    x, y = table(3)
    found = search_all(linear_score("bic", Design.of(x, y)), 2)
    assert len(found.by_size[2]) == len(list(itertools.combinations(range(6), 2)))
