"""Relaxation shared by all engines: checks of the input, the search for zero normal stress, and the convergence check.

A cell that is free along its normal is relaxed at fixed height first and then along the one number that is left: the height
at which the normal stress vanishes, by the secant method, every trial relaxed from the one before. On boundaries of Al this
took a fifth of the time of LAMMPS's box/relax, which moves atoms and cell at once, ended lower on the average, and cannot
end above the relaxation at fixed cell. A cell free in all directions is the engine's own to relax, atoms and cell at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from tansaku.calculators.engines.motion import Motion, motion_of
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.relaxation import RelaxationSpec

# eV/Å^3; first guess of the stiffness along the normal (aluminium), and what a secant may make of it.
_STIFFNESS, _SOFTEST, _STIFFEST = 0.7, 0.1, 5.0
_LARGEST_STRAIN = 0.02
_HEIGHTS = 25
# Å; atoms that are nearer count as coincident: the direction of the force between them is undefined.
_CLOSEST = 0.05
_CELL_CHANGE = (0.75, 1.5)


def check_input(structure: Atoms, *, molecules: bool = False) -> None:
    """Raises unless the structure can be computed at all.

    Args:
        molecules: Whether it may be a molecule, which is not periodic and has no cell.

    Raises:
        ConfigurationError: It is empty, not periodic in three directions or has no volume.
        CalculationError: A position is not finite (``nan``) or two atoms coincide (``overlap``).
    """
    isolated = molecules and not structure.pbc.any()
    if len(structure) == 0 or not (isolated or structure.pbc.all()):
        raise ConfigurationError(
            f"a calculator needs a fully periodic structure with atoms, got {structure.symbols} {structure.pbc}"
        )
    if not np.isfinite(structure.positions).all() or not np.isfinite(structure.cell.array).all():
        raise CalculationError("nan", "a start position or cell vector is not a finite number")
    if not isolated and np.linalg.det(structure.cell.array) <= 0:
        raise ConfigurationError(f"cell {structure.cell.array.tolist()} has no volume or is left-handed")
    pairs, distances = _near_in_space(structure) if isolated else _near_in_cell(structure)
    if len(distances) and distances.min() < _CLOSEST:
        first, second = pairs[int(distances.argmin())]
        raise CalculationError("overlap", f"atoms {first} and {second} are {distances.min():.3g} Å apart")


def check_axes(structure: Atoms, relaxation: RelaxationSpec | None) -> None:
    """Raises unless the cell is oriented as the relaxation requires: a along x and b in the xy plane.

    Raises:
        ConfigurationError: Atoms are held in the plane, or the normal is free, and the first two cell vectors are not in
            the xy plane with the first one along x; or atoms are held in a cell that is free in all directions; or there are
            rigid blocks in a cell that is not fixed.
    """
    motion = motion_of(structure, relaxation)
    if relaxation is not None and relaxation.cell != "fixed" and motion.blocks:
        raise ConfigurationError(
            f"calculator.relaxation.cell: {relaxation.cell}; with rigid blocks, which move along the normal by themselves, "
            "expected fixed"
        )
    if relaxation is not None and relaxation.cell == "full" and len(motion.held):
        raise ConfigurationError(
            "calculator.relaxation.translation: held; with cell: full nothing can be held in the plane, expected free"
        )
    if relaxation is None or not (len(motion.held) or relaxation.cell == "normal"):
        return
    cell = structure.cell.array
    if np.abs(cell[np.triu_indices(3, k=1)]).max() > 1e-9 or (np.diag(cell) <= 0).any():
        raise ConfigurationError(
            "a held or normal relaxation needs the first cell vector along x and the second in the xy plane, got "
            f"{cell.round(4).tolist()}"
        )


def _near_in_space(structure: Atoms) -> tuple[IntArray, FloatArray]:
    """Returns pairs of atoms of a molecule that are very near, and their distances [Å]."""
    pairs = cKDTree(structure.positions).query_pairs(_CLOSEST, output_type="ndarray")
    return pairs, np.linalg.norm(structure.positions[pairs[:, 0]] - structure.positions[pairs[:, 1]], axis=1)


def _near_in_cell(structure: Atoms) -> tuple[IntArray, FloatArray]:
    """Returns pairs of atoms of a periodic cell that may be very near, and their distances [Å].

    The search uses periodic fractional coordinates, so that it works for any shape of the cell.
    """
    cell = structure.cell.array
    fractional = structure.get_scaled_positions(wrap=True) % 1.0
    reach = _CLOSEST / float(np.linalg.svd(cell, compute_uv=False).min())
    pairs = cKDTree(fractional, boxsize=1.0).query_pairs(min(reach, 0.49), output_type="ndarray")
    apart = fractional[pairs[:, 0]] - fractional[pairs[:, 1]]
    return pairs, np.linalg.norm((apart - np.round(apart)) @ cell, axis=1)


@dataclass(frozen=True)
class Relaxed:
    """End of a relaxation.

    Attributes:
        steps: Steps of the minimiser.
        forces: Unconstrained [eV/Å], shape ``(n_atoms, 3)``.
        stress: Tensor [eV/Å^3], shape ``(3, 3)``.
        cell: Cell vectors as rows [Å], shape ``(3, 3)``.
    """

    steps: int
    forces: FloatArray
    stress: FloatArray
    cell: FloatArray

    @property
    def finite(self) -> bool:
        """Whether every number is finite."""
        return all(bool(np.isfinite(array).all()) for array in (self.forces, self.stress, self.cell))


class Relaxable(Protocol):
    """A structure inside an engine."""

    def settle(self, steps: int) -> Relaxed:
        """Relaxes the atoms, at fixed cell unless that is free in all directions, in at most ``steps`` steps."""
        ...

    def stretch(self, factor: float) -> None:
        """Multiplies the cell's height, and every z, by ``factor``."""
        ...


