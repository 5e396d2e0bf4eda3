"""Boundaries of hexagonal, tetragonal and rhombohedral crystals in any plane.

A tetragonal crystal with c/a of 1 is bcc and with √2 of half the edge fcc, a rhombohedral one with √6 fcc: their boundaries are
those of the cubic builder, which shares no code for planes, periods and Σ.
"""

import math

import numpy as np
import pytest
from scipy.spatial import cKDTree

from tansaku.calculators.structures.axial_boundary import axial_boundary
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.general_boundary import general_boundary
from tansaku.calculators.structures.hexagonal import HexagonalCrystal
from tansaku.calculators.structures.rigid_blocks import BlockCell
from tansaku.calculators.structures.uniaxial import UniaxialCrystal
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec

FCC, BCC = CubicCrystal("fcc", "Cu", 3.6), CubicCrystal("bcc", "Fe", 2.86)
FCT = UniaxialCrystal("bct", "Cu", 3.6 / math.sqrt(2), 3.6)
BCT = UniaxialCrystal("bct", "Fe", 2.86, 2.86)
RHOMBOHEDRAL = UniaxialCrystal("rhombohedral", "Cu", 3.6 / math.sqrt(2), 3.6 * math.sqrt(3))
MG = HexagonalCrystal("Mg", 3.1842, 5.1844)
IDEAL = HexagonalCrystal("Mg", 3.2, 3.2 * math.sqrt(8 / 3))


def boundary(crystal, axis, sigma, plane, **keys):
    spec = GeneralBoundarySpec.model_validate({"axis": axis, "sigma": sigma, "plane": plane} | keys)
    if isinstance(crystal, CubicCrystal):
        return general_boundary(spec)
    return axial_boundary(crystal, spec, "space.boundaries.general[0]")


def cell(crystal, found):
    return BlockCell(crystal, found, 8.0, 6.0)


@pytest.mark.parametrize(
    ("cubic", "other", "sigma"),
    [
        ((FCC, (0, 0, 1), (0, 0, 1)), (FCT, (0, 0, 1), (0, 0, 1)), 5),
        ((FCC, (0, 0, 1), (1, 0, 0)), (FCT, (0, 0, 1), (1, 1, 0)), 5),
        ((FCC, (0, 0, 1), (3, 1, 0)), (FCT, (0, 0, 1), (1, 2, 0)), 5),
        ((BCC, (0, 0, 1), (1, 2, 1)), (BCT, (0, 0, 1), (1, 2, 1)), 5),
        ((BCC, (1, 1, 0), (1, 0, 1)), (BCT, (1, 1, 0), (1, 0, 1)), 9),
        ((BCC, (1, 1, 1), (1, 1, 1)), (BCT, (1, 1, 1), (1, 1, 1)), 7),
        ((FCC, (1, 1, 1), (1, 1, 1)), (RHOMBOHEDRAL, (0, 0, 0, 1), (0, 0, 0, 1)), 7),
        ((FCC, (1, 1, 1), (1, -1, 0)), (RHOMBOHEDRAL, (0, 0, 0, 1), (1, 1, -2, 0)), 7),
    ],
)
def test_a_crystal_that_is_cubic_has_the_cells_of_the_cubic_one(require, cubic, other, sigma):
    require("pymatgen")
    ratio = {"ratio": (1, 1)} if other[0] is BCT else {}
    first, second = boundary(cubic[0], cubic[1], sigma, cubic[2]), boundary(other[0], other[1], sigma, other[2], **ratio)
    assert (second.sigma, second.kind) == (sigma, first.kind)
    assert second.angle == pytest.approx(first.angle)
    stacks = [cell(crystal, found).stacking for crystal, found in ((cubic[0], first), (other[0], second))]
    assert stacks[1].area == pytest.approx(stacks[0].area)
    assert sorted(stacks[1].grain_atoms) == sorted(stacks[0].grain_atoms)
    assert sorted(stacks[1].grain_spacings) == pytest.approx(sorted(stacks[0].grain_spacings))
    assert stacks[1].strain == 0.0


@pytest.mark.parametrize(
    ("crystal", "axis", "sigma", "plane", "angle", "keys"),
    [
        # With c²/a² = 8/3, as tables of hexagonal coincidences have them (Bonnet et al., Acta Cryst. A 37, 184 (1981)).
        (IDEAL, (1, -1, 0, 0), 10, (0, 0, 0, 1), 78.46, {"ratio": (8, 3)}),
        (IDEAL, (1, -1, 0, 0), 11, (0, 0, 0, 1), 62.96, {"ratio": (8, 3)}),
        (IDEAL, (1, -2, 1, 0), 17, (-1, 0, 1, 2), 86.63, {"ratio": (8, 3)}),
        (MG, (0, 0, 0, 1), 7, (0, 0, 0, 1), 21.79, {}),
        (MG, (0, 0, 0, 1), 7, (1, 0, -1, 1), 21.79, {}),
        (MG, (0, 0, 0, 1), 13, (1, 0, -1, 0), 32.20, {"angle": 32.2}),
    ],
)
def test_hexagonal_coincidences_have_the_published_angles(require, crystal, axis, sigma, plane, angle, keys):
    require("pymatgen")
    found = boundary(crystal, axis, sigma, plane, **keys)
    assert found.angle == pytest.approx(angle, abs=0.01)
    block = cell(crystal, found)
    stack = block.stacking
    assert stack.strain == 0.0
    for spacing, atoms in zip(stack.grain_spacings, stack.grain_atoms, strict=True):
        assert atoms / (stack.area * spacing) == pytest.approx(crystal.atoms_per_volume)
    turn = stack.frames[0].T @ stack.frames[1]
    assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) == pytest.approx(angle, abs=0.01)
    for number in stack.half_planes:
        assert len(block.build(number, (0.3, 0.4, 1.5))) == block.atom_count(0)


