"""Proposer by arms: Thompson sampling of surfaces (Thompson 1933, doi:10.1093/biomet/25.3-4.285), even spread inside them."""

# ruff: noqa: ARG002 - the contract hands over more than these need

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ArmsProposerSpec
from tansaku.models.engine.acquisition import TIE
from tansaku.models.engine.arms.minima import sampled_minima, settled_arms
from tansaku.models.engine.cross import surface_level
from tansaku.models.engine.simple import ModelFree, allowed_candidates

_REACH = 0.15
"""How far a candidate repels others of its surface, as a share of the features' range."""


class ArmsProposer(ModelFree):
    """Chooses a surface by a sample of its minimum, and in it a candidate far from those that were proposed.

    Until every system has a value, each gets its cheapest surface in turn.

    Args:
        spec: The spec.
    """

    name = "arms"

    def __init__(self, spec: ArmsProposerSpec) -> None:
        self._spec = spec

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses proposal ``number``, or None when no allowed candidate is left."""
        allowed = allowed_candidates(pool, history)
        if not allowed.any():
            return None
        used = np.concatenate((history.observed, history.failed, history.pending, history.unavailable)).astype(np.intp)
        open_arms = np.unique(pool.surface_codes[allowed])
        unseen = _unseen(pool, history, open_arms)
        cost = _costs(pool)
        if len(unseen):
            return Choice(position=_spread_over(pool, int(unseen[cost[unseen].argmin()]), allowed, used, rng))
        unsettled = open_arms[~settled_arms(pool, history)[open_arms]]
        candidates = unsettled if len(unsettled) else open_arms
        gain = _best_of_systems(pool, history)[pool.surface_system] - sampled_minima(pool, history, rng)
        score = gain / cost**self._spec.cost_exponent
        arm = int(candidates[score[candidates].argmax()])
        if score[arm] <= 0:
            # No surface promises anything: the one that least was spent on.
            draws = 1 + np.bincount(pool.surface_codes[used], minlength=len(pool.surfaces))
            arm = int(candidates[(draws * cost**self._spec.cost_exponent)[candidates].argmin()])
        # The sample is of the surface's minimum: it is no prediction of the candidate's value.
        return Choice(position=_spread_over(pool, arm, allowed, used, rng))


def _unseen(pool: CandidatePool, history: History, arms: IntArray) -> IntArray:
    """Arms of the first system without a value and without a pending candidate."""
    known = set(pool.system_codes[np.concatenate((history.observed, history.pending)).astype(np.intp)].tolist())
    missing = [code for code in range(len(pool.systems)) if code not in known]
    if not missing and len(history.observed):
        return np.empty(0, dtype=np.intp)
    owner = pool.surface_system[arms]
    for system in missing:
        if (owner == system).any():
            return np.asarray(arms[owner == system], dtype=np.intp)
    # Everything that could be the first value is pending, failed or too expensive.
    return np.empty(0, dtype=np.intp) if len(history.observed) else arms


def _best_of_systems(pool: CandidatePool, history: History) -> FloatArray:
    """The lowest value of each system, of all where it has none, shape ``(n_systems,)``."""
    best = np.full(len(pool.systems), float(np.max(history.values)))
    np.minimum.at(best, pool.system_codes[history.observed], history.values)
    return best


def _costs(pool: CandidatePool) -> FloatArray:
    """Mean cost of each surface's candidates, shape ``(n_surfaces,)``."""
    counts = np.bincount(pool.surface_codes, minlength=len(pool.surfaces))
    return np.asarray(np.bincount(pool.surface_codes, weights=pool.cost, minlength=len(pool.surfaces)) / np.maximum(counts, 1))


def _spread_over(pool: CandidatePool, arm: int, allowed: BoolArray, used: IntArray, rng: np.random.Generator) -> int:
    """An allowed candidate of a surface that is far from those of the surface that were proposed; the first one is random."""
    members = np.flatnonzero(allowed & (pool.surface_codes == arm))
    before = used[pool.surface_codes[used] == arm]
    if not len(before):
        return int(rng.choice(members))
    inner = [group for group in pool.groups.values() if not surface_level(pool, group.name)]
    square = np.zeros((len(members), len(before)))
    for group in inner:
        reach = _REACH * float(np.ptp(group.values, axis=0).max() or 1.0)
        square += (cdist(group.values[group.index[members]], group.values[group.index[before]]) / reach) ** 2
    crowding = np.exp(-0.5 * square).sum(axis=1)
    return int(members[np.flatnonzero(crowding <= crowding.min() * (1.0 + TIE) + TIE)[0]])
