"""Derivatives of an energy by central differences, for forces and stresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ase import Atoms

Energy = Callable[[Atoms], Any]


def by_position(energy: Energy, atoms: Atoms, atom: int, axis: int, step: float) -> Any:
    """Derivative with respect to a coordinate of an atom [eV/Å]; the force is its negative."""
    sides = [atoms.copy(), atoms.copy()]
    for side, sign in zip(sides, (-1, 1), strict=True):
        side.positions[atom, axis] += sign * step
    return (energy(sides[1]) - energy(sides[0])) / (2 * step)


def by_strain(energy: Energy, atoms: Atoms, i: int, j: int, step: float) -> Any:
    """Derivative with respect to a component of the strain [eV]; the stress is this by the volume."""
    sides = [atoms.copy(), atoms.copy()]
    for side, sign in zip(sides, (-1, 1), strict=True):
        strain = np.eye(3)
        strain[i, j] += sign * step / 2
        strain[j, i] += sign * step / 2
        side.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    return (energy(sides[1]) - energy(sides[0])) / (2 * step)
