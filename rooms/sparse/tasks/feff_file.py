"""Reads a path of single scattering from a file feffNNNN.dat and refuses what is none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.exafs.scattering import FeffPath

_LARGEST_BYTES = 1_000_000
_COLUMNS = 7
_FEWEST = 10
_MOST_ATOMS = 120


def read_feff(path: Path) -> FeffPath:
    """Reads amplitude, phase and mean free path of one path, as Feff 6 and 8 write them.

    Raises:
        ConfigurationError: The file cannot be read, is no feffNNNN.dat, or its path scatters more than once.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ConfigurationError(f"{path}: {path.stat().st_size} bytes, at most {_LARGEST_BYTES}")
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    places = [number for number, line in enumerate(lines) if "real[2*phc]" in line]
    heads = [number for number, line in enumerate(lines) if "nleg" in line and "reff" in line]
    if not places or not heads or heads[0] >= places[0]:
        raise ConfigurationError(f"{path}: expected a file feffNNNN.dat of Feff, with 'nleg' and 'real[2*phc]' in it")
    legs, distance = _header(lines[heads[0]], path, heads[0])
    if legs != 2:
        raise ConfigurationError(f"{path}: a path of {legs} legs; expected single scattering, 2 legs")
    absorber, scatterer = _atoms(lines[heads[0] + 1 : places[0]], path)
    rows = _rows(lines[places[0] + 1 :], path, places[0] + 2)
    k, central, magnitude, phase, reduction, free_path, momentum = rows.T
    if np.any(np.diff(k) <= 0.0) or np.any(free_path <= 0.0) or k[0] < 0.0:
        raise ConfigurationError(f"{path}: expected rising k from 0 and mean free paths above 0")
    return FeffPath(path.name, absorber, scatterer, distance, k, magnitude * reduction, central + phase, momentum, free_path)


def _header(line: str, path: Path, number: int) -> tuple[int, float]:
    try:
        legs, _, distance = (float(field) for field in line.split()[:3])
    except ValueError as error:
        raise ConfigurationError(f"{path}, line {number + 1}: {line.strip()[:60]!r}; expected nleg, deg, reff") from error
    if not 0.5 < distance < 50.0:
        raise ConfigurationError(f"{path}, line {number + 1}: distance {distance:g} A; expected 0.5 to 50")
    return int(legs), distance


def _atoms(lines: list[str], path: Path) -> tuple[str, str]:
    """Chemical symbols of the absorber and of the scatterer."""
    found = []
    for line in lines:
        match = re.match(r"\s*[-\d.]+\s+[-\d.]+\s+[-\d.]+\s+\d+\s+(\d{1,3})\b", line)
        if match and 0 < int(match[1]) < min(len(chemical_symbols), _MOST_ATOMS):
            found.append(str(chemical_symbols[int(match[1])]))
    if len(found) != 2:
        raise ConfigurationError(f"{path}: {len(found)} atoms with an atomic number; expected absorber and scatterer")
    return found[0], found[1]


def _rows(lines: list[str], path: Path, first: int) -> np.ndarray:
    rows = []
    for number, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        try:
            values = [float(field) for field in line.split()]
        except ValueError:
            values = []
        if len(values) != _COLUMNS or not np.all(np.isfinite(values)):
            raise ConfigurationError(f"{path}, line {number}: {line.strip()[:60]!r}; expected {_COLUMNS} finite numbers")
        rows.append(values)
    if len(rows) < _FEWEST:
        raise ConfigurationError(f"{path}: {len(rows)} wavenumbers; expected at least {_FEWEST}")
    return np.array(rows)
