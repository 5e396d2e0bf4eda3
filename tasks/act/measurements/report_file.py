"""Reads a report of values as a spreadsheet writes it: separators, decimal commas, byte-order marks, units, by line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.ports import DescribedColumn
from tansaku.models.domain.report_columns import (
    ALIASES,
    CANDIDATE,
    COLUMNS,
    COST,
    DEVIATION,
    INSTEAD,
    LEVEL,
    NOTE,
    STATUS,
    SYSTEM,
    UNIT,
    VALUE,
    information_columns,
)
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.spreadsheet import csv_line, text_of
from tansaku.models.domain.units import HEADING, check_unit
from tansaku.models.domain.wording import did_you_mean
from tansaku.tasks.ground.formats.workbook import read_workbook

MOST_ROWS = 5000
MOST_COLUMNS = 1000
MOST_BYTES = 4_000_000
LONGEST_NAME = 200
LONGEST_NUMBER = 100
LONGEST_TEXT = 2000
"""Characters of a heading, a number with its unit, and any other cell: patterns are matched with short texts only."""

_SHOWN = 12

_LONG = f"the cell has more than {LONGEST_TEXT:,} characters"
_SEPARATORS = (";", "\t", ",")
_POINT = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?(?:\d+,\d*|,\d+)(?:[eE][-+]?\d+)?")
_GROUPED = re.compile(r"[-+\u2212]?[1-9]\d{0,2}\.\d{3}(?![\d.,eE])")
_QUANTITY = re.compile(r"(?P<number>[-+]?[\d.,]+(?:[eE][-+]?\d+)?)(?:\s+(?P<unit>\S.*)|(?P<percent>%))")


class ReportError(ConfigurationError):
    """A report that cannot be stored: nothing of it was.

    Args:
        problems: What is wrong, each with its line.

    Attributes:
        listed: The first problems, without that nothing was stored.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = "\n".join(f"  {problem}" for problem in problems[:_SHOWN])
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        self.listed = f"{shown}{more}".strip()
        super().__init__(f"nothing was stored:\n{shown}{more}")


@dataclass(frozen=True)
class Row:
    """One row of a report.

    Attributes:
        line: Where it stands.
        cells: Text by column; empty cells are left out.
    """

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Report:
    """A report before it is compared with its campaign.

    Attributes:
        columns: Names of the columns.
        units: Units that the heading gives, by column.
        rows: Rows that hold anything.
        comma: Whether a comma may be the decimal sign.
        strict: Whether a column that is not read is an error: a script gives no others, a spreadsheet may.
    """

    columns: tuple[str, ...]
    units: Mapping[str, str]
    rows: tuple[Row, ...]
    comma: bool = False
    strict: bool = False

    def quantity(self, cell: str) -> tuple[float, str | None]:
        """A cell as a number and the unit written behind it, if any.

        Raises:
            ValueError: It is none, or may be meant in two ways: a point before three digits, where others have decimal commas.
        """
        if self._has_decimal_commas and (match := _GROUPED.match(cell)):
            shown = match[0]
            raise ValueError(f"{cell!r} may be {shown} or {shown.replace('.', '')}, as other cells have decimal commas")
        return quantity(cell, comma=self.comma)

    @cached_property
    def _has_decimal_commas(self) -> bool:
        return self.comma and any(_COMMA.fullmatch(cell) for row in self.rows for cell in row.cells.values())


def read_report(content: bytes, name: str = "the report") -> Report:
    """Reads a CSV as text and spreadsheet programs write it, or the first sheet of an Excel workbook.

    Args:
        content: The file. A CSV is UTF-8 or UTF-16, separated by commas, semicolons or tabs.
        name: Its name in messages.

    Raises:
        ReportError: It cannot be read; names the line.
    """
    if len(content) > MOST_BYTES:
        raise ReportError([f"{name} has at least {len(content):,} bytes; expected at most {MOST_BYTES:,}"])
    if content.startswith(b"PK\x03\x04"):
        return _report(_sheet(content, name), name, comma=False)
    text = _decoded(content, name)
    first, *_ = text.split("\n", 1)
    skipped = 0
    declared = re.fullmatch(r"sep=(.)\s*", first.strip("\r"))
    if declared:
        text, skipped = text[len(first) + 1 :], 1
    separator = declared[1] if declared else _separator(text)
    try:
        lines = _lines(text, separator, skipped)
    except csv.Error as error:
        raise ReportError([f"{name}: {error}"]) from error
    return _report(lines, name, comma=separator != ",")


def sheet_text(content: bytes) -> str:
    """The first sheet of an Excel workbook as the text of a CSV, of which :func:`read_report` reads the same report.

    Raises:
        ValueError: It is no workbook, or one that is not read.
    """
    return "".join(csv_line(cells, "\n") for _, cells in read_workbook(content, MOST_ROWS))


def _sheet(content: bytes, name: str) -> list[tuple[int, list[str]]]:
    try:
        rows = read_workbook(content, MOST_ROWS)
    except ValueError as error:
        raise ReportError([f"{name}: {error}"]) from error
    return [(line, [cell.replace("\u00a0", " ").strip() for cell in cells]) for line, cells in rows]


