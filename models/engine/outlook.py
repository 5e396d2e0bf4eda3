"""Expected gain of the next evaluations, from joint posterior samples of the likeliest open candidates.

The next evaluations are chosen one by one, each as the one that adds most to the mean gain over the samples (per cost, to the
power that the search uses). A search sees the values as they come, and so gains more than by this choice made beforehand; the
model also errs. Both are corrected by a factor on the samples' deviations from their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.transforms import TransformState

SAMPLES = 500
"""Joint posterior samples; the certificate draws more."""

_KEPT = 8192
_LEAST_KEPT = 8


def kept_in_each(n_groups: int) -> int:
    """Number of candidates of each group whose samples are kept, so that many groups fit into memory."""
    return max(_LEAST_KEPT, _KEPT // max(n_groups, 1))


class Samples(Protocol):
    """Joint posterior samples of a group's likeliest open candidates."""

    @property
    def positions(self) -> IntArray:
        """The candidates, shape ``(n,)``."""
        ...

    def gains(self, state: TransformState, level: float, scale: float) -> FloatArray:
        """Returns how far each candidate would lie below a level, zero where it would not.

        Args:
            state: Transform of the member of the model.
            level: Value to beat [objective's unit]; infinite where nothing is known, and then nothing is gained.
            scale: Factor on the deviations.

        Returns:
            In the objective's unit, shape ``(n_samples, n)``.
        """
        ...

    def reaches(self, state: TransformState, level: float, scale: float) -> FloatArray:
        """Returns 1 where a candidate would not lie above a level, else 0; arguments and shape as of :meth:`gains`."""
        ...


@dataclass(frozen=True)
class Sampled:
    """Joint posterior samples of a group's likeliest open candidates, in the transform's unit before standardising.

    Attributes:
        positions: The candidates, shape ``(n,)``.
        mean: Shape ``(n,)``.
        deviations: Of each sample from the mean, shape ``(n_samples, n)``.
    """

    positions: IntArray
    mean: FloatArray
    deviations: FloatArray

    def first(self, count: int) -> Sampled:
        """The likeliest candidates, which come first."""
        return Sampled(self.positions[:count].copy(), self.mean[:count].copy(), self.deviations[:, :count].copy())

    def gains(self, state: TransformState, level: float, scale: float) -> FloatArray:
        """Returns how far each candidate would lie below a level; as of ``Samples``."""
        if not np.isfinite(level):
            return np.zeros(self.deviations.shape)
        # What lies above the level gains nothing, and the inverse of a transform may be too large for a number there.
        samples, bent = self.mean + scale * self.deviations, state.bent(np.array(level))
        return np.where(samples < bent, np.maximum(level - state.restored(np.minimum(samples, bent)), 0.0), 0.0)

    def reaches(self, state: TransformState, level: float, scale: float) -> FloatArray:
        """1 where a candidate would not lie above a level, else 0; as of ``Samples``."""
        return np.asarray((self.mean + scale * self.deviations <= state.bent(np.array(level))).astype(np.float64))


