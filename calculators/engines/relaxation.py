"""What every engine's relaxation has in common: checks before, convergence after."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.calculator import RelaxationSpec

# Å; of two atoms that are nearer no potential knows which way to push them.
_CLOSEST = 0.05
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
    _check_overlap(structure)


def check_axes(structure: Atoms, relaxation: RelaxationSpec | None) -> None:
    """Raises unless x, y and z mean to the cell what they mean to the relaxation.

    Raises:
        ConfigurationError: Atoms are held in the plane, or the normal is free, and the first two cell vectors are not in
            the xy plane with the first one along x.
    """
    if relaxation is None or not (len(held_indices(structure, relaxation)) or relaxation.cell == "normal"):
        return
    cell = structure.cell.array
    if np.abs(cell[np.triu_indices(3, k=1)]).max() > 1e-9 or (np.diag(cell) <= 0).any():
        raise ConfigurationError(
            "a held or normal relaxation needs the first cell vector along x and the second in the xy plane, got "
            f"{cell.round(4).tolist()}"
        )


def _check_overlap(structure: Atoms) -> None:
    """Looks for coinciding atoms in fractional coordinates on a torus: a screen for the very near, at any shape of cell."""
    cell = structure.cell.array
    fractional = structure.get_scaled_positions(wrap=True) % 1.0
    reach = _CLOSEST / float(np.linalg.svd(cell, compute_uv=False).min())
    pairs = cKDTree(fractional, boxsize=1.0).query_pairs(min(reach, 0.49), output_type="ndarray")
    apart = fractional[pairs[:, 0]] - fractional[pairs[:, 1]]
    distances = np.linalg.norm((apart - np.round(apart)) @ cell, axis=1)
    if len(distances) and distances.min() < _CLOSEST:
        first, second = pairs[int(distances.argmin())]
        raise CalculationError("overlap", f"atoms {first} and {second} are {distances.min():.3g} Å apart")


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
