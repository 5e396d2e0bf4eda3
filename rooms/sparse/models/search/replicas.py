"""Replica exchange over supports: one chain, a batch of replicas at rising inverse temperature.

Moves swap a member for another unit, add one or drop one; the prior gives every size the same probability, so that the
Hastings ratio of add and drop is 1 except at the smallest and largest size, where the impossible move is refused.
The replica at 0 is drawn from the prior, independently each time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray, Units

_ADD, _DROP = 0.25, 0.5  # below the first: add; below the second: drop; else swap


_NEAR = 0.7  # share of the swaps that go to a neighbour, where units have neighbours
_LISTED = 2000  # number of units up to which a draw puts all of them in order


class Sampled(Protocol):
    """Score as sampling needs it."""

    @property
    def units(self) -> Units:
        """Units of which supports consist."""
        ...

    def energies(self, supports: IntArray) -> FloatArray:
        """Energies of supports of units, filled up with EMPTY, (n_supports, size)."""
        ...


@dataclass(eq=False)
class Replicas:
    """State of a chain: everything that decides how it continues.

    Attributes:
        supports: Of each temperature, unsorted, filled up with EMPTY, (n_temperatures, largest).
        betas: Inverse temperatures, rising from 0.
        rng: Source of randomness.
        labels: Which replica is at each temperature.
        heading: Of each replica: 1 after it was at 0, -1 after it was at 1, 0 before.
        trips: Number of completed round trips.
        proposed: Exchanges tried by pair of neighbours.
        accepted: Exchanges done by pair of neighbours.
        steps: Number of steps done.
    """

    supports: IntArray
    energies: FloatArray
    betas: FloatArray
    rng: np.random.Generator
    labels: IntArray = field(init=False)
    heading: IntArray = field(init=False)
    trips: int = 0
    proposed: FloatArray = field(init=False)
    accepted: FloatArray = field(init=False)
    steps: int = 0

    def __post_init__(self) -> None:
        self.restart_counts()

    def restart_counts(self) -> None:
        """Forgets exchanges and round trips, as after the temperatures have changed."""
        count = len(self.betas)
        self.labels = np.arange(count)
        self.heading = np.zeros(count, dtype=np.int64)
        self.trips, self.steps = 0, 0
        self.proposed, self.accepted = np.zeros(count - 1), np.zeros(count - 1)

    def arrays(self) -> dict[str, NDArray]:  # type: ignore[type-arg]
        """The state as arrays."""
        names = ("supports", "energies", "betas", "labels", "heading", "proposed", "accepted")
        state = {name: getattr(self, name) for name in names}
        return state | {
            "trips": np.array(self.trips),
            "steps": np.array(self.steps),
            "rng": np.array(json.dumps(self.rng.bit_generator.state)),
        }

    @classmethod
    def restored(cls, stored: dict[str, NDArray]) -> Replicas:  # type: ignore[type-arg]
        """The state from its arrays."""
        rng = np.random.default_rng()
        rng.bit_generator.state = json.loads(str(stored["rng"]))
        found = cls(stored["supports"], stored["energies"], stored["betas"], rng)
        for name in ("labels", "heading", "proposed", "accepted"):
            setattr(found, name, stored[name])
        found.trips, found.steps = int(stored["trips"]), int(stored["steps"])
        return found


@dataclass(frozen=True)
class Moves:
    """Moves of a chain in one step.

    Attributes:
        score: Of supports.
        smallest: Smallest number of units.
        largest: Largest number of units; equal to the smallest: only swaps.
        prior_draws: Supports drawn from the prior per step; the first becomes the replica at 0.
        repeats: Moves of a replica per exchange.
    """

    score: Sampled
    smallest: int
    largest: int
    prior_draws: int = 8
    repeats: int = 1

    def draw(self, count: int, rng: np.random.Generator) -> IntArray:
        """Supports from the prior."""
        n = self.score.units.count
        if n > _LISTED:
            order = _distinct(count, self.largest, n, rng)
        elif n > self.largest:
            order = np.argpartition(rng.random((count, n)), self.largest - 1, axis=1)[:, : self.largest]
        else:
            order = np.argsort(rng.random((count, n)), axis=1)
        # The partition's order is not random, so the members that are kept are chosen by a second draw.
        order = np.take_along_axis(order, np.argsort(rng.random(order.shape), axis=1), axis=1)
        sizes = rng.integers(self.smallest, self.largest + 1, size=count)
        return np.where(np.arange(order.shape[1]) < sizes[:, None], order, EMPTY)

    def step(self, state: Replicas) -> tuple[IntArray, FloatArray]:
        """Moves of every replica and one exchange of every other pair; returns the draws from the prior."""
        for _ in range(self.repeats - 1):
            self._move(state, state.supports[:0])
        drawn = self.draw(self.prior_draws, state.rng)
        fresh = self._move(state, drawn)
        state.supports[0], state.energies[0] = drawn[0], fresh[0]
        self._exchange(state)
        state.steps += 1
        return drawn, fresh

    def _move(self, state: Replicas, drawn: IntArray) -> FloatArray:
        """One move of every replica; returns the energies of the draws, which are scored together with the proposals."""
        rng = state.rng
        proposals, possible = self._proposals(state.supports[1:], rng)
        energies = self.score.energies(np.concatenate([drawn, proposals]))
        fresh, moved = energies[: len(drawn)], energies[len(drawn) :]
        gain = -state.betas[1:] * (moved - state.energies[1:])
        accepted = possible & (np.log(rng.random(len(gain))) < gain)
        state.supports[1:][accepted] = proposals[accepted]
        state.energies[1:][accepted] = moved[accepted]
        return np.asarray(fresh)

    def _proposals(self, supports: IntArray, rng: np.random.Generator) -> tuple[IntArray, NDArray[np.bool_]]:
        """A proposal per support, and whether it exists."""
        count, n = len(supports), self.score.units.count
        rows, sizes = np.arange(count), (supports != EMPTY).sum(axis=1)
        kind = rng.random(count) if self.smallest < self.largest else np.ones(count)
        add, drop = kind < _ADD, (kind >= _ADD) & (kind < _DROP)
        swap = ~add & ~drop
        result = supports.copy()
        place = np.minimum((rng.random(count) * sizes).astype(np.int64), np.maximum(sizes - 1, 0))
        new = rng.integers(0, n, size=count)
        for _ in range(64):  # draw again what is already a member: each outsider stays equally probable
            taken = (supports == new[:, None]).any(axis=1)
            if not taken.any():
                break
            new[taken] = rng.integers(0, n, size=int(taken.sum()))
        fresh = ~(supports == new[:, None]).any(axis=1)
        fresh &= ~self._moved_near(supports, place, new, swap, rng)
        possible = np.where(add, (sizes < self.largest) & fresh, np.where(drop, sizes > self.smallest, (sizes > 0) & fresh))
        chosen = rows[swap & possible]
        result[chosen, place[chosen]] = new[chosen]
        chosen = rows[add & possible]
        result[chosen, sizes[chosen]] = new[chosen]
        chosen = rows[drop & possible]
        result[chosen, place[chosen]] = result[chosen, sizes[chosen] - 1]
        result[chosen, sizes[chosen] - 1] = EMPTY
        return result, possible

    def _moved_near(
        self, supports: IntArray, place: IntArray, new: IntArray, swap: NDArray[np.bool_], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Puts neighbours of the members to be replaced into ``new`` for some of the swaps; returns which cannot be used."""
        rows = np.arange(len(supports))
        near = self.score.units.neighbours(supports[rows, place], rng)
        if near is None:
            return np.zeros(len(supports), dtype=np.bool_)
        chosen = swap & (rng.random(len(supports)) < _NEAR)
        new[chosen] = near[chosen]
        return np.asarray(chosen & ((near == EMPTY) | (supports == near[:, None]).any(axis=1)))

    @staticmethod
    def _exchange(state: Replicas) -> None:
        """Exchanges even or odd pairs in turn."""
        low = np.arange(state.steps % 2, len(state.betas) - 1, 2)
        gain = (state.betas[low + 1] - state.betas[low]) * (state.energies[low + 1] - state.energies[low])
        state.proposed[low] += 1
        low = low[np.log(state.rng.random(len(low))) < gain]
        state.accepted[low] += 1
        for values in (state.supports, state.energies, state.labels):
            values[low], values[low + 1] = values[low + 1].copy(), values[low].copy()
        bottom, top = state.labels[0], state.labels[-1]
        if state.heading[bottom] == -1:
            state.trips += 1
        state.heading[bottom] = 1
        if state.heading[top] == 1:
            state.heading[top] = -1


def _distinct(count: int, size: int, n: int, rng: np.random.Generator) -> IntArray:
    """Rows of distinct units, each set equally probable."""
    rows = rng.integers(0, n, size=(count, size))
    while True:
        ordered = np.sort(rows, axis=1)
        repeated = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if not len(repeated):
            return rows
        rows[repeated] = rng.integers(0, n, size=(len(repeated), size))
