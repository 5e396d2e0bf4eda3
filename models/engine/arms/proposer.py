"""Proposer by arms: surfaces by what their next draw may gain, each surface once, even spread inside them.

Promise of untried surfaces, from how surfaces of all systems compare.
A surface whose lowest value lies ``gap`` above the best of its system promises 1 / (1 + gap / scale) of what the best one does,
with the deviation of values within a surface for the scale. Minus the logarithm of this is a Gaussian process
with the covariance

    (S / 2 + [same system] / 2) A + OWN [same surface] + CONSTANT,

where A falls off with the distance of two surfaces in the features that differ within a system (number of atoms, replication),
and S, which is one for two surfaces of one system, with that of their systems in all others (angle, structure). So a surface
that is good in one system makes those like it promising in the others. A surface with k values is known up to NOISE / k.

Expected gain of the next draw from each surface, where candidates of a surface say little about each other.
The values of a surface are taken for independent draws. Of k + 1 of them the last is the lowest with probability 1 / (k + 1),
whatever their law. How far it then lies below the lowest of the others follows a generalised Pareto law (Pickands 1975,
doi:10.1214/aos/1176343003), here of shape 1/2: relaxations end in few different structures, so that the lowest one can lie far
below all others, and a lighter tail gives surfaces up after one unlucky draw. A draw then gains, on average, up to a common
factor and with ``gap`` as above,

    scale / (k + 1) / (1 + gap / scale),

where the scale is the deviation within the surface over √k. A surface whose lowest value came several times has little
left to find: its gain is divided by how often it came.

Of many surfaces the best one is overrated, as it was lucky too. The shape was chosen among nine laws on six pools of copper and
iron (``benchmarks/boundary_search``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import BoolArray, CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.ports import Choice, History, Proposer
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ArmsProposerSpec, GPProposerSpec
from tansaku.models.engine.acquisition import TIE
from tansaku.models.engine.cross import surface_level
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.models.engine.simple import ModelFree

# ruff: noqa: ARG002 - the contract hands over more than these need


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
    """

    name = "arms"

    def __init__(self, spec: ArmsProposerSpec) -> None:
        self._spec = spec

    def _choose(
        self, pool: CandidatePool, history: History, allowed: BoolArray, number: int, rng: np.random.Generator
    ) -> Choice:
        pool, cheap_of = _expensive_apart(pool)
        draws = np.bincount(pool.surface_codes[history.proposed], minlength=len(pool.surfaces))
        open_arms = np.unique(pool.surface_codes[allowed])
        lowest = lowest_values(pool, history)
        locked = _locked_surfaces(pool, cheap_of, lowest, draws, open_arms, self._spec.expensive)
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
        return Choice(position=_spread_over(pool, arm, allowed, history.proposed, rng))

    def _promised(self, pool: CandidatePool, history: History, lowest: FloatArray, new: IntArray) -> FloatArray:
        """Promise of surfaces without a proposal, shape ``(len(new),)``; one unless it is to be predicted."""
        return promises(pool, history, lowest, new) if self._spec.across_systems and len(new) else np.ones(len(new))


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


class ArmsWithModel:
    """Arms and a Gaussian process in turn.

    The model learns from translations, which surfaces have in common. Alone it keeps choosing candidates that relax to one
    structure.
    """

    name = ArmsProposer.name

    def __init__(self, arms: ArmsProposer, model: GPProposer) -> None:
        self._arms, self._model = arms, model

    def initial_count(self, pool: CandidatePool) -> int:
        """As of the arms."""
        return self._arms.initial_count(pool)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """As of the model."""
        return self._model.refit_due(n_observed, fitted_at)

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits the model."""
        return self._model.fit(pool, history, previous)

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses proposal ``number``, or None when no allowed candidate is left."""
        choice = self._arms.propose(pool, history, number, rng)
        if choice is None or not hyperparameters or number % 2 or number <= self._model.initial_count(pool):
            return choice
        # Which system is next is the arms' choice, as the model would stay with a few, and so is what is expensive.
        closed = _expensive(pool) | (pool.system_codes != pool.system_codes[choice.position])
        narrowed = replace(history, unavailable=np.union1d(history.unavailable, np.flatnonzero(closed)))
        return self._model.propose(pool, narrowed, number, rng, hyperparameters) or choice


def open_arms(spec: ArmsProposerSpec, *_goal: object) -> Proposer:
    """The proposer of a spec."""
    arms = ArmsProposer(spec)
    return ArmsWithModel(arms, GPProposer(settings(GPProposerSpec()))) if spec.with_gp else arms


_FACTOR = 3.0
"""A candidate is expensive if it costs more than so many times as much as the cheapest one of its surface."""

_BEFORE = 3
"""Cheap candidates of a surface that are proposed before its first expensive one."""


