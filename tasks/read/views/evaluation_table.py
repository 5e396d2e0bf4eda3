"""The table of a campaign's evaluations, filtered, sorted and by pages; its failures by reason; its curve of the best value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.evaluation_columns import result_row
from tansaku.models.domain.history import CONFIGURATION_REASONS
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import Evaluation, JsonDict, Record
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.read.views.best_values import best_values
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.costs import cost_unit, costs_of
from tansaku.tasks.read.views.failures import FailedEvaluation, may_succeed

Sort = Literal["round", "newest", "best", "cost"]
SORTS: tuple[Sort, ...] = ("round", "newest", "best", "cost")
MOST_POINTS = 1000
"""Points of a curve: more than a screen shows."""


@dataclass(frozen=True)
class Selection:
    """Filter and order of the evaluations shown.

    Attributes:
        state: Only those in this state; None: all.
        system: Only those of this system; None: all.
        sort: By round, the newest or best first, or the highest cost first.
        after: Number of the last evaluation of the previous page; None: the first page.
        limit: Evaluations on a page.
        value_min: Only those with at least this value [the objective's unit]; None: all, those without a value too.
        value_max: Only those with at most this value.
    """

    state: EvaluationState | None = None
    system: str | None = None
    sort: Sort = "round"
    after: int | None = None
    limit: int = 50
    value_min: float | None = None
    value_max: float | None = None


@dataclass(frozen=True)
class TablePage:
    """A page of the table.

    Attributes:
        lines: Evaluations, by names of columns.
        next: ``after`` of the next page; None: this is the last one.
        total: Evaluations that match on all pages.
    """

    lines: tuple[JsonDict, ...]
    next: int | None
    total: int


def table_page(reading: Campaign, selection: Selection) -> TablePage:
    """A page of a campaign's evaluations. A page begins behind the place of an evaluation, even if that no longer matches."""
    arrays = reading.listed
    matching = np.ones(len(arrays), dtype=np.bool_)
    if selection.state is not None:
        matching &= arrays.in_state(selection.state)
    if selection.system is not None:
        known = selection.system in arrays.system_names
        matching &= arrays.system_codes == arrays.system_names.index(selection.system) if known else False
    # Nothing compares with NaN: evaluations without a value do not match.
    if selection.value_min is not None:
        matching &= arrays.values >= selection.value_min
    if selection.value_max is not None:
        matching &= arrays.values <= selection.value_max
    key = _sort_key(reading, selection.sort)
    left = matching
    previous = None if selection.after is None else arrays.place(selection.after)
    if previous is not None:
        same = (key == key[previous]) & (arrays.numbers > arrays.numbers[previous])
        left = matching & ((key > key[previous]) | same)
    places = np.flatnonzero(left)
    # Equal keys are in proposal order, as the sort is stable.
    shown = arrays.numbers[places[np.argsort(key[places], kind="stable")[: selection.limit]]].tolist()
    following = shown[-1] if len(places) > len(shown) else None
    lines = tuple(result_row(item, reading.spec) for item in reading.kept.numbered(shown))
    return TablePage(lines, following, int(matching.sum()))


def _sort_key(reading: Campaign, sort: Sort) -> npt.NDArray[np.float64] | npt.NDArray[np.intp]:
    """Returns the keys by which evaluations are sorted, the smallest first; shape ``(n,)``."""
    arrays = reading.listed
    if sort == "newest":
        return -arrays.numbers
    if sort == "cost":
        return -costs_of(arrays, reading.spec.space)
    if sort == "best":
        full = np.array([level is None for level in arrays.levels], dtype=np.bool_)
        return np.where(full & ~np.isnan(arrays.values), reading.sign * arrays.values, np.inf)
    return arrays.numbers


def evaluation_of(reading: Campaign, number: int) -> Evaluation | None:
    """The evaluation of a proposal number, None without one."""
    return None if reading.listed.place(number) is None else next(iter(reading.kept.numbered([number])), None)


def systems_of(reading: Campaign) -> list[str]:
    """Systems that have an evaluation, sorted."""
    return sorted(reading.listed.system_names)


@dataclass(frozen=True)
class FailureGroup:
    """Failed evaluations with the same reason.

    Attributes:
        reason: The reason, with its message where all have the same.
        failures: By round; perhaps only the first of them.
        may_succeed: Whether another attempt may end otherwise.
        count: Number of all with this reason.
    """

    reason: str
    failures: tuple[FailedEvaluation, ...]
    may_succeed: bool
    count: int

    @property
    def timed_out(self) -> bool:
        """Whether the time limit of an attempt ended them."""
        return self.failures[0].timed_out

    @property
    def limit(self) -> float | None:
        """The largest of the time limits that ended them [s], None where one is not known."""
        limits = [failure.limit for failure in self.failures]
        known = [limit for limit in limits if limit is not None]
        return max(known) if limits and len(known) == len(limits) else None


def failure_groups(failures: Sequence[FailedEvaluation]) -> list[FailureGroup]:
    """Failed evaluations by reason, the largest group first; messages with other numbers belong to one group."""
    found: dict[str, list[FailedEvaluation]] = {}
    for failure in failures:
        code = failure.reason.partition(":")[0]
        # Two configuration errors need two corrections.
        found.setdefault(failure.reason if code in CONFIGURATION_REASONS else code, []).append(failure)
    groups = []
    for code, same in found.items():
        reason = same[0].reason if len({failure.reason for failure in same}) == 1 else code
        groups.append(FailureGroup(reason, tuple(same), may_succeed(same[0]), len(same)))
    return sorted(groups, key=lambda group: -len(group.failures))


class Series(Record):
    """The best value so far of the search against evaluations and cost; lists have one entry for each point.

    Attributes:
        evaluations: Number of ended evaluations.
        cost: Their cumulative cost, failures included.
        value: Result of the last of them, None where it has none.
        best: Best value up to there, None before the first.
        cost_unit: None where the file gives costs, whose unit is unknown.
    """

    evaluations: list[int]
    cost: list[float]
    value: list[float | None]
    best: list[float | None]
    unit: str
    cost_unit: str | None
    direction: str


def best_series(reading: Campaign, most: int = MOST_POINTS) -> Series:
    """The curve of the best value so far.

    Every improvement is a point. Of the other evaluations as many as fit are points, evenly spaced.

    Args:
        most: Points besides the improvements.
    """
    return reading.once((Series, most), lambda: _series(reading, most))


def _series(reading: Campaign, most: int) -> Series:
    found = best_values(reading)
    count = found.evaluation
    order = np.arange(1, len(count) + 1)
    shown = found.improved | (order % max(1, -(-len(order) // max(1, most))) == 0) | (order == len(order))
    return Series(
        evaluations=count[shown].tolist(),
        cost=found.cost[shown].tolist(),
        value=_or_none(found.value[shown]),
        best=_or_none(found.best[shown]),
        unit=reading.spec.objective.unit,
        cost_unit=cost_unit(reading.spec.space),
        direction=reading.spec.objective.direction,
    )


def _or_none(values: FloatArray) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def improvements(series: Series, most: int = 20) -> list[tuple[int, float, float]]:
    """The last improvements of a curve, as evaluations, cost and best value: the curve as text."""
    rows = []
    last: float | None = None
    for count, spent, best in zip(series.evaluations, series.cost, series.best, strict=True):
        if best is not None and best != last:
            rows.append((count, spent, best))
            last = best
    return rows[-most:]


def neighbours(reading: Campaign, number: int) -> tuple[int | None, int | None]:
    """Numbers of the previous and the next evaluation, None without one."""
    numbers = reading.listed.numbers
    before, after = int(np.searchsorted(numbers, number)), int(np.searchsorted(numbers, number, side="right"))
    return (int(numbers[before - 1]) if before else None), (int(numbers[after]) if after < len(numbers) else None)
