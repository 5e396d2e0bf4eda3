"""Relaxed cells of compounds' boundaries: whether grains are still the crystal, and both boundaries still equal."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.compound_boundary import Content, SlabPair
from tansaku.calculators.structures.compound_crystal import compound_crystal
from tansaku.calculators.structures.grain_pair import crystal_boundary, general_pair, symmetric_pair
from tansaku.calculators.workflows.compound_boundary import (
    CompoundReference,
    asymmetry,
    check_grains,
    check_whole,
    compound_reference,
    grain_motion,
    strained_reference,
)
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.emt import EmtSpec
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

PROVENANCE = Provenance(code="test", code_version="1", model="test", settings={})
CRYSTAL = compound_crystal(bulk("MgO", "rocksalt", a=4.21, cubic=True), "space.crystal")


@pytest.fixture
def start():
    pair = symmetric_pair(CRYSTAL.planes((3, 1, 0)))
    steps = pair.lower.steps_for(0, 12.0)
    return SlabPair(pair.lower.slab(0, steps), pair.upper.slab(0, steps)).cell(np.array([0.2, 0.3]), 1.7)


def moved(start, ways):
    found = start.copy()
    found.positions += ways
    return found


def test_grains_that_shift_as_a_whole_and_boundaries_that_relax_are_sound(start):
    upper = start.arrays["grain"] == 1
    far = np.abs(start.positions[:, 2] - np.where(upper, start.positions[upper, 2].mean(), 0.0)) > 5.0
    found = moved(start, np.outer(upper, [0.4, 0.2, 0.1]) + np.outer(far, [0.5, -0.5, 0.3]))
    found.wrap()
    assert check_grains(start, found, CRYSTAL.nearest) == pytest.approx(0.0, abs=1e-9)


def test_a_cell_that_stretches_along_the_normal_moves_no_atoms(start):
    found = start.copy()
    found.set_cell(start.cell.array + np.array([[0, 0, 0], [0, 0, 0], [0.3, 0.1, 1.0]]))
    assert grain_motion(start, found) == pytest.approx(0.0, abs=1e-9)


def parted(start, gap):
    """The cell with so much more room at both of its boundaries."""
    found = start.copy()
    found.set_cell(start.cell.array + np.array([[0, 0, 0], [0, 0, 0], [0, 0, 2.0 * gap]]))
    found.positions[:, 2] += gap * start.arrays["grain"]
    return found


def test_grains_that_came_apart_are_two_surfaces(start):
    opening = start.info["opening"]
    check_whole(start, start)
    check_whole(start, parted(start, 2.9 - opening))
    with pytest.raises(CalculationError, match=r"came apart by 3\.\d Å beyond .* expected 3 at most") as error:
        check_whole(start, parted(start, 3.3 - opening))
    assert error.value.reason == "cleaved"


@pytest.mark.parametrize("grain", [0, 1])
def test_a_grain_that_has_become_another_crystal_is_refused(start, grain):
    own = start.arrays["grain"] == grain
    middle = start.positions[own].mean(axis=0)
    turned = start.copy()
    angle = np.radians(40.0)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned.positions[own, :2] = (turned.positions[own, :2] - middle[:2]) @ rotation + middle[:2]
    with pytest.raises(CalculationError, match=r"middle of a grain moved by .* Å, expected 0.53 at most") as error:
        check_grains(start, turned, CRYSTAL.nearest)
    assert check_grains(start, turned, CRYSTAL.nearest, 5.0) == pytest.approx(grain_motion(start, turned))
    assert error.value.reason == "rotated_grain"


def test_boundaries_that_relax_differently_are_noticed(start):
    assert asymmetry(start, start) == pytest.approx(0.0, abs=1e-9)
    other = np.zeros((len(start), 3))
    other[start.positions[:, 2].argmax()] = [0.0, 0.2, 0.0]
    assert asymmetry(start, moved(start, other)) == pytest.approx(0.2, abs=0.02)


def test_a_crystal_that_the_calculator_refuses_is_named_by_its_key():
    class Refusing:
        def evaluate(self, structure, _):
            if len(structure) == 1:
                raise CalculationError("charged", "Mg has a charge of +2 e by calculator.charges")
            return CalculationResult(structure, -1.0, None, np.zeros((2, 3)), np.zeros(6), True, 1, 0.0, PROVENANCE)

    with pytest.raises(
        ConfigurationError, match=r"space.unit.phase: .* no energy of this crystal \(charged\): Mg has a charge"
    ):
        compound_reference(Refusing(), CRYSTAL, {"phase": bulk("Mg", "fcc", a=4.5)}, RelaxationSpec())


def test_a_crystal_that_distorts_has_the_energy_of_its_distortion():
    calculator = open_calculator(EmtSpec(), Path())
    relaxation = RelaxationSpec(fmax=0.01, max_steps=1000)
    simple = compound_crystal(bulk("Cu", "sc", a=2.4), "space.crystal")
    plain, lower = (compound_reference(calculator, simple, {}, relaxation, None, cell) for cell in (None, (2, 2, 2)))
    assert plain.distortion is None
    assert lower.distortion.energy > 0.1
    assert lower.bulk == pytest.approx(plain.bulk - lower.distortion.energy)
    assert lower.motion > 0.3
    dense = compound_crystal(bulk("Cu", "fcc", a=3.6, cubic=True), "space.crystal")
    still = compound_reference(calculator, dense, {}, relaxation, None, (2, 1, 1))
    assert (still.distortion.energy, still.motion) == (0.0, 0.0)
    assert still.bulk == pytest.approx(bulk_energy(), abs=1e-3)


def bulk_energy():
    """Energy of an atom of copper, by ASE alone [eV]."""
    atoms = bulk("Cu", "fcc", a=3.6)
    atoms.calc = EMT()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-3)
    return atoms.get_potential_energy()


COPPER = compound_crystal(bulk("Cu", "fcc", a=3.6, cubic=True), "space.crystal")
NEAR = {"planes": [[1, 0, 0], [1, 1, 0]], "directions": [[0, 0, 1], [0, 0, 1]], "max_strain": 0.011}
FINE = RelaxationSpec(fmax=0.001)


def pair_of(given):
    return general_pair(crystal_boundary(COPPER, GeneralBoundarySpec.model_validate(given), "key"))


@pytest.fixture
def emt():
    return open_calculator(EmtSpec(), Path())


@pytest.fixture
def copper(emt):
    return compound_reference(emt, COPPER, {}, FINE)


def test_grains_that_are_not_strained_are_compared_with_the_crystal(emt, copper):
    twist = pair_of({"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1]})
    assert strained_reference(emt, copper, twist, FINE) is copper
    assert copper.crystals == (copper.crystal, copper.crystal)
    assert copper.boundary_energy(10.0, Content(3, 0), 2.0, 0.3) == copper.boundary_energy(10.0, Content(3, 0), 2.0, 0.7)


def test_strained_grains_have_the_energies_of_crystals_that_ase_strains(emt, copper):
    pair = pair_of(NEAR)
    found = strained_reference(emt, copper, pair, FINE)
    fitted = pair.of(copper.crystal).fitted()
    for planes, energy, crystal in zip((fitted.lower, fitted.upper), found.strain_energies, found.crystals, strict=True):
        atoms = bulk("Cu", "fcc", a=3.6)
        atoms.set_cell(planes.crystal.cell @ planes.frame.T, scale_atoms=True)
        atoms.calc = EMT()
        BFGS(FrechetCellFilter(atoms, mask=[0, 0, 1, 1, 1, 0]), logfile=None).run(fmax=1e-4)
        assert energy == pytest.approx(atoms.get_potential_energy() - copper.bulk, abs=2e-6)
        assert energy > 1e-5
        assert abs(np.linalg.det(crystal.cell)) == pytest.approx(atoms.get_volume(), rel=1e-4)
    # Both have the same planar cell still, and the energy of a boundary is compared with each by its share.
    grains = pair.of(*found.crystals)
    assert grains.misfit < 1e-9
    lower, upper = found.strain_energies
    assert found.lower_bulk == copper.bulk + lower
    change = found.boundary_energy(0.0, Content(10, 0), 1.0, 0.25) - copper.boundary_energy(0.0, Content(10, 0), 1.0)
    assert change == pytest.approx(-10 * (0.25 * lower + 0.75 * upper) / 2.0 * 16.021766)


def test_a_crystal_that_relaxes_to_a_larger_misfit_is_refused(emt):
    given = {"planes": [[0, 0, 1], [1, 1, 0]], "directions": [[1, 0, 0], [0, 0, 1]], "max_strain": 0.011}
    taller = COPPER.atoms()
    taller.set_cell(taller.cell.array * np.array([1.0, 1.0, 1.05]), scale_atoms=True)
    reference = CompoundReference(COPPER.moved(taller), -1.0, None, None)
    with pytest.raises(
        ConfigurationError, match=r"space.boundaries: the grains have a misfit of 0\.0\d+ after .* max_strain, 0.011"
    ):
        strained_reference(emt, reference, pair_of(given), FINE)
