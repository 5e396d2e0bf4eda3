"""Optimisers of one list of candidates as proposers of campaigns with many systems."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Protocol

import numpy as np

from tansaku.models.domain.pool import BoolArray, CandidatePool
from tansaku.models.domain.ports import Choice, History
from tansaku.models.engine.initial import initial_position
from tansaku.models.engine.simple import ModelFree
from tansaku.peers.problem import Encoding, Problem, Suggestion, encode, pose

LEAST_MEASURED = 2
"""Measurements below which no optimiser is asked: standardising, and PHYSBO's fit, need two. The candidate is random then."""


class Optimiser(Protocol):
    """Chooses from one list of candidates, given measurements of some of them. A function of its argument alone."""

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        ...


class JointOptimiser(Protocol):
    """Chooses for every system of a pool at once."""

    def suggest(self, problem: Problem) -> Sequence[Suggestion]:
        """The next candidate of each system that has a free one."""
        ...


class _Peer(ModelFree):
    """Base class of peers: one random candidate of each system first; they fit whenever they choose."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool: CandidatePool | None = None

    @property
    def name(self) -> str:
        """Name of the method."""
        return self._name

    def initial_count(self, pool: CandidatePool) -> int:
        """One candidate of each system, as in the published search."""
        return len(pool.systems)

    def _choose(
        self, pool: CandidatePool, history: History, allowed: BoolArray, number: int, rng: np.random.Generator
    ) -> Choice:
        in_design = number <= self.initial_count(pool)
        if in_design or not len(history.observed):
            return Choice(initial_position(pool, allowed, number, rng, "random"), initial=in_design)
        return self._after_design(pool, history, allowed)

    @abstractmethod
    def _after_design(self, pool: CandidatePool, history: History, allowed: BoolArray) -> Choice:
        """Chooses after the initial design; something is allowed and something observed."""


class SystemPeer(_Peer):
    """One optimiser per system; the next system is the one with the highest gain per cost, or takes its turn.

    Turns go to the system on which least has been spent, for optimisers that tell no gain. Pending candidates are not proposed
    again and not known otherwise.

    Args:
        name: Name of the method.
        build: Makes an optimiser; called once per system and again for another pool.
    """

    def __init__(self, name: str, build: Callable[[], Optimiser]) -> None:
        super().__init__(name)
        self._build = build
        self._encodings: list[Encoding] = []
        self._optimisers: list[Optimiser] = []
        self._known: dict[int, tuple[tuple[bytes, bytes], Suggestion]] = {}

    def _after_design(self, pool: CandidatePool, history: History, allowed: BoolArray) -> Choice:
        if self._pool is not pool:
            self._pool, self._known = pool, {}
            self._encodings = [encode(pool, np.flatnonzero(pool.system_codes == k)) for k in range(len(pool.systems))]
            self._optimisers = [self._build() for _ in pool.systems]
        problems = {k: pose(encoding, history, allowed, seed=k) for k, encoding in enumerate(self._encodings)}
        problems = {k: item for k, item in problems.items() if len(item.free)}
        spent = np.bincount(
            pool.system_codes[history.observed], pool.cost[history.observed], minlength=len(pool.systems)
        ) + np.bincount(pool.system_codes[history.pending], pool.cost[history.pending], minlength=len(pool.systems))
        turn = min(problems, key=lambda k: (spent[k], k))
        first = self._suggestion(turn, problems[turn])
        if first.gain is None:
            return Choice(int(problems[turn].encoding.members[first.row]))
        best, choice = -np.inf, None
        for k, problem in problems.items():
            suggestion = self._suggestion(k, problem)
            position = int(problem.encoding.members[suggestion.row])
            gain = (suggestion.gain or 0.0) / float(pool.cost[position])
            if choice is None or gain > best:
                best, choice = gain, Choice(position, acquisition=gain if isfinite(gain) else None)
        assert choice is not None
        return choice

    def _suggestion(self, system: int, problem: Problem) -> Suggestion:
        """Asked again only when the system's data or its free candidates have changed."""
        if len(problem.rows) < LEAST_MEASURED:
            rng = np.random.default_rng([problem.seed, len(problem.free)])
            return Suggestion(int(rng.choice(problem.free)), gain=np.inf)
        key = (problem.rows.tobytes(), problem.free.tobytes())
        if system not in self._known or self._known[system][0] != key:
            self._known[system] = (key, self._optimisers[system].suggest(problem))
        return self._known[system][1]


class PoolPeer(_Peer):
    """One optimiser of all systems together; the next candidate is the one with the highest gain per cost.

    Args:
        name: Name of the method.
        build: Makes the optimiser; called again for another pool.
    """

    def __init__(self, name: str, build: Callable[[], JointOptimiser]) -> None:
        super().__init__(name)
        self._build = build
        self._encoding: Encoding | None = None
        self._optimiser: JointOptimiser | None = None

    def _after_design(self, pool: CandidatePool, history: History, allowed: BoolArray) -> Choice:
        if self._pool is not pool or self._encoding is None or self._optimiser is None:
            self._pool, self._encoding, self._optimiser = pool, encode(pool, np.arange(len(pool))), self._build()
        suggestions = self._optimiser.suggest(pose(self._encoding, history, allowed, seed=0))
        gains = [(suggestion.gain or 0.0) / float(pool.cost[suggestion.row]) for suggestion in suggestions]
        best = int(np.argmax(gains))
        return Choice(suggestions[best].row, acquisition=gains[best] if isfinite(gains[best]) else None)
