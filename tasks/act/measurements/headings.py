"""The columns of a report: what their names mean, and the units that they give."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tansaku.models.domain.ports import DescribedColumn
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.measurements.report_file import Report, ReportError, Row

NUMBER, CANDIDATE, VALUE, DEVIATION = "number", "candidate", "value", "deviation"
STATUS, NOTE, UNIT, COST = "status", "note", "unit", "cost"
COLUMNS = (NUMBER, CANDIDATE, VALUE, DEVIATION, STATUS, NOTE, UNIT, COST)
"""Columns that a report may have besides those that describe a candidate."""

INFORMATION = ("prediction", "uncertainty", "nearest", "nearest value", "system")
"""Further columns that ``tansaku ask --csv`` writes; they are not read."""


@dataclass(frozen=True)
class Headings:
    """The columns of one report.

    Attributes:
        spec: Of the campaign.
        report: What was read.
        described: Columns that describe candidates.
    """

    spec: CampaignSpec
    report: Report
    described: tuple[DescribedColumn, ...]

    def check(self) -> None:
        """Refuses two columns of one meaning, as a number would be read in the other's unit, and a report without values.

        Raises:
            ReportError: There are such columns, or none of values.
        """
        names = [self.meant(name) for name in self.report.columns]
        numbers = {VALUE, DEVIATION, UNIT, COST, *self._described_names}
        for meant in numbers & {name for name in names if names.count(name) > 1}:
            both = [column for column, name in zip(self.report.columns, names, strict=True) if name == meant]
            raise ReportError([f"columns {' and '.join(map(repr, both))} mean the same; leave one of them out"])
        if not {*names} & {VALUE, STATUS, *self.spec.space.prices}:
            unit, listed = self.spec.objective.unit, ", ".join(self.report.columns)
            raise ReportError([f"no column 'value' (or 'value [{unit}]'); the report has {listed}"])

    def meant(self, name: str) -> str:
        """The meaning of a column: that of its very name, or in any case."""
        return name if name in self._described_names else self._aliases.get(name.lower(), name)

    def cells(self, row: Row) -> dict[str, str]:
        """Cells by what their columns mean. Raises ValueError: two of them name other things."""
        cells: dict[str, str] = {}
        for name, cell in row.cells.items():
            meant = self.meant(name)
            if cells.setdefault(meant, cell) != cell:
                raise ValueError(f"{meant}: {cells[meant]!r} and {cell!r} in two columns that mean the same")
        return cells

    def unit_of(self, meant: str) -> str | None:
        """The unit that the heading gives."""
        return next((unit for name, unit in self.report.units.items() if self.meant(name) == meant), None)

    def unread(self, said: Collection[str]) -> tuple[str, ...]:
        """Columns that are not read.

        Args:
            said: Those that were listed before.
        """
        read = {*COLUMNS, *self._described_names, *INFORMATION, *said}
        return tuple(name for name in self.report.columns if self.meant(name) not in read)

    @cached_property
    def _described_names(self) -> Sequence[str]:
        return [column.name for column in self.described]

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        """Columns of the report by the names, in any case, that they may have."""
        named = {name: name for name in COLUMNS} | {"round": NUMBER, "id": CANDIDATE, "std": DEVIATION, "reason": NOTE}
        columns = getattr(self.spec.space, "columns", None)
        for own, meant in ((getattr(columns, "id", None), CANDIDATE), (self.spec.objective.property, VALUE)):
            if own is not None:
                named[own.lower()] = meant
        return {name: meant for name, meant in named.items() if name not in self._described_names} | {
            name.lower(): name for name in sorted(self._described_names)
        }