def relax(system: Relaxable, relaxation: RelaxationSpec, motion: Motion) -> tuple[int, bool]:
    """Relaxes a structure until it converges, has had its steps, or fails.

    Args:
        system: Is left in its final state.

    Returns:
        Steps of the minimiser, and whether it converged.

    Raises:
        CalculationError: A number is no longer finite, or the end is not what was asked for (``not_converged``), unless
            ``relaxation`` says that it is kept.
    """
    state = system.settle(relaxation.max_steps)
    steps = state.steps
    stiffness = _STIFFNESS
    for _ in range(_HEIGHTS if relaxation.cell == "normal" else 0):
        if is_converged(state, relaxation, motion) or not state.finite or steps >= relaxation.max_steps:
            break
        strain = float(np.clip(-state.stress[2, 2] / stiffness, -_LARGEST_STRAIN, _LARGEST_STRAIN))
        system.stretch(1.0 + strain)
        before, state = state, system.settle(relaxation.max_steps - steps)
        steps += state.steps
        if strain:
            slope = float(state.stress[2, 2] - before.stress[2, 2]) / strain
            stiffness = slope if _SOFTEST < slope < _STIFFEST else _STIFFNESS
    if not state.finite:
        raise CalculationError("exploded", f"a force, stress or cell length is not finite after {steps} steps")
    converged = is_converged(state, relaxation, motion)
    if not converged and relaxation.unconverged == "fail":
        raise CalculationError(
            "not_converged",
            f"largest force {motion.largest_force(state.forces):.3g} eV/Å, {_stress_in_words(state, relaxation)} eV/Å^3 after "
            f"{steps} steps (max_steps of calculator.relaxation); expected forces below {relaxation.fmax:g} eV/Å (its fmax)",
        )
    return steps, converged


def _stress_in_words(state: Relaxed, relaxation: RelaxationSpec) -> str:
    if relaxation.cell == "full":
        return f"largest stress {np.abs(state.stress).max():.3g}"
    return f"normal stress {state.stress[2, 2]:.3g}"


def is_converged(state: Relaxed, relaxation: RelaxationSpec, motion: Motion) -> bool:
    """Returns whether forces, and with a free cell the stress that is relaxed times the volume per atom, are within ``fmax``.

    Args:
        state: To be judged.
        relaxation: Says ``fmax`` and whether the cell is free.
    """
    if not motion.largest_force(state.forces) <= relaxation.fmax:
        return False
    volume_per_atom = abs(float(np.linalg.det(state.cell))) / len(state.forces)
    relaxed = {"fixed": 0.0, "normal": abs(float(state.stress[2, 2])), "full": float(np.abs(state.stress).max())}
    return relaxed[relaxation.cell] * volume_per_atom <= relaxation.fmax


def check_cell_change(before: FloatArray, after: FloatArray) -> None:
    """Raises ``CalculationError('exploded')`` when the cell's volume has changed beyond what a relaxation does.

    Args:
        before: Cell vectors [Å], shape ``(3, 3)``.
        after: Cell vectors [Å], shape ``(3, 3)``.
    """
    ratio = float(np.linalg.det(after) / np.linalg.det(before))
    if not _CELL_CHANGE[0] <= ratio <= _CELL_CHANGE[1]:
        raise CalculationError("exploded", f"the cell's volume changed by a factor of {ratio:.3g}")
