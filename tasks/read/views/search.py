"""Search over the evaluations of all campaigns: by elements, property, value with its unit, calculator and the like."""

from __future__ import annotations

import heapq
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime

from tansaku.models.domain.errors import ConfigurationError, FieldError, SlowQueryError, StoreError
from tansaku.models.domain.evaluation_columns import origin_of, predicted, value_from
from tansaku.models.domain.ports import CampaignStore, Space, VariedSpace
from tansaku.models.domain.records import CampaignRecord, Evaluation, Record
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.objective import PROPERTY_PATTERN
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import recorded_in
from tansaku.models.domain.views import LARGEST_PAGE, Cursor, Page, PageQuery
from tansaku.models.domain.wording import in_words
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.read.views.overview import UnreadableCampaign, each_campaign

Comparison = Literal["<", "=", ">"]
_Rank = tuple[int, float, str, int]
"""Kind of the unit, value, campaign and round: what is first in a list by value has the smallest."""

Order = Literal["round", "newest", "lowest", "highest"]
COMPARISONS: tuple[Comparison, ...] = ("<", "=", ">")
ORDERS: tuple[Order, ...] = ("round", "newest", "lowest", "highest")

_LONGEST = 8.0
"""Time after which a page of results ends early, between two campaigns [s]."""

_NO_TIME = f"after {_LONGEST:g} s it had not been looked at; give more conditions"
_FEWEST = 5  # evaluations of a campaign that are read at once
_LONGEST_LINE = 20_000
_PROPERTY = re.compile(PROPERTY_PATTERN)
_TABLE = "table"


@dataclass(frozen=True)
class Search:
    """The conditions of a search; None or empty: all.

    Attributes:
        campaign: Part of the campaign's name, in any case.
        space: Type of the campaign's space.
        owner: Who created the campaign on the dashboard.
        calculator: Type of the campaign's calculator, or that of its labels; ``table`` where values are read from a table.
        elements: All of them are in the candidate.
        system: Name of the candidate's system.
        candidate: Its id.
        state: Of the evaluation.
        property: Objective, or further result, of the evaluation.
        comparison: Of the value with the wanted one; ``=``: they agree in the digits of the wanted one.
        value: The wanted one; None: any value, or none.
        unit: Of the wanted value. Campaigns with another unit of the kind are searched in theirs, others are left out.
        order: ``round`` and ``newest``: within each campaign, and campaigns in the order of their names. By value: over all
            campaigns, values of one kind of unit after the other; only evaluations that have one.
    """

    campaign: str = ""
    space: str = ""
    owner: str = ""
    calculator: str = ""
    elements: frozenset[str] = frozenset()
    system: str = ""
    candidate: str = ""
    state: EvaluationState | None = None
    property: str = ""
    comparison: Comparison = "<"
    value: Decimal | None = None
    unit: str = ""
    order: Order = "round"


class Hit(Record):
    """An evaluation that was found.

    Attributes:
        round: Number of its proposal.
        purpose: Of the evaluation: ``search``, ``polish`` for the final relaxation, or another.
        property: Whose value it is.
        unit: Of the value, as the campaign has it.
        predicted: Whether a model predicted the value.
        calculator: Calculator or model of the value; None where it is read from a table.
    """

    campaign: str
    round: int
    purpose: str = "search"
    candidate: str
    system: str
    state: EvaluationState
    property: str
    value: float | None
    unit: str
    predicted: bool
    calculator: str | None
    finished_at: AwareDatetime | None


class LeftOut(Record):
    """A campaign that could not be searched, and why."""

    campaign: str
    reason: str


class Hits(Record):
    """A page of what was found.

    Attributes:
        items: In the order that was asked for.
        next: ``after`` of the following page; None: this is the last one.
        campaigns: Number of campaigns that the conditions fit.
        left_out: Those that could not be searched.
        mongosh: The line for mongosh that finds the same; empty where none fits, or where it would be too long.
    """

    items: tuple[Hit, ...]
    next: str | None
    campaigns: int
    left_out: tuple[LeftOut, ...]
    mongosh: str


