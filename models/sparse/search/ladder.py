"""Temperatures of a replica exchange: spaced so that neighbours exchange equally often."""

from __future__ import annotations

import numpy as np

from tansaku.models.sparse.search.subsets import FloatArray

_FEWEST, _MOST = 6, 40


def first_ladder(energies: FloatArray) -> FloatArray:
    """Inverse temperatures from 0 to 1 to begin with.

    Args:
        energies: Of supports drawn from the prior.
    """
    spread = max(float(energies.std()), 1.0)
    return np.concatenate([[0.0], np.geomspace(min(0.3, 1.0 / spread), 1.0, 15)])


def tuned(betas: FloatArray, rejected: FloatArray, per_barrier: float = 3.0) -> FloatArray:
    """Spaces temperatures by the communication barrier, the sum of the rejection rates (Syed et al., doi:10.1111/rssb.12464).

    Args:
        betas: Inverse temperatures, rising.
        rejected: Rejection rates of exchanges between neighbours.
        per_barrier: Number of intervals per unit of the barrier.
    """
    steps = np.maximum(rejected, 1e-3)
    barrier = np.concatenate([[0.0], np.cumsum(steps)])
    count = int(np.clip(round(per_barrier * barrier[-1]) + 2, _FEWEST, _MOST))
    result = np.interp(np.linspace(0.0, barrier[-1], count), barrier, betas)
    result[0], result[-1] = 0.0, 1.0
    return np.asarray(result)
