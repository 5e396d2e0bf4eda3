"""Boundaries in cells that aimsgb built, which is not installed here, against ours: the lowest energies of a few translations.

``aimsgb.json`` holds the grains of ``aimsgb.GrainBoundary(axis, sigma, plane, grain)`` as that program oriented them.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.rigid_blocks import BlockCell
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, boundary_energy, bulk_reference
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

pytestmark = pytest.mark.needs("lammps")

CRYSTALS = {"Cu": CubicCrystal("fcc", "Cu", 3.615), "Fe": CubicCrystal("bcc", "Fe", 2.8553)}
POTENTIALS = {"Cu": "Cu_mishin1.eam.alloy", "Fe": "Fe_mm.eam.fs"}
BUILT = json.loads((Path(__file__).parent / "aimsgb.json").read_text(encoding="utf-8"))["boundaries"]
RELAXED = RelaxationSpec(translation="free", fmax=0.01)
STARTS = 6
THICK, COUNTED = 22.0, 15.0
"""Thickness of aimsgb's slabs, whose outer surfaces are free, and distance from the boundary within which atoms count [Å]."""


def slab(grain):
    """Atoms of a grain, repeated along the normal [Å], and its lengths."""
    lengths = np.array(grain["lengths"])
    layers = math.ceil(THICK / lengths[2])
    positions = np.array(grain["fractions"]) * lengths
    up = np.array([0.0, 0.0, lengths[2]])
    return np.concatenate([positions + layer * up for layer in range(layers)]), lengths, layers * lengths[2]


def their_energy(built, calculator, bulk, rng):
    """Lowest energy of aimsgb's grains [mJ/m^2]."""
    (lower, lengths, below), (upper, _, above) = slab(built["lower"]), slab(built["upper"])
    energies = []
    for _ in range(STARTS):
        shift = [*(rng.random(2) * lengths[:2]), below + rng.uniform(0.0, 0.5)]
        positions = np.concatenate([lower, upper + shift]) + np.array([0.0, 0.0, 10.0])
        cell = np.diag([lengths[0], lengths[1], below + above + 20.0])
        atoms = Atoms([built["element"]] * len(positions), positions=positions, cell=cell, pbc=True)
        atoms.wrap()
        result = calculator.evaluate(atoms, RELAXED)
        near = np.abs(result.atoms.positions[:, 2] - (10.0 + below)) < COUNTED
        excess = (result.energies[near] - bulk.energy_per_atom).sum()
        energies.append(1e3 * EV_PER_A2 * float(excess) / (lengths[0] * lengths[1]))
    return min(energies)


def our_energy(built, calculator, bulk, rng):
    """Lowest energy of our cells [mJ/m^2]."""
    boundary = boundary_on(tilt_axis(built["axis"]), built["plane"])
    cell = BlockCell(CRYSTALS[built["element"]], boundary, 15.0, 6.0)
    stack = cell.stacking
    starts = [
        cell.build(stack.standard_removals[-1], (*(rng.random(2) * stack.lengths), rng.uniform(0.1, 0.6)))
        for _ in range(STARTS)
    ]
    return min(1e3 * boundary_energy(calculator, start, RELAXED, bulk).value for start in starts)


@pytest.mark.parametrize("built", BUILT, ids=lambda built: f"{built['element']}-{built['sigma']}-{built['plane']}")
def test_the_energy_is_that_of_aimsgbs_cell(built):
    crystal = CRYSTALS[built["element"]]
    calculator = open_calculator(LammpsSpec(potential=POTENTIALS[built["element"]]), Path())
    bulk = bulk_reference(calculator, crystal.structure, crystal.element, crystal.lattice_parameter)
    rng = np.random.default_rng(0)
    theirs, ours = their_energy(built, calculator, bulk, rng), our_energy(built, calculator, bulk, rng)
    calculator.close()
    assert theirs == pytest.approx(ours, abs=3.0)
