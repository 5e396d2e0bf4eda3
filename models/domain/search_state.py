"""The proposals of a search, stored so that the cost of a round does not grow with their number.

The functions of :mod:`tansaku.models.domain.history` are the definition; this class gives the same answers while a campaign
advances. Proposals before the horizon are settled and held in columns that only grow; the few later ones are read each time.
Exceptions (a retry of a settled proposal, a new replicate) rebuild the columns, and questions about an older horizon are
answered by the functions themselves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tansaku.models.domain import history as rules
from tansaku.models.domain.history import Entry, Part, Standing, is_refused
from tansaku.models.domain.pool import CandidatePool, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.objective import Direction
from tansaku.models.domain.states import EvaluationState, FailureKind

_FIRST_SIZE = 64


class _Column:
    """An array that grows at its end; earlier views keep their content."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._data: npt.NDArray[Any] = np.empty(_FIRST_SIZE, dtype=dtype)
        self._count = 0

    def append(self, value: float) -> None:
        if self._count == len(self._data):
            self._data = np.concatenate((self._data, np.empty_like(self._data)))
        self._data[self._count] = value
        self._count += 1

    def and_then(self, more: Sequence[float]) -> npt.NDArray[Any]:
        """The stored values followed by some more, shape ``(n,)``."""
        held = self._data[: self._count]
        if more:
            return np.concatenate((held, np.array(more, dtype=held.dtype)))
        held.flags.writeable = False
        return held


class _Settled:
    """Totals of the proposals up to some number, all of which have ended."""

    def __init__(self, further: Sequence[Direction] = ()) -> None:
        self.count = 0
        self.number = 0
        self.finished = 0
        self.failed = 0
        self.measured = 0
        self.spent = 0.0
        self.valued: set[int] = set()
        self.valued_counts: list[int] = []
        self.columns = {name: _Column(np.intp) for name in ("observed", "failed", "refused", "unavailable")}
        self.values = _Column(np.float64)
        self.deviations, self.noise, self.repeats = _Column(np.float64), _Column(np.float64), _Column(np.intp)
        self.lowest: float | None = None
        self.others = {i: _Column(np.float64) for i in range(len(further))}

    def add(self, entry: Entry, sign: float, *, latest: bool) -> None:
        """Takes the next entry.

        Args:
            entry: An ended one.
            sign: Of the objective.
            latest: Whether no later replicate of its candidate was proposed.
        """
        self.count += 1
        self.number = entry.number
        self.finished += not entry.free
        self.failed += entry.state is EvaluationState.FAILED and not entry.free
        self.measured += rules.teaches_cost(entry)
        self.spent += rules.counted_cost(entry, entry.number)
        if entry.value is not None:
            self.valued.add(entry.position)
        self.valued_counts.append(len(self.valued))
        if not latest:
            return
        self.columns[rules.part_of(entry, entry.number)].append(entry.position)
        if entry.failure is FailureKind.SCIENCE:
            self.columns["refused"].append(entry.position)
        if entry.value is not None:
            self.values.append(sign * entry.value)
            self.deviations.append(entry.deviation)
            self.noise.append(entry.noise)
            self.repeats.append(entry.repeats)
            self.lowest = entry.lowest if self.lowest is None else self.lowest
            for i, column in self.others.items():
                column.append(entry.others[i])