@dataclass(frozen=True)
class HitLines:
    """Hits of one property and unit that can be drawn.

    Attributes:
        name: Of the property, in words.
        unit: Of the values.
        lines: The hits of each campaign, all with a value.
    """

    name: str
    unit: str
    lines: Mapping[str, Sequence[Hit]]

    @property
    def values(self) -> dict[str, list[float]]:
        """The values of each campaign."""
        return {name: [hit.value for hit in hits if hit.value is not None] for name, hits in self.lines.items()}

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        every = [value for values in self.values.values() for value in values]
        return min(every), max(every)

    def columns(self) -> dict[str, list[object]]:
        """The hits as a table, a row for each."""
        hits = [hit for found in self.lines.values() for hit in found]
        return {key: [getattr(hit, key) for hit in hits] for key in ("campaign", "round", "candidate", "value", "predicted")}


def hit_lines(hits: Sequence[Hit]) -> HitLines | None:
    """The hits that can be drawn; None where fewer than two can be compared."""
    valued = [hit for hit in hits if hit.value is not None and math.isfinite(hit.value)]
    kinds, values = {(hit.property, hit.unit) for hit in valued}, {hit.value for hit in valued}
    if len(values) < 2 or len(kinds) > 1:
        return None
    lines: dict[str, list[Hit]] = {}
    for hit in valued:
        lines.setdefault(hit.campaign, []).append(hit)
    name, unit = kinds.pop()
    return HitLines(in_words(name), unit, lines)


