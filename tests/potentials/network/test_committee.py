"""Errors that a committee's training goes by."""

from dataclasses import replace

import numpy as np
import pytest

from tansaku.potentials.network.committee import errors_of


def test_errors_are_those_of_the_loss(small_problem):
    problem = small_problem()
    weights = problem.architecture.drawn(np.random.default_rng(1))
    assert errors_of(problem, weights).together(problem.force_weight) ** 2 == pytest.approx(problem.loss(weights))


def test_without_forces_errors_are_those_of_energies(small_problem):
    problem = small_problem(force_weight=0.0)
    problem = replace(problem, blocks=problem.blocks[2:], counts=np.array([0.0] * 17 + [1.0, 2.0, 3.0]))
    weights = problem.architecture.drawn(np.random.default_rng(1))
    errors = errors_of(problem, weights)
    assert errors.force is None
    assert errors.energy**2 == pytest.approx(problem.loss(weights))