@dataclass(frozen=True)
class Ahead:
    """Gains of the next evaluations by posterior samples (implements ``NextGains``).

    Attributes:
        levels: Values to beat, by group, infinite without a value [objective's unit], shape ``(n_groups,)``.
        members: Transform and samples of each group, of each member of the model.
        price: What the search divides the gain of each candidate of the pool by, shape ``(n_candidates,)``.
        rank: The level is the value of the candidate of this rank.
        weights: Of the members.
        counts: Whether all candidates up to the level of the one group are wanted: its gain is their number then.
    """

    levels: FloatArray
    members: Sequence[tuple[TransformState, Sequence[Samples]]]
    price: FloatArray
    rank: int
    weights: Sequence[float]
    counts: bool = False

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.levels)

    @property
    def threshold(self) -> float | None:
        """The level where all candidates up to it are wanted; else None."""
        return float(self.levels[0]) if self.counts else None

    @property
    def volume(self) -> bool:
        """Whether a gain is the share by which a volume grows."""
        return False

    @property
    def unknown(self) -> int:
        """Number of groups that have candidates, but too few results that count."""
        sampled = [len(group.positions) > 0 for group in self.members[0][1]]
        return int((~np.isfinite(self.levels) & sampled).sum())

    def hope(self, _count: int) -> tuple[float, str] | None:
        """None: every result counts."""
        return None

    def gains(self, count: int, scale: float) -> FloatArray:
        """Gain of each group by the next evaluations, in each sample.

        Args:
            count: Number of evaluations.
            scale: Factor on the samples' deviations from their mean.

        Returns:
            In the objective's unit, or the number that is found, zero where nothing is known yet, shape
            ``(n_samples, n_groups)``. Members have samples in proportion to their weights.
        """
        rows = []
        for (state, groups), weight in zip(self.members, self.weights, strict=True):
            prices = [self.price[group.positions] for group in groups]
            if self.counts:
                found = likeliest(groups[0].reaches(state, float(self.levels[0]), scale), prices[0], count)
            else:
                found = chosen_gains(self._gains(state, groups, scale), prices, count)
            rows.append(found[: ceil(len(found) * weight / max(self.weights))])
        return np.concatenate(rows)

    def rate(self, price: FloatArray, scale: float) -> float:
        """Largest gain for its price that a single next evaluation is expected to bring [objective's unit per unit of price].

        Args:
            price: Of each candidate of the pool, shape ``(n_candidates,)``.
            scale: Factor on the samples' deviations from their mean.
        """
        found = []
        for state, groups in self.members:
            rates = [
                gains.mean(axis=0) / price[group.positions]
                for gains, group in zip(self._gains(state, groups, scale), groups, strict=True)
            ]
            found.append(max(float(values.max(initial=0.0)) for values in rates))
        return float(np.average(found, weights=self.weights))

    def _gains(self, state: TransformState, groups: Sequence[Samples], scale: float) -> list[FloatArray]:
        return [group.gains(state, level, scale) for group, level in zip(groups, self.levels.tolist(), strict=True)]


def joint_deviations(prediction: Prediction, positions: IntArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Draws values of candidates jointly, without their means.

    Args:
        prediction: A member of the model.
        positions: The candidates, shape ``(n,)``.
        count: Number of samples.

    Returns:
        In the transform's unit before standardising, shape ``(count, n)``.
    """
    if not len(positions):
        return np.empty((count, 0))
    covariance = prediction.posterior.covariance_between(positions, positions)
    # A candidate's value differs from the smooth function by the model's noise.
    covariance[np.diag_indices(len(positions))] += prediction.posterior.noise
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(prediction.state.scale * (rng.standard_normal((count, len(positions))) @ root.T))


def chosen_gains(gains: Sequence[FloatArray], prices: Sequence[FloatArray], count: int) -> FloatArray:
    """Gain of each group in each sample by evaluations that are chosen one by one, shape ``(n_samples, n_groups)``.

    Args:
        gains: Of each group's candidates, shape ``(n_samples, n)`` each.
        prices: What the mean gain of each candidate is divided by, shape ``(n,)`` each.
        count: Number of evaluations.
    """
    together = np.zeros((max(len(group) for group in gains), len(gains)))
    added = [_added(group, together[:, code]) / price for code, (group, price) in enumerate(zip(gains, prices, strict=True))]
    for _ in range(min(count, sum(len(values) for values in added))):
        code = int(np.argmax([values.max(initial=-np.inf) for values in added]))
        place = int(np.argmax(added[code]))
        together[:, code] = np.maximum(together[:, code], gains[code][:, place])
        taken = np.isneginf(added[code])
        taken[place] = True
        added[code] = np.where(taken, -np.inf, _added(gains[code], together[:, code]) / prices[code])
    return together


def likeliest(reached: FloatArray, price: FloatArray, count: int) -> FloatArray:
    """Number of candidates that reach a threshold in each sample, of those that do so most often for their price.

    Args:
        reached: 1 where a candidate does, else 0, shape ``(n_samples, n)``.
        price: Of each, shape ``(n,)``.
        count: Number of evaluations.

    Returns:
        Shape ``(n_samples, 1)``.
    """
    order = np.argsort(-reached.mean(axis=0) / price, kind="stable")
    return np.asarray(reached[:, order[:count]].sum(axis=1, keepdims=True))


def _added(gains: FloatArray, before: FloatArray) -> FloatArray:
    """Mean of what each candidate adds to a gain, shape ``(n,)``."""
    return np.asarray(np.maximum(gains - before[:, None], 0.0).mean(axis=0))
