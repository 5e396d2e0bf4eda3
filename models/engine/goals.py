"""Goals of the engine: the level of the objective below which a candidate is an improvement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import AllBelowSpec, BestOverallSpec, BestPerSystemSpec, ParetoSpec, TopKSpec
from tansaku.models.domain.units import quantity_in

GoalKind = Literal["best_per_system", "top_k", "all_below"]


@dataclass(frozen=True)
class Goal:
    """Which candidates are wanted, for an objective that is minimised.

    Attributes:
        kind: ``best_per_system``, ``top_k`` (of all systems together; the best of all is the top one) or ``all_below``.
        k: How many, for ``top_k``.
        threshold: Of ``all_below`` [objective's unit, oriented so that smaller is better].
    """

    kind: GoalKind = "best_per_system"
    k: int = 1
    threshold: float = 0.0

    @property
    def by_system(self) -> bool:
        """Whether every system has its own answer."""
        return self.kind == "best_per_system"


def goal_of(objective: ObjectiveSpec) -> Goal:
    """The goal that a spec describes.

    Raises:
        ConfigurationError: The goal is a front, which has no level to pass.
    """
    match objective.goal:
        case BestPerSystemSpec():
            return Goal()
        case BestOverallSpec():
            return Goal("top_k", 1)
        case TopKSpec(k=k):
            return Goal("top_k", k)
        case AllBelowSpec(threshold=text):
            sign = 1.0 if objective.direction == "minimize" else -1.0
            return Goal("all_below", threshold=sign * quantity_in(text, objective.unit))
        case ParetoSpec():
            raise ConfigurationError("objective.goal: pareto is a goal of several objectives; here one is expected")
        case _:
            assert_never(objective.goal)


def reached_levels(goal: Goal, pool: CandidatePool, positions: IntArray, values: FloatArray) -> FloatArray:
    """Returns the level below which a new candidate counts, by system: the best so far, the k-th best, or the threshold.

    Args:
        goal: The goal.
        pool: The pool.
        positions: Candidates with a value, shape ``(n,)``.
        values: Oriented values, in any unit that grows with the objective, shape ``(n,)``; ``goal.threshold`` is in it too.

    Returns:
        Shape ``(n_systems,)``; infinite without a value to compare with.
    """
    best = np.full(len(pool.systems), np.inf)
    if goal.kind == "all_below":
        best[:] = goal.threshold
    elif goal.by_system:
        np.minimum.at(best, pool.system_codes[positions], values)
    elif len(values) >= goal.k:
        best[:] = np.partition(values, goal.k - 1)[goal.k - 1]
    return best
