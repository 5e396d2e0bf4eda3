"""Excess energy of the two equal boundaries of a periodic cell of a compound.

γ = [E - n g - ΔN μ] / (2 A), with the energy g of the crystal's formula unit, the cell's n formula units of the crystal and ΔN
neutral units more (fewer where negative), and their chemical potential μ (Chua et al. 2010, doi:10.1038/nmat2712). What is
computed is the energy at the chemical potential of the unit's own crystal; at μ = μ_unit + Δμ it is lower by ΔN Δμ / (2 A).
With a second unit there is one more such term.

Where grains are strained to a common period, g of each is that of the crystal with this strain in the plane and without stress
along the normal, as the middle of a thick grain has it. So the energy of a boundary does not grow with the thickness of the
grains, as it would with the crystal's own g.

Cells relax in turns: the atoms in a fixed cell, by any calculator, and then the cell along the stress that is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from ase.stress import voigt_6_to_full_3x3_stress

from tansaku.calculators.engines.motion import IMAGE
from tansaku.calculators.structures.compound_boundary import Content, displacements, formula_unit, middle_of_grain
from tansaku.calculators.structures.compound_crystal import CompoundCrystal, LatticePlanes
from tansaku.calculators.structures.grain_pair import RIGID, PlanePair
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec

if TYPE_CHECKING:
    from ase import Atoms

STIFFNESS = 0.7
"""First guess of a crystal's stiffness [eV/Å^3]."""

_DISPLACEMENT = 0.08
"""Standard deviation of random displacements of a crystal's atoms [Å]."""

_FLAT = 0.01
"""Largest force on an atom of a distorted crystal [eV/Å]: near the crystal, forces towards its distortion are small."""

_NO_GAIN = 1e-4
"""Energy per formula unit below which a crystal counts as not distorted [eV]."""

TURNS = 60
"""Changes of a cell's shape until it counts as not converged."""

LARGEST_STRAIN = 0.02
LARGEST_SHIFT = 0.3
"""Longest change of a cell's third vector in one turn [Å]."""

FREE_NORMAL = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1]], dtype=np.float64)[None]
LARGEST_MOTION = 0.25
"""Largest displacement in the middle of a grain, as a share of the crystal's shortest distance.

In cells of MgO's Σ5 (3 1 0) boundary with grains of 12 Å sound results had 0.12 at most, most of them 0.04; where both
boundaries had met, so that the cell was the perfect crystal, it was 0.9.
"""

LARGEST_GAP = 3.0
"""Widest height without atoms in a cell, beyond that of the crystal's planes, up to which its grains meet [Å].

Of 255 cells of MgO 250 had at most 1.93 Å in all, and five, with 3.5 to 7.4 J/m^2, 5.2 Å or more; its twist boundaries
without vacancies, which barely hold, open by 1.7 Å.
"""

_SHEARS = np.array([[[0, 0, 1], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 1], [0, 0, 0]]], dtype=np.float64)
FREE_THIRD = np.concatenate((_SHEARS, FREE_NORMAL))
"""Displacement gradients of a cell whose third vector is free."""


def _strains() -> FloatArray:
    found = np.zeros((6, 3, 3))
    for number, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
        found[number, i, j] = found[number, j, i] = 1.0 if i == j else np.sqrt(0.5)
    return found


ALL_STRAINS = _strains()
"""Symmetric displacement gradients of a crystal, orthonormal."""


@dataclass(frozen=True)
class Distortion:
    """A distortion of a crystal that no operation of its symmetry keeps, such as tilts of octahedra.

    Attributes:
        energy: By which it lies below the crystal, per formula unit [eV]; 0: there is none.
        motion: Longest displacement of an atom [Å].
    """

    energy: float
    motion: float


