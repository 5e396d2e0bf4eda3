"""Posterior samples of all energies, the convex hull of each sample, and how surely each candidate is on it.

Every candidate competes with every other, computed or not: a sample has an energy for each. Novick et al. (2024),
Probabilistic prediction of material stability: integrating convex hulls into active learning, https://doi.org/10.1039/D4MH00432A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, xlogy

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import BoolArray, CandidatePool, Compositions, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.joint import joint_deviations
from tansaku.models.features.convex_hull import ON_HULL, LowerHull, lower_hull

SAMPLES = 128
"""Hulls that are drawn for a proposal."""

DRAWS = 400
"""Hulls that are drawn for a certificate."""

JOINT = 600
"""Largest number of open candidates whose energies are drawn: those that may be lowest beside the others."""

_FAR = 3.0
_HIGH = 2.0
_SECOND = 1e-3
_CEILING = 100.0
_TINY = 1e-12


@dataclass(frozen=True)
class SampledHulls:
    """Hulls of posterior samples.

    Attributes:
        points: Candidates that may be on them, the computed ones among them, shape ``(n_points,)``.
        deviations: Sampled energies minus the expected ones [transform's unit], shape ``(n_samples, n_points)``.
        above: Energy of each above the sample's hull [objective's unit], shape ``(n_samples, n_points)``.
        likely: Probability of each candidate of lying below a hull on which every open one is two deviations higher than
            expected, shape ``(n_candidates,)``.
        on: Energy above a hull up to which a candidate is on it [objective's unit].
    """

    points: IntArray
    deviations: FloatArray
    above: FloatArray
    likely: FloatArray
    on: float


def compositions_of(goal: Goal, pool: CandidatePool) -> Compositions:
    """Compositions of a pool's candidates.

    Raises:
        ConfigurationError: It has none, or an element has no phase of its own; among the known ones, if energies are measured
            from these.
    """
    found = pool.compositions
    if found is None:
        raise ConfigurationError("objective.goal: on_hull needs a space that knows the compositions of its candidates")
    given, _ = _phases(goal, found)
    pure = ((given if goal.formation else np.vstack([found.shares, given])) == 1.0).any(axis=0)
    lacking = [element for element, there in zip(found.elements, pure.tolist(), strict=True) if not there]
    if lacking:
        raise ConfigurationError(
            f"space.phases: on_hull needs a phase of each element, and none is {lacking[0]} alone",
            hint="give its energy under space.phases, or set space.phases.references: compute; in a table, as a row of its own",
        )
    return found


def _phases(goal: Goal, compositions: Compositions) -> tuple[FloatArray, FloatArray]:
    """Shares and energies [eV/atom] of the known phases; formation energies known as such are above elements at zero."""
    if goal.formation and compositions.relative:
        return np.eye(len(compositions.elements)), np.zeros(len(compositions.elements))
    return compositions.phases


def sample_hulls(
    goal: Goal, pool: CandidatePool, history: History, prediction: Prediction, rng: np.random.Generator, count: int = SAMPLES
) -> SampledHulls:
    """Draws energies from the posterior and builds the hull of each draw.

    Args:
        goal: Unit of the energies, and what they are measured from.
        pool: Crystals that compete.
        history: Computed energies, at least one, are kept, pending ones believed; failed candidates are on no hull.
        count: Number of samples.

    Raises:
        ConfigurationError: The candidates have no compositions.
    """
    compositions, state, noise = compositions_of(goal, pool), prediction.state, prediction.posterior.noise
    shares, (given, levels) = compositions.shares, _phases(goal, compositions)
    fixed = _fixed(goal, given, levels)
    centre = state.centre[pool.system_codes]
    mean = prediction.mean * state.scale + centre
    deviation = state.scale * np.sqrt(np.square(prediction.deviation) + noise)
    ceiling = float(history.values.max()) + _CEILING * (float(np.ptp(history.values)) + state.scale)
    mean[history.observed], deviation[history.observed] = state.bent(history.values), 0.0
    there = np.ones(len(pool), dtype=np.bool_)
    there[history.failed] = False
    known = np.zeros(len(pool), dtype=np.bool_)
    known[history.observed] = True

    def energies_of(bent: FloatArray) -> FloatArray:
        # Where the transform compresses high values, a sample may be so high that beside it no other has digits left.
        return np.minimum(state.restored(bent), ceiling)

    def hull_of(points: IntArray, energies: FloatArray) -> LowerHull:
        return _hull(np.vstack([shares[points], given]), np.concatenate([energies, fixed]))

    everything = np.flatnonzero(there)
    high = hull_of(everything, energies_of(mean[everything] + _HIGH * deviation[everything]))
    level, on = high.at(shares) + shares @ high.elements, ON_HULL * goal.per_ev
    open_ = np.flatnonzero(there & ~known & (energies_of(mean - _FAR * deviation) <= level + on))
    lowest = np.nextafter(state.floor, np.inf) if state.log else -np.inf
    margin = (mean - state.bent(np.maximum(level, lowest))) / np.maximum(deviation, _TINY)
    if len(open_) > JOINT:
        open_ = np.sort(open_[np.argsort(margin[open_], kind="stable")[:JOINT]])
    points = np.sort(np.concatenate([open_, history.observed]))
    drawn = np.zeros((count, len(points)))
    free = ~known[points]
    drawn[:, free] = state.scale * joint_deviations(prediction, points[free], history.pending.tolist(), rng, count, noise)
    above = np.empty((count, len(points)))
    for sample in range(count):
        above[sample] = hull_of(points, energies_of(mean[points] + drawn[sample])).above[: len(points)]
    likely = np.where(there, ndtr(-margin), 0.0)
    return SampledHulls(points, drawn, above, likely, on)


def hull_entropies(
    goal: Goal, pool: CandidatePool, history: History, prediction: Prediction, allowed: BoolArray, rng: np.random.Generator
) -> FloatArray:
    """Entropy of whether each candidate is on the hull [nats], shape ``(n_candidates,)``.

    Among candidates with equal entropies, one that is likelier to lie below the others comes first.
    """
    drawn = sample_hulls(goal, pool, history, prediction, rng)
    share = (drawn.above <= drawn.on).mean(axis=0)
    values = np.zeros(len(pool))
    values[drawn.points] = -xlogy(share, share) - xlogy(1.0 - share, 1.0 - share)
    return _with_second(values, drawn, allowed)


def hull_gains(
    goal: Goal, pool: CandidatePool, history: History, prediction: Prediction, allowed: BoolArray, rng: np.random.Generator
) -> FloatArray:
    """Variance of what is on the hull that each candidate's energy explains, summed over all candidates.

    By linear regression over the samples, shape ``(n_candidates,)``.
    """
    drawn = sample_hulls(goal, pool, history, prediction, rng)
    member = (drawn.above <= drawn.on).astype(np.float64)
    member -= member.mean(axis=0)
    spread = drawn.deviations.std(axis=0)
    columns = drawn.deviations / np.where(spread > 0.0, spread, 1.0)
    explained = np.square(columns.T @ member / len(member)).sum(axis=1)
    values = np.zeros(len(pool))
    values[drawn.points] = np.where(spread > 0.0, explained, 0.0)
    return _with_second(values, drawn, allowed)


def _with_second(values: FloatArray, drawn: SampledHulls, allowed: BoolArray) -> FloatArray:
    second = np.where(allowed, drawn.likely, 0.0)
    return np.asarray(values + _SECOND * second / max(float(second.max()), _TINY))


def _fixed(goal: Goal, given: FloatArray, energies: FloatArray) -> FloatArray:
    """Energies of the known phases as the objective measures them, shape ``(n_phases,)``."""
    if goal.formation:
        lowest = np.array([energies[given[:, element] == 1.0].min() for element in range(given.shape[1])])
        energies = energies - given @ lowest
    return np.asarray(goal.per_ev * energies)


def _hull(shares: FloatArray, energies: FloatArray) -> LowerHull:
    """The hull; an element all of whose phases failed is as high as the highest phase."""
    lost = np.flatnonzero(~(shares == 1.0).any(axis=0))
    if not len(lost):
        return lower_hull(shares, energies)
    ends = np.eye(shares.shape[1])[lost]
    return lower_hull(np.vstack([shares, ends]), np.append(energies, np.full(len(lost), energies.max())))


@dataclass(frozen=True)
class HullBelief:
    """Posterior of what is on a hull (implements ``RemainingGain``).

    Attributes:
        points: Candidates that may be on it, shape ``(n_points,)``.
        above: Energies above the hull of each posterior sample [objective's unit], shape ``(n_samples, n_points)``.
        on: Energy above a hull up to which a candidate is on it [objective's unit].
    """

    points: IntArray
    above: FloatArray
    on: float

    @property
    def estimate(self) -> None:
        """Always None: the answer is a set of candidates."""
        return None

    @property
    def ahead(self) -> None:
        """Always None: an evaluation gains no amount, it makes the hull surer."""
        return None

    @property
    def believed(self) -> None:
        """Always None: there is not one best candidate."""
        return None

    @property
    def on_hull(self) -> tuple[IntArray, FloatArray]:
        """Candidates that may be on the hull, and the probability of each, shapes ``(n_points,)``."""
        return self.points, (self.above <= self.on).mean(axis=0)

    def probabilities(self, within: float) -> FloatArray:
        """Probability of the least certain candidate of being above the hull or at most ``within`` above it, shape ``(1,)``."""
        if not len(self.points):
            return np.ones(1)
        unstable = (self.above > self.on).mean(axis=0)
        near = (self.above <= max(within, self.on)).mean(axis=0)
        return np.array([float(np.maximum(unstable, near).min())])

    def tolerances(self, confidence: float) -> tuple[float, FloatArray]:
        """Returns the smallest tolerance at which every candidate is that certain, twice: there is one group.

        Args:
            confidence: Of each candidate.
        """
        tolerance = self.tolerance_of([0], confidence)
        return tolerance, np.array([tolerance])

    def tolerance_of(self, _groups: Sequence[int], confidence: float) -> float:
        """Returns the tolerance of :meth:`tolerances`; the groups are ignored, because there is only one."""
        unsure = (self.above > self.on).mean(axis=0) < confidence
        if not unsure.any():
            return 0.0
        needed = np.quantile(self.above[:, unsure], confidence, axis=0, method="inverted_cdf")
        return float(np.where(needed <= self.on, 0.0, needed).max())


def hull_belief(
    goal: Goal, pool: CandidatePool, history: History, predictions: Sequence[Prediction], rng: np.random.Generator
) -> HullBelief:
    """Draws what is on the hull from the model's posterior.

    Args:
        goal: Unit of the energies, and what they are measured from.
        pool: Crystals that compete.
        history: Computed and failed candidates.
        predictions: Of each member of the model, without fantasies for pending candidates.

    Raises:
        ConfigurationError: The candidates have no compositions.
    """
    whole = sum(prediction.weight for prediction in predictions)
    drawn = [
        sample_hulls(goal, pool, history, prediction, rng, max(int(DRAWS * prediction.weight / whole), 1))
        for prediction in predictions
    ]
    points = np.unique(np.concatenate([part.points for part in drawn]))
    # What a member of the model does not draw is above its hulls.
    above = np.full((sum(len(part.above) for part in drawn), len(points)), np.inf)
    row = 0
    for part in drawn:
        above[row : row + len(part.above), np.searchsorted(points, part.points)] = part.above
        row += len(part.above)
    return HullBelief(points, above, drawn[0].on)
