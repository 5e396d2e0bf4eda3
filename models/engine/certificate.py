"""Convergence certificate: the posterior probability that no open candidate is better than the best known by a tolerance.

For each group (a system, or the whole pool for a common goal) the likeliest open candidates are sampled jointly; all others
are treated as independent of them and of each other. For positively correlated candidates that can only understate it
(Šidák 1967, https://doi.org/10.1080/01621459.1967.10482935). Groups count as independent of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.outlook import SAMPLES, Ahead, Sampled, joint_deviations, kept_in_each
from tansaku.models.engine.transforms import TransformState

JOINT = 256
"""Number of candidates of a group that are sampled jointly."""

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

    A Gaussian process has no lower bound, so with few observations it expects far better candidates than exist; later it is
    overconfident, because it ignores unseen structure. Both effects fade with the number n of observations per system and
    vanish when no candidate is open.

    Attributes:
        shift: 0 for none.
        slope: 1 for none.
        growth: 0 for none.
    """

    shift: float
    slope: float
    growth: float

    def __call__(self, probability: float, observations: float, open_share: float) -> float:
        """Returns the corrected probability; an event that no posterior sample shows is counted as half a sample.

        Args:
            probability: Uncorrected estimate from posterior samples.
            observations: Per system.
            open_share: Share of the group's candidates that have no result.
        """
        least = 0.5 / DRAWS
        score = ndtri(min(max(probability, least), 1.0 - least))
        corrected = float(ndtr(self.shift + self.slope * score + self.growth * np.log(observations / _OBSERVATIONS)))
        return 1.0 - open_share * (1.0 - corrected)


AS_DRAWN = Calibration(0.0, 1.0, 0.0)

LEARNED = Calibration(0.624, 0.203, 0.52)
"""Calibrated on tables other than the shipped one, see docs/results/stopping.md."""


@dataclass(frozen=True)
class Question:
    """The question that a certificate answers.

    Attributes:
        levels: Values to beat, by group [objective's unit, oriented], shape ``(n_groups,)``; infinite without a value.
        groups: Open candidates of each group.
        observations: Number of observations per system.
        open_shares: Share of each group's candidates that is open.
        joint: Number of candidates of a group that are sampled jointly.
        price: What the search divides the gain of each candidate by, shape ``(n_candidates,)``; None: nothing is asked about
            the next evaluations.
        rank: The level is the value of the candidate of this rank.
        counts: Whether all candidates up to the level are wanted, which is a threshold then.
    """

    levels: FloatArray
    groups: tuple[IntArray, ...]
    observations: float
    open_shares: tuple[float, ...]
    joint: int = JOINT
    price: FloatArray | None = None
    rank: int = 1
    counts: bool = False


def question(pool: CandidatePool, levels: FloatArray, open_: BoolArray, n_observed: int, *, by_system: bool) -> Question:
    """Builds the question, for every system or for the whole pool.

    Args:
        levels: Values to beat, by system, shape ``(n_systems,)``; the same for all where the question is one.
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
        lowest: Smallest value of each joint posterior sample, shape ``(n_draws,)``.
        mean: Of the candidates not sampled jointly, shape ``(n_others,)``.
        deviation: Theirs, shape ``(n_others,)``.
        sampled: The first samples of those sampled jointly.
    """

    lowest: FloatArray
    mean: FloatArray
    deviation: FloatArray
    sampled: Sampled

    def keeping(self, count: int) -> _Group:
        """The same with samples of so many candidates at most."""
        return replace(self, sampled=self.sampled.first(count))

    def none_below(self, bent: float) -> float:
        """Probability that no open candidate lies below a value in the transform's unit."""
        others = log_ndtr((self.mean - bent) / np.maximum(self.deviation, _CERTAIN))
        return float((self.lowest >= bent).mean()) * float(np.exp(others.sum()))