def test_both_grains_are_the_perfect_crystal():
    """Every atom of the middle of a grain has the crystal's neighbours in the grain's frame."""
    spec = {"planes": [[0, 0, 0, 1], [1, 0, -1, 2]], "directions": [[1, -2, 1, 0], [1, -2, 1, 0]], "max_strain": 0.02}
    found = axial_boundary(MG, GeneralBoundarySpec.model_validate(spec), "key")
    block = BlockCell(MG, found, 12.0, 6.0)
    atoms = block.cell(0, (0.0, 0.0, 0.0))
    for grain, frame in enumerate(block.stacking.frames):
        one = atoms[atoms.arrays["grain"] == grain]
        middle = (one.positions[:, 2] > one.positions[:, 2].min() + 8) & (one.positions[:, 2] < one.positions[:, 2].max() - 8)
        wide = one.repeat((5, 5, 1))
        centre = one.positions[middle][0] + 2 * one.cell.array[0] + 2 * one.cell.array[1]
        near = wide.positions[cKDTree(wide.positions).query(centre, k=13)[1]] - centre
        crystal = (near @ frame)[np.argsort(np.linalg.norm(near, axis=1))][1:]
        assert np.linalg.norm(crystal, axis=1) == pytest.approx([3.178] * 6 + [3.184] * 6, rel=1.5 * block.stacking.strain)
        # Six of the twelve neighbours lie in the basal plane.
        assert (np.abs(crystal[:, 2]) < 0.1).sum() == 6


def test_two_planes_of_a_twin_are_the_twin():
    pair = {"planes": [[1, 0, -1, 2], [1, 0, -1, -2]], "directions": [[1, -2, 1, 0], [1, -2, 1, 0]]}
    found = axial_boundary(MG, GeneralBoundarySpec.model_validate(pair), "key")
    assert found.sigma is None
    assert found.name == "pair-1_0_m1_2-1_0_m1_m2-d00000"
    assert cell(MG, found).stacking.strain == 0.0
    assert found.angle == pytest.approx(2 * math.degrees(math.atan2(MG.height, math.sqrt(3) * MG.lattice_parameter)), abs=0.01)


@pytest.mark.parametrize(
    ("crystal", "keys", "message"),
    [
        (
            MG,
            {"axis": (0, 0, 0, 1), "sigma": 8, "plane": (0, 0, 0, 1)},
            "the nearest Σ of this axis are 7, 13",
        ),
        (MG, {"axis": (1, -2, 1, 0), "sigma": 17, "plane": (0, 0, 0, 1)}, r"general\[0\].ratio: null; .* such as \[29, 11\]"),
        (
            MG,
            {"axis": (1, -2, 1, 0), "sigma": 18, "plane": (0, 0, 0, 1), "ratio": (80, 1), "max_strain": 0.01},
            r"general\[0\].ratio: \[80, 1\]; c²/a² of the crystal is 2\.6\d+, expected one near it, such as \[29, 11\]",
        ),
        (
            MG,
            {"axis": (0, 0, 0, 1), "sigma": 7, "plane": (1, 0, -1, 1), "kind": "twist"},
            "a mixed boundary; a twist boundary needs",
        ),
        (
            MG,
            {"axis": (0, 0, 0, 1), "sigma": 7, "plane": (0, 0, 0, 1), "angle": 30},
            r"are 21\.79 \(Σ7\), 38\.21 \(Σ7\), ",
        ),
        (
            MG,
            {"planes": ((0, 0, 0, 1), (0, 0, 0, 1)), "directions": ((1, -2, 1, 0), (0, 0, 0, 1))},
            r"direction \[0, 0, 0, 1\] does not lie in the plane \[0, 0, 0, 1\]; expected h·u \+ k·v \+ i·t \+ l·w = 0",
        ),
        (
            MG,
            {"planes": ((0, 0, 0, 1), (0, 0, 0, 1)), "directions": ((1, -2, 1, 0), (2, -1, -1, 0))},
            "both grains have the same orientation",
        ),
        (
            FCT,
            {"axis": (0, 0, 1), "sigma": 10, "plane": (0, 0, 1)},
            "the nearest Σ of this axis are 13, 5",
        ),
    ],
)
def test_what_does_not_exist_is_refused(require, crystal, keys, message):
    require("pymatgen")
    with pytest.raises(ConfigurationError, match=message):
        axial_boundary(crystal, GeneralBoundarySpec.model_validate(keys), "space.boundaries.general[0]")


@pytest.mark.parametrize("strain", [0.0, 0.001])
def test_a_period_that_needs_a_larger_strain_is_refused_with_the_smallest(require, strain):
    require("pymatgen")
    found = boundary(MG, (1, -1, 0, 0), 10, (0, 0, 0, 1), ratio=(8, 3), max_strain=strain)
    with pytest.raises(ConfigurationError, match=rf"within max_strain {strain:g}; the smallest strain found is 0.0028"):
        _ = cell(MG, found).stacking
    assert cell(MG, boundary(MG, (1, -1, 0, 0), 10, (0, 0, 0, 1), ratio=(8, 3), max_strain=0.003)).stacking.strain < 0.003