def _report(lines: Sequence[tuple[int, list[str]]], name: str, *, comma: bool) -> Report:
    """The report of a heading and rows, each with the line where it stands."""
    if not lines:
        raise ReportError([f"{name} is empty; expected a heading and rows"])
    (at, heading), *body = lines
    columns, units = _columns(heading, at)
    problems, rows = [], []
    for line, cells in body:
        if any(cell for cell in cells[len(columns) :]):
            problems.append(f"line {line}: {len(cells)} cells, but the heading names {len(columns)} columns")
        filled = {column: cell for column, cell in zip(columns, cells, strict=False) if cell and column}
        problems += [f"line {line}: {column}: {_LONG}" for column, cell in filled.items() if len(cell) > LONGEST_TEXT]
        if filled:
            rows.append(Row(line, filled))
    if len(rows) > MOST_ROWS:
        problems.append(f"{name} has {len(rows):,} rows; expected at most {MOST_ROWS:,}")
    if problems:
        raise ReportError(problems)
    return Report(tuple(filter(None, columns)), units, tuple(rows), comma=comma)


def report_of(rows: Sequence[Mapping[str, object]]) -> Report:
    """The report that a program gives as plain data; the first row is line 1."""
    names: dict[str, str] = {}
    units: dict[str, str] = {}
    for line, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise ReportError([f"line {line}: {shown(row)}; expected a mapping of columns"])
        for key in row:
            if str(key) not in names:
                (name,), unit = _columns([str(key)], 1)
                if name and name in names.values():
                    raise ReportError([f"line 1: two columns are named {name!r}"])
                names[str(key)] = name
                units |= unit
    found: list[Row] = []
    problems: list[str] = []
    for line, row in enumerate(rows, start=1):
        cells = {names[str(key)]: _text(cell) for key, cell in row.items()}
        filled = {name: cell for name, cell in cells.items() if cell}
        problems += [f"line {line}: {name}: {_LONG}" for name, cell in filled.items() if len(cell) > LONGEST_TEXT]
        if filled:
            found.append(Row(line, filled))
    if len(found) > MOST_ROWS:
        problems.append(f"{len(found):,} rows; expected at most {MOST_ROWS:,}")
    if problems:
        raise ReportError(problems)
    return Report(tuple(dict.fromkeys(names.values())), units, tuple(found))