class Remaining:
    """Possible improvement by open candidates.

    Args:
        predictions: Predictions of each member of the model, without fantasies for pending candidates.
        rng: Random stream of the posterior samples.
        calibration: Corrects the probability of each group.
        believed: Measured candidate with the lowest posterior mean, and that mean [oriented objective's unit].
    """

    def __init__(
        self,
        pool: CandidatePool,
        predictions: Sequence[Prediction],
        asked: Question,
        rng: np.random.Generator,
        calibration: Calibration = LEARNED,
        believed: tuple[int, float] | None = None,
    ) -> None:
        self.believed = believed
        self._levels, self.asked, self._calibration = asked.levels, asked, calibration
        self._members: list[tuple[TransformState, list[_Group]]] = []
        kept = kept_in_each(len(asked.groups))
        self._weights = [prediction.weight for prediction in predictions]
        for prediction in predictions:
            drawn = [
                _draw(pool, prediction, positions, float(level), asked.joint, rng).keeping(kept)
                for positions, level in zip(asked.groups, asked.levels, strict=True)
            ]
            self._members.append((prediction.state, drawn))

    @property
    def estimate(self) -> float | None:
        """Always None: the certificate is about improvements, not about the answer itself."""
        return None

    @property
    def ahead(self) -> Ahead | None:
        """Gains of the next evaluations; None where an evaluation gains no amount."""
        if self.asked.price is None:
            return None
        members = [(state, [group.sampled for group in drawn]) for state, drawn in self._members]
        return Ahead(self._levels, members, self.asked.price, self.asked.rank, self._weights, self.asked.counts)

    @property
    def on_hull(self) -> None:
        """Always None: the question is about values, not about a hull."""
        return None

    def probabilities(self, within: float) -> FloatArray:
        """Returns the probability, by group, that no open candidate is better by more than a tolerance.

        Args:
            within: Tolerance [objective's unit].

        Returns:
            Shape ``(n_groups,)``; 0 where nothing is known yet, 1 where nothing is open.
        """
        return np.array([self.probability_of(group, within) for group in range(len(self._levels))])

    def as_drawn(self, within: float) -> FloatArray:
        """The probabilities before the correction, shape ``(n_groups,)``."""
        return np.array([self._drawn(group, within) for group in range(len(self._levels))])

    def tolerances(self, confidence: float) -> tuple[float, FloatArray]:
        """Returns the smallest tolerances for which that probability reaches a confidence.

        Returns:
            For all groups together, and by group, shape ``(n_groups,)`` [objective's unit]; infinite where nothing is known.
        """

        groups = range(len(self._levels))
        return self.tolerance_of(groups, confidence), np.array([self.tolerance_of([group], confidence) for group in groups])

    def tolerance_of(self, groups: Sequence[int], confidence: float) -> float:
        """Returns the smallest tolerance for which the joint probability of some groups reaches a confidence.

        Args:
            groups: Their indices.
            confidence: Of all of them together.

        Returns:
            In the objective's unit; infinite where nothing is known of one of them.
        """
        return _least(lambda within: float(np.prod([self.probability_of(group, within) for group in groups])), confidence)

    def probability_of(self, group: int, within: float) -> float:
        """Returns the probability that no open candidate of a group is better by more than a tolerance.

        Args:
            group: Its index.
            within: Tolerance [objective's unit].
        """
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
        found = [drawn[group].none_below(float(state.bent(limit)[0])) for state, drawn in self._members]
        return float(np.average(found, weights=self._weights))


def _draw(
    pool: CandidatePool, prediction: Prediction, positions: IntArray, level: float, n_joint: int, rng: np.random.Generator
) -> _Group:
    if not len(positions):
        none = Sampled(np.empty(0, dtype=np.intp), np.empty(0), np.empty((SAMPLES, 0)))
        return _Group(np.empty(0), np.empty(0), np.empty(0), none)
    state = prediction.state
    mean = prediction.mean[positions] * state.scale + state.centre[pool.system_codes[positions]]
    # A candidate's value differs from the smooth function by the model's noise.
    deviation = state.scale * np.sqrt(np.square(prediction.deviation[positions]) + prediction.posterior.noise)
    target = float(state.bent(np.array([level]))[0]) if np.isfinite(level) else float(mean.max())
    margin = (mean - target) / np.maximum(deviation, _CERTAIN)
    order = np.argsort(margin, kind="stable")
    joint, others = order[:n_joint], order[n_joint:]
    # Tolerances only lower the limit, so what is this far above the level never counts.
    others = others[margin[others] < _FAR]
    chosen = positions[joint]
    draws = mean[joint] + joint_deviations(prediction, chosen, DRAWS, rng)
    sampled = Sampled(chosen, mean[joint], draws[:SAMPLES] - mean[joint])
    return _Group(draws.min(axis=1), mean[others], deviation[others], sampled)


def _least(probability: Callable[[float], float], confidence: float) -> float:
    """Finds the smallest tolerance whose probability reaches the confidence, by doubling and bisection."""
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
