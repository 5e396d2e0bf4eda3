"""How much a structure counts, by its forces: one whose atoms all but overlap is not to decide what networks are good at."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray


def shares(softening: float | None, squares: FloatArray) -> FloatArray:
    """How much structures count beside one without forces.

    Args:
        softening: Root mean square force at which a structure counts half [eV/Å]; None: all count alike.
        squares: Mean squares of their forces' components [eV^2/Å^2], shape ``(n_structures,)``.

    Returns:
        Above 0, at most 1, same shape.
    """
    if softening is None:
        return np.ones(len(squares))
    return np.asarray(1.0 / (1.0 + squares / softening**2))
