"""Pools of points whose values are known, for benchmarks of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tansaku.models.domain.history import cost_limit
from tansaku.models.domain.pool import CandidatePool, Expectation, FeatureGroup, FloatArray
from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.objective import Direction
from tansaku.tasks.act.replay.campaign import Replay, replay
from tansaku.tasks.loop.ledger.rounds import RoundRules


def grid(low: tuple[float, float], high: tuple[float, float]) -> FloatArray:
    """The points of a plane's grid, shape ``(961, 2)``."""
    axes = [np.linspace(start, stop, 31) for start, stop in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)


def scattered(dimensions: int) -> FloatArray:
    """Quasi-random points of the unit cube, shape ``(1024, dimensions)``."""
    from scipy.stats.qmc import Sobol

    return np.asarray(Sobol(dimensions, seed=0).random(1024))


def branin(at: FloatArray) -> FloatArray:
    """Branin's function between (-5, 0) and (10, 15), lowest at 0.3979 in three places; shape ``(n,)``."""
    x, y = at.T
    bowl = np.square(y - 5.1 * x**2 / (4 * np.pi**2) + 5 * x / np.pi - 6)
    return np.asarray(bowl + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


def pool_of(points: FloatArray, expectation: Expectation | None = None) -> CandidatePool:
    """One system whose candidates are points, shape ``(n, d)``, all of the same cost."""
    count = len(points)
    return CandidatePool(
        ids=np.array([f"c{place:05d}" for place in range(count)]),
        systems=("all",),
        system_codes=np.zeros(count, dtype=np.intp),
        surfaces=("all",),
        surface_codes=np.zeros(count, dtype=np.intp),
        groups={"x": FeatureGroup("x", points, np.arange(count), tuple(f"x{column}" for column in range(points.shape[1])))},
        cost=np.ones(count),
        expectation=expectation,
    )


def search(
    pool: CandidatePool,
    values: FloatArray,
    proposer: Proposer,
    seed: int,
    budget: BudgetSpec,
    further: tuple[Direction, ...] = (),
) -> Replay:
    """A search for the smallest of known values, the first evaluations included.

    Args:
        values: Of the candidates, those of further objectives and quantities beside the first.
        further: Directions of the further ones.
    """
    rules = RoundRules(
        seed=seed,
        source="benchmark",
        direction="minimize",
        budget=budget,
        limit=cost_limit(budget, pool),
        initial_count=proposer.initial_count(pool),
        further=further,
    )
    return replay(pool, values, proposer, rules, count_initial=True)


def mean_and_error(curves: FloatArray, counts: Sequence[int]) -> dict[str, list[float]]:
    """Mean and standard error of the searches after some numbers of evaluations; one search has the error 0.

    Args:
        curves: A row for each search.
    """
    errors = curves.std(axis=0, ddof=1) / np.sqrt(len(curves)) if len(curves) > 1 else np.zeros(curves.shape[1])
    return {str(count): [float(curves[:, count - 1].mean()), float(errors[count - 1])] for count in counts}