@dataclass(frozen=True)
class CompoundReference:
    """Energies that boundaries of a compound are compared with.

    Attributes:
        crystal: The relaxed crystal of the grains.
        bulk: Energy of its formula unit [eV].
        unit: Of the neutral unit's own crystal, by its formula unit [eV]; None without a unit.
        rest: Of what is left of the bulk's formula unit [eV]; None where its crystal is not known.
        distortion: Of ``crystal`` in the state of energy ``bulk``; None: distortions were not looked for.
        grains: The crystal of each grain, strained to their common period; None: ``crystal``.
        strain_energies: By which the strain raises the energy of a formula unit in each grain [eV].
        second: Of the second unit's own crystal, by its formula unit [eV]; None without one.
    """

    crystal: CompoundCrystal
    bulk: float
    unit: float | None
    rest: float | None
    distortion: Distortion | None = None
    grains: tuple[CompoundCrystal, CompoundCrystal] | None = None
    strain_energies: tuple[float, float] = (0.0, 0.0)
    second: float | None = None

    @property
    def crystals(self) -> tuple[CompoundCrystal, CompoundCrystal]:
        """The crystal of the lower and of the upper grain."""
        return self.grains or (self.crystal, self.crystal)

    @property
    def lower_bulk(self) -> float:
        """Energy of a formula unit in the lower grain [eV]."""
        return self.bulk + self.strain_energies[0]

    @property
    def motion(self) -> float:
        """Longest displacement of an atom in the distorted crystal [Å]."""
        return 0.0 if self.distortion is None else self.distortion.motion

    @property
    def lowest_potential(self) -> float | None:
        """Lowest chemical potential of the unit, less that of its own crystal [eV]; 0 is the highest."""
        return None if self.unit is None or self.rest is None else self.bulk - self.rest - self.unit

    def boundary_energy(self, energy: float, content: Content, area: float, share: float = 0.5) -> float:
        """Boundary energy at the chemical potentials of the units' own crystals [J/m^2].

        Args:
            energy: Of the cell [eV].
            content: Formula units of the crystal in it, and units beyond these.
            area: Of one boundary [Å^2].
            share: Part of the crystal that the lower grain has.
        """
        lower, upper = self.strain_energies
        bulk = self.bulk + share * lower + (1.0 - share) * upper
        exchanged = content.excess * (self.unit or 0.0) + content.second * (self.second or 0.0)
        return (energy - content.bulk * bulk - exchanged) / (2.0 * area) * EV_PER_A2


def compound_reference(
    calculator: Calculator,
    crystal: CompoundCrystal,
    phases: Mapping[str, Atoms],
    relaxation: RelaxationSpec,
    unit_energies: Mapping[str, float] | None = None,
    supercell: tuple[int, int, int] | None = None,
) -> CompoundReference:
    """Relaxes the crystal and the phases that its boundaries are compared with.

    Args:
        phases: ``phase``, the unit's own crystal, ``rest``, and ``second``, that of the second unit, where there are any.
        unit_energies: Of ``phase`` and ``second``, where they have no crystal [eV].
        supercell: Of the file's cell, in which distortions of the crystal are looked for; None: they are not.

    Raises:
        ConfigurationError: The calculator has no energy of one, such as of a unit that its charges do not make neutral.
    """

    def relaxed(atoms: Atoms, key: str, fmax: float = relaxation.fmax) -> CalculationResult:
        try:
            return relaxed_cell(calculator, atoms, relaxation.model_copy(update={"fmax": fmax}), ALL_STRAINS)
        except CalculationError as error:
            raise ConfigurationError(
                f"space.{key}: the calculator has no energy of this crystal ({error.reason}): {error.message}"
            ) from error

    bulk = relaxed(crystal.atoms(), "crystal")
    energies = dict(unit_energies or {})
    for name, atoms in phases.items():
        key = "second_unit.phase" if name == "second" else f"unit.{name}"
        energies[name] = relaxed(atoms, key).energy / _formula_units(atoms)
    found, energy, distortion = crystal.moved(bulk.atoms), bulk.energy / _formula_units(bulk.atoms), None
    if supercell is not None:
        ideal = _repeated(found, supercell)
        displaced = ideal.copy()
        displaced.rattle(_DISPLACEMENT, seed=0)
        lower = relaxed(displaced, "supercell", min(relaxation.fmax, _FLAT))
        gain = energy - lower.energy / _formula_units(ideal)
        distortion = Distortion(gain, _farthest(ideal, lower.atoms)) if gain > _NO_GAIN else Distortion(0.0, 0.0)
    return CompoundReference(
        crystal=found,
        bulk=energy if distortion is None else energy - distortion.energy,
        unit=energies.get("phase"),
        rest=energies.get("rest"),
        second=energies.get("second"),
        distortion=distortion,
    )


