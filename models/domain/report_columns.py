"""The columns of a report of measured values, and those that a table to be filled in has besides."""

from __future__ import annotations

from collections.abc import Iterable

NUMBER, CANDIDATE, VALUE, DEVIATION = "number", "candidate", "value", "deviation"
STATUS, NOTE, UNIT, COST = "status", "note", "unit", "cost"
COLUMNS = (NUMBER, CANDIDATE, VALUE, DEVIATION, STATUS, NOTE, UNIT, COST)
"""Columns that a report may have besides those of further measured quantities and those that describe a candidate."""

ALIASES = {"round": NUMBER, "id": CANDIDATE, "std": DEVIATION, "reason": NOTE}
"""Further names of some of them."""

INSTEAD = "instead"
"""Column that names the candidate that was measured in a proposal's place; a column of the campaign may have the name."""

PREDICTION, UNCERTAINTY, SYSTEM, LEVEL = "prediction", "uncertainty", "system", "level"
NEAREST = ("nearest", "nearest value")


def taken_names() -> frozenset[str]:
    """Names that a measured quantity cannot have, as a column of that name means something else."""
    return frozenset((*COLUMNS, *ALIASES, PREDICTION, UNCERTAINTY, SYSTEM, *NEAREST))


def unclear_names(measured: Iterable[str]) -> frozenset[str]:
    """Names that a column that describes candidates cannot have, in lower case: headings of reports are read in any case.

    Further names of the columns of a report, such as ``id``, are not among them: a column of the campaign takes them over.

    Args:
        measured: Names of the measured quantities.
    """
    return frozenset(name.lower() for name in (*COLUMNS, *measured, *information_columns(measured)))


def predicted_columns(measured: Iterable[str]) -> list[tuple[str, str]]:
    """Columns with the prediction and its deviation, of the value and of each further quantity.

    Args:
        measured: Names of the measured quantities; the value is predicted although it may not be among them.
    """
    further = [name for name in measured if name != VALUE]
    return [(PREDICTION, UNCERTAINTY), *((f"{PREDICTION} of {name}", f"{UNCERTAINTY} of {name}") for name in further)]


def information_columns(measured: Iterable[str]) -> tuple[str, ...]:
    """Columns that a table to be filled in has for its reader; a report may keep them, nothing reads them.

    Args:
        measured: Names of the measured quantities.
    """
    return (*(name for pair in predicted_columns(measured) for name in pair), *NEAREST)
