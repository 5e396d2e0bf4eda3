"""A campaign's evaluations as arrays that are cheap to compute with and to bring up to date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import Quantity
from tansaku.models.domain.specs.objective import FurtherObjectiveSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import recorded_in
from tansaku.models.domain.views import BoolArray, Columns

_STATES = tuple(EvaluationState)
_CODES = {state: code for code, state in enumerate(_STATES)}
_TERMINAL = np.array([state.terminal for state in _STATES], dtype=np.bool_)


@dataclass(frozen=True)
class EvaluationArrays:
    """The readable evaluations in proposal order; each array has shape ``(n,)``, but for ``further``.

    Attributes:
        candidates: Ids of the candidates.
        systems: Names of the systems that have an evaluation.
        numbers: Proposal numbers.
        system_codes: Positions in ``systems``.
        state_codes: States; see :meth:`in_state`.
        searched: Whether an evaluation belongs to the search, not to the final relaxation.
        predicted: Whether the value is predicted by a trained model.
        spared: Whether surrogate pre-screening left an evaluation at its prediction.
        values: Objective values [the objective's unit], NaN where there is none.
        predicted_costs: As proposed [the space's cost unit].
        measured_costs: Measured cost of ended evaluations [core-seconds], NaN where it was not measured.
        means: Values that the proposer expected, NaN where it expected none.
        mean_deviations: Standard deviations of what it expected, NaN where there is none.
        changed_at: Times of the proposals, or of the ends of ended evaluations [ms since 1970, UTC].
        done_otherwise: Whether something else was measured in their place, which counts instead.
        further: Values of the further objectives [their units], NaN where there is none, shape ``(n, n_further)``.
    """

    candidates: tuple[str, ...]
    systems: tuple[str, ...]
    numbers: IntArray
    system_codes: npt.NDArray[np.int32]
    state_codes: npt.NDArray[np.int8]
    searched: BoolArray
    predicted: BoolArray
    spared: BoolArray
    values: FloatArray
    predicted_costs: FloatArray
    measured_costs: FloatArray
    means: FloatArray
    mean_deviations: FloatArray
    changed_at: IntArray
    done_otherwise: BoolArray
    further: FloatArray

    @classmethod
    def of(cls, columns: Columns, further: Sequence[FurtherObjectiveSpec] = ()) -> EvaluationArrays:
        """The same evaluations as arrays.

        Args:
            columns: With the quantities of the further objectives.
            further: These objectives.
        """
        codes = {name: code for code, name in enumerate(dict.fromkeys(columns.systems))}
        return cls(
            candidates=columns.candidates,
            systems=tuple(codes),
            numbers=columns.numbers,
            system_codes=np.array([codes[name] for name in columns.systems], dtype=np.int32),
            state_codes=np.array([_CODES[state] for state in columns.states], dtype=np.int8),
            searched=columns.searched,
            predicted=columns.predicted,
            spared=columns.spared,
            values=columns.values,
            predicted_costs=columns.predicted_costs,
            measured_costs=columns.measured_costs,
            means=columns.means,
            mean_deviations=columns.mean_deviations,
            changed_at=columns.changed_at,
            done_otherwise=columns.done_otherwise,
            further=_further(columns, further),
        )

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def counted(self) -> BoolArray:
        """Whether the budget counts the evaluations: those of the search in whose place nothing else was measured."""
        return self.searched & ~self.done_otherwise

    @cached_property
    def terminal(self) -> BoolArray:
        """Whether the evaluations have ended."""
        ended: BoolArray = _TERMINAL[self.state_codes]
        return ended

    @cached_property
    def failed(self) -> BoolArray:
        """Whether the evaluations failed."""
        return self.in_state(EvaluationState.FAILED)

    def in_state(self, state: EvaluationState) -> BoolArray:
        """Returns whether the evaluations are in a state."""
        return np.asarray(self.state_codes == _CODES[state], dtype=np.bool_)

    def place(self, number: int) -> int | None:
        """Place of a proposal number, None without an evaluation of it."""
        place = int(np.searchsorted(self.numbers, number))
        return place if place < len(self) and self.numbers[place] == number else None

    def updated(self, changed: EvaluationArrays) -> EvaluationArrays:
        """These evaluations with some changed or new ones.

        Args:
            changed: Take the places of evaluations with the same numbers.
        """
        if not len(changed):
            return self
        systems = tuple(dict.fromkeys((*self.systems, *changed.systems)))
        codes = {name: code for code, name in enumerate(systems)}
        translated = np.array([codes[name] for name in changed.systems], dtype=np.int32)[changed.system_codes]
        changed = replace(changed, systems=systems, system_codes=translated)
        places = np.searchsorted(self.numbers, changed.numbers)
        known = np.isin(changed.numbers, self.numbers)
        behind = not len(self) or not (~known).any() or bool(changed.numbers[~known].min() > self.numbers[-1])
        merged = _merged(self, changed, places[known], known)
        if behind:
            return merged
        order = np.argsort(merged.numbers, kind="stable")
        candidates = tuple(merged.candidates[place] for place in order.tolist())
        return replace(_each(merged, lambda array, _: array[order]), candidates=candidates)


def _further(columns: Columns, further: Sequence[FurtherObjectiveSpec]) -> FloatArray:
    """Values of the further objectives, shape ``(n, n_further)``."""
    found = np.full((len(columns), len(further)), np.nan)
    for place, goal in enumerate(further):
        found[:, place] = [_value(quantity, goal.unit) for quantity in columns.quantities[goal.property]]
    return found


def _value(quantity: Quantity | None, unit: str) -> float:
    try:
        return np.nan if quantity is None else recorded_in(quantity.value, quantity.unit, unit)
    except ValueError:  # of another kind of unit: it is no value of this objective
        return np.nan


def _merged(
    old: EvaluationArrays, changed: EvaluationArrays, places: npt.NDArray[np.intp], known: BoolArray
) -> EvaluationArrays:
    """The old evaluations with changes at their places, followed by the new ones."""

    def merge(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
        other = getattr(changed, name)
        present = np.concatenate((array, other[~known]))
        present[places] = other[known]
        return present

    candidates = list(old.candidates)
    for place, name in zip(places.tolist(), np.array(changed.candidates, dtype=object)[known], strict=True):
        candidates[place] = name
    candidates += list(np.array(changed.candidates, dtype=object)[~known])
    return replace(_each(old, merge), candidates=tuple(candidates), systems=changed.systems)


def _each(arrays: EvaluationArrays, change: Callable[[npt.NDArray[Any], str], npt.NDArray[Any]]) -> EvaluationArrays:
    """The same with every array changed by a function of the array and its name."""
    found = {field.name: getattr(arrays, field.name) for field in fields(arrays)}
    changed: dict[str, Any] = {name: change(array, name) for name, array in found.items() if isinstance(array, np.ndarray)}
    return replace(arrays, **changed)
