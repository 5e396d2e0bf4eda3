"""Expected gain of the next draw from each surface, where candidates of a surface say little about each other.

The values of a surface are taken for independent draws. Of k + 1 of them the last is the lowest with probability 1 / (k + 1),
whatever their law. How far it then lies below the lowest of the others follows a generalised Pareto law (Pickands 1975,
doi:10.1214/aos/1176343003), here of shape 1/2: relaxations end in few different structures, so that the lowest one can lie far
below all others, and a lighter tail gives surfaces up after one unlucky draw. A draw from a surface whose lowest value lies
``gap`` above the best of its system then gains, on average and up to a common factor,

    scale / (k + 1) / (1 + gap / scale),

with the deviation of values within a surface over √k for the scale. A surface whose lowest value came several times has little
left to find: its gain is divided by how often it came.

Of many surfaces the best one is overrated, as it was lucky too. The shape was chosen among nine laws on six pools of copper and
iron (``benchmarks/boundary_search``).
"""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History

SAME = 1e-3
"""Values within this relative difference are those of one structure."""


def lowest_values(pool: CandidatePool, history: History) -> FloatArray:
    """The lowest value of each surface, infinite where there is none, shape ``(n_surfaces,)``."""
    lowest = np.full(len(pool.surfaces), np.inf)
    np.minimum.at(lowest, pool.surface_codes[history.observed], np.asarray(history.values, dtype=np.float64))
    return lowest


def expected_gains(pool: CandidatePool, history: History, draws: IntArray, lowest: FloatArray | None = None) -> FloatArray:
    """Returns the mean decrease of each system's best value by the next draw from each surface, up to a common factor.

    Args:
        pool: With its surfaces and systems.
        history: With at least one value.
        draws: Candidates proposed so far, failed and pending ones included, shape ``(n_surfaces,)``.
        lowest: What counts as the lowest value of each surface, infinite where there is none, shape ``(n_surfaces,)``; None:
            that of its own values.

    Returns:
        Gains [objective's unit], shape ``(n_surfaces,)``; a surface without a lowest value counts as the worst one.
    """
    values = np.asarray(history.values, dtype=np.float64)
    arms = pool.surface_codes[history.observed]
    lowest = lowest_values(pool, history) if lowest is None else lowest.copy()
    lowest[~np.isfinite(lowest)] = values.max()
    best = np.full(len(pool.systems), np.inf)
    np.minimum.at(best, pool.surface_system, lowest)
    again = values - lowest[arms] <= SAME * np.abs(lowest[arms])
    times = np.maximum(np.bincount(arms[again], minlength=len(lowest)), 1)
    scale = deviation_within(arms, values) / np.sqrt(np.maximum(draws, 1))
    gap = lowest - best[pool.surface_system]
    return np.asarray(scale / (1.0 + gap / scale) / ((draws + 1.0) * times))


def deviation_within(arms: IntArray, values: FloatArray) -> float:
    """Deviation of the values of one surface, the mean square over surfaces; of all values as long as none has two.

    Args:
        arms: Surface of each value, shape ``(n,)``.
        values: Shape ``(n,)``.
    """
    inner = [values[arms == arm].var(ddof=1) for arm in np.unique(arms) if (arms == arm).sum() > 1]
    found = float(np.sqrt(np.mean(inner))) if inner else float(values.std())
    return max(found, SAME * float(np.abs(values).max()), 1e-12)
