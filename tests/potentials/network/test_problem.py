"""The loss, its gradient and its normal equations agree, and do not depend on how blocks are computed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest


def weights_of(problem) -> np.ndarray:
    return problem.architecture.drawn(np.random.default_rng(1)) + 0.1


@pytest.mark.parametrize("activation", ["tanh", "silu"])
@pytest.mark.parametrize("keys", [{}, {"force_weight": 0.0}, {"decay": 0.3}])
def test_gradient_and_linearisation_are_those_of_the_loss(small_problem, activation, keys):
    problem = small_problem(activation, **keys)
    weights = weights_of(problem)
    loss, gradient = problem.gradient(weights)
    normal = problem.linearised(weights)
    assert problem.loss(weights) == pytest.approx(loss)
    assert normal.loss == pytest.approx(loss)
    assert normal.product == pytest.approx(gradient / 2)
    direction, step = np.random.default_rng(2).normal(size=len(weights)), 1e-5
    rise = (problem.loss(weights + step * direction) - problem.loss(weights - step * direction)) / (2 * step)
    assert rise == pytest.approx(gradient @ direction, rel=1e-6)


def test_the_matrix_is_the_square_of_the_residuals_derivatives(small_problem):
    problem = small_problem()
    weights, step = weights_of(problem), 1e-5
    direction = np.random.default_rng(2).normal(size=len(weights))

    def off(values: np.ndarray) -> np.ndarray:
        found, counts = problem.residuals(values), problem.counts
        force_count = sum(9 * counts[row] for row in found.forces)
        forces = [np.sqrt(0.1 * counts[row] / force_count) * found.forces[row] for row in sorted(found.forces)]
        return np.concatenate([np.sqrt(counts / counts.sum()) * found.energies, *forces])

    change = (off(weights + step * direction) - off(weights - step * direction)) / (2 * step)
    lower = np.tril(problem.linearised(weights).matrix)
    matrix = lower + np.tril(lower, -1).T
    assert direction @ matrix @ direction == pytest.approx(change @ change, rel=1e-6)
    assert (off(weights) ** 2).sum() == pytest.approx(problem.loss(weights))


def test_workers_change_no_digit(small_problem):
    alone = small_problem()
    weights = weights_of(alone)
    with ThreadPoolExecutor(2) as workers:
        shared = small_problem(workers=workers)
        assert alone.gradient(weights)[0] == shared.gradient(weights)[0]
        assert np.array_equal(alone.gradient(weights)[1], shared.gradient(weights)[1])
        assert np.array_equal(alone.linearised(weights).matrix, shared.linearised(weights).matrix)


def test_batches_are_all_of_the_data_once(small_problem):
    problem = small_problem()
    problem = replace(problem, counts=np.where(np.arange(len(problem.counts)) % 5 == 0, 0.0, problem.counts))
    batches = list(problem.batches(4, np.random.default_rng(0)))
    seen = np.concatenate([block.rows for batch in batches for block in batch.blocks])
    assert sorted(seen) == list(np.flatnonzero(problem.counts))
    assert max(len(np.flatnonzero(batch.counts)) for batch in batches) == 4
    # Shares of a batch are those of its own structures.
    weights = weights_of(problem)
    shares = [batch.counts.sum() / problem.counts.sum() for batch in batches]
    energies = [replace(batch, force_weight=0.0).loss(weights) for batch in batches]
    assert np.dot(shares, energies) == pytest.approx(replace(problem, force_weight=0.0).loss(weights))


def test_structures_count_as_often_as_they_are_told_to(small_problem):
    problem = small_problem()
    weights = weights_of(problem)
    first = replace(problem, counts=(np.arange(len(problem.counts)) == 0).astype(float), force_weight=0.0)
    assert first.loss(weights) == pytest.approx(problem.residuals(weights).energies[0] ** 2)
