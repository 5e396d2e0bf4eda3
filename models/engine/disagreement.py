"""Proposer by committee disagreement per cost: active learning of potentials.

Query by committee (Seung, Opper & Sompolinsky 1992, https://doi.org/10.1145/130385.130417), for networks of potentials Artrith
& Behler (2012), https://doi.org/10.1103/PhysRevB.85.045439. Between two trainings the version does not change, so it
must not propose structures near those already proposed: the spread is treated as the deviation of a Gaussian process whose
correlation decreases with the distance in descriptor space, conditioned on everything proposed since.
 Taking the largest each time is the greedy choice of the largest determinant of a batch (Zaverkin, Holzmüller, Steinwart
& Kästner 2022, https://doi.org/10.1039/D2DD00034B); results need not be known for it (Desautels, Krause & Burdick 2014,
https://jmlr.org/papers/v15/desautels14a.html).
"""

from __future__ import annotations

from dataclasses import replace
from math import floor

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.spatial.distance import cdist

from tansaku.models.domain.disagreement import Disagreement
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.specs.proposer import DisagreementProposerSpec
from tansaku.models.engine.acquisition import TIE
from tansaku.models.engine.initial import initial_position
from tansaku.models.engine.simple import ModelFree

_JITTER = 1e-8
"""Added to the correlations' diagonal: structures of one batch may be equal."""


class DisagreementProposer(ModelFree):
    """Chooses the candidate with the largest disagreement per cost; random, system by system, before the first version.

    Args:
        known: The version's predictions, None before the first version.
    """

    name = "disagreement"

    def __init__(self, spec: DisagreementProposerSpec, known: Disagreement | None = None) -> None:
        self._spec, self._known = spec, known

    def informed(self, known: Disagreement) -> DisagreementProposer:
        """The proposer that uses a version."""
        return DisagreementProposer(self._spec, known)

    def _choose(
        self, pool: CandidatePool, history: History, allowed: BoolArray, number: int, rng: np.random.Generator
    ) -> Choice:
        known = self._known
        if known is None:
            return Choice(position=initial_position(pool, allowed, number, rng, "random"))
        judging = allowed & known.judging
        learnable = allowed & ~known.judging
        if judging.any() and (not learnable.any() or _is_turn(number, self._spec.judging)):
            chosen = _in_turn(pool, history, judging, rng)
            return _with_prediction(known, Choice(position=chosen))
        unmet = learnable & np.isnan(known.spread)
        if unmet.any():
            return Choice(position=_in_turn(pool, history, unmet, rng))
        return self._most_disputed(pool, history, learnable, known)

    def _most_disputed(self, pool: CandidatePool, history: History, learnable: BoolArray, known: Disagreement) -> Choice:
        if self._spec.by_system:
            learnable = learnable & np.isin(pool.system_codes, _least_proposed(pool, history, learnable))
        candidates = np.flatnonzero(learnable)
        spread = known.spread[candidates]
        asked = _asked_since(history, known)
        if len(asked) and self._spec.correlation > 0:
            spread = spread * left_over(known.places[candidates], known.places[asked], self._spec.correlation)
        worth = spread / pool.cost[candidates] ** self._spec.cost_exponent
        best = int(np.argmax(worth >= worth.max() * (1.0 - TIE)))
        return _with_prediction(known, Choice(position=int(candidates[best]), acquisition=float(worth[best])))


def left_over(places: FloatArray, asked: FloatArray, correlation: float) -> FloatArray:
    """Returns the fraction of a deviation that remains when the results of other structures are known.

    Args:
        places: Of the structures in descriptor space, shape ``(n, d)``.
        asked: Of the others, shape ``(n_asked, d)``.
        correlation: Distance at which the correlation exp(−d²/2l²) of two structures has fallen to 0.61.

    Returns:
        Between 0 and 1, shape ``(n,)``.
    """

    def correlations(rows: FloatArray, other: FloatArray) -> FloatArray:
        return np.asarray(np.exp(-0.5 * cdist(rows, other, "sqeuclidean") / correlation**2))

    factor = cholesky(correlations(asked, asked) + _JITTER * np.eye(len(asked)), lower=True)
    explained = np.square(solve_triangular(factor, correlations(asked, places), lower=True)).sum(axis=0)
    return np.asarray(np.sqrt(np.maximum(1.0 - explained, 0.0)))


def _is_turn(number: int, share: float) -> bool:
    """Returns whether a proposal's number belongs to the judging share, which is evenly spread over all numbers."""
    return floor(number * share) > floor((number - 1) * share)


def _named(history: History) -> IntArray:
    return np.concatenate([history.proposed, history.unavailable]).astype(np.intp)


def _asked_since(history: History, known: Disagreement) -> IntArray:
    """Returns candidates proposed too late for the version's training, which a later version will learn, in ascending order."""
    asked = np.setdiff1d(np.concatenate([history.observed, history.pending]).astype(np.intp), known.known)
    return np.asarray(asked[~known.judging[asked] & ~np.isnan(known.spread[asked])])


def _least_proposed(pool: CandidatePool, history: History, among: BoolArray) -> IntArray:
    """Systems, among some candidates, with the fewest proposals."""
    proposed = np.bincount(pool.system_codes[_named(history)], minlength=len(pool.systems))
    open_systems = np.unique(pool.system_codes[among])
    counts = proposed[open_systems]
    return np.asarray(open_systems[counts == counts.min()])


def _in_turn(pool: CandidatePool, history: History, among: BoolArray, rng: np.random.Generator) -> int:
    """A random candidate of the first system with the fewest proposals."""
    system = _least_proposed(pool, history, among)[0]
    return int(rng.choice(np.flatnonzero(among & (pool.system_codes == system))))


def _with_prediction(known: Disagreement, choice: Choice) -> Choice:
    """Returns the choice with the version's prediction."""
    mean, deviation = float(known.mean[choice.position]), float(known.deviation[choice.position])
    return choice if np.isnan(mean) else replace(choice, mean=mean, deviation=deviation)


def open_disagreement(spec: DisagreementProposerSpec, *_goal: object) -> DisagreementProposer:
    """The proposer of a spec."""
    return DisagreementProposer(spec)
