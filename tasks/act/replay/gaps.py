"""Gap between a replayed campaign and the true optima after each evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray

EXACT = 1e-6
"""Gap [objective's unit] up to which a minimum counts as found exactly."""


@dataclass(frozen=True)
class GapCurves:
    """One entry per evaluation, over the systems that have a value at all.

    Attributes:
        cost: Cumulative cost [the spec's cost unit], shape ``(n,)``.
        mean: Mean gap [objective's unit], shape ``(n,)``.
        worst: Largest gap, same unit and shape.
        n_exact: Systems whose optimum is found, shape ``(n,)``.
        n_within: Systems within the tolerance of their optimum, shape ``(n,)``.
    """

    cost: FloatArray
    mean: FloatArray
    worst: FloatArray
    n_exact: IntArray
    n_within: IntArray


def gap_curves(
    pool: CandidatePool,
    values: FloatArray,
    positions: IntArray,
    direction: Literal["minimize", "maximize"],
    within: float,
) -> GapCurves:
    """Gap of each system after each evaluation: best found less true optimum; worst less best where nothing was found.

    Args:
        pool: All candidates.
        values: Their objective, NaN where the evaluation fails, shape ``(n_candidates,)``.
        positions: Candidates in the order evaluated, shape ``(n,)``.
        direction: ``maximize`` makes the largest value the optimum.
        within: Tolerance of ``n_within`` [objective's unit].

    Raises:
        ConfigurationError: No system has a value.
    """
    oriented = values if direction == "minimize" else -values
    n_systems = len(pool.systems)
    best, worst = np.full(n_systems, np.inf), np.full(n_systems, -np.inf)
    known = ~np.isnan(oriented)
    np.minimum.at(best, pool.system_codes[known], oriented[known])
    np.maximum.at(worst, pool.system_codes[known], oriented[known])
    scored = np.isfinite(best)
    if not scored.any():
        raise ConfigurationError("space.columns.value: no system has a value")
    gap = np.where(scored, worst - best, 0.0)
    n_scored = int(scored.sum())
    found = np.where(np.isnan(oriented[positions]), np.inf, oriented[positions] - best[pool.system_codes[positions]])
    # Each evaluation moves one system at most, so a column per system holds its gap over time as a running minimum.
    n = len(positions)
    gaps = np.full((n + 1, n_systems), np.inf)
    gaps[0] = gap
    gaps[np.arange(1, n + 1), pool.system_codes[positions]] = found
    # Until its first value a system has the gap of its worst candidate, so that a running minimum is right from the start.
    running = np.minimum.accumulate(gaps, axis=0)[1:, scored]
    return GapCurves(
        cost=np.cumsum(pool.cost[positions]),
        mean=running.sum(axis=1) / n_scored,
        worst=running.max(axis=1, initial=0.0),
        n_exact=(running <= EXACT).sum(axis=1).astype(np.intp),
        n_within=(running <= within).sum(axis=1).astype(np.intp),
    )
