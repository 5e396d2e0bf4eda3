"""Views of a campaign: columns, pages, counts and changes, read without loading all of its evaluations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import compress
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, Field

from tansaku.models.domain.feasibility import keeps_limits
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import CampaignRecord, Count, Evaluation, Number, Quantity, Record
from tansaku.models.domain.specs.objective import PROPERTY_PATTERN, FurtherObjectiveSpec, LimitSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import recorded_in

BoolArray = npt.NDArray[np.bool_]

STATE_CODES = {state: code for code, state in enumerate(EvaluationState)}
"""Codes of states in columns."""

ENDED = np.array([state.terminal for state in EvaluationState], dtype=np.bool_)
"""Whether evaluations with a code have ended."""

LARGEST_PAGE = 500
"""Most evaluations of one page."""


def are_given(column: Sequence[object]) -> BoolArray:
    """Whether the entries of a column are there, shape ``(n,)``; mostly none is, which is found out at once."""
    if column.count(None) == len(column):
        return np.zeros(len(column), dtype=np.bool_)
    return np.fromiter((entry is not None for entry in column), dtype=np.bool_, count=len(column))


@dataclass(frozen=True)
class Columns:
    """The readable evaluations of a campaign as columns in proposal order; each column has ``n`` entries.

    Attributes:
        numbers: Proposal numbers.
        candidates: Ids of the candidates.
        systems: Names of their systems.
        surfaces: Names of their surfaces.
        searched: Whether an evaluation belongs to the search, not to the final relaxation.
        state_codes: Their states, see :meth:`in_state`.
        values: Objective values [the objective's unit], NaN where there is none.
        predicted_by: Models that predicted the values; None where they were computed.
        deviations: Predicted standard deviations of predicted values, 0 elsewhere.
        predicted_costs: As proposed [the space's cost unit].
        measured_costs: Measured cost of ended evaluations [core-seconds], NaN where it was not measured.
        spared: Whether surrogate pre-screening left an evaluation at its prediction.
        incidents: Whether an evaluation failed, lost an attempt or has a late result.
        means: Values that the proposer expected [the objective's unit], NaN where it expected none.
        mean_deviations: Standard deviations of what it expected, same unit, NaN where there is none.
        changed_at: Times of the proposals, or of the ends of ended evaluations [ms since 1970, UTC].
        done_otherwise: Whether something else was measured in their place, which counts instead.
        levels: Names of the levels of looks, None of all others.
        quantities: Further results by name, None where an evaluation lacks them; those that were asked for.
        properties: Further properties by name, None where an evaluation lacks them; those that were asked for.
        problems: What is wrong with the evaluations that cannot be read; no column has them.
        references: The evaluations of elements, which no other column has: they are no candidates. None: there are none.
        looks: The looks at cheaper levels, which no other column has either: their values are not those that are wanted.
    """

    numbers: IntArray
    candidates: tuple[str, ...]
    systems: tuple[str, ...]
    surfaces: tuple[str, ...]
    searched: BoolArray
    state_codes: npt.NDArray[np.int8]
    values: FloatArray
    predicted_by: tuple[str | None, ...]
    deviations: FloatArray
    predicted_costs: FloatArray
    measured_costs: FloatArray
    spared: BoolArray
    incidents: BoolArray
    means: FloatArray
    mean_deviations: FloatArray
    changed_at: IntArray
    done_otherwise: BoolArray
    levels: tuple[str | None, ...]
    quantities: Mapping[str, tuple[Quantity | None, ...]] = field(default_factory=dict)
    properties: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    references: Columns | None = None
    looks: Columns | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def aside(self) -> tuple[Columns, ...]:
        """Evaluations whose values are not those that are wanted: references and looks."""
        return tuple(rows for rows in (self.references, self.looks) if rows is not None)

    def set_aside(self, references: BoolArray, looks: BoolArray) -> Columns:
        """These evaluations, of which some are references or looks.

        Args:
            references: Which of them, shape ``(n,)``.
            looks: Which of them, shape ``(n,)``.
        """
        if not (references | looks).any():
            return self
        return replace(
            self._taken(~(references | looks)),
            problems=self.problems,
            references=self._taken(references) if references.any() else None,
            looks=self._taken(looks) if looks.any() else None,
        )

    def _taken(self, which: BoolArray) -> Columns:
        def taken(column: Any) -> Any:  # noqa: ANN401 - an array, a tuple, or columns by name
            if isinstance(column, Mapping):
                return {name: taken(values) for name, values in column.items()}
            return tuple(compress(column, which)) if isinstance(column, tuple) else column[which]

        return Columns(**{name: taken(getattr(self, name)) for name in _BY_EVALUATION})

    @cached_property
    def counted(self) -> BoolArray:
        """Whether the budget counts them: those of the search in whose place nothing else was measured, shape ``(n,)``."""
        return self.searched & ~self.done_otherwise

    @cached_property
    def predicted(self) -> BoolArray:
        """Whether the values are predicted by a trained model, shape ``(n,)``."""
        return are_given(self.predicted_by)

    @cached_property
    def system_names(self) -> tuple[str, ...]:
        """Names of the systems that have an evaluation."""
        return tuple(dict.fromkeys(self.systems))

    @cached_property
    def system_codes(self) -> IntArray:
        """Positions of their systems in ``system_names``, shape ``(n,)``."""
        codes = {name: code for code, name in enumerate(self.system_names)}
        return np.fromiter(map(codes.__getitem__, self.systems), dtype=np.intp, count=len(self.systems))

    @cached_property
    def candidate_hashes(self) -> IntArray:
        """Hashes of their candidates, shape ``(n,)``: different ones are of different candidates."""
        return np.fromiter(map(hash, self.candidates), dtype=np.int64, count=len(self.candidates))

    @cached_property
    def terminal(self) -> BoolArray:
        """Whether they have ended, shape ``(n,)``."""
        ended: BoolArray = ENDED[self.state_codes]
        return ended

    @cached_property
    def failed(self) -> BoolArray:
        """Whether they failed, shape ``(n,)``."""
        return self.in_state(EvaluationState.FAILED)

    def in_state(self, state: EvaluationState) -> BoolArray:
        """Returns whether they are in a state, shape ``(n,)``."""
        return np.asarray(self.state_codes == STATE_CODES[state], dtype=np.bool_)

    def further(self, goals: Sequence[FurtherObjectiveSpec]) -> FloatArray:
        """Values of further objectives [their units], NaN where there is none, shape ``(n, n_goals)``.

        Args:
            goals: Their properties are among the quantities.
        """
        found = np.full((len(self), len(goals)), np.nan)
        for place, goal in enumerate(goals):
            found[:, place] = [_value(quantity, goal.unit) for quantity in self.quantities[goal.property]]
        return found

    def keeping(self, limits: Sequence[LimitSpec]) -> BoolArray:
        """Whether they keep all limits, shape ``(n,)``; all do where there are none.

        Args:
            limits: Their properties are among the quantities.
        """
        return keeps_limits(limits, self.further([limit.quantity for limit in limits]))

    def place(self, number: int) -> int | None:
        """Place of a proposal number, None without an evaluation of it."""
        place = int(np.searchsorted(self.numbers, number))
        return place if place < len(self) and self.numbers[place] == number else None

    def updated(self, changed: Columns) -> Columns:
        """These evaluations with some changed or new ones.

        Args:
            changed: Take the places of evaluations with the same numbers; with the same quantities and properties.
        """
        if changed.aside:
            rest = self.updated(replace(changed, references=None, looks=None))
            references, looks = (_joined(getattr(self, name), getattr(changed, name)) for name in _APART)
            return replace(rest, references=references, looks=looks)
        if not len(changed):
            return self
        known = np.isin(changed.numbers, self.numbers)
        places = np.searchsorted(self.numbers, changed.numbers[known])
        numbers = np.concatenate((self.numbers, changed.numbers[~known]))
        order = None if (numbers[1:] > numbers[:-1]).all() else np.argsort(numbers)

        def merged(old: Any, new: Any) -> Any:  # noqa: ANN401 - an array, a tuple, or columns by name
            if isinstance(old, Mapping):
                return {name: merged(column, new[name]) for name, column in old.items()}
            if isinstance(old, tuple):
                if order is None and not len(places):
                    return old + new
                both = [*old, *compress(new, ~known)]
                for place, value in zip(places.tolist(), compress(new, known), strict=True):
                    both[place] = value
                return tuple(both) if order is None else tuple(both[place] for place in order.tolist())
            joined = np.concatenate((old, new[~known]))
            joined[places] = new[known]
            return joined if order is None else joined[order]

        found = replace(self, **{name: merged(getattr(self, name), getattr(changed, name)) for name in _BY_EVALUATION})
        if order is None:
            found._continue(self, list(compress(changed.systems, ~known)), list(compress(changed.candidates, ~known)))
        return found

    def _continue(self, earlier: Columns, systems: Sequence[str], candidates: Sequence[str]) -> None:
        """Continues what was derived from earlier evaluations by those that were added behind them.

        An evaluation keeps its system and its candidate.
        """
        names = tuple(dict.fromkeys((*earlier.system_names, *systems)))
        new = np.array([names.index(system) for system in systems], dtype=np.intp)
        hashes = np.array(list(map(hash, candidates)), dtype=np.int64)
        derived = {
            "system_names": names,
            "system_codes": np.concatenate((earlier.system_codes, new)),
            "candidate_hashes": np.concatenate((earlier.candidate_hashes, hashes)),
        }
        vars(self).update(derived)  # as the properties would


_APART = ("references", "looks")
_BY_EVALUATION = tuple(part.name for part in fields(Columns) if part.name not in ("problems", *_APART))


def _joined(old: Columns | None, changed: Columns | None) -> Columns | None:
    return old if changed is None else changed if old is None else old.updated(changed)


def _value(quantity: Quantity | None, unit: str) -> float:
    try:
        return np.nan if quantity is None else recorded_in(quantity.value, quantity.unit, unit)
    except ValueError:  # of another kind of unit: it is no value of this objective
        return np.nan


class Cursor(Record):
    """Position in a sorted list of evaluations: that of the last evaluation of a page.

    Attributes:
        number: Its proposal number.
        value: Its value; None in a list sorted by number.
    """

    number: Number
    value: float | None = None


class PageQuery(Record):
    """Filter and order of a page of evaluations.

    Attributes:
        states: Only these states; None: all.
        system: Only this system; None: all.
        candidates: Only these candidates; None: all.
        quantity: The further result that the next four are about, and without which no evaluation is listed; None: the value.
        least: Only values of at least this.
        most: Only values of at most this.
        above: Only values above this.
        below: Only values below this.
        sort: ``number``, or ``value``, that of ``quantity`` if one is given: then only evaluations that have it.
        descending: Whether the largest come first.
        after: The position after which the page begins; None: the first page.
        limit: Number of evaluations.
    """

    states: tuple[EvaluationState, ...] | None = None
    system: str | None = None
    candidates: tuple[str, ...] | None = None
    quantity: Annotated[str, Field(pattern=PROPERTY_PATTERN)] | None = None
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    sort: Literal["number", "value"] = "number"
    descending: bool = False
    after: Cursor | None = None
    limit: int = Field(default=50, ge=1, le=LARGEST_PAGE)

    @property
    def limits_values(self) -> bool:
        """Whether only evaluations with some values are listed, or only those with a further result."""
        return self.quantity is not None or any(limit is not None for limit in (self.least, self.most, self.above, self.below))


class Page(Record):
    """One page of evaluations.

    Attributes:
        evaluations: In the order asked for.
        problems: What is wrong with evaluations of this page that cannot be read.
        after: Where the next page begins; None after the last page.
    """

    evaluations: tuple[Evaluation, ...]
    problems: tuple[str, ...] = ()
    after: Cursor | None = None


class ActiveMark(Record):
    """An evaluation in progress as the reader saw it last."""

    number: Number
    state: EvaluationState
    attempts: Count


class Mark(Record):
    """Position of a reader in the changes of a campaign. It contains no times that different machines would compare.

    Attributes:
        created_at: Creation of the campaign; with its name it identifies the campaign.
        number: Highest proposal number seen.
        count: Number of evaluations up to that number.
        active: Evaluations that were in progress.
        retries: Number of applied commands that may change ended evaluations: retries, and reports with their corrections.
    """

    created_at: AwareDatetime
    number: Count
    count: Count
    active: tuple[ActiveMark, ...] = ()
    retries: Count = 0


class Changes(Record):
    """Changes since a mark.

    Attributes:
        mark: What has been seen now; None if there is no such campaign, or its deletion has begun.
        record: The campaign, read before its evaluations; None without a mark.
        now: When it was read, by the clock that leases are judged by; None without a mark.
        reset: Everything read before is out of date: read the campaign again. So at the first reading, after a retry, an
            import below the highest number, a deletion, and for another campaign of the same name.
        evaluations: New and changed evaluations in proposal order; empty at a reset.
        problems: What is wrong with those that cannot be read.
    """

    mark: Mark | None
    record: CampaignRecord | None = None
    now: AwareDatetime | None = None
    reset: bool = False
    evaluations: tuple[Evaluation, ...] = ()
    problems: tuple[str, ...] = ()


class CampaignViews(Protocol):
    """The reading part of a ``CampaignStore`` for campaigns of any size. An unreadable evaluation does not affect others."""

    def columns(self, campaign: str, *, quantities: Sequence[str] = (), properties: Sequence[str] = ()) -> Columns:
        """Returns the evaluations as columns, with some further quantities and properties of their outcomes."""
        ...

    def state_counts(self, campaign: str) -> dict[EvaluationState, int]:
        """Counts the evaluations by state, those of the final relaxation included; states without any are left out."""
        ...

    def page(self, campaign: str, query: PageQuery) -> Page:
        """Returns one page of evaluations. Pages follow each other without gaps or repeats while others write."""
        ...

    def shell_line(self, queries: Mapping[str, PageQuery], most: int) -> str:
        """Line for mongosh that finds the evaluations of queries, which are by name of the campaign; empty without any.

        Args:
            queries: Places and orders in them do not matter.
            most: Evaluations that the line shows.
        """
        ...

    def changes(self, campaign: str, since: Mark | None = None) -> Changes:
        """Returns what has changed since a mark; no change is missed, one may be reported twice."""
        ...

    def each_evaluation(self, campaign: str) -> Iterator[Evaluation]:
        """Reads evaluations in proposal order, a part of them at a time. Raises StoreError at one that cannot be read."""
        ...

    def numbered(self, campaign: str, numbers: Sequence[int]) -> list[Evaluation]:
        """Returns the evaluations of some proposal numbers, in proposal order. Raises StoreError for unreadable ones."""
        ...
