"""Compares a report with its campaign: finds new and known values and every error before anything is stored."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tansaku.models.domain.desirability import desirability
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.measurements import Measurement, Reported, combined_in, measurements_in
from tansaku.models.domain.ports import DescribingSpace, Space
from tansaku.models.domain.records import Evaluation, Record
from tansaku.models.domain.report_columns import CANDIDATE, DEVIATION, INSTEAD, LEVEL, NOTE, NUMBER, STATUS, UNIT, VALUE
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.levels import WANTED
from tansaku.models.domain.specs.off_pool import Cell
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import convert
from tansaku.models.domain.wording import with_unit
from tansaku.tasks.act.measurements.conditions import Conditions, Done, shown_cell, shown_cells
from tansaku.tasks.act.measurements.report_file import Headings, Report, ReportError, Row

STATUSES = ("done", "failed", "repeat", "correction", "waiting")
_ENDED = (EvaluationState.DONE, EvaluationState.FAILED)
_OF_REPORTS = (NUMBER, CANDIDATE, VALUE, DEVIATION, STATUS)
"""Columns whose names a space cannot take: a row would not say any more which proposal it is of, and what was found."""


class DoneOtherwise(Record):
    """A measurement at other conditions than its proposal asked for.

    Attributes:
        number: Of the proposal; None: the candidate that the row names was never proposed.
        candidate: Its candidate.
        proposed: What it asked for, in the columns that differ.
        done: What was done.
        stored_as: Candidate that was measured instead.
    """

    number: int | None
    candidate: str
    proposed: dict[str, Cell]
    done: dict[str, Cell]
    stored_as: str

    def describe(self) -> str:
        """Describes it in one line."""
        who = self.candidate if self.number is None else f"proposal {self.number} ({self.candidate})"
        cells = ((name, shown_cell(cell), shown_cell(self.done[name])) for name, cell in self.proposed.items())
        was = "is" if self.number is None else "proposed"
        said = "; ".join(f"{name} {was} {before}, done {done}" for name, before, done in cells)
        return f"{who}: {said}; stored as {self.stored_as}"


@dataclass(frozen=True)
class Judged:
    """New values in a report.

    Attributes:
        reports: By candidate, in the order of the report.
        known: Lines whose measurement is stored already.
        empty: Lines without a value.
        ignored: Columns that are not read, and that no earlier report had.
        otherwise: New values that were measured at other conditions than proposed.
        lines: Lines of the new measurements, by candidate and number of its proposal.
    """

    reports: tuple[Reported, ...]
    known: tuple[int, ...]
    empty: tuple[int, ...]
    ignored: tuple[str, ...]
    otherwise: tuple[DoneOtherwise, ...] = ()
    lines: Mapping[tuple[str, int | None], Sequence[int]] = field(default_factory=dict)

    def counts(self, states: Mapping[str, EvaluationState]) -> dict[str, int]:
        """Counts the new values, failures, repeats, corrections, descriptors and off-pool candidates."""
        found: dict[str, int] = defaultdict(int)
        for report in self.reports:
            found["descriptors"] += len(report.descriptors)
            found["off_pool"] += report.off_pool is not None
            first = report.basis == 0 or states.get(report.candidate) not in _ENDED
            kind = "corrections" if report.replaces else "values" if first else "repeats"
            for item in report.measurements:
                found["failures" if item.value is None else kind] += 1
                kind = "repeats"
        return {key: count for key, count in found.items() if count}


@dataclass(frozen=True)
class _Line:
    """A row whose cells were read.

    Attributes:
        row: Of the report.
        measurements: One, or none.
        status: As written.
        number: Of the proposal that it names so; None: it names a candidate, or describes one.
        named: The candidate that it names; None: it describes a new one.
        done: What was measured.
        of: Number of the latest proposal of what was measured; None: it was never proposed.
        instead: Number of the proposal in whose place it was measured; None: it was measured as proposed.
        descriptors: Numbers of its candidate that are new.
    """

    row: Row
    measurements: tuple[Measurement, ...]
    status: str
    number: int | None
    named: str | None
    done: Done
    of: int | None
    instead: int | None
    descriptors: Mapping[str, float]

    @property
    def candidate(self) -> str:
        """The measured candidate."""
        return self.done.candidate.id


@dataclass
class _Judge:
    """Reads rows and collects their errors."""

    spec: CampaignSpec
    space: Space
    evaluations: Sequence[Evaluation]
    report: Report
    problems: list[str] = field(default_factory=list)
    otherwise: list[DoneOtherwise] = field(default_factory=list)
    lines: dict[tuple[str, int | None], Sequence[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_number = {item.proposal.number: item for item in self.evaluations}
        self.at = {(item.proposal.candidate, item.proposal.level): item for item in self.evaluations}
        self.latest = {candidate: item for (candidate, level), item in self.at.items() if level is None}
        columns = self.space.columns() if isinstance(self.space, DescribingSpace) else ()
        taken = (*_OF_REPORTS, *self.spec.measured)
        self.headings = Headings(self.spec, self.report, tuple(item for item in columns if item.name not in taken))
        self.own_columns = {*self.spec.measured, *(item.name for item in columns)}
        known = {candidate: item for (candidate, _), item in self.at.items()}
        self.conditions = Conditions(self.space, self.headings, frozenset(self.spec.space.prices), known)

    def judge(self, said: Collection[str]) -> Judged:
        """Raises ReportError with every line that is wrong."""
        self.headings.check()
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
            else:
                groups[line.candidate, line.of].append(line)
        self._refuse_two_conditions([line for lines in groups.values() for line in lines])
        found = [self._grouped(*key, lines) for key, lines in groups.items()]
        if self.problems:
            raise ReportError(self.problems)
        return Judged(
            tuple(reported for reported, _ in found if reported is not None),
            tuple(sorted(line for _, lines in found for line in lines)),
            tuple(empty),
            self.headings.unread(said),
            tuple(self.otherwise),
            self.lines,
        )

    def _refuse_two_conditions(self, lines: Sequence[_Line]) -> None:
        """Refuses rows of one proposal that were measured at different conditions, or name a new candidate for two of them."""
        measured: dict[int, str] = {}
        described: dict[str, Mapping[str, Cell]] = {}
        for line in (line for line in lines if line.measurements):
            waits = line.of is not None and not self.by_number[line.of].state.terminal
            place = line.number or line.instead or (line.of if waits else None)
            if place is not None and measured.setdefault(place, line.candidate) != line.candidate:
                said = f"another row of proposal {place} says that something else was measured; name it in one of them only"
                self.problems.append(f"line {line.row.line}: {said}")
            if described.setdefault(line.candidate, line.done.candidate.cells) != line.done.candidate.cells:
                self.problems.append(f"line {line.row.line}: another row describes {line.candidate!r} otherwise")

    def _line(self, row: Row) -> _Line | None:
        cells = self.headings.cells(row)
        status = cells.get(STATUS, "").lower()
        if status not in ("", *STATUSES):
            raise ValueError(f"status {cells[STATUS]!r}; expected {', '.join(STATUSES)}, or nothing")
        given = [name for name in self.spec.measured if name in cells]
        measured = status != "waiting" and (bool(given) or status == "failed")
        priced = any(name in cells for name in self.spec.space.prices)
        number = self._number(cells) if NUMBER in cells and (measured or priced) else None
        named, of = self._named(cells, number) if measured or priced else (None, None)
        done = self._done(cells, named) if measured else None
        otherwise = done is not None and bool(done.done)
        descriptors = self._new_descriptors(cells, named, status) if named is not None and priced and not otherwise else {}
        if not measured and not descriptors:
            if status in ("done", "repeat", "correction"):
                raise ValueError(f"status {status}, but no value")
            return None
        if status == "failed" and given:
            raise ValueError(f"status failed, but the {given[0]} {cells[given[0]]!r}; expected one of them")
        done = done or self.conditions.done(cells, named)
        instead, ended = None, of is not None and self.by_number[of].state in _ENDED
        if done.done and of is not None and (level := self.by_number[of].proposal.level) is not None:
            raise ValueError(
                f"proposal {of} asks for a look at level {level}, which nothing else replaces; report it as proposed"
            )
        if done.done:
            if not measured or (status == "correction" and ended):
                why = "a correction replaces values" if measured else "the descriptor of another sample is not the candidate's"
                raise ValueError(f"{named!r} has {shown_cells(done.proposed)}, not {shown_cells(done.done)}; {why}")
            instead = of
        if done.done or named is None:
            known = self.latest.get(done.candidate.id)
            of = None if known is None else known.proposal.number
        unit = self.spec.unit_at(None if of is None else self.by_number[of].proposal.level)
        measurements = (self._measurement(cells, status, done, unit),) if measured else ()
        return _Line(row, measurements, status, number, named, done, of, instead, descriptors)

    def _done(self, cells: Mapping[str, str], named: str | None) -> Done:
        done = self.conditions.done(cells, named, cells.get(CANDIDATE))
        if INSTEAD not in cells or INSTEAD in self.own_columns:
            return done
        if done.done:
            raise ValueError(f"instead: the row says {shown_cells(done.done)} too; give one of the two")
        return self.conditions.swapped(named, cells[INSTEAD])

    def _measurement(self, cells: Mapping[str, str], status: str, done: Done, unit: str) -> Measurement:
        note, within = cells.get(NOTE), dict(done.within)
        if status == "failed":
            return Measurement(failed=note or "reported as failed", note=note, done=within, others={})
        missing = [name for name in self.spec.measured if name not in cells]
        if missing:
            raise ValueError(f"{missing[0]}: missing; a measurement gives {' and '.join(self.spec.measured)}")
        others = {goal.property: self._quantity(cells, goal.property, goal.unit)[0] for goal in self.spec.objective.further}
        value, deviation = self._value(cells, others, unit)
        return Measurement(value=value, deviation=deviation, note=note, done=within, others=others)

    def _named(self, cells: Mapping[str, str], number: int | None) -> tuple[str | None, int | None]:
        """The candidate that a row names or whose proposal it names, and the number of that; None where there is none.

        The number of a proposal in whose place something else was measured means that.
        """
        level = self._level(cells)
        if number is not None:
            own = self.by_number[number]
            if level != (asked := own.proposal.level or WANTED) and level is not None:
                raise ValueError(f"level: {level!r}, but proposal {own.proposal.number} is at level {asked!r}")
            other = own if own.done_as is None else self.by_number[own.done_as]
            candidates = (own.proposal.candidate, other.proposal.candidate)
            if cells.get(CANDIDATE, candidates[0]) not in candidates:
                said = f"but proposal {own.proposal.number} is {candidates[0]!r}"
                raise ValueError(f"candidate: {cells[CANDIDATE]!r}, {said}")
            return candidates[1], other.proposal.number
        named = cells.get(CANDIDATE)
        if named is None or not self.conditions.listed(named):
            return None, None
        looks = [item for (candidate, at), item in self.at.items() if candidate == named and at is not None]
        if level not in (None, WANTED):
            look = next((item for item in looks if item.proposal.level == level), None)
            if look is None:
                raise ValueError(f"level: no look at {named!r} at level {level!r} was proposed; expected {WANTED!r}")
            return named, look.proposal.number
        if level is None and (waiting := [item for item in looks if not item.state.terminal]):
            expected = " or ".join(map(repr, (*(str(item.proposal.level) for item in waiting), WANTED)))
            raise ValueError(f"number, level: both are missing; expected level {expected}, as a look at {named!r} waits too")
        return named, self.latest[named].proposal.number if named in self.latest else None

    def _level(self, cells: Mapping[str, str]) -> str | None:
        """The level that a row names; None where it names none, or a column of candidates has the name. Raises ValueError."""
        names = [*(level.name for level in self.spec.levels), WANTED]
        if len(names) == 1 or LEVEL not in cells or LEVEL in self.own_columns:
            return None
        if cells[LEVEL] not in names:
            raise ValueError(f"level: {cells[LEVEL]!r}; expected {' or '.join(map(repr, names))}")
        return cells[LEVEL]

    def _new_descriptors(self, cells: Mapping[str, str], candidate: str, status: str) -> dict[str, float]:
        """Returns the numbers of priced columns that a listed candidate lacks or that a correction replaces.

        Raises:
            ValueError: A number is not finite, or differs from a stored one and is not marked as a correction.
        """
        if not isinstance(self.space, DescribingSpace):
            return {}
        known, found = self.space.cells(candidate), {}
        for column in self.headings.described:
            if column.name not in self.spec.space.prices or column.name not in cells:
                continue
            value = float(self.conditions.cell(column, cells[column.name]))
            before = known.get(column.name)
            if before is not None and math.isclose(float(before), value, rel_tol=1e-9):
                continue
            if before is not None and status != "correction":
                raise ValueError(f"{column.name}: {candidate!r} has {before} already; say status 'correction' to replace it")
            found[column.name] = value
        return found

    def _quantity(self, cells: Mapping[str, str], name: str, unit: str) -> tuple[float, float, str]:
        """A measured quantity in a unit, and as the report has it, with the unit of that. Raises ValueError."""
        try:
            value, own = self.report.quantity(cells[name])
            own = own or (cells.get(UNIT) if name == VALUE else None) or self.headings.unit_of(name) or unit
            found = convert(value, own, unit)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if not math.isfinite(found):
            raise ValueError(f"{name}: {cells[name]!r} is not a finite number")
        if abs(found) > LARGEST:
            raise ValueError(f"{name}: {cells[name]!r}; expected at most {with_unit(f'{LARGEST:g}', unit)}")
        return found, value, own

    def _value(self, cells: Mapping[str, str], others: Mapping[str, float], unit: str) -> tuple[float, float | None]:
        """The value, reported or the desirability of the others, and its deviation, in its unit. Raises ValueError."""
        desired = self.spec.objective.desirability
        if desired:
            if DEVIATION in cells:
                raise ValueError("deviation: the value is a desirability, which is not measured; leave it empty")
            return float(desirability(desired, np.array([others[item.property] for item in desired]))), None
        found, value, own = self._quantity(cells, VALUE, unit)
        if DEVIATION not in cells:
            return found, None
        try:
            given, given_unit = self.report.quantity(cells[DEVIATION])
            theirs = given_unit or self.headings.unit_of(DEVIATION) or own
            # A difference of two values, so that the offset of a temperature does not count.
            spread = given if theirs == unit else convert(value + given, theirs, unit) - convert(value, theirs, unit)
        except ValueError as error:
            raise ValueError(f"deviation: {error}") from error
        if not (spread > 0 and math.isfinite(spread)):
            raise ValueError(f"deviation: {cells[DEVIATION]!r}; expected a positive number")
        if not 1 / LARGEST <= spread <= LARGEST:
            most = with_unit(f"{LARGEST:g}", unit)
            raise ValueError(f"deviation: {cells[DEVIATION]!r}; expected {1 / LARGEST:g} to {most}")
        return found, spread

    def _number(self, cells: Mapping[str, str]) -> int:
        text = cells[NUMBER].removesuffix(".0").removesuffix(",0")
        of = int(text) if text.isascii() and text.isdigit() else None
        if of is None or of not in self.by_number:
            waiting = [str(item.proposal.number) for item in self.evaluations if not item.state.terminal]
            expected = f"; waiting are {', '.join(waiting)}" if waiting else "; none is waiting"
            raise ValueError(f"number: there is no proposal {cells[NUMBER]}{expected}")
        return of

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
        ended = evaluation is not None and evaluation.state in _ENDED
        stored = list(combined_in(evaluation)) if evaluation is not None and ended else []
        lines_before, lines = (lines[: corrected[0]], lines[corrected[0] :]) if corrected else ([], lines)
        superseded = [line.row.line for line in lines_before]
        fresh, known = [], superseded
        if corrected and ended and evaluation is not None:
            if not _replaces(evaluation, stored, lines):
                return None, known + [line.row.line for line in lines]
            self._refuse_lost(lines_before, lines[0], evaluation)
            stored = []
        for line in lines:
            # A proposal that waits has not been reported: its value is new, even if it is that of another measurement.
            again = None if line.instead is None else self.by_number[line.instead]
            waits = again is not None and again.state not in _ENDED
            same = None if waits else next((item for item in stored if item.same(line.measurements[0])), None)
            if same is None:
                fresh.append(line)
            else:
                stored.remove(same)
                known.append(line.row.line)
        if not fresh:
            return None, known
        for line in fresh:
            self._note_otherwise(line)
            # With the stored value in the report too, another one is another measurement; alone it may correct a typo.
            unclear = line.number is not None or bool(stored)
            if line.instead is None and ended and not corrected and unclear and line.status not in ("repeat", "failed"):
                what = f"proposal {of} ({candidate})" if line.number is not None else repr(candidate)
                self.problems.append(
                    f"line {line.row.line}: {what} has a value already; "
                    "say status 'correction' to replace it, or 'repeat' for one more measurement"
                )
        if corrected and not ended and evaluation is None:
            self.problems.append(f"line {lines[0].row.line}: status correction, but {candidate!r} has no value to correct")
        described = next((line.done.candidate for line in fresh if line.done.candidate.cells), None)
        self.lines[candidate, of] = [line.row.line for line in fresh]
        return (
            Reported(
                candidate=candidate,
                number=of,
                replaces=bool(corrected) and ended,
                measurements=tuple(item for line in fresh for item in line.measurements),
                off_pool=described,
                basis=0 if evaluation is None else len(evaluation.attempts) + ended,
                instead=tuple(dict.fromkeys(line.instead for line in fresh if line.instead is not None)),
            ),
            known,
        )

    def _refuse_lost(self, before: Sequence[_Line], correction: _Line, evaluation: Evaluation) -> None:
        """Refuses repeats above a correction that were never stored: it would replace them unread."""
        known = [*combined_in(evaluation), *_replaced(evaluation)]
        for line in before:
            if line.status == "repeat" and not any(item.same(line.measurements[0]) for item in known):
                self.problems.append(
                    f"line {line.row.line}: the correction in line {correction.row.line} would replace this repeat; "
                    "put it below the correction, or leave it out"
                )

    def _note_otherwise(self, line: _Line) -> None:
        """Notes a new value that was measured at other conditions than proposed; an error where the proposal has a value."""
        done = line.done
        if not done.done or line.named is None:
            return
        if line.instead is not None and self.by_number[line.instead].state in _ENDED:
            has, leave = shown_cells(done.proposed), "the number and the candidate"
            self.problems.append(
                f"line {line.row.line}: proposal {line.instead} ({line.named}) has its result, at {has}; to report "
                f"a measurement at {shown_cells(done.done)} besides, leave out {leave} and give all columns of the space"
            )
        self.otherwise.append(
            DoneOtherwise(
                number=line.instead,
                candidate=line.named,
                proposed=dict(done.proposed),
                done=dict(done.done),
                stored_as=line.candidate,
            )
        )


def _replaces(evaluation: Evaluation, stored: Sequence[Measurement], lines: Sequence[_Line]) -> bool:
    """Returns whether a correction and the rows after it are new, rather than those of an earlier correction.

    A sheet that is reported again may lack measurements that were reported besides, after its correction.

    Args:
        evaluation: Has a result.
        stored: Its measurements.
        lines: From the correction on.
    """
    given = [line.measurements[0] for line in lines]
    if len(given) > len(stored) or not all(mine.same(theirs) for mine, theirs in zip(stored, given, strict=False)):
        return True
    kept = {item.id for item in stored}
    return len(given) < len(stored) and kept.issuperset(item.id for item in _replaced(evaluation))


def _replaced(evaluation: Evaluation) -> Iterator[Measurement]:
    """Measurements of results that later ones took the place of."""
    for attempt in evaluation.attempts:
        yield from measurements_in(attempt.superseded)


def judge(
    spec: CampaignSpec, space: Space, evaluations: Sequence[Evaluation], report: Report, said: Collection[str] = ()
) -> Judged:
    """Compares a report with its campaign.

    Args:
        spec: Of the campaign, with all candidates that earlier reports described.
        evaluations: In proposal order.
        said: Columns that are not read, as earlier reports had them.

    Raises:
        ReportError: Anything is wrong with it; lists it by line.
    """
    return _Judge(spec, space, evaluations, report).judge(said)
