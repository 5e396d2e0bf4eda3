"""Checks whether a relaxed cell still holds the boundary that was built.

In cells with thin grains a grain can turn to a neighbouring misorientation, or take a strain that suits the boundary better:
both boundaries stay equal and their energy is far too low. Such an evaluation has failed.

The energy of a grain's strain is that of the perfect crystal under the median deformation of the grain's middle. The energies
of its atoms do not tell: within the reach of the potential from a boundary they differ from the crystal's by 5 meV and more
without any strain (NiAlH_jea, 542 sound results of 14 boundaries in cells of 16 Å: up to 20 meV/atom on the average over the
middle of a grain, where the strain cost 0.34 meV/atom at most).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms

from tansaku.calculators.engines.motion import BLOCK
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.grain_orientation import (
    GrainCore,
    grain_cores,
    grain_frames,
    largest_share,
    margin,
    rotation_and_strain,
)
from tansaku.calculators.structures.perfect_crystal import Crystal, crystal_of
from tansaku.calculators.structures.uniaxial import UniaxialCrystal
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.records import JsonDict

LARGEST_ROTATION = 1.0
"""Largest rotation of a grain [degrees]; beyond it the boundary counts as another one.

Of 692 sound results in cells of 16 Å (Al, Cu, Fe, W) none had turned by more than 0.4. S41(338) of Al, whose grains turn
easily, was 14 mJ/m^2 and more off where a grain had turned by more than 1.
"""

LARGEST_STRAIN_ENERGY = 2e-3
"""Largest strain energy in the middle of a grain [eV/atom]: 31 mJ/m^2 of boundary in 16 Å of aluminium. Boundaries that were
sound had 3.4e-4 at most."""

LARGEST_STRAIN = 0.02
"""Largest strain in the middle of a grain, where its energy is not computed: in aluminium it costs about as much."""

FEWEST_ATOMS = 4
"""Smallest number of atoms in the middle of a grain from which a rotation and a strain are determined."""

_WHOLE = 0.75
"""A slab has turned as a whole if more of the atoms in its middle are the crystal, turned by twice what is allowed: in wide
boundaries such a middle was turned by 1.05 degrees at most."""

_STEP = 0.01


class Stiffness(Protocol):
    """Strain energy of a crystal."""

    def energy(self, gradient: FloatArray) -> float:
        """Energy of a deformation [eV/atom], rotations left out.

        Args:
            gradient: Deformation gradient in the crystal's axes, shape ``(3, 3)``.
        """

    @property
    def constants(self) -> FloatArray:
        """Second derivatives of the energy with the strain, in the crystal's axes [eV/atom], shape ``(3, 3, 3, 3)``."""


@dataclass(frozen=True)
class CubicStiffness:
    """Second derivatives of a cubic crystal's energy with the strain, atoms not relaxed [eV/atom].

    Attributes:
        axial: Of ε_xx with itself: C11 times the volume per atom.
        lateral: Of ε_xx with ε_yy: C12.
        shear: C44.
    """

    axial: float
    lateral: float
    shear: float

    def energy(self, gradient: FloatArray) -> float:
        """Energy of a deformation [eV/atom], rotations left out."""
        strain = 0.5 * (gradient.T @ gradient - np.eye(3))
        along = np.diag(strain)
        across = np.array([strain[1, 2], strain[0, 2], strain[0, 1]])
        mixed = along[0] * along[1] + along[1] * along[2] + along[2] * along[0]
        return float(0.5 * self.axial * (along**2).sum() + self.lateral * mixed + 2.0 * self.shear * (across**2).sum())

    @property
    def constants(self) -> FloatArray:
        """Second derivatives of the energy with the strain, in the crystal's axes [eV/atom], shape ``(3, 3, 3, 3)``."""
        normal = np.full((3, 3), self.lateral)
        np.fill_diagonal(normal, self.axial)
        return _tensor(normal, (self.shear, self.shear, self.shear))


@dataclass(frozen=True)
class HexagonalStiffness:
    """The same of a hexagonal crystal, whose third axis is c.

    Attributes:
        basal: C11 times the volume per atom.
        lateral: C12.
        mixed: C13.
        axial: C33.
        shear: C44.
    """

    basal: float
    lateral: float
    mixed: float
    axial: float
    shear: float

    def energy(self, gradient: FloatArray) -> float:
        """Energy of a deformation [eV/atom], rotations left out."""
        strain = 0.5 * (gradient.T @ gradient - np.eye(3))
        x, y, z = np.diag(strain)
        plane = 0.5 * self.basal * (x * x + y * y) + self.lateral * x * y + (self.basal - self.lateral) * strain[0, 1] ** 2
        height = 0.5 * self.axial * z * z + self.mixed * (x + y) * z
        return float(plane + height + 2.0 * self.shear * (strain[0, 2] ** 2 + strain[1, 2] ** 2))

    @property
    def constants(self) -> FloatArray:
        """Second derivatives of the energy with the strain, in the crystal's axes [eV/atom], shape ``(3, 3, 3, 3)``."""
        normal = np.array(
            [
                [self.basal, self.lateral, self.mixed],
                [self.lateral, self.basal, self.mixed],
                [self.mixed, self.mixed, self.axial],
            ]
        )
        return _tensor(normal, (self.shear, self.shear, 0.5 * (self.basal - self.lateral)))