def report_at(path: Path) -> Report:
    """Reads a report file. Raises ReportError, and ConfigurationError where there is no such file."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)  # a device has no end
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    return read_report(content, path.name)


def number(cell: str, *, comma: bool) -> float:
    """A cell as a number.

    Args:
        cell: Its text.
        comma: Whether a comma may be the decimal sign; otherwise it may only where it cannot separate thousands.

    Raises:
        ValueError: It is none, or may be meant in two ways.
    """
    if len(cell) > LONGEST_NUMBER:
        raise ValueError(f"{cell[:20]!r} … has {len(cell):,} characters and is not a number")
    text = cell.strip().replace("\u2212", "-")
    if _POINT.fullmatch(text):
        return float(text)
    if _COMMA.fullmatch(text):
        if not comma and re.fullmatch(r"[-+]?\d{1,3},\d{3}", text):
            raise ValueError(f"{cell!r} may be {text.replace(',', '.')} or {text.replace(',', '')}; write it with a point")
        return float(text.replace(",", "."))
    if re.fullmatch(r"[-+]?[\d.,'\u00a0\u202f ]+", text):
        raise ValueError(f"{cell!r} is not a plain number; write it without separators of thousands")
    raise ValueError(f"{cell!r} is not a number")


def quantity(cell: str, *, comma: bool) -> tuple[float, str | None]:
    """A cell as a number and the unit written behind it, if any. Raises ValueError."""
    match = _QUANTITY.fullmatch(cell.strip()) if len(cell) <= LONGEST_NUMBER else None
    if match is None:
        return number(cell, comma=comma), None
    return number(match["number"], comma=comma), check_unit(match["unit"] or match["percent"])


def _decoded(content: bytes, name: str) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ReportError([f"line {line}: {name} is not UTF-8 text; save it as 'CSV UTF-8'"]) from error
    if "\0" in text:
        raise ReportError([f"line {text[: text.index(chr(0))].count(chr(10)) + 1}: {name} is no text file"])
    return text


def _separator(text: str) -> str:
    """The separator that the heading has most of; where none has any, there is one column."""
    heading = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    return max(_SEPARATORS, key=lambda sign: (heading.count(sign), sign == ","))


def _lines(text: str, separator: str, skipped: int) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found, before = [], 0
    try:
        for cells in reader:
            line = before + 1 + skipped
            before = reader.line_num
            stripped = [text_of(cell.replace("\u00a0", " ").strip()) for cell in cells]
            if any(stripped):
                found.append((line, stripped))
    except csv.Error as error:
        raise csv.Error(f"line {before + 1 + skipped}: {error}") from error
    return found


def _columns(heading: Sequence[str], line: int) -> tuple[list[str], dict[str, str]]:
    columns: list[str] = []
    units: dict[str, str] = {}
    if len(heading) > MOST_COLUMNS:
        raise ReportError([f"line {line}: the heading has {len(heading):,} columns; expected at most {MOST_COLUMNS:,}"])
    for cell in heading:
        if len(cell) > LONGEST_NAME:
            raise ReportError([f"line {line}: a heading has {len(cell):,} characters; expected at most {LONGEST_NAME}"])
        match = HEADING.fullmatch(cell)
        name, unit = (match["name"], match["unit"]) if match else (cell, None)
        if name in columns and name:
            raise ReportError([f"line {line}: two columns are named {name!r}"])
        if unit is not None:
            if not name:
                raise ReportError([f"line {line}: the heading {cell!r} has a unit and no name"])
            units[name] = unit
        columns.append(name)
    return columns, units


def _text(cell: object) -> str:
    if hasattr(cell, "tolist"):  # an array, or a number of numpy
        cell = cell.tolist()
    # A missing number of a data frame differs from itself, or, where the column may lack numbers, prints as <NA>.
    if cell is None or str(cell) == "<NA>" or cell != cell:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return repr(float(cell)) if isinstance(cell, float) else str(cell).strip()


@dataclass(frozen=True)
class Headings:
    """The columns of one report.

    Attributes:
        report: What was read.
        described: Columns that describe candidates.
    """

    spec: CampaignSpec
    report: Report
    described: tuple[DescribedColumn, ...]

    def check(self) -> None:
        """Refuses two columns of one meaning, as a number would be read in the other's unit, and a report without values.

        Raises:
            ReportError: There are such columns, or none of values, or one is not read in a report that may have no others.
        """
        names = [self.meant(name) for name in self.report.columns]
        numbers = {*self.spec.measured, DEVIATION, UNIT, COST, *self._described_names}
        for meant in numbers & {name for name in names if names.count(name) > 1}:
            both = [column for column, name in zip(self.report.columns, names, strict=True) if name == meant]
            raise ReportError([f"columns {' and '.join(map(repr, both))} mean the same; leave one of them out"])
        listed = ", ".join(self.report.columns) or "no columns"
        if VALUE in names and VALUE not in self.spec.measured:
            wanted = ", ".join(self.spec.measured)
            raise ReportError([f"column {VALUE!r}: the value is the desirability of {wanted}; leave the column out"])
        cells = (cell.lower() for row in self.report.rows for name, cell in row.cells.items() if self.meant(name) == STATUS)
        if not {*names} & {*self.spec.measured, *self.spec.space.prices} and {*cells} <= {"waiting"}:
            raise ReportError([f"{self._lacking(next(iter(self.spec.measured)))}; the report has {listed}"])
        missing = [name for name in self.spec.measured if name not in names]
        if {*names} & {*self.spec.measured} and missing:
            raise ReportError([f"{self._lacking(missing[0])}, which every measurement gives; the report has {listed}"])
        if self.report.strict and (unread := self.unread(())):
            raise ReportError([self._unknown(name) for name in unread])

    def _unknown(self, name: str) -> str:
        known = (*self.spec.measured, DEVIATION, STATUS, NOTE, *self._described_names, *self.spec.space.prices)
        hint = did_you_mean(name, known)
        return f"{name}: no column of this name is read{hint}; expected one of {', '.join(dict.fromkeys(known))}"

    def _lacking(self, name: str) -> str:
        return f"no column {name!r} (or '{name} [{self.spec.measured[name]}]')"

    def meant(self, name: str) -> str:
        """The meaning of a column: that of its very name, or in any case."""
        own = {*self._described_names, *self.spec.measured}
        return name if name in own else self._aliases.get(name.lower(), name)

    def cells(self, row: Row) -> dict[str, str]:
        """Cells by what their columns mean; notes are joined. Raises ValueError: two others name other things."""
        cells: dict[str, str] = {}
        for name, cell in row.cells.items():
            meant = self.meant(name)
            if meant == NOTE and meant in cells:
                cells[meant] += f"; {cell}"
            elif cells.setdefault(meant, cell) != cell:
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
        measured = self.spec.measured
        known = [INSTEAD, SYSTEM, *([LEVEL] if self.spec.levels else [])]
        read = {*COLUMNS, *known, *measured, *self._described_names, *information_columns(measured), *said}
        return tuple(name for name in self.report.columns if self.meant(name) not in read)

    @cached_property
    def _described_names(self) -> Sequence[str]:
        return [column.name for column in self.described]

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        """Columns of the report by the names, in any case, that they may have."""
        own_level = [LEVEL] if self.spec.levels else []
        named = {name.lower(): name for name in (*COLUMNS, *own_level, *self.spec.measured)} | ALIASES
        columns = getattr(self.spec.space, "columns", None)
        for own, meant in ((getattr(columns, "id", None), CANDIDATE), (self.spec.objective.property, VALUE)):
            if own is not None:
                named[own.lower()] = meant
        return {name: meant for name, meant in named.items() if name not in self._described_names} | {
            name.lower(): name for name in sorted(self._described_names)
        }