def strained_reference(
    calculator: Calculator, reference: CompoundReference, pair: PlanePair, relaxation: RelaxationSpec
) -> CompoundReference:
    """The reference of a boundary whose grains are strained; the given one where they are not.

    Args:
        pair: Planes of the crystal as its file has it.

    Raises:
        ConfigurationError: The relaxed crystal has a larger misfit than is allowed, or the calculator has no energy of a
            strained crystal.
    """
    relaxed = pair.of(reference.crystal)
    if relaxed.misfit > max(pair.allowed, RIGID):
        raise ConfigurationError(
            f"space.boundaries: the grains have a misfit of {relaxed.misfit:.4f} after the calculator relaxed the crystal, and "
            f"of {pair.misfit:.4f} in its file; expected max_strain, {pair.allowed:g}, at most: other planes, or the crystal "
            "that it relaxes to"
        )
    if relaxed.misfit <= RIGID:
        return reference
    fitted = relaxed.fitted()
    own = formula_unit(reference.crystal.numbers)
    units = len(reference.crystal.numbers) // sum(own.values())
    unstrained = reference.bulk + (0.0 if reference.distortion is None else reference.distortion.energy)
    found = []
    for planes in (fitted.lower, fitted.upper):
        try:
            found.append(_relaxed_grain(calculator, planes, relaxation))
        except CalculationError as error:
            raise ConfigurationError(
                f"space.boundaries: the calculator has no energy of the crystal with a misfit of {relaxed.misfit:.4f} "
                f"({error.reason}): {error.message}"
            ) from error
    (lower, first), (upper, second) = found
    energies = (first / units - unstrained, second / units - unstrained)
    return replace(reference, grains=(lower, upper), strain_energies=energies)


def _relaxed_grain(calculator: Calculator, planes: LatticePlanes, relaxation: RelaxationSpec) -> tuple[CompoundCrystal, float]:
    """The crystal of a strained grain without stress along the normal, and the energy of its primitive cell [eV]."""
    crystal, basis = planes.crystal, planes.basis
    atoms = crystal.atoms()
    atoms.set_cell(basis @ crystal.cell @ planes.frame.T, scale_atoms=False)
    atoms.set_scaled_positions(crystal.fractions @ np.linalg.inv(basis))
    result = relaxed_cell(calculator, atoms, relaxation, FREE_THIRD, LARGEST_STRAIN)
    found = crystal.atoms()
    found.set_cell(np.linalg.inv(basis) @ result.atoms.cell.array @ planes.frame)
    found.set_scaled_positions(result.atoms.get_scaled_positions(wrap=False) @ basis)
    return crystal.moved(found), result.energy


def _repeated(crystal: CompoundCrystal, supercell: tuple[int, int, int]) -> Atoms:
    """A supercell of the file's cell."""
    from ase.build import make_supercell

    found: Atoms = make_supercell(crystal.atoms(), np.diag(supercell) @ crystal.edges)
    return found


def _farthest(start: Atoms, relaxed: Atoms) -> float:
    """Longest displacement of an atom beside the mean of all [Å]."""
    moved = relaxed.get_scaled_positions(wrap=False) - start.get_scaled_positions(wrap=False)
    ways = (moved - np.round(moved)) @ relaxed.cell.array
    return float(np.linalg.norm(ways - ways.mean(axis=0), axis=1).max())


