"""Expensive candidates of a surface, such as annealed ones, are proposed only on the surfaces with the lowest values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray

FACTOR = 3.0
"""A candidate is expensive if it costs more than so many times as much as the cheapest one of its surface."""

BEFORE = 3
"""Cheap candidates of a surface that are proposed before its first expensive one."""


def expensive_apart(pool: CandidatePool) -> tuple[CandidatePool, IntArray]:
    """The pool with the expensive candidates of each surface in a surface of their own.

    Returns:
        The pool, and for each of its surfaces the one with the cheap candidates, which may be itself, shape ``(n_surfaces,)``.
    """
    count = len(pool.surfaces)
    cheapest = np.full(count, np.inf)
    np.minimum.at(cheapest, pool.surface_codes, pool.cost)
    expensive = pool.cost > FACTOR * cheapest[pool.surface_codes]
    own = np.unique(pool.surface_codes[expensive])
    if not len(own):
        return pool, np.arange(count)
    apart = replace(
        pool,
        surfaces=(*pool.surfaces, *(f"{pool.surfaces[code]} (expensive)" for code in own)),
        surface_codes=np.where(expensive, count + np.searchsorted(own, pool.surface_codes), pool.surface_codes),
    )
    return apart, np.concatenate((np.arange(count), own))


def locked_surfaces(
    pool: CandidatePool, cheap_of: IntArray, lowest: FloatArray, draws: IntArray, open_arms: IntArray, share: float
) -> BoolArray:
    """Returns the surfaces of expensive candidates that must not be proposed, or not yet.

    Args:
        pool: As :func:`expensive_apart` returns it.
        cheap_of: As it returns it.
        lowest: Lowest value of each surface, infinite where there is none, shape ``(n_surfaces,)``.
        draws: Candidates proposed so far, shape ``(n_surfaces,)``.
        open_arms: Surfaces with a candidate that may be proposed.
        share: Share of each system's surfaces, those with the lowest values, on which expensive candidates may be proposed: at
            least one surface, or none if the share is 0.

    Returns:
        Shape ``(n_surfaces,)``.
    """
    expensive = np.asarray(cheap_of != np.arange(len(cheap_of)), dtype=np.bool_)
    if not expensive.any():
        return expensive
    both = lowest.copy()
    np.minimum.at(both, cheap_of, lowest)
    is_open = np.zeros(len(cheap_of), dtype=np.bool_)
    is_open[open_arms] = True
    worth = np.zeros(len(cheap_of), dtype=np.bool_)
    for system in range(len(pool.systems)):
        known = np.flatnonzero(~expensive & (pool.surface_system == system) & np.isfinite(both))
        best = max(1, int(share * len(known))) if share > 0 else 0
        worth[known[np.argsort(both[known], kind="stable")[:best]]] = True
    begun = (draws[cheap_of] >= BEFORE) | ~is_open[cheap_of]
    return np.asarray(expensive & ~(worth[cheap_of] & begun), dtype=np.bool_)
