"""Reads a CSV file for a sparse search and reports problems of its columns by name, before anything is computed."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from tansaku.models.averaging.design import near_one
from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.spreadsheet import separator_of
from tansaku.models.domain.wording import counted
from tansaku.tasks.ground.formats.csv_text import texts_of

_LEAK = 1.0 - 1e-6  # correlation with the target from which on a column is taken for the target itself
_COLLINEAR = 1e-10  # share of a column that the columns before it leave unexplained
_SHOWN = 4
_FEW = 0.2  # share of cells that may be wrong in a column that is meant to be of numbers
_FEWEST = 3  # of two rows every column is the target in another form

Refusal = tuple[str, str]
"""A problem for which a table is refused, and what helps."""


@dataclass(frozen=True)
class Wanted:
    """Columns to read from a table, and how.

    Attributes:
        target: Name of the column to explain.
        without: Columns to leave out.
        keep: Columns to use although they look like the target.
        classes: Whether the target is a class with two values; None: if it is text or has two values.
        drop_rows: Whether rows with missing values are left out; otherwise they are refused.
    """

    target: str
    without: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    classes: bool | None = None
    drop_rows: bool = False


@dataclass(frozen=True, eq=False)
class SearchTable:
    """A checked table.

    Attributes:
        names: Of the columns that can be used.
        x: Their values, (n_rows, n_columns).
        y: Target, 0 and 1 for classes, (n_rows,).
        target: Its name.
        classes: Names of the two classes; empty for a regression.
        findings: What was noticed and left out, a sentence each.
        left_out: Why a column cannot be used, by name.
    """

    names: tuple[str, ...]
    x: FloatArray
    y: FloatArray
    target: str
    classes: tuple[str, ...]
    findings: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def place(self, name: str) -> int:
        """Number of a column.

        Raises:
            ConfigurationError: It cannot be used or does not exist.
        """
        if name in self.left_out:
            raise ConfigurationError(f"column {name!r} is left out: {self.left_out[name]}")
        if name not in self.names:
            raise ConfigurationError(f"column {name!r}: not among the columns that can be used: {listed(self.names)}")
        return self.names.index(name)


def listed(names: Sequence[str]) -> str:
    """A few names of many."""
    more = f" and {len(names) - 2 * _SHOWN} more" if len(names) > 2 * _SHOWN else ""
    return ", ".join(map(repr, names[: 2 * _SHOWN])) + more


def read_table(path: Path, wanted: Wanted) -> SearchTable:
    """Reads and checks a table.

    Args:
        path: CSV file with a header.

    Raises:
        ConfigurationError: The file, the target or columns cannot be used; all columns in question are named.
    """
    frame = read_frame(path, wanted.without)
    for name in (wanted.target, *wanted.without, *wanted.keep):
        if name not in frame.columns:
            raise ConfigurationError(f"{path}: no column {name!r}; it has {listed(list(map(str, frame.columns)))}")
    frame = frame.drop(columns=[name for name in wanted.without if name != wanted.target])
    findings: list[str] = []
    left_out = dict.fromkeys(wanted.without, "by --without")
    text = [str(name) for name in frame.columns if name != wanted.target and not pd.api.types.is_numeric_dtype(frame[name])]
    if text:
        findings.append(f"text, left out: {listed(text)}")
        left_out |= dict.fromkeys(text, "text")
        frame = frame.drop(columns=text)
    frame, refused = _complete(frame, wanted, findings)
    if len(frame) < _FEWEST:
        _refuse(path, [*refused, (f"{counted(len(frame), 'row')}, expected at least {_FEWEST}", "add rows")], findings)
    if frame[wanted.target].nunique() < 2:
        _refuse(path, refused, findings)
    y, classes = _target(frame[wanted.target], wanted, path)
    columns = frame.drop(columns=[wanted.target])
    names, x = [str(name) for name in columns.columns], columns.to_numpy(dtype=np.float64)
    names, x = _distinct(names, x, findings, left_out)
    near, _ = near_one(x)
    _refuse(path, [*refused, *_leaks(names, near, near_one(y)[0], wanted)], findings)
    if not names:
        raise ConfigurationError(f"{path}: no column is left to search", hint="; ".join(findings) or None)
    if len(names) < len(y):
        summed = not classes and len(names) < len(y) - 1  # as many columns as that explain any target
        findings += _dependent(names, near, wanted.target, near_one(y)[0]) if summed else collinear(names, near)
    else:
        findings.append(f"{len(y)} rows for {len(names)} columns: every column is a linear combination of others")
    return SearchTable(tuple(names), x, y, wanted.target, classes, tuple(findings), left_out)


def read_frame(path: Path, without: Sequence[str] = ()) -> pd.DataFrame:
    """The rows of a CSV file; semicolons or tabs may separate its cells, and numbers then have decimal points or commas.

    Args:
        without: Columns whose cells may be anything.

    Raises:
        ConfigurationError: It cannot be read, two columns have one name, or few cells of a column are no numbers.
    """
    try:
        heading = pd.read_csv(path, header=None, nrows=1, dtype=str, sep="\x1f", quoting=csv.QUOTE_NONE).iloc[0, 0]
        separator = separator_of(str(heading))
        names = pd.read_csv(path, header=None, nrows=1, dtype=str, sep=separator).iloc[0].dropna().tolist()
        frame = texts_of(pd.read_csv(path, sep=separator))
        if separator != ",":
            other = texts_of(pd.read_csv(path, sep=separator, decimal=","))
            frame = max(frame, other, key=lambda read: len(read.select_dtypes("number").columns))
    except (OSError, ValueError) as error:  # a parser's error is a ValueError
        raise ConfigurationError(f"{path}: cannot be read as CSV: {error}") from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"{path}: more than one column is called {listed(twice)}")
    _refuse_odd_cells(frame.drop(columns=[name for name in without if name in frame.columns]), path)
    unnamed = sorted({str(name) for name in frame.columns if str(name).startswith("Unnamed:")})
    return frame.drop(columns=unnamed)


def _refuse_odd_cells(frame: pd.DataFrame, path: Path) -> None:
    """Refuses columns of numbers in which a few cells are none: as texts they would be left out."""
    odd = []
    for name in frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        wrong = np.flatnonzero(pd.to_numeric(frame[name], errors="coerce").isna() & frame[name].notna())
        if 0 < len(wrong) <= _FEW * len(frame):
            odd.append(f"{name!r}, row {wrong[0] + 2}: {shown(str(frame[name].iloc[wrong[0]]), 40)}")
    if odd:
        raise ConfigurationError(
            f"{path}: not a number: {'; '.join(odd[:_SHOWN])}", hint="correct the cell, or leave it empty; the header is row 1"
        )


def _complete(frame: pd.DataFrame, wanted: Wanted, findings: list[str]) -> tuple[pd.DataFrame, list[Refusal]]:
    """Rows without missing and infinite values; where these are refused, the other columns of the rows with a target."""
    bad = frame.isna()
    for name in frame.select_dtypes("number").columns:
        bad[name] |= np.isinf(frame[name].to_numpy(dtype=np.float64))
    counts = bad.sum()
    found = [f"{name!r} ({count} rows)" for name, count in counts.items() if count]
    if not found:
        return frame, []
    if not wanted.drop_rows:
        problem = f"missing or infinite values in {', '.join(found)}"
        whole = [name for name in frame.columns if name == wanted.target or not counts[name]]
        hint = "leave the columns out with --without NAME, or the rows with --drop-rows"
        return frame.loc[~bad[wanted.target], whole], [(problem, hint)]
    keep = ~bad.any(axis=1)
    findings.append(f"{int((~keep).sum())} rows left out for missing values in {', '.join(found)}")
    return frame.loc[keep], []


def _target(values: pd.Series, wanted: Wanted, path: Path) -> tuple[FloatArray, tuple[str, ...]]:
    numeric = pd.api.types.is_numeric_dtype(values)
    distinct = sorted(values.unique().tolist(), key=None if numeric else str)
    if len(distinct) < 2:
        raise ConfigurationError(f"{path}: target {wanted.target!r} is constant")
    classes = (len(distinct) == 2 or not numeric) if wanted.classes is None else wanted.classes
    if classes and len(distinct) != 2:
        raise ConfigurationError(f"{path}: target {wanted.target!r} has {len(distinct)} classes; expected 2")
    if classes:
        return np.asarray(values == distinct[1], dtype=np.float64), tuple(map(str, distinct))
    if not numeric:
        raise ConfigurationError(f"{path}: target {wanted.target!r} is text; expected numbers for a regression")
    return values.to_numpy(dtype=np.float64), ()


def _distinct(names: list[str], x: FloatArray, findings: list[str], left_out: dict[str, str]) -> tuple[list[str], FloatArray]:
    """Columns that vary and occur once, up to a factor and an offset."""
    near, _ = near_one(x)
    varies = near.std(axis=0) > 1e-12 * np.abs(near).max(axis=0, initial=0.0)
    constant = [name for name, varied in zip(names, varies, strict=True) if not varied]
    if constant:
        findings.append(f"constant, left out: {listed(constant)}")
        left_out |= dict.fromkeys(constant, "constant")
    names = [name for name, varied in zip(names, varies, strict=True) if varied]
    x, near = x[:, varies], near[:, varies]
    standard = (near - near.mean(axis=0)) / near.std(axis=0) if len(names) else x
    correlation = np.abs(standard.T @ standard) / max(1, len(x))
    keep: list[int] = []
    for place, name in enumerate(names):
        same = [other for other in keep if correlation[place, other] > 1.0 - 1e-12]
        if same:
            findings.append(f"duplicate, left out: {name!r} is {names[same[0]]!r} times a factor plus an offset")
            left_out[name] = f"a duplicate of {names[same[0]]!r}"
        else:
            keep.append(place)
    return [names[place] for place in keep], x[:, keep]


def _leaks(names: list[str], x: FloatArray, y: FloatArray, wanted: Wanted) -> list[Refusal]:
    """Refuses columns that are the target in another form."""
    ranks = pd.DataFrame(x).rank().to_numpy()
    target = pd.Series(y).rank().to_numpy()
    leaks = []
    for place, name in enumerate(names):
        linear = abs(float(np.corrcoef(x[:, place], y)[0, 1]))
        monotonic = abs(float(np.corrcoef(ranks[:, place], target)[0, 1]))
        several = len(np.unique(y)) > 2
        if name not in wanted.keep and (linear > _LEAK or (several and len(y) > 5 and monotonic > _LEAK)):
            leaks.append(name)
    if not leaks:
        return []
    problem = f"target {wanted.target!r} leaks into {listed(leaks)}: the same values in another form"
    return [(problem, "leave them out with --without NAME, or use them nevertheless with --keep NAME")]


def _refuse(path: Path, refused: Sequence[Refusal], findings: Sequence[str]) -> None:
    """Raises a ConfigurationError of all that is refused, with what else was noticed; nothing refused: returns."""
    if refused:
        problems, hints = zip(*refused, strict=True)
        raise ConfigurationError(f"{path}: {'; '.join(problems)}", hint="; ".join([*hints, *findings]))


def collinear(names: Sequence[str], x: FloatArray) -> list[str]:
    """Sentences on columns that are linear combinations of columns before them."""
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    found: list[str] = []
    basis: list[int] = []
    for place, name in enumerate(names):
        if basis:
            weights, *_ = np.linalg.lstsq(standard[:, basis], standard[:, place], rcond=None)
            rest = standard[:, place] - standard[:, basis] @ weights
            if (rest**2).mean() < _COLLINEAR:
                of = [names[basis[number]] for number in np.flatnonzero(np.abs(weights) > 1e-6)]
                found.append(f"collinear: {name!r} is a linear combination of {listed(of)}")
                continue
        basis.append(place)
    return found


def _dependent(names: list[str], x: FloatArray, target: str, y: FloatArray) -> list[str]:
    """Sentences on collinear columns, and on a target that columns add up to, which may be how the table was made."""
    *found, last = ["", *collinear([*names, target], np.column_stack([x, y]))]
    said = last.removeprefix(f"collinear: {target!r} ")
    if said != last:
        last = f"target {target!r} {said}: leave out with --without NAME what was computed from it"
    return [sentence for sentence in (*found, last) if sentence]


def check_size(table: SearchTable, largest: int, path: Path) -> None:
    """Refuses supports that the rows cannot determine.

    Raises:
        ConfigurationError: There are too few rows.
    """
    if len(table.y) < largest + 2:
        raise ConfigurationError(
            f"{path}: {len(table.y)} rows for up to {largest} columns: expected at least {largest + 2} rows",
            hint="choose a smaller --max-features",
        )
