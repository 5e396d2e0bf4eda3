"""Peaks of several spectra as columns of one table, so that a search of columns can relate them to a property."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tansaku.models.averaging.subsets import FloatArray, IntArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.sparse.models.spectra.candidates import Fit

_GAP = 0.5  # distance of neighbouring positions above which peaks are different ones, in units of the median width


def same_peaks(positions: FloatArray, widths: FloatArray) -> IntArray:
    """Numbers peaks of all spectra so that the same one has the same number, in order of position.

    Args:
        positions: Of all peaks.
        widths: Of those.
    """
    if not len(positions):
        return np.empty(0, dtype=np.int64)
    order = np.argsort(positions, kind="stable")
    apart = np.diff(positions[order]) > _GAP * float(np.median(widths))
    numbers = np.empty(len(positions), dtype=np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(apart)])
    return numbers


def feature_table(names: Sequence[str], fits: Sequence[Fit]) -> tuple[list[str], list[list[float]]]:
    """Heights of all peaks, and positions and widths of those that every spectrum has.

    Args:
        names: Of the spectra.
        fits: Of those.

    Returns:
        Names of the columns, and a row per spectrum. The height of a peak that a spectrum lacks is 0.

    Raises:
        ConfigurationError: Two peaks of one spectrum are as near as the same peak of two.
    """
    owner = np.concatenate([np.full(len(fit.heights), number) for number, fit in enumerate(fits)]).astype(np.int64)
    position, width, height = (
        np.concatenate(parts)
        for parts in zip(*((fit.peaks.position, fit.peaks.width, fit.heights) for fit in fits), strict=True)
    )
    peak = same_peaks(position, width)
    columns: list[str] = []
    values: list[FloatArray] = []
    for number in range(int(peak.max(initial=-1)) + 1):
        own = peak == number
        where = f"{np.median(position[own]):g}"
        twice = np.flatnonzero(np.bincount(owner[own], minlength=len(fits)) > 1)
        if len(twice):
            raise ConfigurationError(
                f"{names[twice[0]]}: two peaks near {where}, which cannot be distinguished from the others'"
            )
        complete = own.sum() == len(fits)
        for kind, of in (("height", height), ("position", position), ("width", width))[: 3 if complete else 1]:
            column = np.zeros(len(fits))
            column[owner[own]] = of[own]
            columns.append(f"{kind} at {where}")
            values.append(column)
    return columns, (np.array(values).T.tolist() if values else [[] for _ in fits])


def write_features(names: Sequence[str], fits: Sequence[Fit], path: Path) -> None:
    """Writes the table as CSV, a row per spectrum.

    Raises:
        ConfigurationError: Peaks cannot be distinguished.
    """
    columns, rows = feature_table(names, fits)
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write(csv_line(["spectrum", *columns]))
        stream.writelines(csv_line([name, *row]) for name, row in zip(names, rows, strict=True))
