"""Weights of structures by their forces, which reduce the influence of structures with almost overlapping atoms."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray


def shares(softening: float | None, squares: FloatArray) -> FloatArray:
    """Returns the weights of structures relative to one without forces.

    Args:
        softening: Root mean square force at which a structure counts half [eV/Å]; None: all count alike.
        squares: Mean squares of their forces' components [eV^2/Å^2], shape ``(n_structures,)``.

    Returns:
        Above 0, at most 1, same shape.
    """
    if softening is None:
        return np.ones(len(squares))
    return np.asarray(1.0 / (1.0 + squares / softening**2))
