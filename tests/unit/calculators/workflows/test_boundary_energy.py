"""Physics on real potentials: the cusps are where they are known to be, and energies do not depend on how one looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.lattice.cubic import FaceCenteredCubic

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.workflows.boundary_energy import (
    DIFFERENCE_TOLERANCE,
    boundary_energy,
    bulk_reference,
)
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

POLISH = RelaxationSpec(cell="normal", translation="free", fmax=2e-3)
A0 = 4.05


def bicrystal(plane: tuple[int, int, int], spacing: float = 12.0, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Atoms:
    """A symmetric tilt boundary about [110] of aluminium, no planes removed."""
    boundary = boundary_on(tilt_axis((1, 1, 0)), plane)
    return bicrystal_of(CubicCrystal("fcc", "Al", A0), boundary, spacing).build(0, shift)


@pytest.fixture(scope="module")
def calculator(require):
    require("lammps")
    calculator = open_calculator(LammpsSpec(potential="Al_mm.eam.fs"), Path("/nonexistent"))
    yield calculator
    calculator.close()


@pytest.fixture(scope="module")
def reference(calculator):
    return bulk_reference(calculator, "fcc", "Al", A0)


def test_the_bulk_reference_is_the_crystal_s_energy_per_atom(calculator, reference):
    assert -3.5 < reference.energy_per_atom < -3.3
    crystal = FaceCenteredCubic(size=(3, 2, 2), symbol="Al", latticeconstant=A0)
    assert calculator.evaluate(crystal).energy / len(crystal) == pytest.approx(reference.energy_per_atom, abs=1e-10)


def test_the_twin_is_cheap_and_its_two_boundaries_are_equal(calculator, reference):
    found = boundary_energy(calculator, bicrystal((1, 1, 1)), POLISH, reference)
    assert 0.05 < found.value < 0.09
    assert not found.differ
    assert found.drift == pytest.approx((0, 0), abs=1e-6)
    assert found.result.stress[2] == pytest.approx(0, abs=1e-3)


def test_the_energy_is_the_cell_s_excess_over_the_crystal(calculator, reference):
    atoms = bicrystal((1, 1, 3))
    found = boundary_energy(calculator, atoms, RelaxationSpec(), reference)
    area = atoms.cell[0, 0] * atoms.cell[1, 1]
    excess = (found.result.energy - len(atoms) * reference.energy_per_atom) / (2 * area) * 16.0217663
    assert found.area == pytest.approx(area)
    assert found.value == pytest.approx(excess, rel=1e-7)
    assert np.mean(found.values) == pytest.approx(found.value)


def test_a_free_normal_lowers_the_energy_and_freeing_the_grains_lowers_it_further(calculator, reference):
    atoms = bicrystal((1, 1, 3), shift=(0.4, 0.2, 0.1))
    fixed, normal, free = (
        boundary_energy(calculator, atoms, relaxation, reference)
        for relaxation in (RelaxationSpec(), RelaxationSpec(cell="normal"), POLISH)
    )
    assert free.value < normal.value < fixed.value
    assert fixed.expansion == 0.0
    assert normal.expansion != 0.0
    assert fixed.drift == pytest.approx((0, 0), abs=1e-9)
    assert normal.drift == pytest.approx((0, 0), abs=1e-9)
    assert np.abs(free.drift).max() > 0.01


def test_more_crystal_between_the_boundaries_changes_little(calculator, reference):
    near, far = (boundary_energy(calculator, bicrystal((1, 1, 3), spacing), POLISH, reference) for spacing in (12.0, 30.0))
    assert near.value == pytest.approx(far.value, abs=2e-3)


def test_whole_periods_of_translation_change_nothing(calculator, reference):
    atoms = bicrystal((1, 1, 3), shift=(0.3, 0.1, 0.1))
    found = boundary_energy(calculator, atoms, RelaxationSpec(fmax=1e-4), reference)
    moved = atoms.copy()
    moved.positions[atoms.arrays["grain"] == 1] += 2 * atoms.cell[0] - atoms.cell[1]
    again = boundary_energy(calculator, moved, RelaxationSpec(fmax=1e-4), reference)
    assert again.value == pytest.approx(found.value, abs=1e-6)


def test_two_boundaries_that_are_not_equal_are_flagged(calculator, reference):
    atoms = bicrystal((1, 1, 3))
    upper = (atoms.arrays["grain"] == 1) & (atoms.arrays["boundary"] == 1)
    atoms.positions[upper] += (0.8, 0.4, 0.0)
    found = boundary_energy(calculator, atoms, RelaxationSpec(fmax=0.02), reference)
    assert found.differ
    assert abs(found.values[0] - found.values[1]) > DIFFERENCE_TOLERANCE


def test_a_reference_of_another_calculator_is_refused(calculator):
    other = bulk_reference(open_calculator(EmtSpec(), Path("/nonexistent")), "fcc", "Al", A0)
    with pytest.raises(ConfigurationError, match="another calculator"):
        boundary_energy(calculator, bicrystal((1, 1, 1)), RelaxationSpec(), other)


def test_a_structure_without_boundaries_is_refused(calculator, reference):
    with pytest.raises(ConfigurationError, match="boundary"):
        boundary_energy(calculator, FaceCenteredCubic(symbol="Al", latticeconstant=A0), RelaxationSpec(), reference)