@dataclass(frozen=True)
class Searched:
    """A campaign as the search knows it."""

    record: CampaignRecord
    spec: CampaignSpec

    @property
    def name(self) -> str:
        """Its name."""
        return self.record.name

    @cached_property
    def calculators(self) -> frozenset[str]:
        """Types of what its values come from."""
        spec, label = self.spec, self.spec.label
        types = {_TABLE if spec.calculator is None else spec.calculator.type}
        return frozenset(types if label is None else types | {label.calculator.type})

    @cached_property
    def objective(self) -> str:
        """Name of its first objective."""
        space, name = self.spec.space, self.spec.objective.property
        return space.description.meant(name) or space.value_key(name)

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of its objectives and of what its limits are about."""
        return (self.objective, *(goal.property for goal in self.spec.objective.further))

    def fits(self, wanted: Search) -> bool:
        """Returns whether the campaign itself is searched."""
        return (
            wanted.campaign.lower() in self.name.lower()
            and wanted.space in ("", self.spec.space.type)
            and wanted.owner in ("", self.record.owner)
            and (not wanted.calculator or wanted.calculator in self.calculators)
            and (wanted.property in ("", self.objective) or _PROPERTY.fullmatch(wanted.property) is not None)
        )


def searched(record: CampaignRecord) -> Searched:
    """A stored campaign as the search knows it. Raises StoreError where it cannot be read."""
    return Searched(record, stored_spec(record))


def searchable(store: CampaignStore) -> list[Searched | UnreadableCampaign]:
    """All campaigns by name, with the reason where one cannot be read."""
    return list(each_campaign(store, lambda name: searched(store.campaign(name))))


def search(
    store: CampaignStore,
    campaigns: Sequence[Searched | UnreadableCampaign],
    wanted: Search,
    *,
    after: str | None = None,
    limit: int = 50,
    clock: Callable[[], float] = time.monotonic,
) -> Hits:
    """Searches campaigns until a page is full or the time is up.

    Args:
        store: Where they are.
        campaigns: From :func:`searchable`.
        wanted: The conditions.
        after: ``next`` of the page before; None: the first page.
        limit: Evaluations of the page.
        clock: Time [s].

    Raises:
        FieldError: ``after`` is none of a search, or its evaluation has changed.
        TransientError: The database does not answer.
    """
    return _Running(store, campaigns, wanted, clock).page(after, limit)


def each_hit(
    store: CampaignStore,
    campaigns: Sequence[Searched | UnreadableCampaign],
    wanted: Search,
    most: int,
) -> Iterator[Hit]:
    """Everything that is found, some at a time, and at most so many. Raises as :func:`search`."""
    running = _Running(store, campaigns, wanted, time.monotonic)
    after: str | None = None
    while most > 0:
        items, after = running.hits(after, min(LARGEST_PAGE, most))
        yield from items
        most -= len(items)
        if after is None:
            break


class _Running:
    """A search in progress; what it asks of a campaign is found out once, for all its pages."""

    def __init__(
        self,
        store: CampaignStore,
        campaigns: Sequence[Searched | UnreadableCampaign],
        wanted: Search,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._wanted = wanted
        self._clock = clock
        self._end = 0.0
        self._asked: dict[str, PageQuery | None] = {}
        self._kinds = [wanted.unit] if wanted.unit else []  # a unit of each kind
        self._fitting = [item for item in campaigns if isinstance(item, Searched) and item.fits(wanted)]
        unread = [item for item in campaigns if isinstance(item, UnreadableCampaign)]
        self._left_out = [LeftOut(campaign=item.name, reason=item.problem) for item in unread]

    def page(self, after: str | None, limit: int) -> Hits:
        """One page, with what is said of all."""
        items, following = self.hits(after, limit)
        return Hits(
            items=tuple(items),
            next=following,
            campaigns=len(self._fitting),
            left_out=tuple(self._left_out),
            mongosh=self._line() if after is None else "",
        )

    def hits(self, after: str | None, limit: int) -> tuple[list[Hit], str | None]:
        """Returns the evaluations of a page, and where the next one begins."""
        self._end = self._clock() + _LONGEST
        by_value = self._wanted.order in ("lowest", "highest")
        return self._sorted(after, limit) if by_value else self._in_turn(after, limit)

    def _sorted(self, after: str | None, limit: int) -> tuple[list[Hit], str | None]:
        """A page in the order of the values: the next of each campaign are compared."""
        last = dict(map(_last, after.split(",") if after is not None else ()))
        size = max(_FEWEST, -(-limit // max(1, len(self._fitting))))
        rows = heapq.merge(*(self._ranked(item, last.get(item.name), size) for item in self._fitting))
        found = list(islice(rows, limit + 1))
        items = [hit for _, hit in found[:limit]]
        last |= {hit.campaign: hit.round for hit in items}
        more = len(found) > limit
        return items, ",".join(f"{name}/{number}" for name, number in sorted(last.items())) if more else None

    def _ranked(self, item: Searched, number: int | None, size: int) -> Iterator[tuple[_Rank, Hit]]:
        """The hits of a campaign in the order of their values, each with its place among those of all.

        Args:
            number: Of the last one of the page before; None: none was there.
            size: How many are read at once.
        """
        query = self._query(item)
        after = None if number is None or query is None else self._cursor(item, number)
        while query is not None:
            if self._clock() > self._end:
                self._left_out.append(LeftOut(campaign=item.name, reason=_NO_TIME))
                return
            found = self._in_time(item, query.model_copy(update={"limit": min(size, LARGEST_PAGE), "after": after}))
            self._left_out += [LeftOut(campaign=item.name, reason=problem) for problem in found.problems]
            for evaluation in found.evaluations:
                hit = _hit(item, evaluation, self._wanted.property)
                yield self._rank(hit), hit
            after, query = found.after, None if found.after is None else query

    def _rank(self, hit: Hit) -> _Rank:
        """The place of a hit among those of all campaigns."""
        sign, value = -1 if self._wanted.order == "highest" else 1, hit.value or 0.0
        for kind, unit in enumerate(self._kinds):
            with suppress(ValueError):
                return kind, sign * recorded_in(value, hit.unit, unit), hit.campaign, sign * hit.round
        self._kinds.append(hit.unit)
        return len(self._kinds) - 1, sign * value, hit.campaign, sign * hit.round

    def _in_turn(self, after: str | None, limit: int) -> tuple[list[Hit], str | None]:
        """A page of one campaign after the other."""
        name, number = _place(after)
        left = [item for item in self._fitting if item.name > name or (item.name == name and number is not None)]
        items: list[Hit] = []
        for item in left:
            query = self._query(item)
            if query is not None:
                cursor = self._cursor(item, number) if item.name == name and number is not None else None
                asked = query.model_copy(update={"limit": limit - len(items), "after": cursor})
                found = self._in_time(item, asked)
                items += [_hit(item, evaluation, self._wanted.property) for evaluation in found.evaluations]
                self._left_out += [LeftOut(campaign=item.name, reason=problem) for problem in found.problems]
                if found.after is not None:
                    return items, f"{item.name}/{found.after.number}"
            if item is not left[-1] and (len(items) >= limit or self._clock() > self._end):
                return items, f"{item.name}/"
        return items, None

    def _in_time(self, item: Searched, asked: PageQuery) -> Page:
        """A page of a campaign; an empty one where the database takes too long."""
        try:
            return self._store.page(item.name, asked)
        except SlowQueryError as error:
            return Page(evaluations=(), problems=(error.message,))

    def _line(self) -> str:
        """The line for mongosh; empty if it is too long, or would take too long."""
        asked: dict[str, PageQuery] = {}
        for item in self._fitting:
            if self._clock() > self._end:
                return ""
            query = self._query(item)
            if query is not None:
                asked[item.name] = query
        line = self._store.shell_line(asked, LARGEST_PAGE)
        return line if len(line) <= _LONGEST_LINE else ""

    def _query(self, item: Searched) -> PageQuery | None:
        """The question to the store about a campaign; None where nothing of it can fit."""
        if item.name not in self._asked:
            try:
                self._asked[item.name] = self._question(item)
            except (ConfigurationError, StoreError, SlowQueryError) as error:
                self._left_out.append(LeftOut(campaign=item.name, reason=error.message))
                self._asked[item.name] = None
        return self._asked[item.name]

    def _question(self, item: Searched) -> PageQuery | None:
        wanted = self._wanted
        candidates: tuple[str, ...] | None = (wanted.candidate,) if wanted.candidate else None
        if wanted.elements:
            candidates = self._with_elements(item, candidates)
        limits = self._limits(item) if candidates is None or candidates else None
        if limits is None:
            return None
        return PageQuery(
            states=None if wanted.state is None else (wanted.state,),
            system=wanted.system or None,
            candidates=candidates,
            sort="value" if wanted.order in ("lowest", "highest") else "number",
            descending=wanted.order in ("newest", "highest"),
            **limits,
        )

    def _with_elements(self, item: Searched, among: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """Evaluated candidates that contain the elements; None: all do.

        Args:
            among: Only these; None: all.
        """
        wanted, spec = self._wanted.elements, item.spec.space
        space = _opened(_SpaceAt(spec.model_dump_json(), item.record.base_path, spec))
        if not wanted <= space.elements():
            return ()
        if not isinstance(space, VariedSpace):
            return among
        # Only those that were evaluated: a space need not know others, and there are fewer of them.
        names = dict.fromkeys(self._store.columns(item.name).candidates)
        return tuple(name for name in names if (among is None or name in among) and wanted <= space.elements_of(name))

    def _limits(self, item: Searched) -> dict[str, Any] | None:
        """The limits of the value, in the unit in which it is stored; None where it is of another kind."""
        wanted = self._wanted
        quantity = wanted.property if wanted.property not in ("", item.objective) else None
        unit = item.spec.objective.unit if quantity is None or not wanted.unit else self._recorded_unit(item.name, quantity)
        if unit is None:
            return None
        try:
            ends = _ends(wanted, unit)
        except ValueError:
            return None
        return {"quantity": quantity, **ends}

    def _recorded_unit(self, name: str, quantity: str) -> str | None:
        """The unit in which a further result is stored; None where no evaluation has it."""
        found = self._store.page(name, PageQuery(quantity=quantity, limit=1)).evaluations
        outcome = found[0].outcome if found else None
        return None if outcome is None else outcome.quantities[quantity].unit

    def _cursor(self, item: Searched, number: int) -> Cursor:
        """The place of the last evaluation of the page before."""
        if self._wanted.order in ("round", "newest"):
            return Cursor(number=number)
        found = self._store.numbered(item.name, [number])
        value = _hit(item, found[0], self._wanted.property).value if found else None
        if value is None:
            raise FieldError("after", "the evaluation has changed; start again without it")
        return Cursor(number=number, value=value)


@dataclass(frozen=True)
class _SpaceAt:
    """A space by its JSON and its folder."""

    json: str
    base_path: str
    spec: SpaceSpec = field(compare=False)


@lru_cache(maxsize=8)
def _opened(found: _SpaceAt) -> Space:
    """A space that was perhaps opened lately. Raises as :func:`~tansaku.spaces.space_registry.open_space`."""
    return open_space(found.spec, Path(found.base_path))


def _ends(wanted: Search, unit: str) -> dict[str, float]:
    """The ends of the wanted values in a unit, by field of a query.

    Raises:
        ValueError: The unit is of another kind than the wanted value's.
    """

    def there(value: Decimal) -> float:
        return recorded_in(float(value), wanted.unit or unit, unit)

    there(Decimal(0))
    if wanted.value is None:
        return {}
    if wanted.comparison == "=":
        half = Decimal(5).scaleb(int(wanted.value.as_tuple().exponent) - 1)
        return {"least": there(wanted.value - half), "most": there(wanted.value + half)}
    return {"below" if wanted.comparison == "<" else "above": there(wanted.value)}


def _last(place: str) -> tuple[str, int]:
    """The campaign and the round of its last evaluation on earlier pages. Raises FieldError as :func:`_place`."""
    name, number = _place(place)
    if number is None:
        raise FieldError("after", "it is no place in a list; start again without it")
    return name, number


def _place(after: str | None) -> tuple[str, int | None]:
    """The campaign and the round after which a page begins; without a round: after the whole campaign.

    Raises:
        FieldError: It is none of a search.
    """
    if after is None:
        return "", None
    name, slash, number = after.rpartition("/")
    if not slash or not (number == "" or (number.isdecimal() and number.isascii() and 0 < int(number) <= 2**53)):
        raise FieldError("after", "it is no place in a list; start again without it")
    return name, int(number) if number else None


def _hit(item: Searched, evaluation: Evaluation, quantity: str) -> Hit:
    """An evaluation as it is shown."""
    spec, outcome, level = item.spec, evaluation.outcome, evaluation.proposal.level
    value, unit, name = None if outcome is None else outcome.value, spec.unit_at(level), item.objective
    if quantity not in ("", name):
        found = None if outcome is None else outcome.quantities.get(quantity)
        name, value, unit = quantity, None if found is None else found.value, "" if found is None else found.unit
    return Hit(
        campaign=item.name,
        round=evaluation.proposal.number,
        purpose=evaluation.proposal.purpose,
        candidate=evaluation.proposal.candidate,
        system=evaluation.proposal.system,
        state=evaluation.state,
        property=name,
        value=value,
        unit=unit,
        predicted=predicted(evaluation),
        calculator=value_from(spec, evaluation) or origin_of(spec, None, level),
        finished_at=evaluation.finished_at,
    )
