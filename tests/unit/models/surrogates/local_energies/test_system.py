"""Sums by group against the same rows written out."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.linear_model
from sklearn.linear_model import Lasso

from tansaku.models.domain.specs.surrogate import LocalEnergiesSpec
from tansaku.models.surrogates.local_energies.system import PenalisedProblem, Rows, Solution, group_sums

N_FEATURES = 5


def make_rows(seed: int = 0, groups: int = 3, totals_only: tuple[int, ...] = ()) -> list[Rows]:
    rng = np.random.default_rng(seed)
    weights = np.array([0.4, 0.0, -0.7, 0.0, 0.2])
    found = []
    for number in range(2 * groups):
        size = int(rng.integers(3, 8))
        species = rng.integers(0, 2, size)
        species[:2] = 0, 1
        features = rng.normal(size=(size, N_FEATURES))
        energies = features @ weights + np.array([0.3, -0.1])[species] + 0.05 * rng.normal(size=size)
        columns = np.hstack([features, np.eye(2)[species]])
        known = None if number in totals_only else energies
        found.append(Rows(columns, known, float(energies.mean()), number % groups))
    return found


@pytest.fixture(params=["strong_rule", "working_set"])
def by(request):
    """Makes settings of a solver from its largest number of sweeps and its tolerance; each test runs with both solvers."""
    return lambda sweeps, tolerance: LocalEnergiesSpec(max_iterations=sweeps, tolerance=tolerance, solver=request.param)


def explicit(rows: list[Rows], total_weight: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All rows of the least-squares system, its right side and the weight of each."""
    atoms = [one for one in rows if one.energies is not None]
    count = sum(len(one.energies) for one in atoms)
    matrix = np.vstack([*(one.columns for one in atoms), *(one.columns.mean(axis=0) for one in rows)])
    energies = np.concatenate([*(one.energies for one in atoms), [one.energy for one in rows]])
    weights = np.concatenate([np.full(count, 1 / count), np.full(len(rows), total_weight / len(rows))])
    return matrix, energies, weights


