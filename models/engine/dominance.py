"""Posterior samples of a whole energy surface, their minima and bottlenecks, and the point that is most often one of them.

Kanamori et al. (2018), https://doi.org/10.1103/PhysRevB.97.125124.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray, PeriodicGrid
from tansaku.models.domain.ports import History
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.joint import joint_deviations
from tansaku.models.engine.percolation import bottleneck, bottlenecks
from tansaku.models.engine.threads import in_threads

SAMPLES = 128
"""Surfaces that are drawn for a proposal."""

JOINT = 1500
"""Largest number of points that are drawn exactly; of more the lowest, or all path by path, as the goal says."""

_FAR = 3.0
_HIGH = 2.0
_SECOND = 1e-3
_TINY = 1e-12


@dataclass(frozen=True)
class SampledSurfaces:
    """Minima and bottlenecks of posterior samples.

    Attributes:
        minima: Candidate of the global minimum of each sample, shape ``(n_samples,)``.
        bottlenecks: Candidate of its bottleneck; -1 where it does not percolate, shape ``(n_samples,)``.
        barriers: Height of the bottleneck above the minimum; infinite where it does not percolate [objective's unit], shape
            ``(n_samples,)``.
        level: Below this energy it percolates even where every point is two deviations higher than expected [transform's
            standardised unit]; infinite where it does not.
    """

    minima: IntArray
    bottlenecks: IntArray
    barriers: FloatArray
    level: float


def sample_surfaces(
    goal: Goal, pool: CandidatePool, history: History, prediction: Prediction, rng: np.random.Generator, count: int = SAMPLES
) -> SampledSurfaces:
    """Draws surfaces from the posterior and finds what dominates the path in each.

    Args:
        goal: Directions of the path, and neighbours of a point.
        pool: Points of one grid.
        history: Observed points keep their values, pending ones are believed; failed ones are walls.
        count: Number of samples.

    Raises:
        ConfigurationError: The candidates are no points of one grid.
    """
    grid = surface_grid(pool)
    state = prediction.state
    mean, deviation = prediction.mean.copy(), prediction.deviation
    # The values themselves: the model's noise of a computed energy would blur the barrier.
    mean[history.observed] = state.forward(history.values, pool.system_codes[history.observed])
    mean[history.failed] = np.inf
    high = mean + _HIGH * deviation
    passed = bottleneck(high, grid, goal.connectivity).points[goal.dimensions - 1]
    level = float(high[passed]) if passed >= 0 else float("inf")
    open_ = (deviation > _TINY) & np.isfinite(mean) & (mean - _FAR * deviation <= level)
    open_[history.observed] = False
    points = np.flatnonzero(open_)
    if len(points) > JOINT and not goal.pathwise:
        lowest = np.argsort((mean - _HIGH * deviation)[points], kind="stable")[:JOINT]
        points = np.sort(points[lowest])
    pending = history.pending.tolist()
    if len(points) > JOINT:
        drawn = prediction.posterior.paths(points, pending, rng, count)
    else:
        drawn = joint_deviations(prediction, points, pending, rng, count)

    flooded, expected = bottlenecks(mean, points, grid, goal.connectivity), mean[points]

    def dominant(sample: int) -> tuple[int, int, float]:
        found = flooded(expected + drawn[sample])
        neck = found.points[goal.dimensions - 1]
        if neck < 0:
            return found.minimum, neck, float("inf")
        levels = np.array([found.levels[goal.dimensions - 1], found.lowest])
        top, bottom = state.restored(levels * state.scale + state.centre[0])
        return found.minimum, neck, float(top - bottom)

    # Floods hold no lock of the interpreter.
    minima, necks, barriers = zip(*in_threads(dominant, range(count), len(grid.members)), strict=True)
    return SampledSurfaces(np.array(minima, dtype=np.intp), np.array(necks, dtype=np.intp), np.array(barriers), level)


def dominance(
    goal: Goal,
    pool: CandidatePool,
    history: History,
    prediction: Prediction,
    allowed: BoolArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Share of posterior samples in which a candidate is the minimum or the bottleneck, shape ``(n_candidates,)``.

    Among candidates with equal shares, one that is uncertain below the bottleneck comes first.
    """
    drawn = sample_surfaces(goal, pool, history, prediction, rng)
    votes = np.bincount(drawn.minima, minlength=len(pool)) + np.bincount(
        drawn.bottlenecks[drawn.bottlenecks >= 0], minlength=len(pool)
    )
    deviation = np.maximum(prediction.deviation, _TINY)
    below = ndtr((drawn.level - prediction.mean) / deviation) if np.isfinite(drawn.level) else np.ones(len(pool))
    unsure = np.where(allowed, below * prediction.deviation, 0.0)
    return np.asarray(votes / len(drawn.minima) + _SECOND * unsure / max(float(unsure.max()), _TINY))


def surface_grid(pool: CandidatePool) -> PeriodicGrid:
    """The grid of a pool whose candidates are points of one.

    Raises:
        ConfigurationError: They are not.
    """
    if len(pool.systems) != 1 or pool.systems[0] not in pool.grids:
        raise ConfigurationError(
            "objective.goal: bottleneck needs a space whose candidates are points of one periodic grid, as energy_surface"
        )
    return pool.grids[pool.systems[0]]