class SearchState:
    """The proposals of one search so far, and the pool at its present costs.

    Args:
        further: Directions of further objectives.
    """

    def __init__(self, pool: CandidatePool, direction: Direction = "minimize", further: Sequence[Direction] = ()) -> None:
        self._direction: Direction = direction
        self._further = tuple(further)
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._entries: list[Entry] = []
        self._numbers: list[int] = []
        self._active: set[int] = set()
        self._free = 0
        self._latest: dict[int, int] = {}
        self._taken = np.zeros(len(pool), dtype=np.bool_)
        self._settled = _Settled(self._further)
        self.reprice(pool)

    @property
    def pool(self) -> CandidatePool:
        """All candidates at their present costs."""
        return self._pool

    @property
    def entries(self) -> Sequence[Entry]:
        """All proposals by number."""
        return self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def reprice(self, pool: CandidatePool) -> None:
        """The same candidates at other costs."""
        self._pool = pool
        self._by_cost = np.argsort(pool.cost, kind="stable")
        self._cheapest = 0
        self._expensive: tuple[float, IntArray] | None = None

    def entry(self, number: int) -> Entry | None:
        """The proposal of a number, None where the search has none."""
        place = bisect_right(self._numbers, number) - 1
        return self._entries[place] if place >= 0 and self._numbers[place] == number else None

    def note(self, entry: Entry) -> None:
        """Records a new or changed proposal."""
        (self._active.discard if entry.state.terminal else self._active.add)(entry.number)
        place = bisect_right(self._numbers, entry.number)
        if place and self._numbers[place - 1] == entry.number:
            known, self._entries[place - 1] = self._entries[place - 1], entry
            self._free += entry.free - known.free
            if place <= self._settled.count and known != entry:
                self._settled = _Settled(self._further)
            return
        self._free += entry.free
        self._entries.insert(place, entry)
        self._numbers.insert(place, entry.number)
        self._taken[entry.position] = True
        before = self._latest.get(entry.position, 0)
        self._latest[entry.position] = max(before, entry.number)
        if place < self._settled.count or 0 < before <= self._settled.number:
            self._settled = _Settled(self._further)

    def is_known(self, up_to: int) -> bool:
        """Does the same as :func:`~tansaku.models.domain.history.is_known` for this search."""
        return all(number > up_to for number in self._active)

    def observed_count(self, up_to: int) -> int:
        """Does the same as :func:`~tansaku.models.domain.history.observed_count` for this search."""
        place = bisect_right(self._numbers, up_to)
        known = self._settled
        if place <= known.count:
            return known.valued_counts[place - 1] if place else 0
        later = {entry.position for entry in self._entries[known.count : place] if entry.value is not None}
        return len(known.valued) + len(later - known.valued)

    def measured_count(self, up_to: int) -> int:
        """Number of :func:`~tansaku.models.domain.history.measured_costs`."""
        if not self._settle(up_to):
            return len(rules.measured_costs(self._entries, up_to))
        return self._settled.measured + sum(rules.teaches_cost(entry) and entry.number <= up_to for entry in self._tail())

    def remaining_cost(self, limit: float | None, up_to: int) -> float | None:
        """Does the same as :func:`~tansaku.models.domain.history.remaining_cost` for this search."""
        if limit is None or not self._settle(up_to):
            return rules.remaining_cost(limit, self._entries, up_to)
        spent = self._settled.spent
        for entry in self._tail():
            spent += rules.counted_cost(entry, up_to)
        return limit - spent

    def history(self, up_to: int, limit: float | None = None, budget: BudgetSpec | None = None) -> History:
        """Does the same as :func:`~tansaku.models.domain.history.build_history` for this search.

        Args:
            up_to: The horizon.
            limit: Cost that may be spent in all, None for no limit.
            budget: Says how many evaluations may follow, None for no limit.
        """
        allowed = None if budget is None else budget.evaluations
        left = None if allowed is None else max(0, allowed - len(self._entries) + self._free)
        cost_left = self.remaining_cost(limit, up_to)
        if not self._settle(up_to):
            return rules.build_history(self._entries, up_to, self._direction, cost_left, left, self._further)
        tail: dict[Part, list[Entry]] = {name: [] for name in ("observed", "failed", "pending", "unavailable")}
        for entry in self._tail():
            if self._latest[entry.position] == entry.number:
                tail[rules.part_of(entry, up_to)].append(entry)
        refused = [entry for entry in tail["failed"] if entry.failure is FailureKind.SCIENCE]
        columns = self._settled.columns
        observed = columns["observed"].and_then([entry.position for entry in tail["observed"]])
        rows = [entry.others for entry in tail["observed"]]
        others = [column.and_then([row[i] for row in rows]) for i, column in self._settled.others.items()]
        return History(
            observed=observed,
            values=self._settled.values.and_then(
                [self._sign * entry.value for entry in tail["observed"] if entry.value is not None]
            ),
            failed=columns["failed"].and_then([entry.position for entry in tail["failed"]]),
            refused=columns["refused"].and_then([entry.position for entry in refused]),
            pending=np.array([entry.position for entry in tail["pending"]], dtype=np.intp),
            unavailable=columns["unavailable"].and_then([entry.position for entry in tail["unavailable"]]),
            remaining_cost=cost_left,
            remaining_evaluations=left,
            others=rules.oriented(np.array(others).reshape(len(others), len(observed)).T, self._further),
            deviations=rules.predicted_deviations(
                self._settled.deviations.and_then([entry.deviation for entry in tail["observed"]])
            ),
            noise=rules.predicted_deviations(self._settled.noise.and_then([entry.noise for entry in tail["observed"]])),
            repeats=rules.repeated(self._settled.repeats.and_then([entry.repeats for entry in tail["observed"]])),
            lowest=self._settled.lowest if self._settled.lowest is not None else rules.first_lowest(tail["observed"]),
        )

    def standing(self, up_to: int, limit: float | None, max_cost: float | None = None) -> Standing:
        """Does the same as :func:`~tansaku.models.domain.history.standing_of` for this search."""
        if not self._settle(up_to):
            return rules.standing_of(self._pool, self._entries, up_to, limit, max_cost)
        ended = [entry for entry in self._tail() if entry.number <= up_to and entry.state.terminal and not entry.free]
        cheapest = self._cheapest_free()
        return Standing(
            proposed=len(self._entries) - self._free,
            finished=self._settled.finished + len(ended),
            failed=self._settled.failed + sum(entry.state is EvaluationState.FAILED for entry in ended),
            cheapest=None if cheapest is None or (max_cost is not None and cheapest > max_cost) else cheapest,
            remaining_cost=self.remaining_cost(limit, up_to),
            refused=is_refused(self._entries),
        )

    def too_expensive(self, max_cost: float | None) -> IntArray:
        """Does the same as :func:`~tansaku.models.domain.history.too_expensive` for this search."""
        if max_cost is None:
            return np.empty(0, dtype=np.intp)
        if self._expensive is None or self._expensive[0] != max_cost:
            self._expensive = max_cost, rules.too_expensive(self._pool, max_cost)
        return self._expensive[1]

    def _settle(self, up_to: int) -> bool:
        """Settles proposals up to a horizon; False for a horizon before those already settled."""
        known = self._settled
        if known.number > up_to:
            return False
        while known.count < len(self._entries):
            entry = self._entries[known.count]
            if entry.number > up_to or not entry.state.terminal:
                break
            known.add(entry, self._sign, latest=self._latest[entry.position] == entry.number)
        return True

    def _tail(self) -> list[Entry]:
        return self._entries[self._settled.count :]

    def _cheapest_free(self) -> float | None:
        """Cost of the cheapest candidate that was not proposed; proposed ones never become free again, hence the pointer."""
        while self._cheapest < len(self._by_cost) and self._taken[self._by_cost[self._cheapest]]:
            self._cheapest += 1
        return None if self._cheapest == len(self._by_cost) else float(self._pool.cost[self._by_cost[self._cheapest]])
