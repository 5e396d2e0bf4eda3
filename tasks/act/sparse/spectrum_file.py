"""Reads a spectrum from a text file with two or three columns; an error names the line that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.sparse.spectra.score import Spectrum
from tansaku.tasks.act.sparse.number_file import read_numbers

_COLUMNS = (2, 3)
_FEWEST = 20
_MOST = 100_000
_LARGEST_BYTES = 20_000_000


def read_spectrum(path: Path) -> Spectrum:
    """Reads position, intensity and, where there is a third column, the intensity's standard deviation.

    Args:
        path: Columns separated by commas, semicolons or white space. Lines that begin with ``#`` or ``%``, and text before the
            first number, are skipped.

    Raises:
        ConfigurationError: The file cannot be read, or a line is not numbers; the message has its number.
    """
    rows = read_numbers(path, _LARGEST_BYTES, lambda count: count in _COLUMNS, "2 or 3")
    if not _FEWEST <= len(rows) <= _MOST:
        raise ConfigurationError(f"{path}: {len(rows)} points; expected {_FEWEST} to {_MOST}")
    return _checked(rows, path)


def _checked(values: np.ndarray, path: Path) -> Spectrum:
    """The spectrum in rising order."""
    values = values[np.argsort(values[:, 0], kind="stable")]
    repeated = np.flatnonzero(np.diff(values[:, 0]) <= 0.0)
    if len(repeated):
        raise ConfigurationError(f"{path}: position {values[repeated[0], 0]:g} is in it twice")
    error = values[:, 2] if values.shape[1] == 3 else None
    if error is not None and not np.all(error > 0.0):
        place = values[np.flatnonzero(error <= 0.0)[0], 0]
        raise ConfigurationError(f"{path}: the standard deviation at {place:g} is not above 0")
    return Spectrum(values[:, 0], values[:, 1], error)
