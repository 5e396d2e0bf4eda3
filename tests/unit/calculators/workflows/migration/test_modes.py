"""Lowest motions by Davidson's method, against the eigenvalues of a matrix that is known."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.calculators.workflows.migration.modes import lowest_modes


def matrix(rng: np.random.Generator, negative: list[float]) -> np.ndarray:
    values = np.concatenate([negative, rng.uniform(1.0, 40.0, 60 - len(negative))])
    turn, _ = np.linalg.qr(rng.standard_normal((60, 60)))
    return np.asarray((turn * values) @ turn.T)


@pytest.mark.parametrize("negative", [[-1.5], [-1.5, -0.4], []])
def test_unstable_motions_are_counted(negative):
    rng = np.random.default_rng(3)
    known = matrix(rng, negative)
    values, vectors = np.linalg.eigh(known)
    guess = (vectors * np.maximum(np.abs(values), 1.0)) @ vectors.T
    found = lowest_modes(lambda x: known @ x, [rng.standard_normal(60)], np.linalg.inv(guess), lambda x: x, 14)
    assert found.unstable == len(negative)
    assert len(found.basis) <= 15
    if negative:
        assert found.values[0] == pytest.approx(values[0], abs=0.05)
        assert abs(found.vectors[0] @ vectors[:, 0]) > 0.95
    np.testing.assert_allclose(found.basis @ found.basis.T, np.eye(len(found.basis)), atol=1e-10)
    np.testing.assert_allclose(found.images, found.basis @ known, atol=1e-9)


def test_motions_that_are_not_asked_for_are_not_found():
    rng = np.random.default_rng(4)
    known = matrix(rng, [-2.0, -0.5])
    _, vectors = np.linalg.eigh(known)
    lowest = vectors[:, 0]

    def without(direction: np.ndarray) -> np.ndarray:
        return np.asarray(direction - (lowest @ direction) * lowest)

    found = lowest_modes(lambda x: known @ x, [rng.standard_normal(60)], np.eye(60), without, 59)
    assert found.values[0] == pytest.approx(-0.5, abs=0.02)
    assert np.abs(found.basis @ lowest).max() < 1e-9
