"""Boundaries in any plane: periods, atoms, orientation and what is refused."""

import numpy as np
import pytest
import spglib

from tansaku.calculators.structures.axial_boundary import axial_boundary
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.general_boundary import general_boundary
from tansaku.calculators.structures.rigid_blocks import BlockCell
from tansaku.calculators.structures.uniaxial import UniaxialCrystal
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec

CU, FE = CubicCrystal("fcc", "Cu", 3.615), CubicCrystal("bcc", "Fe", 2.8553)

# Area [Å^2] of pymatgen 2026.10.16's GrainBoundaryGenerator, from the cubic cell, over ours: its cells are whole multiples.
CASES = [
    (CU, (0, 0, 1), 5, (0, 0, 1), 65.3411, 2, (5, 5)),
    (CU, (0, 0, 1), 13, (0, 0, 1), 169.8869, 2, (13, 13)),
    (CU, (1, 1, 1), 3, (1, 1, 1), 22.6348, 4, (1, 1)),
    (CU, (1, 1, 1), 7, (1, 1, 1), 158.4438, 4, (7, 7)),
    (CU, (1, 1, 0), 3, (1, -1, 2), 32.0105, 2, (1, 1)),
    (CU, (1, 1, 0), 3, (5, -5, -2), 96.0314, 2, (1, 3)),
    (CU, (1, 1, 0), 3, (0, 0, 1), 39.2047, 2, (3, 1)),
    (CU, (1, 1, 0), 3, (1, -1, 0), 55.4438, 2, (3, 1)),
    (CU, (0, 0, 1), 5, (1, 0, 0), 65.3411, 2, (5, 1)),
    (CU, (0, 0, 1), 5, (1, 1, 0), 92.4063, 2, (5, 1)),
    (FE, (0, 0, 1), 5, (0, 0, 1), 40.7637, 1, (5, 5)),
    (FE, (0, 0, 1), 5, (1, 0, 0), 40.7637, 1, (5, 1)),
    (FE, (0, 0, 1), 5, (1, 2, 1), 99.8502, 2, (5, 5)),
    (FE, (1, 1, 0), 3, (1, 1, 0), 34.5891, 2, (3, 3)),
    (CU, (0, 0, 1), 5, (1, 2, 1), 160.0524, 2, (5, 5)),
]


def boundary(**keys):
    return general_boundary(GeneralBoundarySpec.model_validate(keys))


@pytest.mark.parametrize(("crystal", "axis", "sigma", "plane", "area", "times", "per_plane"), CASES)
def test_the_period_divides_that_of_another_builder(require, crystal, axis, sigma, plane, area, times, per_plane):
    require("pymatgen")
    found = boundary(axis=axis, sigma=sigma, plane=plane)
    cell = BlockCell(crystal, found, 9.0, 6.0)
    stack = cell.stacking
    assert times * stack.area == pytest.approx(area, abs=1e-3)
    assert stack.grain_atoms == per_plane
    for spacing, atoms in zip(stack.grain_spacings, stack.grain_atoms, strict=True):
        assert atoms / (stack.area * spacing) == pytest.approx(crystal.atoms_per_volume)
    turn = stack.frames[0].T @ stack.frames[1]
    assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) == pytest.approx(found.angle)
    assert np.rint(turn * sigma) == pytest.approx(turn * sigma, abs=1e-6)
    assert len(cell.build(0, (0.3, 0.4, 1.5))) == cell.atom_count(0)


def symmetries(stack, shift):
    """Number of symmetry operations of a bicrystal with free surfaces, by spglib."""
    lower, upper = stack.both(0, (10, 10))
    positions = np.concatenate((lower, upper + np.array([*shift, 0.3])))
    cell = np.diag([*stack.lengths, np.ptp(positions[:, 2]) + 12.0])
    cell[1, 0] = stack.shear
    return len(spglib.get_symmetry((cell, positions @ np.linalg.inv(cell), [1] * len(positions)), symprec=1e-4)["rotations"])


INDIUM = UniaxialCrystal("bct", "In", 3.25, 4.95)

