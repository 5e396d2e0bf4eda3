"""Checks of a relaxed boundary of a compound: grains that are thicker, a vacancy in mid-grain, and the broken inversion.

A boundary's energy belongs to it alone where grains are so thick that its neighbour changes nothing, and where the middle of a
grain is the crystal. Each check is compared with a limit; values beyond it are doubtful.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from tansaku.calculators.structures.compound_boundary import (
    SlabPair,
    formula_unit,
    inversion_images,
    middle_of_grain,
    nearest_in,
)
from tansaku.calculators.workflows.compound_boundary import CompoundReference, relaxed_boundary
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import IntArray
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec

THICKER = 0.01
"""Largest change of the energy with grains twice as thick, and without the inversion [J/m^2]."""

VACANCY = 0.03
"""Largest difference of a vacancy's energy in the middle of a grain and in the crystal [eV]."""

CHARGED = "charged"
"""Reason for which a calculator with charges has no energy of a cell without a single ion."""

_SHAKEN = 0.1
"""Standard deviation of the displacements that break the inversion, or the symmetry of a crystal [Å]. By CHGNet cubic
SrTiO3 tilts its octahedra after 0.1 Å, and stays as it is after 0.02 Å."""


@dataclass(frozen=True)
class MidGrain:
    """A relaxed cell whose middle is compared with the crystal.

    Attributes:
        slabs: Of the cell.
        start: As it was built.
        result: Of its relaxation.
    """

    slabs: SlabPair
    start: Atoms
    result: CalculationResult


def vacancy_differences(calculator: Calculator, cell: MidGrain, reference: CompoundReference) -> dict[str, float]:
    """Energies of vacancies in the middle of a grain less those in the crystal, in a cell of the same planar vectors [eV].

    Each element has a vacancy; with a calculator that refuses charged cells, a formula unit is taken away instead. The other
    atoms stay where they are: in MgO the difference fell to 0.03 eV at the same thickness as with all atoms relaxed. The
    crystal's cell cannot have the same height; between those of whole lattice planes below and above, its energy is taken as
    linear in the inverse of the height, as that of dipoles is.

    Returns:
        By element, or by the formula of the unit.

    Raises:
        CalculationError: The calculator has no energy of a cell.
    """
    unit = formula_unit(reference.crystal.numbers)
    groups = [_middle_atoms(cell.start, {number: 1}) for number in unit]
    try:
        return {_name(cell.start, group): _difference(calculator, cell, group, reference.lower_bulk) for group in groups}
    except CalculationError as error:
        if error.reason != CHARGED:
            raise
    group = _middle_atoms(cell.start, unit)
    return {_name(cell.start, group): _difference(calculator, cell, group, reference.lower_bulk)}


def _middle_atoms(start: Atoms, counts: dict[int, int]) -> IntArray:
    """Indices of atoms next to the centre of the lower grain, by their height first, so that they have little of a dipole."""
    heights = np.abs(start.positions[:, 2])
    far = np.linalg.norm(start.positions, axis=1)
    order = np.lexsort((np.arange(len(start)), np.round(far, 3), np.round(heights, 1), start.arrays["grain"]))
    chosen = [order[start.numbers[order] == number][:count] for number, count in counts.items()]
    return np.concatenate(chosen)


def _name(start: Atoms, group: IntArray) -> str:
    return str(start[group].get_chemical_formula("metal"))


def _difference(calculator: Calculator, cell: MidGrain, group: IntArray, bulk: float) -> float:
    def without(atoms: Atoms, removed: IntArray) -> float:
        left = atoms.copy()
        del left[removed]
        return float(calculator.evaluate(left).energy)

    slabs, height = cell.slabs, float(cell.result.atoms.cell[2, 2])
    below = int(height / slabs.planes.spacing)
    costs = []
    for steps in (below, below + 1):
        crystal = slabs.bulk(steps)
        units = len(crystal) // sum(formula_unit(crystal.numbers).values())
        costs.append(without(crystal, nearest_in(crystal, cell.start.positions[group])) - units * bulk)
    share = (1.0 / below - slabs.planes.spacing / height) / (1.0 / below - 1.0 / (below + 1))
    in_crystal = costs[0] + share * (costs[1] - costs[0])
    return without(cell.result.atoms, group) - cell.result.energy - in_crystal


def shaken_middle(start: Atoms, begin: Atoms) -> Atoms:
    """A thicker cell with the atoms in the middle of its grains displaced at random, those of images oppositely.

    Crystal that is put into a grain has the symmetry of its file. Where a distortion has a lower energy, such as tilted
    octahedra, it would stay at that higher energy, and the boundary's would grow with the thickness.

    Args:
        start: The cell as it was built, with the array ``grain``.
        begin: The structure that is relaxed next, atoms in the same order.
    """
    middle = np.concatenate([middle_of_grain(start, grain) for grain in (0, 1)])
    ways = np.zeros((len(start), 3))
    ways[middle] = np.random.default_rng(0).normal(scale=_SHAKEN, size=(len(middle), 3))
    shaken: Atoms = begin.copy()
    shaken.positions += (ways - ways[inversion_images(start)]) / np.sqrt(2.0)
    return shaken


def released_change(
    calculator: Calculator, result: CalculationResult, relaxation: RelaxationSpec, area: float, per_area: float
) -> float | None:
    """Change of a boundary's energy when its cell is shaken and relaxes without the inversion; None: it does not relax.

    Args:
        result: Of the relaxation with the inversion.
        area: Of one boundary [Å^2].
        per_area: What an energy by area of 1 eV/Å^2 is in the unit of the change.
    """
    shaken = result.atoms.copy()
    shaken.positions += np.random.default_rng(0).normal(scale=_SHAKEN, size=(len(shaken), 3))
    try:
        released = relaxed_boundary(calculator, shaken, relaxation)
    except CalculationError:
        return None
    return (released.energy - result.energy) / (2.0 * area) * per_area


def convergence_reasons(
    thickness: tuple[float, float], change: float | str, vacancies: dict[str, float], released: float | None
) -> list[str]:
    """Sentences about checks that failed.

    Args:
        thickness: Of the grains, of the search and of the check [Å].
        change: Of the energy with thicker grains [J/m^2], or the reason for which they do not relax.
        vacancies: As :func:`vacancy_differences` gives them; empty where they were not computed.
        released: As :func:`released_change` gives it [J/m^2]; None: unknown or not computed.
    """
    found = []
    if isinstance(change, str):
        found.append(f"grains of {thickness[1]:.0f} Å do not relax ({change}), so it is not known whether it has converged")
    elif abs(change) > THICKER:
        found.append(
            f"grains of {thickness[1]:.0f} instead of {thickness[0]:.0f} Å change it by {1000.0 * change:+.0f} mJ/m2 (expected "
            f"{1000.0 * THICKER:.0f} at most)"
        )
    name, difference = max(vacancies.items(), key=lambda item: abs(item[1]), default=("", 0.0))
    if abs(difference) > VACANCY:
        found.append(
            f"the middle of a grain is not the crystal: a vacancy of {name} costs {difference:+.3f} eV more there (expected "
            f"{VACANCY:g} at most)"
        )
    if found and not isinstance(change, str):
        found[-1] += ": raise space.thickness, and space.repeats where the crystal's distortion does not fit the cell"
    if released is not None and released < -THICKER:
        found.append(
            f"without the inversion that makes its boundaries equal it falls by {-1000.0 * released:.0f} mJ/m2: the value is "
            "an upper bound, as for a crystal that would rather tilt its octahedra than be the one of the file"
        )
    return found