def _expensive(pool: CandidatePool) -> BoolArray:
    """Returns whether a candidate is expensive, shape ``(n_candidates,)``."""
    cheapest = np.full(len(pool.surfaces), np.inf)
    np.minimum.at(cheapest, pool.surface_codes, pool.cost)
    return np.asarray(pool.cost > _FACTOR * cheapest[pool.surface_codes], dtype=np.bool_)


def _expensive_apart(pool: CandidatePool) -> tuple[CandidatePool, IntArray]:
    """The pool with the expensive candidates of each surface in a surface of their own.

    Returns:
        The pool, and for each of its surfaces the one with the cheap candidates, which may be itself, shape ``(n_surfaces,)``.
    """
    count, expensive = len(pool.surfaces), _expensive(pool)
    own = np.unique(pool.surface_codes[expensive])
    if not len(own):
        return pool, np.arange(count)
    apart = replace(
        pool,
        surfaces=(*pool.surfaces, *(f"{pool.surfaces[code]} (expensive)" for code in own)),
        surface_codes=np.where(expensive, count + np.searchsorted(own, pool.surface_codes), pool.surface_codes),
    )
    return apart, np.concatenate((np.arange(count), own))


def _locked_surfaces(
    pool: CandidatePool, cheap_of: IntArray, lowest: FloatArray, draws: IntArray, open_arms: IntArray, share: float
) -> BoolArray:
    """Returns the surfaces of expensive candidates that must not be proposed, or not yet.

    Args:
        lowest: Lowest value of each surface, infinite where there is none, shape ``(n_surfaces,)``.
        draws: Candidates proposed so far, shape ``(n_surfaces,)``.

    Returns:
        Shape ``(n_surfaces,)``.
    """
    expensive = np.asarray(cheap_of != np.arange(len(cheap_of)), dtype=np.bool_)
    if not expensive.any():
        return expensive
    both = lowest.copy()
    np.minimum.at(both, cheap_of, lowest)
    is_open = np.zeros(len(cheap_of), dtype=np.bool_)
    is_open[open_arms] = True
    worth = np.zeros(len(cheap_of), dtype=np.bool_)
    for system in range(len(pool.systems)):
        known = np.flatnonzero(~expensive & (pool.surface_system == system) & np.isfinite(both))
        best = max(1, int(share * len(known))) if share > 0 else 0
        worth[known[np.argsort(both[known], kind="stable")[:best]]] = True
    begun = (draws[cheap_of] >= _BEFORE) | ~is_open[cheap_of]
    return np.asarray(expensive & ~(worth[cheap_of] & begun), dtype=np.bool_)


_Levels = tuple[list[FeatureGroup], list[FeatureGroup]]
"""Feature groups of surfaces and of systems."""

LENGTH = 0.5
"""Length over which A falls off, as a share of the features' range; for S it is the whole range."""

OWN = 0.3
"""Variance of a surface's own part, the other two being 1 and :data:`CONSTANT`."""

CONSTANT = 4.0
"""Variance of what all surfaces have in common."""

NOISE = 0.5
"""Variance of a surface with one value."""

_BLOCK = 4096


