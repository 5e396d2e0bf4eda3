"""Energies of competing phases, from a spec or the CSV that it names."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from ase.formula import Formula

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import file_sha256, shown
from tansaku.models.domain.specs.phases import PhasesSpec

COLUMNS = ("formula", "energy_per_atom")
_KEY = "space.phases.file"
_MOST_BYTES = 20_000_000


def phases_of(spec: PhasesSpec, base_path: Path) -> Mapping[str, float]:
    """Energies by formula [eV/atom].

    Args:
        base_path: Folder in which relative paths start.

    Raises:
        ConfigurationError: The file is missing, changed or no table of phases; the message names the line.
    """
    if spec.file is None:
        return dict(spec.energies or {})
    path = base_path / spec.file
    if not path.is_file():
        raise ConfigurationError(f"{_KEY}: no file {str(path)!r}; expected a CSV with the columns {' and '.join(COLUMNS)}")
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigurationError(f"{_KEY}: {path.name!r} has {path.stat().st_size:,} bytes; expected at most {_MOST_BYTES:,}")
    if spec.sha256 is not None and file_sha256(path) != spec.sha256:
        raise ConfigurationError(
            f"{_KEY}: {path.name!r} has SHA-256 {file_sha256(path)}, expected {spec.sha256}",
            hint="the file has changed since the campaign began; restore it or start a new campaign",
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(csv.DictReader(stream), path.name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{_KEY}: {path.name!r} cannot be read as a CSV: {error}") from error


def _read(rows: csv.DictReader[str], name: str) -> dict[str, float]:
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ConfigurationError(f"{_KEY}: {name!r} has no column {missing[0]!r}")
    found: dict[str, float] = {}
    for number, row in enumerate(rows, start=2):
        formula, text = (row[column] or "" for column in COLUMNS)
        try:
            energy = float(text)
        except ValueError:
            energy = float("nan")
        if not np.isfinite(energy):
            raise ConfigurationError(f"{_KEY}: {name!r}, line {number}: energy_per_atom is {shown(text)}, not a finite number")
        if not is_formula(formula):
            raise ConfigurationError(
                f"{_KEY}: {name!r}, line {number}: {shown(formula)} is not a chemical formula, e.g. Li3PO4"
            )
        found[formula] = min(energy, found.get(formula, energy))
    if not found:
        raise ConfigurationError(f"{_KEY}: {name!r} has no phases")
    return found


def is_formula(text: str) -> bool:
    """Returns whether a text is a formula of known elements."""
    try:
        counts = Formula(text).count()
    except ValueError:
        return False
    return bool(counts) and all(symbol in atomic_numbers and atomic_numbers[symbol] > 0 for symbol in counts)
