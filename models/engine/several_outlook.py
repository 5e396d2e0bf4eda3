"""Expected gain of the next evaluations where each gives several quantities, from joint posterior samples of all of them.

A sampled candidate that breaks a limit gains nothing. Quantities count as independent of each other, as the search takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.models.domain.desirability import desirability
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.specs.objective import DesiredSpec, LimitSpec
from tansaku.models.engine.front import dominated_volume
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.outlook import SAMPLES, Ahead, Sampled, Samples, joint_deviations, likeliest
from tansaku.models.engine.transforms import TransformState

WITHIN_LIMITS = "keeps all limits"
BEYOND_REFERENCE = "beats the reference point"

SAMPLED = 64
"""Candidates by which the growth of a volume is worked out, the best by the search's choice."""

_DRAWN = 200  # samples by which it is


@dataclass(frozen=True)
class Drawn:
    """Joint posterior samples of a quantity at some candidates, of each member of its model in turn.

    Attributes:
        parts: Transform, means, shape ``(n,)``, and deviations from these, shape ``(n_rows, n)``, of each member.
        order: In which all rows are read, so that members of two quantities do not meet in order, shape ``(n_samples,)``.
    """

    parts: tuple[tuple[TransformState, FloatArray, FloatArray], ...]
    order: IntArray

    def values(self, scale: float = 1.0) -> FloatArray:
        """The samples [the quantity's unit, oriented], shape ``(n_samples, n)``.

        Args:
            scale: Factor on the deviations.
        """
        rows = [state.restored(mean + scale * deviations) for state, mean, deviations in self.parts]
        return np.asarray(np.concatenate(rows)[self.order])


def sampled_at(pool: CandidatePool, member: Prediction, positions: IntArray, count: int, rng: np.random.Generator) -> Sampled:
    """Joint posterior samples of a member of a model at candidates.

    Args:
        positions: The candidates, shape ``(n,)``.
        count: Number of samples.
    """
    mean = member.mean[positions] * member.state.scale + member.state.centre[pool.system_codes[positions]]
    return Sampled(positions, mean, joint_deviations(member, positions, count, rng))


def drawn(pool: CandidatePool, members: Sequence[Prediction], positions: IntArray, rng: np.random.Generator) -> Drawn:
    """Draws a quantity at candidates, each member of its model in proportion to its weight.

    Args:
        members: Predictions of the quantity.
        positions: The candidates, shape ``(n,)``.
    """
    shares = np.cumsum([member.weight for member in members])
    counts = np.diff(np.round(shares / shares[-1] * SAMPLES), prepend=0.0).astype(int)
    parts = []
    for member, count in zip(members, counts.tolist(), strict=True):
        found = sampled_at(pool, member, positions, count, rng)
        parts.append((member.state, found.mean, found.deviations))
    return Drawn(tuple(parts), rng.permutation(SAMPLES))


def kept_in(limits: Sequence[LimitSpec], quantities: Sequence[Drawn], count: int) -> BoolArray:
    """Returns which samples keep all limits, shape ``(n_samples, count)``.

    Args:
        limits: Of some quantities.
        quantities: Samples of these.
        count: Number of candidates.
    """
    kept = np.ones((SAMPLES, count), dtype=np.bool_)
    for limit, quantity in zip(limits, quantities, strict=True):
        (low, high), values = limit.bounds, quantity.values()
        kept &= (values >= low) & (values <= high)
    return kept


@dataclass(frozen=True)
class Limited:
    """Samples of which those count that keep all limits (implements ``Samples``).

    Attributes:
        of: The samples.
        kept: Which of them keep the limits, shape ``(n_samples, n)``.
    """

    of: Samples
    kept: BoolArray

    @property
    def positions(self) -> IntArray:
        """The candidates, shape ``(n,)``."""
        return self.of.positions

    def gains(self, state: TransformState, level: float, scale: float) -> FloatArray:
        """Returns how far each candidate would lie below a level within the limits; as of ``Samples``."""
        return np.where(self.kept, self.of.gains(state, level, scale), 0.0)

    def reaches(self, state: TransformState, level: float, scale: float) -> FloatArray:
        """1 where a candidate would not lie above a level and keep the limits, else 0; as of ``Samples``."""
        return np.where(self.kept, self.of.reaches(state, level, scale), 0.0)


@dataclass(frozen=True)
class Desired:
    """Samples of a desirability, from those of its quantities (implements ``Samples``).

    Attributes:
        positions: The candidates, shape ``(n,)``.
        desired: The quantities.
        quantities: Samples of each.
    """

    positions: IntArray
    desired: tuple[DesiredSpec, ...]
    quantities: tuple[Drawn, ...]

    def _oriented(self, scale: float) -> FloatArray:
        """Desirabilities with the sign by which low values are better, shape ``(n_samples, n)``."""
        return -desirability(self.desired, np.stack([quantity.values(scale) for quantity in self.quantities], axis=-1))

    def gains(self, _state: TransformState, level: float, scale: float) -> FloatArray:
        """Returns how far each candidate would lie below a level; as of ``Samples``."""
        return np.maximum(level - self._oriented(scale), 0.0)

    def reaches(self, _state: TransformState, level: float, scale: float) -> FloatArray:
        """1 where a candidate would not lie above a level, else 0; as of ``Samples``."""
        return (self._oriented(scale) <= level).astype(np.float64)


