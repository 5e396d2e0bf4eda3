"""Energies of boundaries against a construction that shares nothing with tansaku's: rotated lattices, free slabs, no planes."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.rigid_blocks import BlockCell
from tansaku.calculators.structures.stacking import stacking_of
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, boundary_energy, bulk_reference
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

FREE = RelaxationSpec(translation="free", fmax=1e-3)
HALF = 30.0
"""Thickness of each free slab [Å]: its surface is far from the boundary."""
COUNTED = 16.0
"""Atoms nearer than this to the boundary count [Å]; the others are crystal or surface."""


def period(direction, edge):
    """Shortest lattice vector of fcc along a direction."""
    return edge * math.sqrt(np.dot(direction, direction)) / (2.0 if sum(direction) % 2 == 0 else 1.0)


def free_slabs(element, edge, axis, plane, shift):
    """Half a crystal and its mirror image, shifted, without the atoms that would sit on others; empty space outside."""
    across = np.cross(axis, plane)
    directions = [np.array(d) // math.gcd(*map(int, d)) for d in (across, axis, plane)]
    turn = np.array([d / np.linalg.norm(d) for d in directions])
    width, depth = (period(d, edge) for d in directions[:2])
    reach = math.ceil((HALF + width + depth) / edge) + 1
    corners = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)), dtype=float)
    points = edge * np.concatenate([corners + basis for basis in ([0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0])])
    points = points @ turn.T
    inside = (points[:, :2] > -1e-6).all(axis=1) & (points[:, 0] < width - 1e-6) & (points[:, 1] < depth - 1e-6)
    lower = points[inside & (points[:, 2] < 1e-6) & (points[:, 2] > -HALF)]
    upper = lower * [1, 1, -1] + shift
    cell = np.array([width, depth, 2 * HALF + 30.0])
    distances = get_distances(upper, lower, cell=np.diag(cell), pbc=True)[1]
    upper = upper[distances.min(axis=1) > 0.6 * edge / math.sqrt(2)]
    positions = np.concatenate([lower, upper])
    return Atoms(f"{element}{len(positions)}", positions=positions + np.array([0.0, 0.0, cell[2] / 2]), cell=cell, pbc=True)


def shifts(counts, width, depth):
    """Evenly spaced shifts in the plane, with one opening [Å]."""
    across, along = counts
    return [(x * width / across, y * depth / along, 0.3) for x, y in itertools.product(range(across), range(along))]


def independent_energy(calculator, crystal, axis, plane, bulk, counts):
    """Lowest energy over a few shifts [mJ/m^2]."""
    found, edge = [], crystal.lattice_parameter
    width, depth = (period(d // math.gcd(*map(int, d)), edge) for d in (np.cross(axis, plane), np.array(axis)))
    for shift in shifts(counts, width, depth):
        atoms = free_slabs(crystal.element, edge, axis, plane, np.array(shift))
        result = calculator.evaluate(atoms, FREE)
        near = np.abs(result.atoms.positions[:, 2] - atoms.cell[2, 2] / 2) < COUNTED
        excess = (result.energies[near] - bulk.energy_per_atom).sum()
        found.append(1e3 * excess / (width * depth) * EV_PER_A2)
    return min(found)


def our_energies(calculator, crystal, axis, plane, bulk, counts):
    """Lowest energies over as many shifts in the periodic cell and in the one with one boundary [mJ/m^2]."""
    boundary = boundary_on(tilt_axis(axis), plane)
    stack = stacking_of(crystal, boundary)
    removed = stack.standard_removals[-1]
    cells = (
        (bicrystal_of(crystal, boundary, 24.0, removed), FREE.model_copy(update={"cell": "normal"})),
        (BlockCell(crystal, boundary, 20.0, 7.0), FREE),
    )
    return [
        1e3
        * min(
            boundary_energy(calculator, cell.build(removed, shift), how, bulk).value
            for shift in shifts(counts, *stack.irreducible_lengths)
        )
        for cell, how in cells
    ]


def compare(calculator, crystal, axis, plane, counts, known):
    bulk = bulk_reference(calculator, crystal.structure, crystal.element, crystal.lattice_parameter)
    theirs = independent_energy(calculator, crystal, axis, plane, bulk, counts)
    ours = our_energies(calculator, crystal, axis, plane, bulk, counts)
    calculator.close()
    assert theirs == pytest.approx(known, abs=1.0)
    assert ours == pytest.approx([theirs, theirs], abs=1.0)


@pytest.mark.parametrize(
    ("plane", "counts", "known"), [((1, 1, 3), (3, 2), 150.8), ((1, 1, 4), (7, 4), 330.2), ((3, 3, 2), (6, 2), 387.5)]
)
def test_boundaries_of_aluminium(mishin_aluminium, plane, counts, known):
    calculator = open_calculator(LammpsSpec(potential="Al99.eam.alloy"), mishin_aluminium)
    compare(calculator, CubicCrystal("fcc", "Al", 4.05), (1, -1, 0), plane, counts, known)


def test_a_boundary_of_copper(require):
    require("lammps")
    calculator = open_calculator(LammpsSpec(potential="Cu_mishin1.eam.alloy"), Path())
    compare(calculator, CubicCrystal("fcc", "Cu", 3.615), (0, 0, 1), (3, 1, 0), (6, 2), 904.7)
