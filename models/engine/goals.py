"""Goals of the engine: the level of the objective below which a candidate is an improvement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import FORMATION_ENERGY, AllBelowSpec, OnHullSpec, TopKSpec
from tansaku.models.domain.units import convert, quantity_in

Connectivity = Literal[6, 26]
GoalKind = Literal["best_per_system", "top_k", "all_below", "bottleneck", "on_hull", "hull"]


@dataclass(frozen=True)
class Goal:
    """A goal: the wanted candidates, for an objective that is minimised.

    Attributes:
        kind: ``best_per_system``, ``top_k`` (of all systems together; the best of all is the top one), ``all_below``, or
            ``bottleneck`` (minimum and bottleneck of an energy surface), ``on_hull`` (what no mixture of others undercuts), or
            ``hull`` (the lowest at some chemical potential).
        k: How many, for ``top_k``.
        threshold: Of ``all_below`` [objective's unit, oriented so that smaller is better].
        dimensions: Of ``bottleneck``: independent directions of the path.
        connectivity: Of ``bottleneck``: neighbours of a grid point.
        pathwise: Of ``bottleneck``: whether all points are drawn where they are too many for exact samples.
        per_ev: Of ``on_hull``: 1 eV/atom in the objective's unit.
        formation: Of ``on_hull``: whether energies are measured from those of the elements among the known phases.
        per_area: Of ``hull``: 1 J/m^2 in the objective's unit.
    """

    kind: GoalKind = "best_per_system"
    k: int = 1
    threshold: float = 0.0
    dimensions: int = 1
    connectivity: Connectivity = 26
    pathwise: bool = False
    per_ev: float = 1.0
    formation: bool = False
    per_area: float = 1.0

    @property
    def by_system(self) -> bool:
        """Whether every system has a level of its own."""
        return self.kind in ("best_per_system", "hull")


def goal_of(objective: ObjectiveSpec) -> Goal:
    """The goal that a spec describes.

    Raises:
        ConfigurationError: The goal is a front, which has no level to pass.
    """
    kind = objective.goal.type
    if kind not in LEVELS:
        raise ConfigurationError(
            f"objective.goal: {kind} has no level that a candidate could pass; expected one of {', '.join(LEVELS)}"
        )
    return LEVELS[kind](objective.goal, objective)


def _of_top_k(spec: TopKSpec, _objective: ObjectiveSpec) -> Goal:
    return Goal("top_k", spec.k)


def _of_threshold(spec: AllBelowSpec, objective: ObjectiveSpec) -> Goal:
    sign = 1.0 if objective.direction == "minimize" else -1.0
    return Goal("all_below", threshold=sign * quantity_in(spec.threshold, objective.unit))


def _of_hull(_spec: OnHullSpec, objective: ObjectiveSpec) -> Goal:
    return Goal("on_hull", per_ev=convert(1.0, "eV/atom", objective.unit), formation=objective.property == FORMATION_ENERGY)


LEVELS: dict[str, Callable[[Any, ObjectiveSpec], Goal]] = {
    "best_per_system": lambda _spec, _objective: Goal(),
    "best_overall": lambda _spec, _objective: Goal("top_k", 1),
    "top_k": _of_top_k,
    "all_below": _of_threshold,
    "bottleneck": lambda spec, _objective: Goal(
        "bottleneck", dimensions=spec.dimensions, connectivity=spec.connectivity, pathwise=spec.sampling == "pathwise"
    ),
    "on_hull": _of_hull,
    "hull": lambda _spec, objective: Goal("hull", per_area=convert(1.0, "J/m2", objective.unit)),
}
"""Builder of the engine's goal for one objective, by type of its spec. Plug-ins that bring a goal add theirs here."""


def reached_levels(
    goal: Goal, pool: CandidatePool, positions: IntArray, values: FloatArray, lowest: float | None = None
) -> FloatArray:
    """Returns the level below which a new candidate counts, by system: the best so far, the k-th best, the threshold, a hull.

    Args:
        positions: Candidates with a value, shape ``(n,)``.
        values: Oriented values, in any unit that grows with the objective, shape ``(n,)``; ``goal.threshold`` is in it too.
        lowest: Lowest chemical potential, by the calculator [eV]; None: not known.

    Returns:
        Shape ``(n_systems,)``; infinite without a value to compare with.
    """
    best = np.full(len(pool.systems), np.inf)
    if goal.kind == "all_below":
        best[:] = goal.threshold
    elif goal.by_system:
        np.minimum.at(best, pool.system_codes[positions], values)
        if goal.kind == "hull":
            best = hull_levels(goal, pool, best, lowest)
    elif len(values) >= goal.k:
        best[:] = np.partition(values, goal.k - 1)[goal.k - 1]
    return best


def hull_levels(goal: Goal, pool: CandidatePool, best: FloatArray, lowest: float | None) -> FloatArray:
    """Returns the values below which a candidate is the lowest at some chemical potential, by system.

    A value y of a system whose slope is s becomes y + s μ. With the lowest such line of its group, h(μ), it has to be below the
    maximum of h(μ) - s μ, a concave function whose maximum lies where two lines cross, or at an end.

    Args:
        best: Best value of each system at the potential 0, infinite without any [objective's unit], shape ``(n_systems,)``.
        lowest: As of :func:`reached_levels`.

    Returns:
        Shape ``(n_systems,)``; infinite where no system of the group has a value.

    Raises:
        ConfigurationError: The candidates exchange no unit.
    """
    lines = pool.lines
    if lines is None or lines.second is not None:
        found = "no unit" if lines is None else "two units"
        raise ConfigurationError(
            f"objective.goal: {goal.kind} needs candidates that exchange a unit, and these exchange {found}; expected "
            "best_per_system"
        )
    slopes, levels = lines.slopes * goal.per_area, np.full(len(best), np.inf)
    for group in np.unique(lines.groups):
        members = np.flatnonzero(lines.groups == group)
        known = members[np.isfinite(best[members])]
        if not len(known):
            continue
        at = _crossings(best[known], slopes[known], lines.beginning(lowest))
        hull = (best[known, None] + slopes[known, None] * at).min(axis=0)
        levels[members] = (hull - slopes[members, None] * at).max(axis=1)
    return levels


def _crossings(values: FloatArray, slopes: FloatArray, lowest: float) -> FloatArray:
    """Potentials in a range at which two of some lines cross, and its ends.

    Args:
        values: Of the lines at the potential 0, shape ``(n,)``.
        slopes: Shape ``(n,)``.
        lowest: Lower end of the range, whose upper end is 0.

    Returns:
        Shape ``(m,)``, in no order.
    """
    first, second = np.triu_indices(len(values), 1)
    steeper = slopes[first] - slopes[second]
    crossing = steeper != 0.0
    at = (values[second] - values[first])[crossing] / steeper[crossing]
    return np.concatenate(([lowest, 0.0], at[(at > lowest) & (at < 0.0)]))