@pytest.mark.parametrize("total_weight", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("penalty", [1e-6, 0.05, 0.3])
def test_the_solution_minimises_the_loss_as_it_is_written(total_weight, penalty, by):
    rows = make_rows()
    sums = group_sums(rows, 3)
    every = sums[0].plus(sums[1]).plus(sums[2])
    problem = PenalisedProblem.of(every.loss(total_weight), N_FEATURES)
    found = problem.solve(penalty, np.zeros(N_FEATURES), by(100_000, 1e-14))
    matrix, energies, weights = explicit(rows, total_weight)

    def loss(w: np.ndarray, b: np.ndarray) -> float:
        return float(weights @ (energies - matrix @ np.concatenate([w, b])) ** 2 + penalty * np.abs(w).sum())

    least = loss(found.coefficients, found.intercepts)
    rng = np.random.default_rng(1)
    for _ in range(200):
        w, b = (part + 1e-3 * rng.normal(size=part.shape) for part in (found.coefficients, found.intercepts))
        assert loss(w, b) >= least - 1e-13
    assert np.count_nonzero(found.coefficients) == (5 if penalty < 1e-3 else np.count_nonzero(found.coefficients))


def test_one_element_without_totals_is_the_lasso_of_the_library(by):
    rows = [Rows(np.hstack([one.columns[:, :5], np.ones((len(one.columns), 1))]), one.energies, None, 0) for one in make_rows()]
    problem = PenalisedProblem.of(group_sums(rows, 1)[0].loss(0.0), N_FEATURES)
    found = problem.solve(0.1, np.zeros(N_FEATURES), by(100_000, 1e-14))
    features = np.vstack([one.columns[:, :5] for one in rows])
    known = Lasso(alpha=0.05, tol=1e-14, max_iter=100_000).fit(features, np.concatenate([one.energies for one in rows]))
    assert found.coefficients == pytest.approx(known.coef_, abs=1e-9)
    assert found.intercepts == pytest.approx([known.intercept_], abs=1e-9)


def test_leaving_a_group_out_is_a_subtraction():
    rows = make_rows(totals_only=(3,))
    sums = group_sums(rows, 3)
    every = sums[0].plus(sums[1]).plus(sums[2])
    without = group_sums([one for one in rows if one.group != 1], 3)
    assert every.plus(sums[1], -1).loss(2.0) == pytest.approx(without[0].plus(without[2]).loss(2.0), abs=1e-12)


def test_squared_errors_are_those_of_the_rows():
    rows = make_rows(totals_only=(0,))
    sums = group_sums(rows, 3)
    solution = Solution(np.arange(5.0), np.array([1.0, -2.0]))
    vector = np.concatenate([solution.coefficients, solution.intercepts])
    mine = [one for one in rows if one.group == 0]
    atoms = sum(((one.energies - one.columns @ vector) ** 2).sum() for one in mine if one.energies is not None)
    cells = sum((one.energy - one.columns.mean(axis=0) @ vector) ** 2 for one in mine)
    assert sums[0].squared_errors(solution) == pytest.approx((atoms, cells))


def whole_problem() -> PenalisedProblem:
    sums = group_sums(make_rows(), 3)
    return PenalisedProblem.of(sums[0].plus(sums[1]).plus(sums[2]).loss(1.0), N_FEATURES)


def test_nothing_is_left_at_the_largest_penalty(by):
    problem = whole_problem()
    largest = problem.largest_penalty
    assert not problem.solve(1.001 * largest, np.zeros(5), by(1000, 1e-10)).coefficients.any()
    assert problem.solve(0.9 * largest, np.zeros(5), by(1000, 1e-10)).coefficients.any()


def test_a_solver_that_is_stopped_says_so(by):
    problem = whole_problem()
    assert not problem.solve(1e-9, np.zeros(5), by(1, 1e-14)).converged
    assert problem.solve(1e-2, np.zeros(5), by(10_000, 1e-8)).converged


def test_a_problem_of_more_features_than_rows_is_solved_without_a_decomposition_of_their_size(monkeypatch, by):
    rng = np.random.default_rng(3)
    features = rng.normal(size=(20, 60))
    rows = [Rows(np.hstack([features, np.ones((20, 1))]), features[:, :2] @ [1.0, -0.5], None, 0)]

    def refuse(matrix: np.ndarray) -> None:
        raise AssertionError(f"eigenvalues of {matrix.shape}: they took minutes with two elements")

    monkeypatch.setattr(np.linalg, "eigh", refuse)
    found = PenalisedProblem.of(group_sums(rows, 1)[0].loss(0.0), 60).solve(0.1, np.zeros(60), by(100_000, 1e-14))
    known = Lasso(alpha=0.05, tol=1e-14, max_iter=100_000).fit(features, rows[0].energies)
    assert found.coefficients == pytest.approx(known.coef_, abs=1e-9)


def of_features(features: np.ndarray, energies: np.ndarray) -> PenalisedProblem:
    rows = [Rows(np.hstack([features, np.ones((len(features), 1))]), energies, None, 0)]
    return PenalisedProblem.of(group_sums(rows, 1)[0].loss(0.0), features.shape[1])


def test_a_feature_that_the_strong_rule_wrongly_leaves_out_is_found(by):
    rng = np.random.default_rng(0)
    right, noise = rng.normal(size=(2, 20))
    features = np.column_stack([right, right / 2 + noise, right / 2 - noise])
    # From this start the last two features explain everything, at twice the penalty of the first.
    found = of_features(features, right).solve(0.1, np.array([0.0, 1.0, 1.0]), by(100_000, 1e-14))
    known = Lasso(alpha=0.05, tol=1e-14, max_iter=100_000).fit(features, right)
    assert known.coef_[0] > 0.5
    assert found.coefficients == pytest.approx(known.coef_, abs=1e-6)


@pytest.fixture
def sizes(monkeypatch):
    """Numbers of features that the solver gets."""
    found, whole = [], sklearn.linear_model.lasso_path

    def counted(rows, *args, **keys):
        found.append(rows.shape[1])
        return whole(rows, *args, **keys)

    monkeypatch.setattr(sklearn.linear_model, "lasso_path", counted)
    return found


def test_the_solver_gets_only_features_that_may_be_selected(sizes, by):
    features = np.random.default_rng(0).normal(size=(100, 40))
    problem = of_features(features, features @ np.r_[1.0, 0.8, np.zeros(38)])
    first = problem.solve(0.99 * problem.largest_penalty, np.zeros(40), by(100_000, 1e-10))
    problem.solve(0.9 * problem.largest_penalty, first.coefficients, by(100_000, 1e-10))
    assert 0 < max(sizes) < 20


def test_a_working_set_stays_small_among_features_that_resemble_each_other(sizes):
    rng = np.random.default_rng(0)
    common = rng.normal(size=(100, 1))
    features = common + 0.1 * rng.normal(size=(100, 400))
    problem = of_features(features, features @ np.r_[1.0, 0.8, np.zeros(398)])
    most = {}
    for solver in ("strong_rule", "working_set"):
        start = np.zeros(400)
        for share in (0.5, 0.1):
            start = problem.solve(share * problem.largest_penalty, start, LocalEnergiesSpec(solver=solver)).coefficients
        most[solver] = max(sizes)
        sizes.clear()
    assert most["working_set"] < most["strong_rule"] / 2