def promises(pool: CandidatePool, history: History, lowest: FloatArray, wanted: IntArray) -> FloatArray:
    """Returns what surfaces promise, relative to the best one of their system.

    Args:
        pool: With its surfaces and systems.
        history: With the values so far.
        lowest: Lowest value of each surface, infinite where there is none or where it must not count, shape ``(n_surfaces,)``.
        wanted: Surfaces, shape ``(m,)``.

    Returns:
        Positive, shape ``(m,)``; all one while nothing has a value, with one system, and where no feature tells the surfaces of
        a system apart.
    """
    known = np.flatnonzero(np.isfinite(lowest))
    if not len(known) or len(pool.systems) == 1:
        return np.ones(len(wanted))
    levels = levels_of(pool)
    if not levels[0]:
        return np.ones(len(wanted))
    arms = pool.surface_codes[history.observed]
    counts = np.bincount(arms, minlength=len(lowest))[known]
    best = np.full(len(pool.systems), np.inf)
    np.minimum.at(best, pool.surface_system, lowest)
    gaps = lowest[known] - best[pool.surface_system[known]]
    losses = np.log1p(gaps / deviation_within(arms, np.asarray(history.values, dtype=np.float64)))
    factor = cho_factor(_covariance(pool, levels, known, known) + np.diag(OWN + NOISE / counts), lower=True)
    weights = cho_solve(factor, losses)
    promised = np.ones(len(wanted))
    for begin in range(0, len(wanted), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        promised[block] = np.exp(-weights @ _covariance(pool, levels, known, wanted[block]))
    return promised


def _covariance(pool: CandidatePool, levels: _Levels, of: IntArray, to: IntArray) -> FloatArray:
    """Covariances of surfaces without what is a surface's own, shape ``(n, m)``."""
    alike, between = distances(pool, levels, of, to)
    same = pool.surface_system[of][:, None] == pool.surface_system[to]
    coupled = np.where(same, 1.0, 0.5 * np.exp(-0.5 * between))
    return np.asarray(coupled * np.exp(-0.5 * alike / LENGTH**2) + CONSTANT)


def levels_of(pool: CandidatePool) -> _Levels:
    """The feature groups that differ between surfaces of a system, and those that are the same in each system only.

    What is the same everywhere, can still be measured, or is a candidate's own tells no surfaces apart.
    """
    member = _first(pool.system_codes)
    inner: list[FeatureGroup] = []
    outer: list[FeatureGroup] = []
    for group in pool.groups.values():
        if len(group.values) > 1 and not group.prices and surface_level(pool, group.name):
            in_system = bool((group.index == group.index[member][pool.system_codes]).all())
            (outer if in_system else inner).append(group)
    return inner, outer


def distances(pool: CandidatePool, levels: _Levels, of: IntArray, to: IntArray) -> tuple[FloatArray, FloatArray]:
    """Squared distances between surfaces, in units of the features' ranges.

    Args:
        levels: As :func:`levels_of` returns them.
        of: Surfaces, shape ``(n,)``.
        to: Surfaces, shape ``(m,)``.

    Returns:
        By the features that differ within a system, added up over the groups; by those of the systems, as a mean over the
        groups. Both of shape ``(n, m)``.
    """
    inner, outer = levels
    member, of_system = _first(pool.surface_codes), _first(pool.system_codes)
    alike = np.zeros((len(of), len(to)))
    for group in inner:
        alike += _squared(group, member[of], member[to])
    between = np.zeros((len(of_system), len(of_system)))
    for group in outer:
        between += _squared(group, of_system, of_system) / len(outer)
    return alike, between[np.ix_(pool.surface_system[of], pool.surface_system[to])]


def _first(codes: IntArray) -> IntArray:
    """First candidate of each code, 0 for a code nobody has."""
    found, positions = np.unique(codes, return_index=True)
    first = np.zeros(int(found[-1]) + 1, dtype=np.intp)
    first[found] = positions
    return first


def _squared(group: FeatureGroup, of: IntArray, to: IntArray) -> FloatArray:
    """Squared distances of candidates in a group, in units of its range; of codes, whether they differ."""
    first, second = group.values[group.index[of]], group.values[group.index[to]]
    if group.categorical:
        return np.asarray(cdist(first, second, "hamming"))
    span = np.ptp(group.values, axis=0)
    scale = group.ranges * np.sqrt(len(group.columns)) if group.mixed else float(np.linalg.norm(span)) or 1.0
    return np.asarray(cdist(first / scale, second / scale, "sqeuclidean"))


_SAME = 1e-3
"""Values within this relative difference are those of one structure."""


def lowest_values(pool: CandidatePool, history: History) -> FloatArray:
    """The lowest value of each surface, infinite where there is none, shape ``(n_surfaces,)``."""
    lowest = np.full(len(pool.surfaces), np.inf)
    np.minimum.at(lowest, pool.surface_codes[history.observed], np.asarray(history.values, dtype=np.float64))
    return lowest


def expected_gains(pool: CandidatePool, history: History, draws: IntArray, lowest: FloatArray | None = None) -> FloatArray:
    """Returns the mean decrease of each system's best value by the next draw from each surface, up to a common factor.

    Args:
        pool: With its surfaces and systems.
        history: With at least one value.
        draws: Candidates proposed so far, failed and pending ones included, shape ``(n_surfaces,)``.
        lowest: What counts as the lowest value of each surface, infinite where there is none, shape ``(n_surfaces,)``; None:
            that of its own values.

    Returns:
        Gains [objective's unit], shape ``(n_surfaces,)``; a surface without a lowest value counts as the worst one.
    """
    values = np.asarray(history.values, dtype=np.float64)
    arms = pool.surface_codes[history.observed]
    lowest = lowest_values(pool, history) if lowest is None else lowest.copy()
    lowest[~np.isfinite(lowest)] = values.max()
    best = np.full(len(pool.systems), np.inf)
    np.minimum.at(best, pool.surface_system, lowest)
    again = values - lowest[arms] <= _SAME * np.abs(lowest[arms])
    times = np.maximum(np.bincount(arms[again], minlength=len(lowest)), 1)
    scale = deviation_within(arms, values) / np.sqrt(np.maximum(draws, 1))
    gap = lowest - best[pool.surface_system]
    return np.asarray(scale / (1.0 + gap / scale) / ((draws + 1.0) * times))


def deviation_within(arms: IntArray, values: FloatArray) -> float:
    """Deviation of the values of one surface, the mean square over surfaces; of all values as long as none has two.

    Args:
        arms: Surface of each value, shape ``(n,)``.
        values: Shape ``(n,)``.
    """
    inner = [values[arms == arm].var(ddof=1) for arm in np.unique(arms) if (arms == arm).sum() > 1]
    found = float(np.sqrt(np.mean(inner))) if inner else float(values.std())
    return max(found, _SAME * float(np.abs(values).max()), 1e-12)