def _formula_units(atoms: Atoms) -> int:
    return len(atoms) // sum(formula_unit(atoms.numbers).values())


def relaxed_boundary(
    calculator: Calculator, structure: Atoms, relaxation: RelaxationSpec, images: IntArray | None = None
) -> CalculationResult:
    """Relaxes a cell with two equal boundaries, as far as the relaxation frees its third vector.

    Args:
        relaxation: ``cell: normal`` frees the height, and with ``translation: free`` the shift of the grains.
        images: Index of each atom's image under the inversion that takes each boundary to the other, shape ``(n_atoms,)``: a
            calculator that relaxes through ASE keeps them images. Others keep an inversion of the structure up to rounding, or
            lose it. None: it is not kept.

    Raises:
        CalculationError: It does not relax.
    """
    if images is not None:
        structure = structure.copy()
        structure.set_array(IMAGE, images)
    if relaxation.cell == "fixed":
        result = calculator.evaluate(structure, _in_fixed_cell(relaxation))
    else:
        gradients = FREE_THIRD if relaxation.translation == "free" else FREE_NORMAL
        result = relaxed_cell(calculator, structure, relaxation, gradients)
    result.atoms.arrays.pop(IMAGE, None)
    return result


def _in_fixed_cell(relaxation: RelaxationSpec) -> RelaxationSpec:
    return relaxation.model_copy(update={"cell": "fixed", "translation": "free"})


def relaxed_cell(
    calculator: Calculator,
    structure: Atoms,
    relaxation: RelaxationSpec,
    gradients: FloatArray,
    largest: float | None = None,
) -> CalculationResult:
    """Relaxes atoms and cell in turns, the cell by a quasi-Newton method (BFGS) on the energy of relaxed atoms.

    Args:
        gradients: Displacement gradients that are free, shape ``(n, 3, 3)``: a point at r moves by ``gradient @ r``.
        largest: Longest change in one turn; None: by the number of gradients.

    Returns:
        The result in the last cell; ``steps`` are those of all turns.

    Raises:
        CalculationError: Atoms do not relax, the stress does not vanish (``not_converged``), or the calculator gives none.
    """
    fixed = _in_fixed_cell(relaxation)
    volume, count = abs(structure.get_volume()), len(structure)
    if largest is None:
        largest = LARGEST_STRAIN if len(gradients) == 6 else LARGEST_SHIFT / float(structure.cell[2, 2])
    inverse = np.eye(len(gradients)) / (STIFFNESS * volume)
    result, steps = calculator.evaluate(structure, fixed), 0
    forces = _forces(result, gradients, volume)
    for _ in range(TURNS):
        steps += result.steps
        if np.abs(forces).max() / count <= relaxation.fmax:
            return replace(result, steps=steps)
        change = inverse @ forces
        change *= min(1.0, largest / float(np.linalg.norm(change)))
        cell = result.atoms.cell.array
        moved = result.atoms.copy()
        moved.set_cell(cell + cell @ np.einsum("n,nij->ij", change, gradients).T, scale_atoms=True)
        before, result = forces, calculator.evaluate(moved, fixed)
        forces = _forces(result, gradients, volume)
        inverse = _bfgs(inverse, change, before - forces)
    if relaxation.unconverged == "keep":
        return replace(result, steps=steps, converged=False)
    raise CalculationError(
        "not_converged",
        f"stress times volume per atom {np.abs(forces).max() / count:.3g} eV after {TURNS} changes of the cell; expected at "
        f"most {relaxation.fmax:g}",
    )


