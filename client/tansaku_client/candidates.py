"""Candidates as scripts see them: mappings of what describes them."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tansaku_client.errors import ConfigurationError
from tansaku_client.records import with_unit

if TYPE_CHECKING:
    import pandas as pd

Form: TypeAlias = Literal["extxyz", "cif"]
"""Text of a structure."""

Of: TypeAlias = Literal["start", "end"]
"""Structure of a candidate before it is computed, or the final one."""

_DIGITS = 5
_MOST_PLACES = 8
_MISSING = ("nan", "NaT", "<NA>")  # as a frame has no number
_MASKED = "--"  # as a masked array has none
_OF_A_ROW = ("number", "candidate", "value", "status")
"""A mapping with one of these keys is a row of a report."""


@dataclass(frozen=True, repr=False, eq=False)
class Candidate(Mapping[str, str | float]):
    """A candidate: a mapping of its parameters, or of the columns of a table that describe it.

    Attributes:
        id: Its id in the space.
        cells: The same mapping.
    """

    id: str
    cells: Mapping[str, str | float]

    def __getitem__(self, name: str) -> str | float:
        return self.cells[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    def __repr__(self) -> str:
        shown = {name: _short(cell) if isinstance(cell, float) else repr(cell) for name, cell in self.cells.items()}
        cells = ", ".join(f"{name}={cell}" for name, cell in shown.items())
        return f"{type(self).__name__}({self.id}: {', '.join(filter(None, (cells, *self._facts())))})"

    def _facts(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, repr=False, eq=False)
class Proposed(Candidate):
    """A candidate whose value is to be reported.

    Attributes:
        number: Of the proposal; None: a descriptor of the candidate is to be measured first, not its value.
        why: Why it was chosen.
        mean: Predicted value [the objective's unit]; None before there is a model.
        deviation: Standard deviation of the prediction, same unit.
        others: Predicted mean and deviation of further measured quantities, by name.
        cost: Predicted cost.
        measure: Column that is to be measured instead of the value; None: the value.
        level: Name of the cheaper level whose value is to be reported; None: the one that the campaign wants.
    """

    number: int | None
    why: str
    mean: float | None = None
    deviation: float | None = None
    others: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    cost: float | None = None
    measure: str | None = None
    level: str | None = None

    def report(self, value: float | None, facts: Mapping[str, object]) -> list[dict[str, object]]:
        """The report of its measurement, as `tell` stores it.

        Args:
            value: Measured [the objective's unit]; None where the status says why, or facts are all that is measured.
            facts: Further columns; those that are None are left out.

        Raises:
            ConfigurationError: There is neither a value nor a status, the value is infinite, or a fact is no number.
        """
        reported = [fact for name, fact in facts.items() if fact is not None and name != "note"]
        missing = not reported if value is None else _is_missing(value) and facts.get("status") is None
        if missing or str(value) in ("inf", "-inf"):
            raise ConfigurationError(f"value: {value} for {self.id}; expected a number, or status='failed' and a note")
        for key, fact in facts.items():
            if str(fact) in _MISSING:
                raise ConfigurationError(f"{key}: {fact!r} for {self.id}; expected a value, or leave it out")
        # So that a report of conditions alone is refused: it would be a row that is still to be filled in.
        status = facts.get("status") or ("done" if value is None else None)
        cells = {"number": self.number, "candidate": self.id, self.measure or "value": value, **facts, "status": status}
        return [{key: cell for key, cell in cells.items() if cell is not None}]

    def _facts(self) -> tuple[str, ...]:
        if self.measure is not None:
            return (f"measure {self.measure}",)
        predicted = () if self.mean is None else (f"predicted {_with_deviation(self.mean, self.deviation)}",)
        return predicted if self.level is None else (f"level {self.level}", *predicted)


@dataclass(frozen=True, repr=False, eq=False)
class Found(Candidate):
    """A candidate with its value.

    Attributes:
        number: Of the proposal.
        system: Search problem that it belongs to.
        value: [unit]
        unit: The objective's.
    """

    number: int
    system: str
    value: float
    unit: str

    def _facts(self) -> tuple[str, ...]:
        return (f"value {with_unit(_short(self.value), self.unit)}",)


def number_of(verb: str, row: object) -> int:
    """Number of a proposal, given by it, by what was found, or by itself.

    Args:
        verb: For messages.

    Raises:
        ConfigurationError: It has no number.
    """
    number = row if isinstance(row, Integral) else getattr(row, "number", None)
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise ConfigurationError(f"{verb}: {reprlib.repr(row)}; expected a proposal of `ask()`, what was found, or its number")
    return int(number)


def _is_missing(value: object) -> bool:
    return str(value) in ("None", "", _MASKED, *_MISSING)


def by_number(values: Mapping[Any, Any]) -> list[dict[str, object]]:
    """Rows of values by number of the proposal; a mapping of columns is a row of its own.

    Args:
        values: A value, or a mapping of columns, for each.

    Raises:
        ConfigurationError: A value is missing: its proposal would wait without a word.
    """
    if not values.keys().isdisjoint(_OF_A_ROW):
        return [dict(values)]
    for number, of in values.items():
        if not isinstance(of, Mapping) and _is_missing(of):
            raise ConfigurationError(f"value: {of} for proposal {number}; expected a number, or {{'status': 'failed'}}")
    return [{"number": number} | (dict(of) if isinstance(of, Mapping) else {"value": of}) for number, of in values.items()]


def of_frame(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of a frame. Raises ConfigurationError where two columns have one name, of which one would get lost."""
    names = [str(name) for name in frame.columns]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ConfigurationError(f"two columns are named {twice!r}; expected one")
    return [{str(key): cell for key, cell in row.items()} for row in frame.to_dict("records")]


def refuse_beside_a_report(value: object, facts: Mapping[str, object]) -> None:
    """Refuses a value and facts that stand beside a whole report, which has its own.

    Args:
        value: None: not given.
        facts: By name; those that are None are not given.

    Raises:
        ConfigurationError: One is given; it would get lost.
    """
    given = next(((name, fact) for name, fact in (("value", value), *facts.items()) if fact is not None), None)
    if given is not None:
        name, fact = given
        raise ConfigurationError(f"{name}: {reprlib.repr(fact)} beside a whole report; expected a row of `ask()`, or nothing")


def id_of(verb: str, candidate: object) -> str:
    """Id of a candidate, given by it or by itself.

    Args:
        verb: For messages.

    Raises:
        ConfigurationError: It is neither.
    """
    found = candidate.id if isinstance(candidate, Candidate) else candidate
    if not isinstance(found, str):
        raise ConfigurationError(f"{verb}: {reprlib.repr(candidate)}; expected a candidate, or its id")
    return found


def named(verb: str, candidate: object) -> str | int:
    """Id of a candidate, given by it or by itself, or the number of a proposal.

    Args:
        verb: For messages.

    Raises:
        ConfigurationError: It is none of these.
    """
    if isinstance(candidate, Candidate | str):
        return id_of(verb, candidate)
    if not isinstance(candidate, Integral) or isinstance(candidate, bool):
        raise ConfigurationError(f"{verb}: {reprlib.repr(candidate)}; expected a candidate, its id, or a proposal's number")
    return int(candidate)


def _short(value: float) -> str:
    """A number in few digits, of which those before the point stay."""
    digits = max(_DIGITS, len(str(int(abs(value))))) if math.isfinite(value) else _DIGITS
    return f"{value:.{digits}g}"


def _with_deviation(mean: float, deviation: float | None) -> str:
    """A prediction, up to the second digit of its deviation."""
    if deviation is None:
        return _short(mean)
    places = 1 - math.floor(math.log10(deviation)) if deviation > 0.0 else math.inf
    if abs(places) > _MOST_PLACES:
        return f"{_short(mean)} ± {_short(deviation)}"
    return f"{mean:.{max(0, places)}f} ± {deviation:.{max(0, places)}f}"
