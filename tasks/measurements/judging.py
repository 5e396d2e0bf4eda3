"""Compares a report with its campaign: finds new and known values and every error before anything is stored."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.measurements import Measurement, Reported, measurements_of
from tansaku.models.domain.ports import DescribedColumn, DescribingSpace, Space
from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.off_pool import OffPoolSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import convert
from tansaku.tasks.measurements.report_file import Report, ReportError, Row, number

NUMBER, CANDIDATE, VALUE, DEVIATION = "number", "candidate", "value", "deviation"
STATUS, NOTE, UNIT, COST = "status", "note", "unit", "cost"
COLUMNS = (NUMBER, CANDIDATE, VALUE, DEVIATION, STATUS, NOTE, UNIT, COST)
"""Columns that a report may have besides those that describe a candidate."""

INFORMATION = ("prediction", "uncertainty", "nearest", "nearest value", "system")
"""Further columns that ``tansaku ask --csv`` writes; they are not read."""

STATUSES = ("done", "failed", "repeat", "correction", "waiting")
_ENDED = (EvaluationState.DONE, EvaluationState.FAILED)


@dataclass(frozen=True)
class Judged:
    """New values in a report.

    Attributes:
        reports: By candidate, in the order of the report.
        known: Lines whose measurement is stored already.
        empty: Lines without a value.
        ignored: Columns that are not read.
    """

    reports: tuple[Reported, ...]
    known: tuple[int, ...]
    empty: tuple[int, ...]
    ignored: tuple[str, ...]

    def counts(self, states: Mapping[str, EvaluationState]) -> dict[str, int]:
        """Counts the new values, failures, repeats, corrections, descriptors and off-pool candidates."""
        found: dict[str, int] = defaultdict(int)
        for report in self.reports:
            found["descriptors"] += len(report.descriptors)
            found["off_pool"] += report.off_pool is not None
            first = report.basis == 0 or states.get(report.candidate) not in _ENDED
            for place, item in enumerate(report.measurements):
                kind = "corrections" if report.replaces else "values" if first and place == 0 else "repeats"
                found["failures" if item.value is None else kind] += 1
        return {key: count for key, count in found.items() if count}


@dataclass
class _Line:
    """A row whose cells were read."""

    row: Row
    measurements: tuple[Measurement, ...]
    status: str
    number: int | None
    off_pool: OffPoolSpec | None
    descriptors: Mapping[str, float]


@dataclass
class _Judge:
    """Reads rows and collects their errors."""

    spec: CampaignSpec
    space: Space
    evaluations: Sequence[Evaluation]
    report: Report
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_number = {item.proposal.number: item for item in self.evaluations}
        self.latest = {item.proposal.candidate: item for item in self.evaluations}
        self.described = self.space.columns() if isinstance(self.space, DescribingSpace) else ()
        self.aliases = self._aliases()

    def judge(self) -> Judged:
        """Raises ReportError with every line that is wrong."""
        names = [self._meant(name) for name in self.report.columns]
        self._refuse_twice(names)
        if not {*names} & {VALUE, STATUS, *self.spec.space.prices}:
            unit, listed = self.spec.objective.unit, ", ".join(self.report.columns)
            raise ReportError([f"no column 'value' (or 'value [{unit}]'); the report has {listed}"])
        groups: dict[tuple[str, int | None], list[_Line]] = defaultdict(list)
        empty = []
        for row in self.report.rows:
            try:
                line = self._line(row)
            except ValueError as error:
                self.problems.append(f"line {row.line}: {error}")
                continue
            if line is None:
                empty.append(row.line)
                continue
            candidate, of = self._whose(line)
            groups[candidate, of].append(line)
        found = [self._grouped(*key, lines) for key, lines in groups.items()]
        if self.problems:
            raise ReportError(self.problems)
        described = {column.name for column in self.described}
        ignored = [name for name in self.report.columns if self._meant(name) not in {*COLUMNS, *described}]
        return Judged(
            tuple(reported for reported, _ in found if reported is not None),
            tuple(sorted(line for _, lines in found for line in lines)),
            tuple(empty),
            tuple(name for name in ignored if name not in INFORMATION),
        )

    def _meant(self, name: str) -> str:
        """The meaning of a column: that of its very name, or in any case."""
        return name if any(column.name == name for column in self.described) else self.aliases.get(name.lower(), name)

    def _refuse_twice(self, names: Sequence[str]) -> None:
        """Refuses two columns of values, of deviations, or of one descriptor: a number would be read in the other's unit."""
        numbers = {VALUE, DEVIATION, UNIT, COST, *(column.name for column in self.described)}
        for meant in numbers & {name for name in names if names.count(name) > 1}:
            both = [column for column, name in zip(self.report.columns, names, strict=True) if name == meant]
            raise ReportError([f"columns {' and '.join(map(repr, both))} mean the same; leave one of them out"])

    def _cells(self, row: Row) -> dict[str, str]:
        """Cells by what their columns mean. Raises ValueError: two of them name other things."""
        cells: dict[str, str] = {}
        for name, cell in row.cells.items():
            meant = self._meant(name)
            if cells.setdefault(meant, cell) != cell:
                raise ValueError(f"{meant}: {cells[meant]!r} and {cell!r} in two columns that mean the same")
        return cells

    def _aliases(self) -> dict[str, str]:
        """Columns of the report by the names, in any case, that they may have."""
        described = {column.name for column in self.described}
        named = {name: name for name in COLUMNS} | {"round": NUMBER, "id": CANDIDATE, "std": DEVIATION, "reason": NOTE}
        columns = getattr(self.spec.space, "columns", None)
        for own, meant in ((getattr(columns, "id", None), CANDIDATE), (self.spec.objective.property, VALUE)):
            if own is not None:
                named[own.lower()] = meant
        return {name: meant for name, meant in named.items() if name not in described} | {
            name.lower(): name for name in sorted(described)
        }

    def _line(self, row: Row) -> _Line | None:
        cells = self._cells(row)
        status = cells.get(STATUS, "").lower()
        if status not in ("", *STATUSES):
            raise ValueError(f"status {cells[STATUS]!r}; expected {', '.join(STATUSES)}, or nothing")
        measured = status != "waiting" and (VALUE in cells or status == "failed")
        descriptors = self._new_descriptors(cells, status)
        if not measured and not descriptors:
            if status in ("done", "repeat", "correction"):
                raise ValueError(f"status {status}, but no value")
            return None
        if status == "failed" and VALUE in cells:
            raise ValueError(f"status failed, but the value {cells[VALUE]!r}; expected one of them")
        measurements: tuple[Measurement, ...] = ()
        if measured:
            value, deviation = self._value(cells) if VALUE in cells else (None, None)
            failed = cells.get(NOTE, "reported as failed") if status == "failed" else None
            measurements = (Measurement(value=value, deviation=deviation, failed=failed, note=cells.get(NOTE)),)
        of = self._number(cells)
        return _Line(row, measurements, status, of, None if of is not None else self._described(cells), descriptors)

    def _new_descriptors(self, cells: Mapping[str, str], status: str) -> dict[str, float]:
        """Returns the numbers of priced columns that a listed candidate lacks or that a correction replaces.

        Raises:
            ValueError: A number is not finite, or differs from a stored one and is not marked as a correction.
        """
        asked = [column for column in self.described if column.name in self.spec.space.prices and column.name in cells]
        if not asked or not isinstance(self.space, DescribingSpace):
            return {}
        of = self._number(cells)
        candidate = cells.get(CANDIDATE) if of is None else self.by_number[of].proposal.candidate
        if candidate is None or not self._listed(candidate):
            return {}
        known, found = self.space.cells(candidate), {}
        for column in asked:
            value = float(self._cell(column, cells[column.name]))
            if not math.isfinite(value):
                raise ValueError(f"{column.name}: {cells[column.name]!r} is not a finite number")
            before = known.get(column.name)
            if before is not None and math.isclose(float(before), value, rel_tol=1e-9):
                continue
            if before is not None and status != "correction":
                raise ValueError(f"{column.name}: {candidate!r} has {before} already; say status 'correction' to replace it")
            found[column.name] = value
        return found

    def _value(self, cells: Mapping[str, str]) -> tuple[float, float | None]:
        unit = self.spec.objective.unit
        try:
            value, own = self.report.quantity(cells[VALUE])
            own = own or cells.get(UNIT) or self._unit_of(VALUE) or unit
            found = convert(value, own, unit)
        except ValueError as error:
            raise ValueError(f"value: {error}") from error
        if not math.isfinite(found):
            raise ValueError(f"value: {cells[VALUE]!r} is not a finite number")
        if abs(found) > LARGEST:
            raise ValueError(f"value: {cells[VALUE]!r}; expected at most {LARGEST:g} {unit}")
        if DEVIATION not in cells:
            return found, None
        try:
            given, given_unit = self.report.quantity(cells[DEVIATION])
            theirs = given_unit or self._unit_of(DEVIATION) or own
            # A difference of two values, so that the offset of a temperature does not count.
            spread = given if theirs == unit else convert(value + given, theirs, unit) - convert(value, theirs, unit)
        except ValueError as error:
            raise ValueError(f"deviation: {error}") from error
        if not (spread > 0 and math.isfinite(spread)):
            raise ValueError(f"deviation: {cells[DEVIATION]!r}; expected a positive number")
        if not 1 / LARGEST <= spread <= LARGEST:
            raise ValueError(f"deviation: {cells[DEVIATION]!r}; expected {1 / LARGEST:g} to {LARGEST:g} {unit}")
        return found, spread

    def _unit_of(self, meant: str) -> str | None:
        """The unit that the heading gives."""
        return next((unit for name, unit in self.report.units.items() if self._meant(name) == meant), None)

    def _number(self, cells: Mapping[str, str]) -> int | None:
        if NUMBER not in cells:
            return None
        text = cells[NUMBER].removesuffix(".0").removesuffix(",0")
        of = int(text) if text.isascii() and text.isdigit() else None
        if of is None or of not in self.by_number:
            waiting = [str(item.proposal.number) for item in self.evaluations if not item.state.terminal]
            expected = f"; waiting are {', '.join(waiting)}" if waiting else "; none is waiting"
            raise ValueError(f"number: there is no proposal {cells[NUMBER]}{expected}")
        candidate = self.by_number[of].proposal.candidate
        if cells.get(CANDIDATE, candidate) != candidate:
            raise ValueError(f"candidate: {cells[CANDIDATE]!r}, but proposal {of} is {candidate!r}")
        return of

    def _described(self, cells: Mapping[str, str]) -> OffPoolSpec | None:
        """The candidate that a row without a number describes; None where the space lists the one that it names."""
        named = cells.get(CANDIDATE)
        if named is not None and self._listed(named):
            return OffPoolSpec(id=named, cells={})
        if not self.described:
            raise ValueError(
                "number, candidate: both are missing"
                if named is None
                else f"candidate: {named!r} is not in the space, and a {self.spec.space.type} space describes no others"
            )
        missing = [column.name for column in self.described if column.name not in cells]
        if missing:
            said = "number, candidate: both are missing" if named is None else f"candidate: {named!r} is not in the space"
            raise ValueError(f"{said}; to describe a new candidate, {', '.join(missing)} must be given too")
        row = {column.name: self._cell(column, cells[column.name]) for column in self.described}
        same = self._same(row)
        if same is not None:
            if named is not None:
                raise ValueError(f"candidate: {named!r} is not in the space, but {same!r} with the same description is")
            return OffPoolSpec(id=same, cells={})
        cost = number(cells[COST], comma=self.report.comma) if COST in cells else None
        return OffPoolSpec(id=named or f"off-pool-{short_hash(row)[:8]}", cells=row, cost=cost)

    def _listed(self, candidate: str) -> bool:
        if candidate in self.latest:  # a neighbour in a refined space is in no pool
            return True
        try:
            self.space.pool().positions([candidate])
        except NotFoundError:
            return False
        return True

    def _cell(self, column: DescribedColumn, text: str) -> str | float:
        if column.allowed is not None:
            lower = {item.lower(): item for item in column.allowed} if set(column.allowed) <= {"true", "false"} else {}
            found = lower.get(text.lower(), text)
            if found not in column.allowed:
                shown = ", ".join(column.allowed[:12]) + (" …" if len(column.allowed) > 12 else "")
                raise ValueError(f"{column.name}: {text!r} is not a known category; expected one of {shown}")
            return found
        try:
            value, own = self.report.quantity(text)
            own = own or self._unit_of(column.name)
            if own is not None and column.unit is None:
                raise ValueError(f"{own!r}, but the space gives this column no unit")
            return value if own is None or column.unit is None else convert(value, own, column.unit)
        except ValueError as error:
            raise ValueError(f"{column.name}: {error}") from error

    def _same(self, row: Mapping[str, str | float]) -> str | None:
        """The candidate of the space that has the same description, if any."""
        return self._by_cells.get(tuple(row[column.name] for column in self.described))

    @cached_property
    def _by_cells(self) -> dict[tuple[str | float, ...], str]:
        if not isinstance(self.space, DescribingSpace):
            return {}
        names = [column.name for column in self.described]
        ids = [str(candidate) for candidate in self.space.pool().ids]
        rows = (self.space.cells(candidate) for candidate in ids)
        pairs = zip(ids, rows, strict=True)
        return {tuple(cells.get(name, math.nan) for name in names): candidate for candidate, cells in pairs}

    def _whose(self, line: _Line) -> tuple[str, int | None]:
        """Returns the candidate of a line and the number of its latest proposal, None if it was never proposed."""
        if line.number is not None:
            return self.by_number[line.number].proposal.candidate, line.number
        candidate = line.off_pool.id if line.off_pool is not None else ""
        known = self.latest.get(candidate)
        return candidate, None if known is None else known.proposal.number

    def _grouped(self, candidate: str, of: int | None, lines: list[_Line]) -> tuple[Reported | None, list[int]]:
        """Returns the new data of one candidate, and the lines that repeat known data."""
        descriptors = self._joined(lines)
        evaluation = None if of is None else self.by_number[of]
        measured = [line for line in lines if line.measurements]
        reported, known = self._measured(candidate, of, measured) if measured else (None, [])
        if not descriptors:
            return reported, known
        if reported is None:
            basis = 0 if evaluation is None else len(evaluation.attempts)
            return Reported(candidate=candidate, number=of, measurements=(), descriptors=descriptors, basis=basis), known
        return reported.model_copy(update={"descriptors": descriptors}), known

    def _joined(self, lines: list[_Line]) -> dict[str, float]:
        """The descriptors that all lines of one candidate give."""
        found: dict[str, float] = {}
        for line in lines:
            for column, value in line.descriptors.items():
                if found.setdefault(column, value) != value:
                    problem = f"line {line.row.line}: {column}: another line of its candidate says {found[column]:g}"
                    self.problems.append(problem)
        return found

    def _measured(self, candidate: str, of: int | None, lines: list[_Line]) -> tuple[Reported | None, list[int]]:
        """Returns the new values of one candidate, and the lines that repeat known values."""
        corrected = [place for place, line in enumerate(lines) if line.status == "correction"]
        evaluation = None if of is None else self.by_number[of]
        stored = list(measurements_of(evaluation)) if evaluation is not None and evaluation.state in _ENDED else []
        ended = evaluation is not None and evaluation.state in _ENDED
        superseded = [line.row.line for line in lines[: corrected[0]]] if corrected else []
        lines = lines[corrected[0] :] if corrected else lines
        fresh, known = [], superseded
        for line in lines:
            same = next((item for item in stored if item.same(line.measurements[0])), None)
            if same is None:
                fresh.append(line)
            else:
                stored.remove(same)
                known.append(line.row.line)
        if not fresh:
            return None, known
        if corrected and ended:
            fresh = lines
        for line in fresh:
            if ended and not corrected and line.number is not None and line.status not in ("repeat", "failed"):
                self.problems.append(
                    f"line {line.row.line}: proposal {of} ({candidate}) has a value already; "
                    "say status 'correction' to replace it, or 'repeat' for one more measurement"
                )
        if corrected and not ended and evaluation is None:
            self.problems.append(f"line {lines[0].row.line}: status correction, but {candidate!r} has no value to correct")
        described = next((line.off_pool for line in fresh if line.off_pool is not None and line.off_pool.cells), None)
        return (
            Reported(
                candidate=candidate,
                number=of,
                replaces=bool(corrected) and ended,
                measurements=tuple(item for line in fresh for item in line.measurements),
                off_pool=described,
                basis=0 if evaluation is None else len(evaluation.attempts),
            ),
            known,
        )


def judge(spec: CampaignSpec, space: Space, evaluations: Sequence[Evaluation], report: Report) -> Judged:
    """Compares a report with its campaign.

    Args:
        spec: Of the campaign, with all candidates that earlier reports described.
        space: Opened from it.
        evaluations: In proposal order.
        report: What was read.

    Raises:
        ReportError: Anything is wrong with it; lists it by line.
    """
    return _Judge(spec, space, evaluations, report).judge()
