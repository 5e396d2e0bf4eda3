"""What may still be better than the best known: the posterior probability that nothing is, by more than a tolerance.

Per group (a system, or the whole pool where the goal is one for all) the likeliest open candidates are drawn jointly; all
others count as independent of them and of each other. For positively correlated candidates that can only understate it
(Šidák 1967, https://doi.org/10.1080/01621459.1967.10482935). Groups count as independent of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.transforms import TransformState

JOINT = 256
"""Candidates of a group that are drawn jointly."""

DRAWS = 2000
"""Joint samples."""

_HALVINGS = 25
_FAR = 8.0
_FIRST_TOLERANCE = 1e-6
_MOST_TOLERANCE = 1e12
_CERTAIN = 1e-9
_OBSERVATIONS = 30.0


@dataclass(frozen=True)
class Calibration:
    """Corrects a group's probability: 1 − open · (1 − Φ(shift + slope · Φ⁻¹(p) + growth · log(n / 30))).

    A Gaussian process knows no floor, so while little is known it expects far better candidates than there are; and it does not
    know what it has not seen, so later on it is too sure. Both fade with the number n of observations per system, and nothing
    is hidden where nothing is open.

    Attributes:
        shift: 0 for none.
        slope: 1 for none.
        growth: 0 for none.
    """

    shift: float
    slope: float
    growth: float

    def __call__(self, probability: float, observations: float, open_share: float) -> float:
        """The corrected probability; what no draw has met is taken as met by half a draw.

        Args:
            probability: As drawn.
            observations: Per system.
            open_share: Share of the group's candidates that have no result.
        """
        least = 0.5 / DRAWS
        score = ndtri(min(max(probability, least), 1.0 - least))
        corrected = float(ndtr(self.shift + self.slope * score + self.growth * np.log(observations / _OBSERVATIONS)))
        return 1.0 - open_share * (1.0 - corrected)


AS_DRAWN = Calibration(0.0, 1.0, 0.0)

LEARNED = Calibration(0.624, 0.203, 0.52)
"""Learned on tables that are not the shipped one, see docs/results/stopping.md."""


@dataclass(frozen=True)
class Question:
    """What is asked of a prediction.

    Attributes:
        levels: What has to be beaten, by group [objective's unit, oriented], shape ``(n_groups,)``; infinite: nothing is known.
        groups: Open candidates of each group.
        observations: Number of observations per system.
        open_shares: Share of each group's candidates that is open.
    """

    levels: FloatArray
    groups: tuple[IntArray, ...]
    observations: float
    open_shares: tuple[float, ...]


def question(pool: CandidatePool, levels: FloatArray, open_: BoolArray, n_observed: int, *, by_system: bool) -> Question:
    """Asks for every system, or once for all.

    Args:
        pool: The pool.
        levels: What has to be beaten, by system, shape ``(n_systems,)``; the same for all where the question is one.
        open_: Candidates that have no result but may have one, shape ``(n_candidates,)``.
        n_observed: Number of observations.
        by_system: Whether every system is a group of its own.
    """
    codes = pool.system_codes
    members = [codes == code for code in range(len(levels))] if by_system else [np.ones(len(pool), dtype=np.bool_)]
    return Question(
        levels=levels if by_system else levels[:1],
        groups=tuple(np.flatnonzero(member & open_) for member in members),
        observations=max(n_observed, 1) / len(pool.systems),
        open_shares=tuple(float(open_[member].mean()) if member.any() else 0.0 for member in members),
    )


@dataclass(frozen=True)
class _Group:
    """Open candidates of a group in the transform's unit, before standardising.

    Attributes:
        lowest: Smallest value of each joint draw, shape ``(n_draws,)``.
        mean: Of the candidates not drawn, shape ``(n_others,)``.
        deviation: Theirs, shape ``(n_others,)``.
    """

    lowest: FloatArray
    mean: FloatArray
    deviation: FloatArray

    def none_below(self, bent: float) -> float:
        """Probability that no open candidate lies below a value in the transform's unit."""
        others = log_ndtr((self.mean - bent) / np.maximum(self.deviation, _CERTAIN))
        return float((self.lowest >= bent).mean()) * float(np.exp(others.sum()))


class Remaining:
    """What open candidates may still bring.

    Args:
        pool: The pool.
        predictions: What each member of the model says, no pending candidate believed in.
        asked: The question.
        rng: For the draws.
        calibration: Corrects the probability of each group.
    """

    def __init__(
        self,
        pool: CandidatePool,
        predictions: Sequence[Prediction],
        asked: Question,
        rng: np.random.Generator,
        calibration: Calibration = LEARNED,
    ) -> None:
        self._levels, self.asked, self._calibration = asked.levels, asked, calibration
        self._members: list[tuple[TransformState, list[_Group]]] = []
        for prediction in predictions:
            drawn = [
                _draw(pool, prediction, positions, float(level), rng)
                for positions, level in zip(asked.groups, asked.levels, strict=True)
            ]
            self._members.append((prediction.state, drawn))

    def probabilities(self, within: float) -> FloatArray:
        """Probability, by group, that nothing remains that is better by more than a tolerance.

        Args:
            within: Tolerance [objective's unit].

        Returns:
            Shape ``(n_groups,)``; 0 where nothing is known yet, 1 where nothing is open.
        """
        return np.array([self._probability(group, within) for group in range(len(self._levels))])

    def as_drawn(self, within: float) -> FloatArray:
        """The same before the correction, shape ``(n_groups,)``."""
        return np.array([self._drawn(group, within) for group in range(len(self._levels))])

    def tolerances(self, confidence: float) -> tuple[float, FloatArray]:
        """Least tolerances for which that probability reaches a confidence.

        Returns:
            For all groups together, and by group, shape ``(n_groups,)`` [objective's unit]; infinite where nothing is known.
        """

        groups = range(len(self._levels))
        return self.tolerance_of(groups, confidence), np.array([self.tolerance_of([group], confidence) for group in groups])

    def tolerance_of(self, groups: Sequence[int], confidence: float) -> float:
        """Least tolerance for which the probability of some groups together reaches a confidence.

        Args:
            groups: Their indices.
            confidence: Of all of them together.

        Returns:
            In the objective's unit; infinite where nothing is known of one of them.
        """
        return _least(lambda within: float(np.prod([self._probability(group, within) for group in groups])), confidence)

    def _probability(self, group: int, within: float) -> float:
        probability = self._drawn(group, within)
        if not self.asked.groups[group].size or not np.isfinite(self._levels[group]):
            return probability
        return self._calibration(probability, self.asked.observations, self.asked.open_shares[group])

    def _drawn(self, group: int, within: float) -> float:
        level = float(self._levels[group])
        if not self.asked.groups[group].size:
            return 1.0
        if not np.isfinite(level):
            return 0.0
        limit = np.array([level - within])
        return float(np.mean([drawn[group].none_below(float(state.bent(limit)[0])) for state, drawn in self._members]))


def _draw(pool: CandidatePool, prediction: Prediction, positions: IntArray, level: float, rng: np.random.Generator) -> _Group:
    if not len(positions):
        return _Group(np.empty(0), np.empty(0), np.empty(0))
    state, width = prediction.state, prediction.state.scale
    mean = prediction.mean[positions] * state.scale + state.centre[pool.system_codes[positions]]
    # A candidate's value differs from the smooth function by what the model takes for noise.
    noise = prediction.posterior.noise
    deviation = width * np.sqrt(np.square(prediction.deviation[positions]) + noise)
    target = float(state.bent(np.array([level]))[0]) if np.isfinite(level) else float(mean.max())
    margin = (mean - target) / np.maximum(deviation, _CERTAIN)
    order = np.argsort(margin, kind="stable")
    joint, others = order[:JOINT], order[JOINT:]
    # Tolerances only lower the limit, so what is this far above the level never counts.
    others = others[margin[others] < _FAR]
    chosen = positions[joint]
    covariance = prediction.posterior.covariance_between(chosen, chosen)
    covariance[np.diag_indices(len(joint))] += noise
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    draws = mean[joint] + width * (rng.standard_normal((DRAWS, len(joint))) @ root.T)
    return _Group(draws.min(axis=1), mean[others], deviation[others])


def _least(probability: Callable[[float], float], confidence: float) -> float:
    """Least tolerance whose probability reaches the confidence, by doubling and halving."""
    if probability(0.0) >= confidence:
        return 0.0
    high = _FIRST_TOLERANCE
    while probability(high) < confidence:
        high *= 2.0
        if high > _MOST_TOLERANCE:
            return float(np.inf)
    low = 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if probability(middle) >= confidence:
            high = middle
        else:
            low = middle
    return high
