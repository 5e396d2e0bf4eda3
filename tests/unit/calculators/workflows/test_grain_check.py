"""Whether a relaxed cell still holds the boundary that was asked for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.uniaxial import UniaxialCrystal
from tansaku.calculators.workflows.grain_check import CubicStiffness, HexagonalStiffness, check_grains, crystal_stiffness
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.spaces.grain_boundary import GrainBoundarySpace

COPPER = CubicCrystal("fcc", "Cu", 3.59)
SOFT = CubicStiffness(10.0, 7.0, 5.0)


@pytest.fixture(scope="module")
def stiffness():
    return crystal_stiffness(EmtCalculator(), COPPER)


def boundary(plane=(3, 3, 8), removed=5, spacing=16.0):
    """A cell as the space builds it."""
    spec = GrainBoundarySpaceSpec.model_validate(
        {
            "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.59},
            "boundaries": {"planes": [plane]},
            "translation": {"normal": [0.4], "in_plane": [0.3], "along_axis": [0.1]},
            "removed_planes": [removed],
            "spacing": spacing,
        }
    )
    space = GrainBoundarySpace(spec, Path())
    return space.structure(str(space.pool().ids[0]))


def relaxed(start, grain=None, gradient=None):
    """A result in which a grain was deformed about its middle."""
    atoms = start.copy()
    if grain is not None:
        mine = atoms.arrays["grain"] == grain
        middle = atoms.positions[mine].mean(axis=0)
        atoms.positions[mine] = middle + (atoms.positions[mine] - middle) @ np.asarray(gradient).T
    return CalculationResult(
        atoms=atoms,
        energy=0.0,
        energies=None,
        forces=np.zeros((len(atoms), 3)),
        stress=np.zeros(6),
        converged=True,
        steps=1,
        wall_time=0.0,
        provenance=EmtCalculator().provenance,
    )


def test_the_stiffness_is_that_of_the_calculator(stiffness):
    calculator = EmtCalculator()
    cell = COPPER.unit_cell()
    bulk = calculator.evaluate(cell).energy
    rng = np.random.default_rng(4)
    for _ in range(5):
        strain = 0.004 * rng.uniform(-1, 1, (3, 3))
        strain = 0.5 * (strain + strain.T)
        gradient = np.eye(3) + strain
        strained = cell.copy()
        strained.set_cell(cell.cell.array @ gradient, scale_atoms=True)
        # Less the work against the small stress that is left at the given lattice parameter.
        energy = (calculator.evaluate(strained).energy - bulk) / len(cell)
        back = cell.copy()
        back.set_cell(cell.cell.array @ (np.eye(3) - strain), scale_atoms=True)
        even = 0.5 * (energy + (calculator.evaluate(back).energy - bulk) / len(cell))
        assert stiffness.energy(gradient) == pytest.approx(even, rel=0.03, abs=2e-6)


def test_a_crystal_of_low_symmetry_that_is_cubic_has_the_cubic_stiffness(stiffness):
    """Its axes are turned by 45 degrees about c against the cubic ones."""
    tetragonal = crystal_stiffness(EmtCalculator(), UniaxialCrystal("bct", "Cu", 3.59 / np.sqrt(2), 3.59))
    turn = Rotation.from_rotvec([0.0, 0.0, np.pi / 4]).as_matrix()
    for gradient in np.eye(3) + 0.01 * np.random.default_rng(2).standard_normal((4, 3, 3)):
        assert tetragonal.energy(turn @ gradient @ turn.T) == pytest.approx(stiffness.energy(gradient), rel=0.02)


def test_a_rotation_costs_no_strain_energy(stiffness):
    turn = Rotation.from_rotvec([0.1, -0.2, 0.05]).as_matrix()
    assert stiffness.energy(turn) == pytest.approx(0.0, abs=1e-12)
    stretched = np.diag([1.01, 0.99, 1.0])
    assert stiffness.energy(turn @ stretched) == pytest.approx(stiffness.energy(stretched), rel=1e-9)


def test_a_sound_cell_says_what_was_checked(stiffness):
    start = boundary()
    found = check_grains(start, relaxed(start), stiffness, judge_strain=True)
    assert found["checked"] is True
    assert found["rotation"] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert found["strain_energy"] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert min(found["atoms"]) >= 4
    unknown = check_grains(start, relaxed(start), None, judge_strain=True)
    assert unknown["strain_energy"] == [None, None]


@pytest.mark.parametrize("grain", [0, 1])
@pytest.mark.parametrize("with_energy", [True, False])
def test_a_grain_that_turned_is_no_result(grain, with_energy):
    start = boundary()
    turn = Rotation.from_rotvec([0.0, np.radians(2.0), 0.0]).as_matrix()
    found = relaxed(start, grain, turn)
    with pytest.raises(CalculationError, match=rf"grain {grain} turned by (1\.9|2\.0)\d degrees, expected 1 at most") as error:
        check_grains(start, found, SOFT if with_energy else None, judge_strain=False)
    assert error.value.reason == "rotated_grain"
    ended_early = replace(found, converged=False)
    assert not check_grains(start, ended_early, SOFT if with_energy else None, judge_strain=False)["checked"]


def test_a_grain_that_turned_a_little_is_harmless():
    start = boundary()
    turn = Rotation.from_rotvec([0.0, np.radians(0.7), 0.0]).as_matrix()
    found = check_grains(start, relaxed(start, 1, turn), None, judge_strain=True)
    assert found["rotation"] == pytest.approx([0.0, 0.7], abs=0.1)


def test_a_grain_that_is_no_crystal_any_more_is_no_result():
    start = boundary()
    turn = Rotation.from_rotvec([0.0, np.radians(40.0), 0.0]).as_matrix()
    with pytest.raises(CalculationError, match="no longer the crystal") as error:
        check_grains(start, relaxed(start, 0, turn), None, judge_strain=True)
    assert error.value.reason == "rotated_grain"


def test_a_strained_grain_is_no_result_where_the_cell_could_relax_it(stiffness):
    start = boundary()
    stretched = start.copy()
    stretched.set_cell(start.cell.array * [1.0, 1.0, 1.03], scale_atoms=True)
    found = relaxed(stretched)
    with pytest.raises(CalculationError, match=r"grain 0 is strained by 3\.00 %, .* meV/atom, expected 2 meV") as error:
        check_grains(start, found, stiffness, judge_strain=True)
    assert error.value.reason == "strained_grain"
    with pytest.raises(CalculationError, match=r"grain 0 is strained by 3\.00 %, expected 2 %") as error:
        check_grains(start, found, None, judge_strain=True)
    assert error.value.reason == "strained_grain"
    # The height of a fixed cell is given: its strain is the start's, and an upper bound of the energy.
    held = check_grains(start, found, stiffness, judge_strain=False)
    assert held["strain"] == pytest.approx([0.03, 0.03], abs=1e-6)
    assert min(held["strain_energy"]) > 2e-3


def test_grains_without_a_middle_are_said_not_to_be_checked(stiffness):
    start = boundary((1, 1, 1), 0, 6.0)
    found = check_grains(start, relaxed(start), stiffness, judge_strain=True)
    assert found["checked"] is False
    assert "the grains are too thin" in found["reason"]


def between_blocks(moved=None):
    """The incoherent twin of copper between rigid blocks, whose lower slab may have been moved."""
    spec = GrainBoundarySpaceSpec.model_validate(
        {
            "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.59},
            "boundaries": {"planes": [[1, 1, 2]]},
            "cell": {"boundaries": 1, "relaxed": 14, "reach": 5.6},
            "translation": {"normal": [0.3], "in_plane": [0.0], "along_axis": [0.0]},
            "removed_planes": [0],
        }
    )
    space = GrainBoundarySpace(spec, Path())
    start = space.structure(str(space.pool().ids[0])).repeat((12, 3, 1))
    found = relaxed(start)
    if moved is not None:
        slab = (start.arrays["grain"] == 0) & (start.arrays["block"] == 0)
        middle = start.positions[slab].mean(axis=0)
        found.atoms.positions[slab] = middle + moved(start.positions[slab] - middle)
    return start, found


def test_a_slab_without_room_for_its_boundary_is_an_upper_bound():
    assert check_grains(*between_blocks(), None, judge_strain=True)["checked"] is True
    rng = np.random.default_rng(0)
    disordered = between_blocks(lambda positions: positions + 0.9 * rng.standard_normal(positions.shape))
    grains = check_grains(*disordered, None, judge_strain=True)
    assert grains["checked"] is False
    assert grains["reason"].startswith("the energy is an upper bound, because blocks hold the crystal; grain 0")


def test_a_slab_between_blocks_that_turned_as_a_whole_is_no_result():
    turn = Rotation.from_rotvec([0.0, np.radians(3.0), 0.0]).as_matrix()
    with pytest.raises(CalculationError, match=r"grain 0 turned by (2\.9|3\.0)") as error:
        check_grains(*between_blocks(lambda positions: positions @ turn.T), None, judge_strain=True)
    assert error.value.reason == "rotated_grain"


def test_a_slab_that_became_the_other_grain_is_no_result():
    """The crystal of the upper grain goes on, without a boundary, to the lower block."""
    start, found = between_blocks()
    slabs = [(start.arrays["grain"] == grain) & (start.arrays["block"] == 0) for grain in (0, 1)]
    upper = start.positions[slabs[1]]
    found.atoms.positions[slabs[0]] = upper
    found.atoms.positions[slabs[0], 2] += start.positions[slabs[0], 2].max() - upper[:, 2].max()
    with pytest.raises(CalculationError, match="no longer the crystal") as error:
        check_grains(start, found, None, judge_strain=True)
    assert error.value.reason == "rotated_grain"


@pytest.mark.parametrize("stiffness", [SOFT, HexagonalStiffness(9.0, 3.0, 2.0, 10.0, 2.5)])
def test_elastic_constants_are_the_second_derivatives_of_the_energy(stiffness):
    gradient = np.eye(3) + 0.05 * np.random.default_rng(0).standard_normal((3, 3))
    strain = 0.5 * (gradient.T @ gradient - np.eye(3))
    expected = 0.5 * np.einsum("ij,ijkl,kl->", strain, stiffness.constants, strain)
    assert stiffness.energy(gradient) == pytest.approx(expected)
