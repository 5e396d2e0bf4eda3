"""Initial designs: which candidates of each system are computed before there is a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray

InitialName = Literal["random", "cheapest", "symmetric", "roomy", "spread", "representative"]

NEXT_TO_TAKEN: tuple[InitialName, ...] = ("spread", "representative")
"""Designs whose candidates depend on those before them."""

_LOOKED_AT = 1000
"""Candidates among which a representative one is sought; of more a random part."""

ROOMY = 0.25
"""Share of the candidates that count as roomy."""


def initial_size(pool: CandidatePool, points: int) -> int:
    """Number of candidates in the initial design.

    Args:
        points: How many of each system.

    Raises:
        ConfigurationError: A system has fewer.
    """
    sizes = np.bincount(pool.system_codes, minlength=len(pool.systems))
    smallest = int(np.argmin(sizes))
    if points > max(1, int(sizes[smallest])):
        raise ConfigurationError(
            f"proposer.initial_points: {points}, but system {pool.systems[smallest]!r} has {sizes[smallest]} candidates; "
            "expected at most as many"
        )
    return points * len(pool.systems)


def multiplicities(pool: CandidatePool) -> npt.NDArray[np.intp]:
    """Points of the unfolded grid that are each candidate, shape ``(n_candidates,)``: few at sites of high symmetry.

    Raises:
        ConfigurationError: The candidates are no points of grids.
    """
    if set(pool.grids) != set(pool.systems):
        raise ConfigurationError(
            "proposer.initial: symmetric needs a space whose candidates are points of a periodic grid, as energy_surface"
        )
    members = np.concatenate([grid.members[grid.members >= 0] for grid in pool.grids.values()])
    return np.bincount(members, minlength=len(pool))


def rooms(pool: CandidatePool) -> npt.NDArray[np.float64]:
    """Room around each candidate, shape ``(n_candidates,)``.

    Raises:
        ConfigurationError: The candidates are no points of one grid whose surroundings are known.
    """
    grid = pool.grids.get(pool.systems[0]) if len(pool.systems) == 1 else None
    if grid is None or grid.room is None:
        raise ConfigurationError(
            "proposer.initial: roomy needs a space whose candidates are points of a periodic grid, as energy_surface"
        )
    return grid.room


def growing_size(pool: CandidatePool, points: int, *, by_system: bool) -> int:
    """Number of candidates in a design of :data:`NEXT_TO_TAKEN`; where there are fewer candidates, all of them.

    Args:
        points: How many of each system, or in all.
        by_system: Whether they are of each system.
    """
    if not by_system:
        return min(points, len(pool))
    return len(pool.systems) * min(points, max(1, int(np.bincount(pool.system_codes, minlength=len(pool.systems)).min())))


def growing_position(
    pool: CandidatePool,
    allowed: npt.NDArray[np.bool_],
    taken: IntArray,
    system: int | None,
    rng: np.random.Generator,
    design: InitialName,
) -> int:
    """The next candidate of a design of :data:`NEXT_TO_TAKEN`: at random, if nothing is taken yet.

    Args:
        allowed: Candidates that may be proposed, at least one, shape ``(n_candidates,)``.
        taken: Those that were proposed, shape ``(n,)``.
        system: Whose turn it is; without an allowed candidate it hands its turn on. None: all systems are one.
        rng: Random stream of this number.
        design: ``spread``: the farthest; ``representative``: see :func:`representative`.
    """
    if system is not None:
        own = allowed & (pool.system_codes == system)
        allowed, taken = (own if own.any() else allowed), taken[pool.system_codes[taken] == system]
    if not len(taken):
        return int(rng.choice(np.flatnonzero(allowed)))
    return farthest(pool, allowed, taken) if design == "spread" else representative(pool, allowed, taken, rng)


def representative(pool: CandidatePool, allowed: npt.NDArray[np.bool_], taken: IntArray, rng: np.random.Generator) -> int:
    """The allowed candidate that brings the allowed ones nearest to a taken one, on average.

    The farthest candidates lie in corners: of mixtures they are the pure components, which say little about mixtures. These lie
    where candidates are. Distances are those of :func:`farthest`; of equal ones the lowest position.

    Args:
        allowed: Candidates that may be proposed, at least one, shape ``(n_candidates,)``.
        taken: Those that were proposed, at least one, shape ``(n,)``.
        rng: Chooses the part of a large pool that is looked at.
    """
    seen = np.flatnonzero(allowed)
    if len(seen) > _LOOKED_AT:
        seen = np.sort(rng.choice(seen, _LOOKED_AT, replace=False))
    groups = [(group.index, _comparable(group)) for group in pool.groups.values()]
    near, known = (
        np.concatenate([np.zeros((len(at), 0)), *(rows[index[at]] for index, rows in groups)], axis=1) for at in (seen, taken)
    )
    from scipy.spatial.distance import cdist  # commands that choose nothing do without SciPy

    nearest = cdist(near, known).min(axis=1)
    return int(seen[np.argmin(np.minimum(cdist(near, near), nearest[:, None]).mean(axis=0))])


def farthest(pool: CandidatePool, allowed: npt.NDArray[np.bool_], taken: IntArray) -> int:
    """The allowed candidate whose nearest taken one is farthest away; of equal ones the lowest position.

    Every column counts in units of its range in the pool, and two categories are one range apart.

    Args:
        allowed: Candidates that may be proposed, at least one, shape ``(n_candidates,)``.
        taken: Candidates to stay away from, at least one, shape ``(n,)``.
    """
    nearest = np.full(len(pool), np.inf)
    groups = [(group, _comparable(group)) for group in pool.groups.values()]
    for position in taken.tolist():
        apart = np.zeros(len(pool))
        for group, rows in groups:
            apart += np.square(rows - rows[group.index[position]]).sum(axis=1)[group.index]
        nearest = np.minimum(nearest, apart)
    return int(np.argmax(np.where(allowed, nearest, -np.inf)))


def is_one_hot(group: FeatureGroup) -> bool:
    """Returns whether the columns of a group say which category a candidate has: one of them is 1, the others 0."""
    values = group.scaled_by
    return values.shape[1] > 1 and bool(np.isin(values, (0.0, 1.0)).all() and (values.sum(axis=1) == 1.0).all())


def _comparable(group: FeatureGroup) -> FloatArray:
    """Rows of a group such that squared distances count ranges and categories, shape ``(n_distinct, m)``."""
    if group.categorical:
        columns = [np.eye(len(codes))[at] for codes, at in (np.unique(c, return_inverse=True) for c in group.values.T)]
        return np.asarray(np.concatenate(columns, axis=1) * np.sqrt(0.5))
    return np.asarray(group.values / group.ranges * (np.sqrt(0.5) if is_one_hot(group) else 1.0))


@dataclass(frozen=True)
class Remaining:
    """The initial design of a search that begins with known results: each fills a place of its system.

    Attributes:
        known: Number of results that were known before the first proposal; they have the first numbers.
        places: Places of the design that they leave, counted from 1.
        size: All places of the design.
    """

    known: int
    places: tuple[int, ...]
    size: int

    @classmethod
    def of(cls, pool: CandidatePool, size: int, known: Sequence[str]) -> Remaining:
        """The design that is left.

        Args:
            pool: The pool; the places of a design belong to its systems in turn.
            size: Number of places.
            known: Candidates whose results are known.
        """
        filled = np.bincount(pool.system_codes[pool.positions(known)], minlength=len(pool.systems))
        turns = ((place, *divmod(place - 1, len(pool.systems))[::-1]) for place in range(1, size + 1))
        return cls(len(known), tuple(place for place, system, turn in turns if turn >= filled[system]), size)

    @property
    def end(self) -> int:
        """Number of the last proposal of the design."""
        return self.known + len(self.places)

    def place(self, number: int) -> int:
        """Number by which a proposer knows a proposal: its place in the design, or the number as if all places were filled."""
        own = number - self.known
        return self.places[own - 1] if own <= len(self.places) else own - len(self.places) + self.size


def initial_position(
    pool: CandidatePool, allowed: npt.NDArray[np.bool_], number: int, rng: np.random.Generator, design: InitialName
) -> int:
    """Candidate number ``number`` of the initial design: one of each system in turn, in the order of systems.

    If a system has no allowed candidate left, the whole pool is used instead.

    Args:
        allowed: Candidates that may be proposed, at least one, shape ``(n_candidates,)``.
        number: Proposal number, counted from 1.
        rng: Random stream of this number.
        design: ``random``: uniform over the system; ``cheapest``: uniform over its cheapest candidates; ``symmetric``: uniform
            over those that are the fewest points of the grid; ``roomy``: uniform over the quarter with the most room.

    Raises:
        ConfigurationError: ``symmetric`` or ``roomy``, and the candidates are no points of grids.
    """
    system = (number - 1) % len(pool.systems)
    members = np.flatnonzero(allowed & (pool.system_codes == system))
    if not len(members):
        members = np.flatnonzero(allowed)
    if design == "cheapest":
        members = members[pool.cost[members] == pool.cost[members].min()]
    if design == "symmetric":
        points = multiplicities(pool)[members]
        members = members[points == points.min()]
    if design == "roomy":
        room = rooms(pool)
        members = members[room[members] >= min(float(np.quantile(room, 1.0 - ROOMY)), float(room[members].max()))]
    return int(rng.choice(members))
