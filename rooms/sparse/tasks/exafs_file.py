"""Reads an absorption spectrum or a fine structure from columns of text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.exafs.background import extracted
from tansaku.sparse.tasks.number_file import read_numbers

_LARGEST_BYTES = 20_000_000
_MOST_COLUMNS = 50
_FEWEST, _MOST = 40, 100_000
_ENERGIES = 100.0  # above which the first column holds energies [eV], not wavenumbers


@dataclass(frozen=True)
class Reading:
    """Columns of a file that are read, and the edge.

    Attributes:
        columns: Of energy or wavenumber and of absorption or fine structure, counted from 1.
        edge: Energy where k is 0 [eV], for absorption; None: the steepest rise.
    """

    columns: tuple[int, int] = (1, 2)
    edge: float | None = None

    def __post_init__(self) -> None:
        if min(self.columns) < 1 or max(self.columns) > _MOST_COLUMNS or self.columns[0] == self.columns[1]:
            raise ConfigurationError(
                f"--columns {self.columns[0]} {self.columns[1]}: expected two different numbers of columns, from 1"
            )
        if self.edge is not None and not (np.isfinite(self.edge) and self.edge > 0.0):
            raise ConfigurationError(f"--edge {self.edge:g}: expected an energy above 0 eV")


def read_fine_structure(path: Path, reading: Reading) -> tuple[FloatArray, FloatArray, JsonDict]:
    """Reads chi(k), or mu(E), from which it takes chi(k).

    Args:
        path: Columns separated by commas, semicolons or white space; comments begin with ``#`` or ``%``.
        reading: What is read. Energies [eV] are distinguished from wavenumbers [1/A] by their size.

    Returns:
        Wavenumbers, rising, fine structure, and what the report says of the data.

    Raises:
        ConfigurationError: The file cannot be read, or what it holds is neither.
    """
    needed = max(reading.columns)
    rows = read_numbers(path, _LARGEST_BYTES, lambda count: needed <= count <= _MOST_COLUMNS, f"at least {needed}")
    if not _FEWEST <= len(rows) <= _MOST:
        raise ConfigurationError(f"{path}: {len(rows)} points; expected {_FEWEST} to {_MOST}")
    first, second = (rows[:, column - 1] for column in reading.columns)
    order = np.argsort(first, kind="stable")
    first, second = first[order], second[order]
    if first[-1] > _ENERGIES:
        return _from_absorption(first, second, path, reading)
    if reading.edge is not None:
        raise ConfigurationError(f"--edge {reading.edge:g}: {path} has wavenumbers up to {first[-1]:g}, not energies")
    repeated = np.flatnonzero(np.diff(first) <= 0.0)
    if len(repeated):
        raise ConfigurationError(f"{path}: wavenumber {first[repeated[0]]:g} is in it twice")
    return first, second, {"kind": "chi"}


def _from_absorption(
    energy: FloatArray, absorption: FloatArray, path: Path, reading: Reading
) -> tuple[FloatArray, FloatArray, JsonDict]:
    places, numbers = np.unique(energy, return_inverse=True)
    mean = np.bincount(numbers, absorption) / np.bincount(numbers)
    try:
        found = extracted(places, mean, reading.edge)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error.message}", hint="give the edge's energy by --edge") from error
    return found.k, found.chi, {"kind": "xmu", "edge": found.edge, "edge_step": found.step}
