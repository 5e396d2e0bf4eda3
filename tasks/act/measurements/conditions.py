"""The conditions of a measurement: what a row says was done, compared with what its proposal asked for."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.ports import DescribedColumn, DescribingSpace, Space
from tansaku.models.domain.report_columns import CANDIDATE, COST
from tansaku.models.domain.specs.off_pool import Cell, OffPoolSpec
from tansaku.models.domain.units import convert
from tansaku.tasks.act.measurements.report_file import Headings, number

_DIGITS = range(4, 16)
"""Digits to which a proposed number may be rounded where it is copied: `tansaku ask` shows four."""

_ROUNDING = 1.0 + 1e-9

Cells = Mapping[str, Cell]


@dataclass(frozen=True)
class Done:
    """A measured candidate, and how it differs from the one that the row names.

    Attributes:
        candidate: Its id, with its cells where the space does not list it.
        proposed: Cells of the candidate that the row names, in the columns in which something else was done.
        done: What the row says of these columns.
        within: Further cells of the row that differ from the candidate's by no more than the tolerance of their columns.
    """

    candidate: OffPoolSpec
    proposed: Cells = field(default_factory=dict)
    done: Cells = field(default_factory=dict)
    within: Cells = field(default_factory=dict)


@dataclass(frozen=True)
class Conditions:
    """The candidates of a campaign, by what describes them.

    Attributes:
        space: Of the campaign.
        headings: Of the report.
        priced: Columns of numbers that are measured for a price: they belong to candidates and are no conditions.
        proposed: Candidates that were proposed; neighbours in a refined space are in no pool.
    """

    space: Space
    headings: Headings
    priced: frozenset[str]
    proposed: Collection[str]

    def listed(self, candidate: str) -> bool:
        """Returns whether the campaign knows a candidate of this id."""
        if candidate in self.proposed:
            return True
        try:
            self.space.pool().positions([candidate])
        except NotFoundError:
            return False
        return True

    def done(self, cells: Mapping[str, str], named: str | None, unlisted: str | None = None) -> Done:
        """Returns what a row says was measured.

        Args:
            cells: Of the row, by what their columns mean.
            named: The candidate that it names, or whose proposal it names; None: it describes a new one.
            unlisted: Name that the row gives to a new one.

        Raises:
            ValueError: A cell means nothing, or the space cannot express what was done.
        """
        described = self.headings.described
        if named is None:
            return Done(self._described(cells, unlisted))
        if not isinstance(self.space, DescribingSpace):
            return Done(OffPoolSpec(id=named, cells={}))
        own, done, within = dict(self.space.cells(named)), dict[str, Cell](), dict[str, Cell]()
        for column in described:
            if column.name not in cells or column.name in self.priced:
                continue
            cell, before = self.cell(column, cells[column.name]), own.get(column.name)
            if before is None or _same(cell, before):
                continue
            near = not isinstance(cell, str) and abs(cell - float(before)) <= column.tolerance * _ROUNDING
            (within if near else done)[column.name] = cell
        if not done:
            return Done(OffPoolSpec(id=named, cells={}), within=within)
        bought = {item.name: self.cell(item, cells[item.name]) for item in described if item.name in self.priced & cells.keys()}
        found = self._candidate(own | bought | within | done, None, cells)
        return Done(found, {name: own[name] for name in done}, done)

    def swapped(self, named: str | None, other: str) -> Done:
        """Returns that a listed candidate was measured in the place of another one. Raises ValueError."""
        if named is None:
            raise ValueError("number, candidate: both are missing; the row names what was measured instead, but not of what")
        if not self.listed(other):
            raise ValueError(f"instead: {other!r} is not in the space")
        found = OffPoolSpec(id=other, cells={})
        return Done(found) if other == named else Done(found, {CANDIDATE: named}, {CANDIDATE: other})

    def _described(self, cells: Mapping[str, str], named: str | None) -> OffPoolSpec:
        """The candidate that a row without the number or id of a known one describes."""
        described = self.headings.described
        if not described:
            kind = self.headings.spec.space.type
            raise ValueError(
                "number, candidate: both are missing"
                if named is None
                else f"candidate: {named!r} is not in the space, and a {kind} space describes no others"
            )
        missing = [column.name for column in described if column.name not in cells]
        if missing:
            said = "number, candidate: both are missing" if named is None else f"candidate: {named!r} is not in the space"
            raise ValueError(f"{said}; to describe a new candidate, {', '.join(missing)} must be given too")
        return self._candidate({column.name: self.cell(column, cells[column.name]) for column in described}, named, cells)

    def _candidate(self, row: Cells, named: str | None, cells: Mapping[str, str]) -> OffPoolSpec:
        """The known candidate with a description, or a new one.

        Raises:
            ValueError: The space cannot express it, or has it under another name.
        """
        space = self.space
        missing = (
            [column.name for column in space.columns() if column.name not in row] if isinstance(space, DescribingSpace) else []
        )
        if missing or not isinstance(space, DescribingSpace):
            raise ValueError(f"to describe a new candidate, {', '.join(missing)} must be given too")
        plain = {name: cell if isinstance(cell, str) else float(cell) for name, cell in row.items()}
        same = self._by_cells.get(tuple(_key(plain[column.name]) for column in space.columns()))
        if same is not None and named is not None:
            raise ValueError(f"candidate: {named!r} is not in the space, but {same!r} with the same description is")
        if same is not None:
            return OffPoolSpec(id=same, cells={})
        name = named or f"off-pool-{short_hash(plain)[:8]}"
        space.check_described(name, plain)
        cost = number(cells[COST], comma=self.headings.report.comma) if COST in cells else None
        return OffPoolSpec(id=name, cells=plain, cost=cost)

    @cached_property
    def _by_cells(self) -> Mapping[tuple[str, ...], str]:
        """Known candidates by what describes them."""
        known = self.space.descriptions(self.proposed) if isinstance(self.space, DescribingSpace) else ()
        return {tuple(map(_key, cells)): candidate for candidate, cells in known}

    def cell(self, column: DescribedColumn, text: str) -> str | float:
        """A cell of a column that describes candidates, in the column's unit. Raises ValueError."""
        if column.allowed is not None:
            return column.category(text)
        try:
            value, own = self.headings.report.quantity(text)
            own = own or self.headings.unit_of(column.name)
            if own is not None and column.unit is None:
                raise ValueError(f"{own!r}, but the space gives this column no unit")
            value = value if own is None or column.unit is None else convert(value, own, column.unit)
        except ValueError as error:
            raise ValueError(f"{column.name}: {error}") from error
        if not math.isfinite(value):
            raise ValueError(f"{column.name}: {text!r} is not a finite number")
        if abs(value) > LARGEST:
            raise ValueError(f"{column.name}: {text!r}; expected at most {LARGEST:g}")
        return value


def shown_cells(cells: Cells) -> str:
    """Cells in words: ``temperature 90, solvent water``."""
    return ", ".join(f"{name} {shown_cell(cell)}" for name, cell in cells.items())


def shown_cell(cell: Cell) -> str:
    """A cell in words."""
    return cell if isinstance(cell, str) else f"{cell:.6g}"


def _key(cell: Cell) -> str:
    """A cell as text that is the same for numbers that differ by the rounding of a unit's conversion."""
    return cell if isinstance(cell, str) else f"{cell + 0.0:.12g}"  # -0.0 is 0.0


def _same(cell: str | float, before: str | float) -> bool:
    """Returns whether a row repeats what was proposed, perhaps rounded to the digits that are shown."""
    if isinstance(cell, str) or isinstance(before, str):
        return cell == before
    # The conversion of a unit leaves a rest where the number is 0.
    if math.isclose(cell, before, rel_tol=1e-9, abs_tol=0.0 if before else 1e-12):
        return True
    return any(float(f"{before:.{digits}g}") == cell for digits in _DIGITS)
