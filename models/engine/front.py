"""Pareto fronts of a finite set, for objectives that are all minimised: its members and its dominated hypervolume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import ParetoSpec
from tansaku.models.domain.units import quantity_in


@dataclass(frozen=True)
class FrontWanted:
    """The Pareto front that a search with several objectives looks for.

    Attributes:
        count: Objectives.
        reference: Reference point of the hypervolume, oriented so that smaller is better [each objective's unit], shape
            ``(count,)``; None: the worst observed ones.
    """

    count: int
    reference: FloatArray | None = None


def front_wanted(objective: ObjectiveSpec) -> FrontWanted:
    """The front that a spec with the goal ``pareto`` describes."""
    given = objective.goal.reference if isinstance(objective.goal, ParetoSpec) else None
    kinds = [(objective.direction, objective.unit), *((goal.direction, goal.unit) for goal in objective.goals)]
    if given is None:
        return FrontWanted(len(kinds))
    pairs = zip(given, kinds, strict=True)
    return FrontWanted(
        len(kinds),
        np.array([(1.0 if direction == "minimize" else -1.0) * quantity_in(text, unit) for text, (direction, unit) in pairs]),
    )


def on_front(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Returns the non-dominated rows: no other row is at most as high in every column and lower in one. Equal rows all count.

    Args:
        values: Finite, shape ``(n, n_objectives)``.

    Returns:
        Shape ``(n,)``.
    """
    kept = np.ones(len(values), dtype=np.bool_)
    for row in values[np.argsort(values.sum(axis=1), kind="stable")]:
        # Dominance is transitive: comparing with dominated rows changes nothing, so all rows may be compared.
        kept &= ~((row <= values).all(axis=1) & (row < values).any(axis=1))
    return kept


def most_isolated(values: FloatArray) -> npt.NDArray[np.intp]:
    """Returns the front's members, those first whose neighbours on it are farthest away; where a front has gaps, more may lie.

    Distances are those of Deb, Pratap, Agarwal & Meyarivan (2002), https://doi.org/10.1109/4235.996017, but the two ends count
    twice the distance to their only neighbour, so that they do not always come first.

    Args:
        values: Finite, shape ``(n, n_objectives)``.
    """
    members = np.flatnonzero(on_front(values))
    own, apart = values[members], np.zeros(len(members))
    for column in own.T:
        order = np.argsort(column, kind="stable")
        gaps = np.diff(column[order]) / (np.ptp(column) or 1.0)
        if len(gaps):
            apart[order] += np.concatenate((gaps[:1], gaps)) + np.concatenate((gaps, gaps[-1:]))
    return members[np.argsort(-apart, kind="stable")]


def dominated_volume(values: FloatArray, reference: FloatArray) -> float:
    """Volume between a set of points and a reference that is dominated by at least one of them.

    By slices along the last objective: between two of its values the section is the volume of those below, in one dimension
    less. While, Hingston, Barone & Huband (2006), https://doi.org/10.1109/TEVC.2005.851275.

    Args:
        values: Shape ``(n, n_objectives)``; points that are not below the reference everywhere count for nothing.
        reference: Shape ``(n_objectives,)``.
    """
    inside = values[(values < reference).all(axis=1)]
    if not len(inside):
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - inside.min())
    inside = inside[on_front(inside)]
    inside = inside[np.argsort(inside[:, -1], kind="stable")]
    heights = np.diff(np.append(inside[:, -1], reference[-1]))
    sections = [dominated_volume(inside[: i + 1, :-1], reference[:-1]) for i in range(len(inside))]
    return float(np.dot(heights, sections))


def volume_curve(values: FloatArray, reference: FloatArray) -> FloatArray:
    """Dominated volume after each point.

    Args:
        values: In order, NaN where there is none, shape ``(n, n_objectives)``.
        reference: Shape ``(n_objectives,)``.

    Returns:
        Shape ``(n,)``.
    """
    curve, volume = np.zeros(len(values)), 0.0
    front = np.empty((0, len(reference)))
    for i, row in enumerate(values):
        if not np.isnan(row).any() and not (front <= row).all(axis=1).any():
            front = np.vstack([front[~(row <= front).all(axis=1)], row])
            volume = dominated_volume(front, reference)
        curve[i] = volume
    return curve


def worst(values: FloatArray) -> FloatArray:
    """The worst value of each objective: the reference where none is given. NaN is left out; shape ``(n_objectives,)``."""
    return np.asarray(np.nanmax(values, axis=0))