@dataclass(frozen=True)
class LimitedAhead(Ahead):
    """Gains of the next evaluations within limits (implements ``NextGains``).

    Attributes:
        kept: Which samples of each group's candidates keep all limits, shape ``(n_samples, n)`` each.
        none_kept: Whether no result does.
    """

    kept: tuple[BoolArray, ...] = ()
    none_kept: bool = False

    @property
    def unknown(self) -> int:
        """Number of groups that have candidates, but too few results that keep all limits."""
        return sum(kept.shape[1] > 0 for kept in self.kept) if self.none_kept else super().unknown

    def hope(self, count: int) -> tuple[float, str] | None:
        """Probability that one of the next evaluations is the first to keep all limits; None: a result does already."""
        if not self.none_kept:
            return None
        prices = np.concatenate([self.price[group.positions] for group in self.members[0][1]])
        found = likeliest(np.hstack(self.kept).astype(np.float64), prices, count)
        return float((found > 0.0).mean()), WITHIN_LIMITS


@dataclass(frozen=True)
class FrontAhead:
    """Growth of the volume that a front dominates by the next evaluations, as a share of it (implements ``NextGains``).

    The next evaluations are chosen one by one, each as the one that adds most while those chosen before have their means.

    Attributes:
        positions: The candidates, shape ``(n,)``.
        front: Values of the results that keep all limits, oriented, shape ``(n_known, n_objectives)``.
        reference: Of the volume, same units, shape ``(n_objectives,)``.
        objectives: Samples of each.
        kept: Which of them keep all limits, shape ``(n_samples, n)``.
        cells: Cuts what a front does not dominate into boxes; their better and worse ends.
    """

    positions: IntArray
    front: FloatArray
    reference: FloatArray
    objectives: tuple[Drawn, ...]
    kept: BoolArray
    cells: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
    groups: int = 1
    rank: int = 1
    threshold: float | None = None
    volume: bool = True

    @property
    def unknown(self) -> int:
        """1 while no result adds to the front, if there are candidates."""
        return int(not self._before and len(self.positions) > 0)

    def hope(self, count: int) -> tuple[float, str] | None:
        """Probability that one of the next evaluations is the first that adds to the front; None: a result does already."""
        if self._before:
            return None
        beyond = np.all([of.values() < at for of, at in zip(self.objectives, self.reference, strict=True)], axis=0)
        awaited, counted = (BEYOND_REFERENCE, self.kept & beyond) if len(self.front) else (WITHIN_LIMITS, self.kept)
        chosen = np.argsort(-counted.mean(axis=0), kind="stable")[:count]
        return float(counted[:, chosen].any(axis=1).mean()), awaited

    def gains(self, count: int, scale: float) -> FloatArray:
        """Growth of the volume by the next evaluations, as a share of it, shape ``(n_samples, 1)``; as of ``NextGains``."""
        if not self._before:
            return np.zeros((_DRAWN, 1))
        points, kept = self._points(scale), self.kept[:_DRAWN]
        expected, front = points.mean(axis=0), self.front
        chosen: list[int] = []
        for _ in range(min(count, points.shape[1])):
            growth = self._growth(points, front)
            growth[chosen] = -np.inf
            chosen.append(int(np.argmax(growth)))
            front = np.vstack([front, expected[chosen[-1]]])
        found = [
            dominated_volume(np.vstack([self.front, sample[chosen][of[chosen]]]), self.reference)
            for sample, of in zip(points, kept, strict=True)
        ]
        return (np.array(found)[:, None] - self._before) / self._before

    def rate(self, price: FloatArray, scale: float) -> float:
        """Largest expected growth for its price by a single evaluation, as a share of the volume; as of ``NextGains``."""
        if not self._before:
            return 0.0
        growth = self._growth(self._points(scale), self.front) / self._before
        return float((growth / price[self.positions]).max(initial=0.0))

    @cached_property
    def _before(self) -> float:
        """Volume that the results dominate."""
        return dominated_volume(self.front, self.reference)

    def _points(self, scale: float) -> FloatArray:
        """Samples of the objectives together, shape ``(n_drawn, n, n_objectives)``."""
        return np.stack([objective.values(scale)[:_DRAWN] for objective in self.objectives], axis=-1)

    def _growth(self, points: FloatArray, front: FloatArray) -> FloatArray:
        """Volume that each candidate alone adds to a front, mean of its samples, shape ``(n,)``.

        Args:
            points: As of :meth:`_points`.
            front: Known and expected values.
        """
        better, worse = self.cells(front, self.reference)
        added = np.zeros(points.shape[:-1])
        for low, high in zip(better, worse, strict=True):
            added += np.prod(np.maximum(high - np.maximum(points, low), 0.0), axis=-1)
        return np.asarray(np.where(self.kept[:_DRAWN], added, 0.0).mean(axis=0))
