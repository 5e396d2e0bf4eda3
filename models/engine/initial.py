"""Initial designs: which candidates of each system are computed before there is a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool

InitialName = Literal["random", "cheapest", "symmetric", "roomy"]

ROOMY = 0.25
"""Share of the candidates that count as roomy."""


def initial_size(pool: CandidatePool, points: int) -> int:
    """Number of candidates in the initial design.

    Args:
        pool: The pool.
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
        pool: The pool.
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
