"""What every engine's relaxation has in common: checks before, convergence after."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.calculator import RelaxationSpec

# Å; nearer pairs lie inside the unphysical core of every potential and tables are not meant for them.
_CLOSEST = 0.7
_CELL_CHANGE = (0.75, 1.5)


def check_input(structure: Atoms) -> None:
    """Raises unless the structure can be computed at all.

    Raises:
        ConfigurationError: It is empty, not periodic in three directions or has no volume.
        CalculationError: A position is not finite (``nan``) or two atoms coincide (``overlap``).
    """
    if len(structure) == 0 or not structure.pbc.all():
        raise ConfigurationError(
            f"a calculator needs a fully periodic structure with atoms, got {structure.symbols} {structure.pbc}"
        )
    if not np.isfinite(structure.positions).all() or not np.isfinite(structure.cell.array).all():
        raise CalculationError("nan", "a start position or cell vector is not a finite number")
    if np.linalg.det(structure.cell.array) <= 0:
        raise ConfigurationError(f"cell {structure.cell.array.tolist()} has no volume or is left-handed")


def check_overlap(distances: FloatArray) -> None:
    """Raises ``CalculationError('overlap')`` when a pair is nearer than any potential is meant for.

    Args:
        distances: Pair distances [Å], any shape.
    """
    if distances.size and float(distances.min()) < _CLOSEST:
        raise CalculationError(
            "overlap", f"two atoms are {float(distances.min()):.3f} Å apart, at least {_CLOSEST} Å are needed"
        )


def held_indices(structure: Atoms, relaxation: RelaxationSpec | None) -> IntArray:
    """Atoms that keep x and y in this relaxation, ascending."""
    if relaxation is None or relaxation.translation == "free" or "held" not in structure.arrays:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.asarray(structure.arrays["held"], dtype=bool))


def free_fmax(forces: FloatArray, held: IntArray) -> float:
    """Largest force on an atom, less the components that are held [eV/Å].

    Args:
        forces: [eV/Å], shape ``(n_atoms, 3)``.
        held: Indices of atoms that keep x and y.
    """
    free = forces.copy()
    free[held, :2] = 0.0
    return float(np.sqrt((free**2).sum(axis=1).max()))


def is_converged(forces: FloatArray, stress: FloatArray, cell: FloatArray, held: IntArray, relaxation: RelaxationSpec) -> bool:
    """Whether forces, and with a free cell the normal stress times the volume per atom, are within ``fmax``.

    Args:
        forces: [eV/Å], shape ``(n_atoms, 3)``.
        stress: Tensor [eV/Å^3], shape ``(3, 3)``.
        cell: Cell vectors as rows [Å], shape ``(3, 3)``.
        held: Indices of atoms that keep x and y.
        relaxation: Says ``fmax`` and whether the cell is free.
    """
    if not free_fmax(forces, held) <= relaxation.fmax:
        return False
    volume_per_atom = abs(float(np.linalg.det(cell))) / len(forces)
    return relaxation.cell == "fixed" or abs(float(stress[2, 2])) * volume_per_atom <= relaxation.fmax


def check_cell_change(before: FloatArray, after: FloatArray) -> None:
    """Raises ``CalculationError('exploded')`` when the cell's volume has changed beyond what a relaxation does.

    Args:
        before: Cell vectors [Å], shape ``(3, 3)``.
        after: Cell vectors [Å], shape ``(3, 3)``.
    """
    ratio = float(np.linalg.det(after) / np.linalg.det(before))
    if not _CELL_CHANGE[0] <= ratio <= _CELL_CHANGE[1]:
        raise CalculationError("exploded", f"the cell's volume changed by a factor of {ratio:.3g}")
