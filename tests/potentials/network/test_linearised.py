"""Steps by a matrix of the weights and by one of the residuals are the same, and those of the equations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.potentials.network import problem as module
from tansaku.potentials.network.linearised import ByResiduals, ByWeights


def both(problem, weights: np.ndarray) -> tuple[ByWeights, ByResiduals]:
    strength = problem.unit**2 * problem.decay / len(weights)
    return problem._by_weights(weights, strength), problem._by_residuals(weights, strength)


@pytest.mark.parametrize("keys", [{}, {"decay": 0.3}, {"force_weight": 0.0, "decay": 0.01}])
@pytest.mark.parametrize("damping", [1e-6, 1e-2, 10.0])
def test_both_make_the_same_step(small_problem, keys, damping):
    problem = small_problem(**keys)
    problem = replace(problem, counts=np.where(np.arange(len(problem.counts)) % 4 == 1, 0.0, problem.counts))
    weights = problem.architecture.drawn(np.random.default_rng(1)) + 0.1
    by_weights, by_residuals = both(problem, weights)
    assert by_residuals.loss == pytest.approx(by_weights.loss)
    assert by_residuals.product == pytest.approx(by_weights.product)
    assert by_residuals.typical == pytest.approx(by_weights.typical)
    added = damping * by_weights.typical
    derivatives, strength = by_residuals.derivatives, by_residuals.strength
    assert len(derivatives) == len(by_residuals.off) == problem._count(problem.blocks)
    matrix = derivatives.T @ derivatives + (strength + added) * np.eye(len(weights))
    expected = np.linalg.solve(matrix, by_weights.product)
    assert by_weights.step(added) == pytest.approx(expected, rel=1e-6, abs=1e-7)
    assert by_residuals.step(added) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_the_smaller_matrix_is_taken(small_problem):
    problem = small_problem()
    weights = problem.architecture.drawn(np.random.default_rng(1))
    assert isinstance(problem.linearised(weights), ByWeights)
    few = replace(problem, counts=(np.arange(len(problem.counts)) < 9).astype(float))
    assert few._count(few.blocks) == 90 < len(weights)
    assert isinstance(few.linearised(weights), ByResiduals)
    assert few.linearised(weights).matrix.shape == (90, 90)


def test_blocks_one_by_one_and_together_are_added_up_alike(small_problem, monkeypatch):
    problem = small_problem(decay=0.1)
    weights = problem.architecture.drawn(np.random.default_rng(1))
    together = problem.linearised(weights)
    monkeypatch.setattr(module, "_TOGETHER", 1)
    assert [len(group) for group in problem._groups(len(weights))] == [1, 1, 1]
    alone = problem.linearised(weights)
    assert alone.loss == pytest.approx(together.loss)
    assert np.tril(alone.matrix) == pytest.approx(np.tril(together.matrix))
