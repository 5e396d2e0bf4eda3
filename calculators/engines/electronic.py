"""Shared by the DFT codes: checks of elements, magnetic moments, k-points, and the key of an unfinished calculation."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.relaxation import RelaxationSpec

TOTAL_CHARGE = "total_charge"
"""Key of ``Atoms.info``: charge of the cell [e]; without it the cell is neutral."""


def total_charge(structure: Atoms) -> int:
    """Charge of a structure's cell [e]."""
    return int(structure.info.get(TOTAL_CHARGE, 0))


def check_elements(structure: Atoms, known: Collection[str], who: str) -> None:
    """Raises ConfigurationError for an element that a code was given no setup or pseudopotential for."""
    for symbol in sorted(set(structure.get_chemical_symbols())):
        if symbol not in known:
            listed = ", ".join(sorted(known, key=lambda element: atomic_numbers[element]))
            raise ConfigurationError(f"{who} has no {symbol}; it describes {listed}")


def task_key(structure: Atoms, relaxation: RelaxationSpec | None, provenance: Provenance) -> str:
    """Hash of all inputs of a calculation; an unfinished calculation is only continued under the same hash."""
    grid_cell = {GRID_CELL: np.asarray(structure.info[GRID_CELL]).tolist()} if GRID_CELL in structure.info else {}
    charge = {TOTAL_CHARGE: total_charge(structure)} if TOTAL_CHARGE in structure.info else {}
    return content_hash(
        grid_cell
        | charge
        | {
            "provenance": provenance.model_dump(mode="json"),
            "relaxation": relaxation.model_dump(mode="json") if relaxation is not None else None,
            "numbers": structure.numbers.tolist(),
            "positions": structure.positions.tolist(),
            "cell": structure.cell.array.tolist(),
            "held": np.asarray(structure.arrays.get("held", ()), dtype=bool).tolist(),
        }
    )


def initial_moments(structure: Atoms, moments: dict[str, float]) -> list[float]:
    """Initial magnetic moment of each atom [μB]."""
    return [moments.get(symbol, 0.0) for symbol in structure.get_chemical_symbols()]


GRID_CELL = "kpoint_cell"
"""Key of ``Atoms.info``: another cell [Å], shape ``(3, 3)``, whose grid is used. Energies of one crystal at several volumes
are compared on one grid; a grid that follows the volume makes them jump."""

_ROUNDING = 1e-9


def structure_grid(structure: Atoms, density: float) -> tuple[int, int, int]:
    """Grid of a structure: that of its cell, or of the cell that its ``info`` names; see :func:`kpoint_grid`."""
    return kpoint_grid(np.asarray(structure.info.get(GRID_CELL, structure.cell.array), dtype=np.float64), density)


def kpoint_grid(cell: FloatArray, density: float) -> tuple[int, int, int]:
    """Numbers of k-points along the reciprocal cell vectors: the density times their lengths, rounded up.

    Args:
        cell: Cell vectors as rows [Å], shape ``(3, 3)``.
        density: K-points per length [Å].
    """
    lengths = 2.0 * np.pi * np.linalg.norm(np.linalg.inv(cell), axis=0)
    # A cell that is a whole number of another one, but for rounding, has a grid that is the same points.
    first, second, third = (max(1, int(np.ceil(density * float(length) - _ROUNDING))) for length in lengths)
    return first, second, third
