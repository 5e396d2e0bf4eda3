"""Pareto front of a search with several objectives, and its dominated hypervolume over evaluations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.feasibility import answers_of
from tansaku.models.domain.history import oriented
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.domain.ports import TabulatedSpace
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.views import Columns
from tansaku.models.domain.wording import with_unit
from tansaku.models.engine.front import dominated_volume, front_wanted, on_front, volume_curve, worst
from tansaku.tasks.read.views.campaign import Campaign


@dataclass(frozen=True)
class Axis:
    """One objective.

    Attributes:
        name: As in rows.
        unit: Of its values.
        direction: Whether low or high values are wanted.
        reference: From where the volume is measured [unit].
    """

    name: str
    unit: str
    direction: str
    reference: float


@dataclass(frozen=True)
class Front:
    """A Pareto front.

    Attributes:
        axes: The objectives, the first one first.
        rows: Its members, by the first objective.
        values: Of all finished evaluations of the search in proposal order, as computed, NaN where one failed, shape
            ``(n, n_objectives)``.
        volume: Dominated volume after each of them, as a share of what could be dominated, shape ``(n,)``.
        known: Whether that is what the true front of a table dominates; else it is the box between the reference and the best
            value found of each objective.
    """

    axes: tuple[Axis, ...]
    rows: tuple[JsonDict, ...]
    values: FloatArray
    volume: FloatArray
    known: bool

    @property
    def compared_with(self) -> str:
        """The volume of which its own is a share, in words."""
        return "the true front" if self.known else "the box between the best values and the reference point"

    def describe(self) -> str:
        """Describes its size in one line, with the reference point."""
        point = ", ".join(f"{axis.name} {with_unit(f'{axis.reference:.6g}', axis.unit)}" for axis in self.axes)
        share = self.volume[-1] if len(self.volume) else 0.0
        return f"dominated hypervolume: {100 * share:.3g} % of {self.compared_with}; the reference point is {point}"

    def summary(self) -> JsonDict:
        """Returns the members, and the volume after each increase, as plain data."""
        grown = np.flatnonzero(np.diff(self.volume, prepend=0.0) > 0.0)
        return {
            "objectives": [vars(axis) for axis in self.axes],
            "candidates": list(self.rows),
            "volume": float(self.volume[-1]) if len(self.volume) else 0.0,
            "of": self.compared_with,
            "growth": [{"evaluations": int(at) + 1, "volume": float(self.volume[at])} for at in grown],
        }


def tabulated_values(space: TabulatedSpace, objective: ObjectiveSpec) -> FloatArray:
    """Values and further quantities of all candidates, as computed, shape ``(n_candidates, 1 + n_further)``.

    Raises:
        ConfigurationError: The table lacks one of them.
    """
    return np.column_stack([space.values(), *(space.quantity(goal.property, goal.unit) for goal in objective.further)])


def oriented_values(values: FloatArray, objective: ObjectiveSpec) -> FloatArray:
    """Values with the sign at which smaller is better, same shape."""
    return oriented(values, objective.directions)


def reference_of(values: FloatArray, objective: ObjectiveSpec) -> FloatArray:
    """The reference of a spec, or the worst of some oriented values; oriented, shape ``(n_objectives,)``."""
    given = front_wanted(objective).reference
    return worst(values) if given is None else given


def volume_shares(truth: FloatArray, found: FloatArray, objective: ObjectiveSpec) -> FloatArray:
    """Dominated volume after each evaluation, as a share of what the whole table's front dominates.

    Args:
        truth: Of all candidates, as computed, NaN where one is no answer, shape ``(n_candidates, n_objectives)``.
        found: Of those evaluated, in order, shape ``(n, n_objectives)``.
    """
    whole = _complete(oriented_values(truth, objective))
    reference = reference_of(whole, objective)
    possible = dominated_volume(whole[on_front(whole)], reference)
    return volume_curve(oriented_values(found, objective), reference) / (possible or 1.0)


def box_shares(signed: FloatArray, objective: ObjectiveSpec) -> tuple[FloatArray, FloatArray]:
    """Reference point, and dominated volume after each evaluation as a share of the box up to the best values.

    Args:
        signed: Oriented values, NaN where one is no answer, at least one is, shape ``(n, n_objectives)``.
    """
    reference = reference_of(signed, objective)
    box = float(np.prod(np.maximum(reference - np.nanmin(signed, axis=0), 0.0)))
    return reference, volume_curve(signed, reference) / (box or 1.0)


def campaign_front(data: Campaign) -> Front | None:
    """The front that a campaign has found; None if it has another goal, or no value yet."""
    objective, columns = data.spec.objective, data.columns
    finished = np.flatnonzero(columns.searched & columns.terminal)
    values = np.column_stack([columns.values, columns.further(objective.goals)])[finished]
    values[~columns.in_state(EvaluationState.DONE)[finished] | np.isnan(values).any(axis=1)] = np.nan
    answers = np.where(data.keeping[finished, None], values, np.nan)
    if not objective.goals or np.isnan(answers).all():
        return None
    names = (data.value_key, *(goal.property for goal in objective.goals))
    units = (objective.unit, *(goal.unit for goal in objective.goals))
    signed = oriented_values(answers, objective)
    known = isinstance(data.space, TabulatedSpace)
    if isinstance(data.space, TabulatedSpace):
        truth = answers_of(objective, tabulated_values(data.space, objective))
        reference = reference_of(_complete(oriented_values(truth, objective)), objective)
        volume = volume_shares(truth, answers, objective)
    else:
        reference, volume = box_shares(signed, objective)
    have = np.flatnonzero(~np.isnan(signed).any(axis=1))
    members = have[on_front(signed[have])]
    rows = []
    for at in members[np.argsort(signed[members, 0], kind="stable")]:
        own, place = dict(zip(names, values[at].tolist(), strict=True)), finished[at]
        found = {"candidate": columns.candidates[place], "system": columns.systems[place], "round": int(columns.numbers[place])}
        rows.append(found | own)
    back = oriented_values(reference[None, :], objective)[0].tolist()
    axes = tuple(Axis(*item) for item in zip(names, units, objective.directions, back, strict=True))
    return Front(axes, tuple(rows), values, volume, known)


def _complete(values: FloatArray) -> FloatArray:
    return values[~np.isnan(values).any(axis=1)]


@dataclass(frozen=True)
class Evaluated:
    """Evaluations of the search with values of all objectives.

    Attributes:
        places: In the columns, shape ``(n,)``.
        values: As computed, the first objective first, shape ``(n, n_objectives)``.
        keeping: Whether they keep all limits, shape ``(n,)``.
        member: Whether they keep all limits and are on the front, shape ``(n,)``.
    """

    places: IntArray
    values: FloatArray
    keeping: BoolArray
    member: BoolArray


def evaluated_front(arrays: Columns, objective: ObjectiveSpec) -> Evaluated | None:
    """The front of a campaign; None where there is one objective, or nothing has all values yet.

    Args:
        arrays: Evaluations, with the values of further objectives.
    """
    if not objective.goals:
        return None
    values: FloatArray = np.column_stack([arrays.values, arrays.further(objective.goals)])
    places = np.flatnonzero(arrays.searched & ~np.isnan(values).any(axis=1))
    if not len(places):
        return None
    keeping = arrays.keeping(objective.limits)[places]
    member = keeping.copy()
    member[member] = on_front(oriented(values[places][member], objective.directions))
    return Evaluated(places, values[places], keeping, member)
