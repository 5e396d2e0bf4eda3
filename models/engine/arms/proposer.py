"""Proposer by arms: surfaces by what their next draw may gain, each surface once, even spread inside them."""

# ruff: noqa: ARG002 - the contract hands over more than these need

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ArmsProposerSpec
from tansaku.models.engine.acquisition import TIE
from tansaku.models.engine.arms.expensive import expensive_apart, locked_surfaces
from tansaku.models.engine.arms.gains import expected_gains, lowest_values
from tansaku.models.engine.arms.promise import promises
from tansaku.models.engine.cross import surface_level
from tansaku.models.engine.simple import ModelFree, allowed_candidates

_REACH = 0.15
"""Distance within which a candidate repels others of its surface, as a share of the features' range."""

_COMPARED = 4
"""Random candidates of a surface that are compared by how near the proposed ones are."""

_NEW = 0.5
"""Share of the proposals that go to surfaces without a proposal, as long as there are any."""


class ArmsProposer(ModelFree):
    """Chooses a surface by what its next draw may gain, and in it a candidate far from those that were proposed.

    Until every system has a value, each gets its cheapest surface in turn. Then a share of the proposals goes to the cheapest
    surface that had none: a search takes at most twice as long as one that knew whether it pays to try all surfaces first. With
    ``across_systems`` these surfaces come in order of promise over cost, and the less often the less the best of them promises.

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
        pool, cheap_of = expensive_apart(pool)
        draws = np.bincount(pool.surface_codes[_proposed(history)], minlength=len(pool.surfaces))
        open_arms = np.unique(pool.surface_codes[allowed])
        lowest = lowest_values(pool, history)
        locked = locked_surfaces(pool, cheap_of, lowest, draws, open_arms, self._spec.expensive)
        # Where nothing but expensive candidates is left, they are proposed.
        open_arms = open_arms[~locked[open_arms]] if not locked[open_arms].all() else open_arms
        cost = _costs(pool) ** self._spec.cost_exponent
        first = _first_arms(pool, history, open_arms)
        new = open_arms[(draws[open_arms] == 0) & (cheap_of[open_arms] == open_arms)]
        promised = self._promised(pool, history, np.where(cheap_of == np.arange(len(cheap_of)), lowest, np.inf), new)
        if len(first):
            arm = int(first[cost[first].argmin()])
        elif len(new) and (len(new) == len(open_arms) or rng.random() < _NEW * min(1.0, promised.max())):
            arm = int(new[(cost[new] / promised).argmin()])
        else:
            seen = np.setdiff1d(open_arms, new)
            # Expensive candidates of a surface begin where its cheap ones ended.
            lowest = np.where(np.isfinite(lowest), lowest, lowest[cheap_of])
            score = expected_gains(pool, history, draws, lowest)[seen] / cost[seen]
            # Of equals, as where all gains are zero, the one that least was spent on.
            arm = int(seen[np.lexsort((draws[seen] * cost[seen], -score))[0]])
        # What a draw may gain is no prediction of the candidate's value.
        return Choice(position=_spread_over(pool, arm, allowed, _proposed(history), rng))

    def _promised(self, pool: CandidatePool, history: History, lowest: FloatArray, new: IntArray) -> FloatArray:
        """Promise of surfaces without a proposal, shape ``(len(new),)``; one unless it is to be predicted."""
        return promises(pool, history, lowest, new) if self._spec.across_systems and len(new) else np.ones(len(new))


def _proposed(history: History) -> IntArray:
    """Positions of all candidates that were proposed."""
    return np.concatenate((history.observed, history.failed, history.pending)).astype(np.intp)


def _first_arms(pool: CandidatePool, history: History, arms: IntArray) -> IntArray:
    """Arms of the first system without a value and without a pending candidate; of all systems if nothing has a value."""
    known = set(pool.system_codes[np.concatenate((history.observed, history.pending)).astype(np.intp)].tolist())
    owner = pool.surface_system[arms]
    for system in (code for code in range(len(pool.systems)) if code not in known):
        if (owner == system).any():
            return np.asarray(arms[owner == system], dtype=np.intp)
    # Everything that could be the first value is pending, failed or too expensive.
    return np.empty(0, dtype=np.intp) if len(history.observed) else arms


def _costs(pool: CandidatePool) -> FloatArray:
    """Mean cost of each surface's candidates, shape ``(n_surfaces,)``."""
    counts = np.bincount(pool.surface_codes, minlength=len(pool.surfaces))
    return np.asarray(np.bincount(pool.surface_codes, weights=pool.cost, minlength=len(pool.surfaces)) / np.maximum(counts, 1))


def _spread_over(pool: CandidatePool, arm: int, allowed: BoolArray, used: IntArray, rng: np.random.Generator) -> int:
    """An allowed candidate of a surface that is far from those of the surface that were proposed; of equals a random one."""
    members = np.flatnonzero(allowed & (pool.surface_codes == arm))
    # The farthest one of all is often at an edge of the translations: on a mirror plane of the boundary, from which nothing
    # relaxes away. So it is the farthest of some (Mitchell 1991, doi:10.1145/122718.122736).
    members = rng.choice(members, min(_COMPARED, len(members)), replace=False)
    before = used[pool.surface_codes[used] == arm]
    if not len(before):
        return int(rng.choice(members))
    inner = [group for group in pool.groups.values() if not surface_level(pool, group.name)]
    square = np.zeros((len(members), len(before)))
    for group in inner:
        reach = _REACH * float(np.ptp(group.values, axis=0).max() or 1.0)
        square += (cdist(group.values[group.index[members]], group.values[group.index[before]]) / reach) ** 2
    crowding = np.exp(-0.5 * square).sum(axis=1)
    return int(rng.choice(members[crowding <= crowding.min() * (1.0 + TIE) + TIE]))


def open_arms(spec: ArmsProposerSpec, *_goal: object) -> ArmsProposer:
    """The proposer of a spec."""
    return ArmsProposer(spec)