SYMMETRIC = [
    (CU, (1, 1, 1), 7, (1, 1, 1), 6),
    (CU, (0, 0, 1), 5, (0, 0, 1), 8),
    (CU, (0, 0, 1), 5, (1, 0, 0), 2),
    (CU, (1, 1, 0), 3, (5, -5, -2), 2),
    (CU, (0, 0, 1), 5, (1, 1, 1), 1),
    (FE, (1, 1, 0), 3, (1, 1, 0), 4),
    (FE, (0, 0, 1), 5, (1, 2, 1), 2),
    (INDIUM, (0, 0, 1), 5, (0, 0, 1), 8),
    (INDIUM, (0, 0, 1), 5, (1, 0, 0), 2),
    (INDIUM, (0, 0, 1), 5, (3, 1, 0), 4),
]


@pytest.mark.parametrize(("crystal", "axis", "sigma", "plane", "operations"), SYMMETRIC)
def test_the_translations_that_are_folded_are_as_many_as_the_bicrystals_own_symmetry_leaves(
    require, crystal, axis, sigma, plane, operations
):
    """A translation has as many equal ones as there are operations, divided by those that its own bicrystal has."""
    require("pymatgen")
    spec = GeneralBoundarySpec(axis=axis, sigma=sigma, plane=plane)
    stack = BlockCell(
        crystal, axial_boundary(crystal, spec, "key") if crystal is INDIUM else general_boundary(spec), 9, 6
    ).stacking
    matrices = stack.offset_operations(0)
    assert len(matrices) == operations
    for part in ((0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5), (1 / 3, 1 / 3), (0.25, 0.5), (0.21, 0), (0, 0.21), (0.13, 0.31)):
        shift = np.array(part) @ stack.translations
        equal = len(set(stack.lattice_keys(matrices @ shift).tolist()))
        assert equal * symmetries(stack, shift) == operations


def test_two_planes_make_the_same_boundary_as_axis_and_sigma():
    pair = boundary(planes=[[1, 1, 1], [1, 1, 1]], directions=[[1, -1, 0], [-1, 1, 0]])
    assert (pair.sigma, pair.angle) == (3, pytest.approx(60.0))


def test_an_angle_means_the_smallest_sigma_that_has_it(require):
    require("pymatgen")
    keys = {"axis": [0, 0, 1], "plane": [1, 0, 0]}
    assert boundary(**keys, angle=53.13) == boundary(**keys, sigma=5, angle=53.13)
    assert boundary(**keys, angle=22.6) == boundary(**keys, sigma=13)


def test_two_planes_without_coincidence_are_strained_within_the_limit():
    keys = {"planes": [[1, 0, 0], [1, 1, 0]], "directions": [[0, 0, 1], [0, 0, 1]]}
    stack = BlockCell(CU, boundary(**keys, max_strain=0.02), 9.0, 6.0).stacking
    assert stack.lengths == pytest.approx((3.615, 5 * 3.615))
    assert stack.strain == pytest.approx(5 * np.sqrt(2) / 7 - 1, abs=1e-4)
    with pytest.raises(ConfigurationError, match="within max_strain 0; the smallest strain"):
        _ = BlockCell(CU, boundary(**keys), 9.0, 6.0).stacking


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"axis": [0, 0, 1], "sigma": 7, "plane": [0, 0, 1]}, "no coincidence lattice; the nearest Σ of this axis are 5"),
        ({"axis": [0, 0, 1], "sigma": 5, "plane": [0, 1, 2], "kind": "twist"}, "makes a mixed boundary"),
        (
            {"axis": [0, 0, 1], "sigma": 5, "plane": [0, 2, 0], "kind": "mixed"},
            r"plane \[0, 2, 0\] makes a tilt boundary; a mixed boundary needs a normal neither parallel nor perpendicular",
        ),
        ({"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1], "angle": 45}, r"angle 45: .* 36\.87 \(Σ5\), 53\.13 \(Σ5\)"),
        ({"axis": [0, 0, 1], "plane": [0, 0, 1], "angle": 38}, r"the nearest are 36\.87 \(Σ5\)"),
        ({"planes": [[1, 1, 1], [1, 1, 1]], "directions": [[1, 0, 0], [1, -1, 0]]}, "does not lie in the plane"),
        ({"planes": [[1, 0, 0], [0, 1, 0]], "directions": [[0, 0, 1], [1, 0, 0]]}, "both grains have the same orientation"),
    ],
)
def test_what_does_not_exist_is_refused(require, keys, message):
    require("pymatgen")
    with pytest.raises(ConfigurationError, match=message):
        boundary(**keys)