@dataclass(frozen=True)
class TensorStiffness:
    """The same of any crystal.

    Attributes:
        tensor: Second derivatives of the energy with the strain [eV/atom], shape ``(3, 3, 3, 3)``.
    """

    tensor: FloatArray

    def energy(self, gradient: FloatArray) -> float:
        """Energy of a deformation [eV/atom], rotations left out."""
        strain = 0.5 * (gradient.T @ gradient - np.eye(3))
        return 0.5 * float(np.einsum("ij,ijkl,kl->", strain, self.tensor, strain))

    @property
    def constants(self) -> FloatArray:
        """Second derivatives of the energy with the strain, in the crystal's axes [eV/atom], shape ``(3, 3, 3, 3)``."""
        return self.tensor


def _tensor(normal: FloatArray, shears: tuple[float, float, float]) -> FloatArray:
    """Elastic constants without any that couple shears with other strains, shape ``(3, 3, 3, 3)``.

    Args:
        normal: Those of ε_xx, ε_yy and ε_zz, shape ``(3, 3)``.
        shears: Those of ε_yz, ε_xz and ε_xy.
    """
    constants = np.zeros((3, 3, 3, 3))
    for i, row in enumerate(normal):
        for j, value in enumerate(row):
            constants[i, i, j, j] = value
    for (i, j), value in zip(((1, 2), (0, 2), (0, 1)), shears, strict=True):
        for a, b, c, d in ((i, j, i, j), (i, j, j, i), (j, i, i, j), (j, i, j, i)):
            constants[a, b, c, d] = value
    return constants


def crystal_stiffness(calculator: Calculator, crystal: Crystal) -> Stiffness:
    """Stiffness of a perfect crystal by central differences of its energy."""
    cell = crystal.unit_cell()

    def energy(strain: FloatArray) -> float:
        strained = cell.copy()
        # The symmetric square root, so that the Lagrangian strain is the given one.
        values, vectors = np.linalg.eigh(np.eye(3) + 2.0 * strain)
        strained.set_cell(cell.cell.array @ (vectors * np.sqrt(values)) @ vectors.T, scale_atoms=True)
        return calculator.evaluate(strained).energy / len(strained)

    perfect = energy(np.zeros((3, 3)))

    def curvature(pattern: FloatArray) -> float:
        return (energy(_STEP * pattern) + energy(-_STEP * pattern) - 2.0 * perfect) / _STEP**2

    if isinstance(crystal, UniaxialCrystal):
        return TensorStiffness(_all_constants(curvature))
    stretched = curvature(np.diag([1.0, -1.0, 0.0]))  # 2 C11 - 2 C12
    if isinstance(crystal, CubicCrystal):
        swollen = curvature(np.eye(3))
        sheared = curvature(np.array([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]))
        # swollen = 3 C11 + 6 C12, sheared = C44.
        axial = (swollen + 3.0 * stretched) / 9.0
        return CubicStiffness(axial, axial - 0.5 * stretched, sheared)
    widened = curvature(np.diag([1.0, 1.0, 0.0]))  # 2 C11 + 2 C12
    axial = curvature(np.diag([0.0, 0.0, 1.0]))  # C33
    both = curvature(np.eye(3))  # widened + C33 + 4 C13
    sheared = curvature(np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.0], [0.5, 0.0, 0.0]]))  # C44
    return HexagonalStiffness(
        basal=(widened + stretched) / 4.0,
        lateral=(widened - stretched) / 4.0,
        mixed=(both - widened - axial) / 4.0,
        axial=axial,
        shear=sheared,
    )


def _all_constants(curvature: Callable[[FloatArray], float]) -> FloatArray:
    """Elastic constants of a crystal of any symmetry, shape ``(3, 3, 3, 3)``.

    Args:
        curvature: Second derivative of the energy along a strain [eV/atom].
    """
    places = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    patterns = [np.zeros((3, 3)) for _ in places]
    for (i, j), pattern in zip(places, patterns, strict=True):
        pattern[i, j] = pattern[j, i] = 1.0 if i == j else 0.5
    own = [curvature(pattern) for pattern in patterns]
    constants = np.zeros((3, 3, 3, 3))
    for m, n in itertools.combinations_with_replacement(range(6), 2):
        value = own[m] if m == n else 0.5 * (curvature(patterns[m] + patterns[n]) - own[m] - own[n])
        for (i, j), (k, l) in ((places[m], places[n]), (places[n], places[m])):  # noqa: E741 - the indices' usual names
            constants[i, j, k, l] = constants[j, i, k, l] = constants[i, j, l, k] = constants[j, i, l, k] = value
    return constants


