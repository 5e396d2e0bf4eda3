"""Proposers without a model: baselines that every other proposer must beat."""

# ruff: noqa: ARG002 - the contract hands over more than these need

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from tansaku.models.domain.pool import BoolArray, CandidatePool
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ListedProposerSpec, RandomProposerSpec
from tansaku.models.engine.initial import initial_position


def allowed_candidates(pool: CandidatePool, history: History) -> BoolArray:
    """Returns the candidates that may be proposed: neither in the history nor too expensive, shape ``(n_candidates,)``."""
    allowed = np.ones(len(pool), dtype=np.bool_)
    allowed[history.proposed] = False
    allowed[history.unavailable] = False
    if history.remaining_cost is not None:
        allowed &= pool.cost <= history.remaining_cost
    return allowed


class ModelFree(ABC):
    """Base of proposers that keep no fit, without an initial design."""

    def initial_count(self, pool: CandidatePool) -> int:
        """Zero: there is no initial design."""
        return 0

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """Never."""
        return False

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Returns nothing: there is nothing to fit."""
        return {}

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
        return self._choose(pool, history, allowed, number, rng) if allowed.any() else None

    @abstractmethod
    def _choose(
        self, pool: CandidatePool, history: History, allowed: BoolArray, number: int, rng: np.random.Generator
    ) -> Choice | None:
        """Chooses proposal ``number`` among the allowed candidates; there is at least one."""


class RandomProposer(ModelFree):
    """Uniform over the remaining candidates.

    Args:
        by_system: Take the systems in turn; if a system has no candidate left, choose any.
    """

    name = "random"

    def __init__(self, *, by_system: bool = False) -> None:
        self._by_system = by_system

    def _choose(
        self, pool: CandidatePool, history: History, allowed: BoolArray, number: int, rng: np.random.Generator
    ) -> Choice:
        if self._by_system:
            return Choice(position=initial_position(pool, allowed, number, rng, "random"))
        return Choice(position=int(rng.choice(np.flatnonzero(allowed))))


class GridProposer(ModelFree):
    """Chooses every candidate in order of id."""

    name = "grid"

    def _choose(
        self, pool: CandidatePool, history: History, allowed: BoolArray, number: int, rng: np.random.Generator
    ) -> Choice:
        return Choice(position=int(np.argmax(allowed)))


class ListedProposer(ModelFree):
    """Chooses listed candidates in the given order.

    Args:
        candidates: Their ids.
    """

    name = "listed"

    def __init__(self, candidates: Sequence[str]) -> None:
        self._candidates = tuple(candidates)

    def _choose(
        self, pool: CandidatePool, history: History, allowed: BoolArray, number: int, rng: np.random.Generator
    ) -> Choice | None:
        positions = pool.positions(self._candidates)
        left = positions[allowed[positions]]
        return Choice(position=int(left[0])) if len(left) else None


def open_random(spec: RandomProposerSpec, *_goal: object) -> RandomProposer:
    """The proposer of a spec."""
    return RandomProposer(by_system=spec.by_system)


def open_grid(*_given: object) -> GridProposer:
    """The proposer, whose spec has no keys."""
    return GridProposer()


def open_listed(spec: ListedProposerSpec, *_goal: object) -> ListedProposer:
    """The proposer of a spec."""
    return ListedProposer(spec.candidates)