def _forces(result: CalculationResult, gradients: FloatArray, volume: float) -> FloatArray:
    """Energy gained by each gradient [eV], shape ``(n,)``."""
    if result.stress is None:
        raise CalculationError("no_stress", f"{result.provenance.code} gives no stress; expected a calculator that does")
    stress = np.asarray(voigt_6_to_full_3x3_stress(result.stress))
    return np.asarray(-volume * np.einsum("nij,ij->n", gradients, stress))


def _bfgs(inverse: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """The next inverse Hessian; the last one where the energy curves the wrong way along the step."""
    curvature = float(step @ change)
    if curvature <= 1e-8 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return inverse
    left = np.eye(len(step)) - np.outer(step, change) / curvature
    return np.asarray(left @ inverse @ left.T + np.outer(step, step) / curvature)


def grain_motion(start: Atoms, relaxed: Atoms) -> float:
    """Longest displacement of an atom in the middle third of a grain, beside its neighbours' mean [Å].

    Args:
        start: With the array ``grain``.
        relaxed: With the atoms in the same order.
    """
    ways = displacements(start, relaxed)
    farthest = 0.0
    for grain in (0, 1):
        middle = ways[middle_of_grain(start, grain)]
        farthest = max(farthest, float(np.linalg.norm(middle - middle.mean(axis=0), axis=1).max()))
    return farthest


def check_grains(start: Atoms, relaxed: Atoms, nearest: float, distorted: float = 0.0) -> float:
    """Refuses a relaxed cell whose grains are no longer the crystal that they were built as.

    Args:
        nearest: Shortest distance of the crystal [Å].
        distorted: Longest displacement of an atom in the distorted crystal [Å].

    Returns:
        How far atoms in the middle of a grain have moved [Å].

    Raises:
        CalculationError: They moved too far (``rotated_grain``).
    """
    moved = grain_motion(start, relaxed)
    if moved > (limit := LARGEST_MOTION * nearest + distorted):
        raise CalculationError(
            "rotated_grain",
            f"atoms in the middle of a grain moved by {moved:.2f} Å, expected {limit:.2f} at most: it is no "
            "longer the crystal that it was built as; thicker grains (space.thickness) hold it",
        )
    return moved


def check_whole(start: Atoms, relaxed: Atoms) -> None:
    """Refuses a relaxed cell whose grains have come apart.

    Args:
        start: As it was built, with the array ``grain``.

    Raises:
        CalculationError: Over more than ``LARGEST_GAP`` there are no atoms (``cleaved``).
    """
    heights = (start.positions[start.arrays["grain"] == grain, 2] for grain in (0, 1))
    planes = max(float(np.diff(np.sort(own)).max(initial=0.0)) for own in heights)
    parts = np.sort(relaxed.get_scaled_positions()[:, 2])
    gap = float(np.diff(np.append(parts, parts[0] + 1.0)).max() * relaxed.cell[2, 2]) - planes
    if gap > LARGEST_GAP:
        raise CalculationError(
            "cleaved",
            f"its grains came apart by {gap:.1f} Å beyond the distance of the crystal's planes, expected {LARGEST_GAP:g} at "
            "most: these are two surfaces, and no boundary",
        )


def asymmetry(start: Atoms, relaxed: Atoms) -> float:
    """Largest distance of an atom from its image under the inversion that makes both boundaries equal [Å].

    Args:
        start: With the array ``grain``, and the centre of the lower grain at the origin.
        relaxed: With the atoms in the same order.
    """
    fractions = relaxed.get_scaled_positions(wrap=False)
    moved = fractions - start.get_scaled_positions(wrap=False)
    centre = (moved - np.round(moved))[start.arrays["grain"] == 0].mean(axis=0)
    images = 2.0 * centre - fractions
    worst = 0.0
    for number in np.unique(relaxed.numbers):
        own = relaxed.numbers == number
        apart = images[own][:, None] - fractions[own][None]
        apart -= np.round(apart)
        lengths = np.linalg.norm(apart @ relaxed.cell.array, axis=2)
        worst = max(worst, float(lengths.min(axis=1).max()))
    return worst