def check_grains(start: Atoms, result: CalculationResult, stiffness: Stiffness | None, *, judge_strain: bool) -> JsonDict:
    """Compares the middle of both grains of a relaxed cell with the crystal that they were built as.

    Args:
        start: As the space built it: says structure, lattice parameter, tilt axis and plane.
        stiffness: Of the crystal by the same calculator; None: strains are judged by themselves.
        judge_strain: Whether a strained grain is an error: the cell was free along the normal, and the crystal has the
            calculator's own lattice parameter. Otherwise the given cell strains the grains.

    Returns:
        Plain numbers of both grains; ``checked`` is false, with the reason, where the relaxation was ended early, the grains
        are too thin to have a middle, or the boundary is too wide for the slabs between rigid blocks.

    Raises:
        CalculationError: A grain has turned (``rotated_grain``) or is strained (``strained_grain``).
    """
    if not result.converged:
        return {"checked": False, "reason": "the relaxation did not converge"}
    info = start.info
    crystal = crystal_of(str(info["structure"]), str(info["element"]), info["lattice_parameter"])
    cores = grain_cores(_without_blocks(result.atoms), crystal, grain_frames(info, crystal), result.energies)
    fewest = min(core.atoms for core in cores)
    if fewest < FEWEST_ATOMS:
        middle = f"{margin(crystal):.3g} Å or more from its ends"
        reason = f"{fewest} atoms of a grain are {middle}, expected {FEWEST_ATOMS}: the grains are too thin"
        return {"checked": False, "reason": reason}
    found = []
    for number, core in enumerate(cores):
        try:
            found.append(_judged(number, core, stiffness, judge_strain=judge_strain))
        except CalculationError as error:
            if BLOCK not in result.atoms.arrays or _is_another_crystal(result.atoms, core, crystal):
                raise
            return {"checked": False, "reason": f"the energy is an upper bound, because blocks hold the crystal; {error}"}
    return {"checked": True} | {key: [grain[key] for grain in found] for key in found[0]}


def _without_blocks(atoms: Atoms) -> Atoms:
    """The atoms with rigid blocks that belong to no grain: they cannot turn, and only the slabs between them are checked."""
    if BLOCK not in atoms.arrays:
        return atoms
    slabs: Atoms = atoms.copy()
    slabs.arrays["grain"] = np.where(atoms.arrays[BLOCK] == 0, atoms.arrays["grain"], -1)
    return slabs


def _is_another_crystal(atoms: Atoms, core: GrainCore, crystal: Crystal) -> bool:
    """Whether a slab on a rigid block has turned as a whole, or has become a crystal of another orientation.

    Otherwise the boundary is too wide for the slab. The block keeps its orientation, so that the energy is an upper bound: that
    of 36 results of copper's Σ3 [1 1 0] boundaries in slabs of 14 Å was 0.1 to 19 mJ/m^2 above that in slabs of 20 Å, where
    all had sound grains.
    """
    if core.gradient is not None and 2 * core.fitted >= core.atoms:
        return core.fitted > _WHOLE * core.atoms and rotation_and_strain(core.gradient)[0] > 2.0 * LARGEST_ROTATION
    return 2 * largest_share(atoms, core.indices, crystal) >= core.atoms


def _judged(number: int, core: GrainCore, stiffness: Stiffness | None, *, judge_strain: bool) -> JsonDict:
    crystalline = f"{core.fitted} of the {core.atoms} atoms in its middle have the crystal's neighbours"
    if core.gradient is None or 2 * core.fitted < core.atoms:
        raise CalculationError(
            "rotated_grain", f"grain {number} is no longer the crystal that it was built as: {crystalline}; {_ADVICE}"
        )
    rotation, strain = rotation_and_strain(core.gradient)
    energy = stiffness.energy(core.gradient) if stiffness is not None else None
    strained = f"strained by {100 * strain:.2f} %" + (f", {1000 * energy:.3g} meV/atom" if energy is not None else "")
    if rotation > LARGEST_ROTATION:
        raise CalculationError(
            "rotated_grain",
            f"grain {number} turned by {rotation:.2f} degrees, expected {LARGEST_ROTATION:g} at most: this is the boundary of "
            f"another misorientation ({strained}; {crystalline}); {_ADVICE}",
        )
    too_much = strain > LARGEST_STRAIN if energy is None else energy > LARGEST_STRAIN_ENERGY
    if too_much and judge_strain:
        limit = f"{100 * LARGEST_STRAIN:g} %" if energy is None else f"{1000 * LARGEST_STRAIN_ENERGY:g} meV/atom"
        raise CalculationError(
            "strained_grain",
            f"grain {number} is {strained}, expected {limit} at most (it turned by {rotation:.2f} degrees; {crystalline}); "
            f"{_ADVICE}",
        )
    return {"rotation": rotation, "strain": strain, "strain_energy": energy, "energy": core.energy, "atoms": core.atoms}


_ADVICE = "thicker grains (space.spacing; with one boundary space.cell.relaxed) hold it"
