"""Reads rows of numbers from a text file; an error names the line that is not a row of numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError

_TINY, _HUGE = 1e-100, 1e100


def read_numbers(path: Path, largest_bytes: int, fits: Callable[[int], bool], expected: str) -> FloatArray:
    """Reads a table of finite numbers.

    Args:
        path: Columns separated by commas, semicolons or white space. Lines that begin with ``#`` or ``%``, and text before the
            first number, are skipped.
        largest_bytes: Size of the file that is not exceeded.
        fits: Whether a number of columns can be used.
        expected: Columns that can be used, as the message says it.

    Returns:
        (n_rows, n_columns); (0, 0) without rows.

    Raises:
        ConfigurationError: The file cannot be read, or a line is not numbers; the message has its number. Or its numbers
            are huge or tiny.
    """
    try:
        if path.stat().st_size > largest_bytes:
            raise ConfigurationError(f"{path}: {path.stat().st_size} bytes, at most {largest_bytes}")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read as text: {error}") from error
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        fields = [field for field in re.split(r"[,;\s]+", line.strip()) if field]
        if not fields or line.lstrip()[:1] in "#%":
            continue
        values = _numbers(fields)
        if values is None and not rows:
            continue  # a header
        if values is None or len(values) != len(rows[0] if rows else values) or not fits(len(values)):
            raise ConfigurationError(
                f"{path}, line {number}: {line.strip()[:60]!r}; expected {expected} finite numbers, as in all lines"
            )
        rows.append(values)
    table = np.array(rows).reshape(len(rows), len(rows[0]) if rows else 0)
    for part in (table[:, :1], table[:, 1:]):  # a channel by itself may be nearly 0
        check_sizes(part, path)
    return table


def check_sizes(values: FloatArray, path: Path) -> None:
    """Refuses numbers whose squares would be infinite, or all 0.

    Args:
        values: (n_rows, n_columns).

    Raises:
        ConfigurationError: The largest number is huge or tiny.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest > _HUGE or 0.0 < largest < _TINY:
        raise ConfigurationError(
            f"{path}: the largest number is {largest:g}; expected {_TINY:g} to {_HUGE:g}", hint="use another unit"
        )


def _numbers(fields: list[str]) -> list[float] | None:
    try:
        values = [float(field) for field in fields]
    except ValueError:
        return None
    return values if all(math.isfinite(value) for value in values) else None
