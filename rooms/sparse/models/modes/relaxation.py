"""The convex relaxation, with which sets of modes are usually chosen: ADMM on the sum of the amplitudes' moduli.

After Jovanović, Schmid and Nichols 2014 (doi:10.1063/1.4863670). What it chooses is compared with the search, and is one of
the sets from which the search begins.
"""

from __future__ import annotations

import numpy as np

from tansaku.models.averaging.subsets import FloatArray
from tansaku.sparse.models.modes.problem import Problem

_ITERATIONS = 1000
_ABSOLUTE, _RELATIVE = 1e-6, 1e-4


def relaxed(problem: Problem, oscillating: np.ndarray, strengths: int = 40) -> list[tuple[int, ...]]:
    """Distinct sets of units that the relaxation chooses, by falling strength of the penalty.

    Args:
        problem: With one output: one amplitude per mode.
        oscillating: Which units are pairs.
        strengths: Number of strengths, from that which leaves nothing down by four decades.
    """
    # Amplitudes of a pair's two modes have the same modulus: both count.
    count = np.where(oscillating, 2.0, 1.0)
    scale = np.repeat(np.sqrt(count), 2) * np.where(np.diag(problem.gram) > 0.0, problem.norms, 1.0) / np.repeat(count, 2)
    gram = problem.gram * np.outer(scale, scale)
    target = problem.products[:, 0] * scale
    penalty = float(np.trace(gram)) / max(1, int((np.diag(gram) > 0.0).sum()))
    values, vectors = np.linalg.eigh(gram)
    inverse = (vectors / (values + 0.5 * penalty)) @ vectors.T
    top = 2.0 * float((_moduli(target) / np.sqrt(count)).max())
    found: list[tuple[int, ...]] = []
    state = (np.zeros(len(target)), np.zeros(len(target)))
    for strength in top * np.geomspace(1.0, 1e-4, strengths):
        state = _admm(inverse, target, strength * np.sqrt(count), penalty, state)
        support = tuple(np.flatnonzero(_moduli(state[0]) > 0.0).tolist())
        if support not in found:
            found.append(support)
    return found


def _moduli(values: FloatArray) -> FloatArray:
    return np.asarray(np.hypot(values[0::2], values[1::2]))


def _admm(
    inverse: FloatArray, target: FloatArray, strength: FloatArray, penalty: float, state: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """The sparse amplitudes and the multipliers for one strength, beginning from those of another."""
    sparse, multiplier = state
    for _ in range(_ITERATIONS):
        full = inverse @ (target + 0.5 * (penalty * sparse - multiplier))
        before, moved = sparse, full + multiplier / penalty
        size = _moduli(moved)
        factor = np.maximum(1.0 - strength / penalty / np.maximum(size, 1e-300), 0.0)
        sparse = moved * np.repeat(factor, 2)
        multiplier = multiplier + penalty * (full - sparse)
        bound = np.sqrt(len(full)) * _ABSOLUTE
        near = np.linalg.norm(full - sparse) < bound + _RELATIVE * max(np.linalg.norm(full), np.linalg.norm(sparse))
        if near and penalty * np.linalg.norm(sparse - before) < bound + _RELATIVE * np.linalg.norm(multiplier):
            break
    return sparse, multiplier
