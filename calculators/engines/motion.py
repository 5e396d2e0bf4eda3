"""Atoms that may move in a relaxation, and groups of atoms that move together.

Atoms that are held are fixed in x and y, and free in z. The atoms of a rigid block move by one common displacement: each gets
the mean of the forces on all of them, which is the orthogonal projection of the forces onto the allowed displacements. A
minimiser that gets projected forces and moves along them therefore keeps a block rigid, and its forces are the derivatives of
the energy with respect to the allowed displacements.

Where a centre of inversion is kept, an atom and its image move by opposite displacements: each gets half the difference of the
two forces, which is the projection onto these.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.models.domain.specs.relaxation import RelaxationSpec

BLOCK = "block"
"""Array of a structure: 0 for an atom that moves by itself, n for one of the rigid block n."""

IMAGE = "image"
"""Array of a structure whose centre of inversion is kept: index of the atom that each is taken to."""

_NOBODY: IntArray = np.empty(0, dtype=np.intp)


@dataclass(frozen=True)
class Motion:
    """Constraints of a relaxation: the atoms that are held, the rigid blocks, and the images under an inversion.

    Attributes:
        held: Indices of atoms that keep x and y, ascending.
        blocks: Indices of the atoms of each rigid block, ascending.
        images: Index of each atom's image under the inversion that is kept, shape ``(n_atoms,)``; empty: none is.
    """

    held: IntArray = field(default_factory=lambda: _NOBODY)
    blocks: tuple[IntArray, ...] = ()
    images: IntArray = field(default_factory=lambda: _NOBODY)

    def project(self, vectors: FloatArray) -> FloatArray:
        """Returns the allowed part of forces or displacements, shape ``(n_atoms, 3)``."""
        free = np.array(vectors, dtype=np.float64)
        for block in self.blocks:
            free[block] = free[block].mean(axis=0)
        free[self.held, :2] = 0.0
        return 0.5 * (free - free[self.images]) if len(self.images) else free

    def largest_force(self, forces: FloatArray) -> float:
        """Returns the largest force on an atom or a block [eV/Å].

        The force on a block is its net force divided by √n_atoms: the force along a rigid displacement of unit length in the
        space of all coordinates. A stress on a large block is therefore not small in this measure.

        Args:
            forces: Unconstrained [eV/Å], shape ``(n_atoms, 3)``.
        """
        free = self.project(forces)
        for block in self.blocks:
            free[block] *= np.sqrt(len(block))
        return float(np.sqrt((free**2).sum(axis=1).max()))


def motion_of(structure: Atoms, relaxation: RelaxationSpec | None) -> Motion:
    """Returns which atoms a relaxation of a structure holds, and which it moves as rigid blocks.

    Args:
        structure: With the array ``held`` where atoms can be held, ``block`` where there are rigid blocks, and ``image`` where
            a centre of inversion is kept.
        relaxation: Says whether atoms are held; None: nothing moves.
    """
    if relaxation is None:
        return Motion()
    held = _NOBODY
    if relaxation.translation != "free" and "held" in structure.arrays:
        held = np.flatnonzero(np.asarray(structure.arrays["held"], dtype=bool))
    numbers = np.asarray(structure.arrays.get(BLOCK, np.zeros(len(structure), dtype=int)))
    blocks = tuple(np.flatnonzero(numbers == number) for number in np.unique(numbers[numbers > 0]))
    return Motion(held, blocks, np.asarray(structure.arrays.get(IMAGE, _NOBODY), dtype=np.intp))


def motion_without_images(structure: Atoms, relaxation: RelaxationSpec | None) -> Motion:
    """Returns the constraints for an engine that imposes no inversion; it keeps one up to rounding, or loses it."""
    return replace(motion_of(structure, relaxation), images=_NOBODY)


def motion_without_blocks(structure: Atoms, relaxation: RelaxationSpec | None) -> Motion:
    """Returns which atoms are held, for an engine that cannot move atoms together.

    Raises:
        ConfigurationError: There are rigid blocks.
    """
    motion = motion_without_images(structure, relaxation)
    if motion.blocks:
        raise ConfigurationError("space.cell.blocks: this calculator cannot relax a structure with rigid blocks")
    return motion
