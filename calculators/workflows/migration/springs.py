"""A guess of second derivatives from distances alone, which costs no evaluation."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from tansaku.models.domain.pool import FloatArray

_REACH = 3.6
"""Atoms up to this distance are joined by a spring [Å]."""

_LENGTH, _STIFFNESS, _POWER = 1.54, 52.0, 7.0
"""A spring of this length [Å], a bond of phosphorus and oxygen, is so stiff [eV/Å^2], others by this power of the distance:
7 eV/Å^2 of a transition metal and oxygen, 2 of sodium and oxygen or of two atoms of copper."""

_STIFFEST, _ACROSS, _OWN = 60.0, 0.1, 1.0
"""The stiffest spring [eV/Å^2], the share that acts across it, and what holds each atom where it is [eV/Å^2]."""


def springs(atoms: Atoms) -> FloatArray:
    """Second derivatives of atoms joined by springs, positive definite [eV/Å^2], shape ``(3 n_atoms, 3 n_atoms)``."""
    first, second, vectors, distances = neighbor_list("ijDd", atoms, _REACH)
    distances = np.maximum(distances, 0.5)
    stiffness = np.minimum(_STIFFNESS * (_LENGTH / distances) ** _POWER, _STIFFEST)
    along = vectors / distances[:, None]
    each = (1.0 - _ACROSS) * along[:, :, None] * along[:, None, :] + _ACROSS * np.eye(3)
    blocks = np.zeros((len(atoms), len(atoms), 3, 3))
    np.add.at(blocks, (first, first), stiffness[:, None, None] * each)
    np.add.at(blocks, (first, second), -stiffness[:, None, None] * each)
    size = 3 * len(atoms)
    return np.asarray(blocks.transpose(0, 2, 1, 3).reshape(size, size) + _OWN * np.eye(size))
