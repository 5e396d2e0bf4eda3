"""Stress of a grain boundary: the excess of the stress in its plane over that of the crystal, per area.

A boundary resists a strain of both grains in its plane: the work per area is τ_ab ε_ab with

    τ_ab = (1 / A) d(A γ) / dε_ab = (1 / A) ([σ_ab V] - N [σ_ab V]_crystal / N_crystal)

at a given number of atoms and no stress along the normal (Frolov and Mishin 2012, doi:10.1103/PhysRevB.85.224106). It is not
the energy γ: τ_ab = γ δ_ab + dγ/dε_ab.

In a periodic cell the right side follows from the stress of the cell. Between rigid blocks the stress of the cell is that of
its free surfaces too. There the energies of the atoms that count are differentiated, by central differences: the structure is
relaxed, so that to first order a strain that all atoms follow gives the same as one after which they relax again.

The crystal that is subtracted is in the state of the grains: at the campaign's lattice parameter in the plane, and under the
stress along the normal that the relaxation has left. That is little, but it counts over the whole thickness of the grains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from tansaku.calculators.engines.motion import BLOCK
from tansaku.calculators.structures.rigid_blocks import RELAXED
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, BoundaryEnergy
from tansaku.calculators.workflows.grain_check import Stiffness
from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.ports import CalculationResult, Calculator

_STRAIN = 1e-4

COMPONENTS = {"xx": (0, 0), "yy": (1, 1), "xy": (0, 1)}
"""Places in a tensor of what is in the plane of a boundary: x across the tilt axis, y along it."""


@dataclass(frozen=True)
class GrainCrystal:
    """The crystal of the grains at the lattice parameter of a campaign.

    Attributes:
        stress: In the axes of the crystal, positive when pulled [eV/Å^3], shape ``(3, 3)``.
        volume: Of an atom [Å^3].
        stiffness: In the axes of the crystal.
        axes: Unit vectors of a cell's x, y and z in the axes of the crystal, as rows, shape ``(3, 3)``.
    """

    stress: FloatArray
    volume: float
    stiffness: Stiffness
    axes: FloatArray

    def relaxed(self, normal: float) -> tuple[FloatArray, float]:
        """The crystal after a relaxation along z, the cell in the plane fixed.

        Args:
            normal: Stress along z that was left [eV/Å^3].

        Returns:
            Its stress [eV/Å^3], shape ``(3, 3)``, and the relative change of its height.
        """
        elastic = np.einsum("ia,jb,kc,ld,abcd->ijkl", *[self.axes] * 4, self.stiffness.constants, optimize=True) / self.volume
        # How far a plane at unit height moves, so that no other stress acts on it.
        moved = np.linalg.solve(elastic[2, :, 2, :], np.array([0.0, 0.0, normal]) - self.unrelaxed[2])
        return self.unrelaxed + elastic[:, :, 2, :] @ moved, float(moved[2])

    @property
    def unrelaxed(self) -> FloatArray:
        """The stress in the axes of the cell [eV/Å^3], shape ``(3, 3)``."""
        return np.asarray(self.axes @ self.stress @ self.axes.T)


@dataclass(frozen=True)
class Straining:
    """Energies of strained cells with rigid blocks.

    Attributes:
        calculator: The one that relaxed the cell; gives energies of atoms.
        components: Names of the strains, of two energies each.
    """

    calculator: Calculator
    components: tuple[str, ...] = tuple(COMPONENTS)

    def derivatives(self, atoms: Atoms, counted: BoolArray) -> dict[str, float]:
        """Derivatives of the energy of some atoms with the strains [eV] by component.

        Args:
            atoms: The relaxed cell.
            counted: Whose energies count, shape ``(n_atoms,)``.

        Raises:
            CalculationError: As the calculator gives it.
        """
        found = {}
        for name in self.components:
            higher, lower = (self._energy(atoms, counted, COMPONENTS[name], strain) for strain in (_STRAIN, -_STRAIN))
            found[name] = (higher - lower) / (2.0 * _STRAIN)
        return found

    def _energy(self, atoms: Atoms, counted: BoolArray, place: tuple[int, int], strain: float) -> float:
        gradient = np.eye(3)
        gradient[place] += strain
        strained = atoms.copy()
        strained.set_cell(atoms.cell.array @ gradient.T, scale_atoms=True)
        energies = self.calculator.evaluate(strained).energies
        if energies is None:
            raise AssertionError("a boundary between blocks has an energy only where atoms have")
        return float(energies[counted].sum())


def normal_stress(found: BoundaryEnergy) -> float | None:
    """Returns the stress along z that a relaxation has left in the grains [eV/Å^3]; None if it is not known.

    With rigid blocks it follows from the forces on the blocks, so that the calculator need not compute a stress.
    """
    result = found.result
    block = result.atoms.arrays.get(BLOCK)
    if block is not None:
        return float(result.forces[block == 1, 2].sum() - result.forces[block == 2, 2].sum()) / (2.0 * found.area)
    return None if result.stress is None else float(result.stress[2])


def elastic_opening(found: BoundaryEnergy, crystal: GrainCrystal, normal: float) -> float:
    """Computes the part of a boundary's expansion that is elastic strain of its grains under the stress along z [Å].

    Args:
        normal: That stress [eV/Å^3].
    """
    _, stretch = crystal.relaxed(normal)
    _, moving, boundaries = _parts(found.result.atoms)
    return int(moving.sum()) * crystal.volume * stretch / (boundaries * found.area)


def boundary_stress(found: BoundaryEnergy, crystal: GrainCrystal, normal: float, straining: Straining) -> dict[str, float]:
    """Computes the excess stress of a boundary per area [J/m^2], the mean of both boundaries in a periodic cell.

    Args:
        found: The relaxed boundary; a periodic cell was free along the normal.
        normal: Stress along z that was left in them [eV/Å^3].

    Returns:
        By component, as in :data:`COMPONENTS`: those of ``straining``, or of a periodic cell all that the calculator gives.

    Raises:
        CalculationError: As the calculator gives it.
    """
    result = found.result
    atoms = result.atoms
    counted, moving, boundaries = _parts(atoms)
    total = straining.derivatives(atoms, counted) if boundaries == 1 else _of_cell(result)
    grains, _ = crystal.relaxed(normal)
    # The counted atoms of a rigid block keep the crystal's lattice, so they have the stress of the unrelaxed crystal.
    bulk = crystal.volume * (int(moving.sum()) * grains + int((counted & ~moving).sum()) * crystal.unrelaxed)
    area = boundaries * found.area
    return {name: float((value - bulk[COMPONENTS[name]]) / area * EV_PER_A2) for name, value in total.items()}


def _parts(atoms: Atoms) -> tuple[BoolArray, BoolArray, int]:
    """Atoms whose energies count, atoms that move by themselves, and the number of boundaries."""
    if "region" not in atoms.arrays:
        everything = np.ones(len(atoms), dtype=np.bool_)
        return everything, everything, 2
    return atoms.arrays["boundary"] == 0, atoms.arrays["region"] == RELAXED, 1


def _of_cell(result: CalculationResult) -> dict[str, float]:
    """Stress of a cell times its volume [eV] by component; nothing where the calculator gives none."""
    if result.stress is None:
        return {}
    volume = result.atoms.get_volume()
    return {name: volume * float(result.stress[place]) for name, place in (("xx", 0), ("yy", 1), ("xy", 5))}
