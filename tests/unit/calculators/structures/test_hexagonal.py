"""Tilt boundaries of hexagonal close-packed crystals against a crystal that ASE builds, turned and mirrored."""

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from ase.neighborlist import neighbor_list
from scipy.spatial import cKDTree

from tansaku.calculators.structures.environment import radial_difference
from tansaku.calculators.structures.grain_orientation import grain_axes, grain_cores
from tansaku.calculators.structures.hexagonal import HexagonalCrystal, hexagonal_axis, hexagonal_boundary
from tansaku.calculators.structures.hexagonal_stacking import stack_of
from tansaku.calculators.structures.rigid_blocks import RELAXED, BlockCell
from tansaku.calculators.structures.stacking import translation_keys
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.features.radial import RadialGrid

MG = HexagonalCrystal("Mg", 3.209, 5.211)
CASES = [
    ((1, -2, 1, 0), (1, 0, -1, 1)),
    ((1, -2, 1, 0), (1, 0, -1, 2)),
    ((1, -1, 0, 0), (1, 1, -2, 1)),
    ((1, -1, 0, 0), (1, 1, -2, 2)),
    ((0, 0, 0, 1), (2, 1, -3, 0)),
    ((0, 0, 0, 1), (4, 1, -5, 0)),
]


def cell_of(axis, plane, relaxed=8.0, reach=5.0, crystal=MG):
    return BlockCell(crystal, hexagonal_boundary(crystal, axis, plane), relaxed, reach)


@pytest.mark.parametrize(
    ("axis", "plane", "angle"),
    [
        # Misorientations of the twins of magnesium as they are commonly given, or 180 degrees less that.
        ((1, 1, -2, 0), (1, 0, -1, 1), 180 - 56.2),
        ((1, 1, -2, 0), (1, 0, -1, 2), 86.3),
        ((1, -2, 1, 0), (1, 0, -1, 3), 64.0),
        ((1, 0, -1, 0), (1, 1, -2, 1), 180 - 34.2),
        ((1, -1, 0, 0), (1, 1, -2, 2), 180 - 63.2),
        ((0, 0, 0, 1), (2, 1, -3, 0), 38.21),
        ((0, 0, 0, 1), (4, 1, -5, 0), 21.79),
        ((0, 0, 0, 1), (3, 1, -4, 0), 27.80),
    ],
)
def test_misorientations_of_known_boundaries(axis, plane, angle):
    assert hexagonal_boundary(MG, axis, plane).angle == pytest.approx(angle, abs=0.12)


def test_a_boundary_has_one_name_whichever_member_of_its_family_is_given():
    names = {
        hexagonal_boundary(MG, axis, plane).name
        for axis in ((1, -2, 1, 0), (1, 1, -2, 0), (-2, 1, 1, 0))
        for plane in ((1, 0, -1, 2), (0, 1, -1, 2), (-1, 1, 0, -2), (2, 0, -2, 4))
    }
    assert names == {"hcp-1_0_m1_2"}
    assert hexagonal_axis((0, 2, -2, 0)) == (1, -1, 0, 0)


def test_sigma_is_known_where_it_does_not_depend_on_the_height():
    sigmas = [hexagonal_boundary(MG, (0, 0, 0, 1), plane).sigma for plane in ((2, 1, -3, 0), (4, 1, -5, 0), (3, 1, -4, 0))]
    assert sigmas == [7, 7, 13]
    assert hexagonal_boundary(MG, (1, -2, 1, 0), (1, 0, -1, 2)).sigma is None


@pytest.mark.parametrize(
    ("axis", "plane", "message"),
    [
        ((1, 1, -2, 3), (1, 0, -1, 2), "neither in the basal plane nor normal to it"),
        ((1, 1, 0, 0), (1, 0, -1, 2), "no Miller-Bravais indices"),
        ((1, -2, 1, 0), (0, 0, 0, 1), "parallel or normal to the basal plane"),
        ((1, -2, 1, 0), (1, 0, -1, 0), "parallel or normal to the basal plane"),
        ((0, 0, 0, 1), (1, 1, -2, 0), "a mirror plane of the crystal"),
        ((0, 0, 0, 1), (1, 0, -1, 2), "no plane of this family is perpendicular"),
    ],
)
def test_what_is_no_boundary_is_refused(axis, plane, message):
    with pytest.raises(ConfigurationError, match=message):
        hexagonal_boundary(MG, axis, plane)


@pytest.mark.parametrize(("axis", "plane"), CASES)
def test_both_grains_are_ase_s_crystal_and_its_mirror_image(axis, plane):
    """Every atom of a grain is one of the turned crystal's, and there are as many of them as its density asks for."""
    boundary = hexagonal_boundary(MG, axis, plane)
    # The boundary's own frame, from ASE's lattice: normals are reciprocal vectors, directions sums of lattice vectors.
    crystal = make_supercell(bulk("Mg", "hcp", a=MG.lattice_parameter, c=MG.height), 34 * np.eye(3, dtype=int))
    lattice = bulk("Mg", "hcp", a=MG.lattice_parameter, c=MG.height).cell
    h, k, _, last = boundary.plane
    normal = np.array([h, k, last]) @ lattice.reciprocal()
    u, v, t, w = boundary.axis
    along = np.array([u, v, t, w]) @ [lattice[0], lattice[1], -lattice[0] - lattice[1], lattice[2]]
    frame = np.array([np.cross(along, normal), along, normal])
    frame /= np.linalg.norm(frame, axis=1)[:, None]
    positions = crystal.positions @ frame.T
    centre = positions[np.argmin(np.linalg.norm(positions - positions.mean(axis=0), axis=1))]
    # Either kind of atom may be the first one of a grain.
    trees = [cKDTree(positions - centre), cKDTree(centre - positions)]
    for removed in stack_of(MG, boundary).standard_removals:
        cell = cell_of(axis, plane)
        atoms = cell.cell(removed, (0.4, 0.9, 3.0))
        assert atoms.get_volume() > 0
        for grain, mirror in ((0, [1, 1, 1]), (1, [1, 1, -1])):
            own = atoms.positions[atoms.arrays["grain"] == grain]
            assert len(own) == len(cell.regions) * cell.atoms_per_plane
            wrapped = (own - own[0]) * mirror
            # Atoms across the cell's faces lie a period away.
            wrapped[:, :2] -= np.round(wrapped[:, :2] / atoms.cell.lengths()[:2]) * atoms.cell.lengths()[:2]
            assert min(float(tree.query(wrapped)[0].max()) for tree in trees) < 1e-9
    volume = cell.stacking.area * cell.stacking.plane_spacing
    assert cell.atoms_per_plane / volume == pytest.approx(MG.atoms_per_volume, rel=1e-12)


@pytest.mark.parametrize(
    ("axis", "plane", "gaps"), [((1, -2, 1, 0), (1, 0, -1, 2), (1, 2)), ((1, -1, 0, 0), (1, 1, -2, 1), (1, 1))]
)
def test_grains_end_at_either_gap_between_planes_of_atoms(axis, plane, gaps):
    cell = cell_of(axis, plane)
    ends = []
    for removed in (0, 1, 2):
        atoms = cell.cell(removed)
        gap = []
        for grain, sign in ((0, -1), (1, 1)):
            heights = np.unique((sign * atoms.positions[atoms.arrays["grain"] == grain, 2]).round(6))
            gap.append(heights[1] - heights[0])
        ends.append(gap)
    narrow, wide = (gap / sum(gaps) * cell.stacking.plane_spacing for gap in gaps)
    # The wider gap is the one between the grains where nothing is removed.
    np.testing.assert_allclose(ends, [[narrow, narrow], [narrow, wide], [wide, wide]], atol=1e-5)


def pair_sum(atoms):
    distances = neighbor_list("d", atoms, 5.0)
    return float(np.sum(np.exp(-distances) * (1.0 - distances / 5.0) ** 3))


@pytest.mark.parametrize(("axis", "plane", "classes"), [(*CASES[1], [1, 2, 1]), (*CASES[2], [2, 4, 2]), (*CASES[4], [1, 2, 1])])
def test_translations_with_one_key_give_one_structure(axis, plane, classes):
    cell = cell_of(axis, plane, 4.0, 3.0)
    width, depth = cell.stacking.irreducible_lengths
    found = []
    for removed in cell.stacking.standard_removals:
        offset = cell.stacking.meeting_offset(removed)
        one = np.array([0.37 * width, 0.21 * depth])
        # The same offset, its images in x, in y and in both, and it again a period further.
        images = [sign * (one + offset) - offset for sign in ([1, 1], [-1, 1], [1, -1], [-1, -1])]
        further = np.array([width, cell.stacking.planar[1] * cell.stacking.y_unit])
        shifts = np.array([*images, one + further])
        keys = translation_keys(cell.stacking, removed, shifts)
        for key in np.unique(keys):
            energies = [pair_sum(cell.cell(removed, (x, y, 0.3))) for x, y in shifts[keys == key]]
            np.testing.assert_allclose(energies, energies[0], rtol=1e-9)
        found.append(len(np.unique(keys)))
    assert found == classes


@pytest.mark.parametrize(("axis", "plane", "removed"), [(*CASES[1], 0), (*CASES[1], 1), (*CASES[0], 2), (*CASES[3], 0)])
def test_the_descriptor_is_the_built_cell_s(axis, plane, removed):
    grid = RadialGrid()
    cell = cell_of(axis, plane, 2.0 * grid.reach, 5.0)
    atoms = cell.cell(removed)
    # Atoms that could see the boundary, and no free surface; what they see more than in the crystal.
    seen = np.flatnonzero(atoms.arrays["region"] == RELAXED)
    first, distances = neighbor_list("id", atoms, grid.reach)
    middle = atoms.positions[seen, 2].mean()
    near = seen[np.abs(atoms.positions[seen, 2] - middle) < grid.reach + 2.0]
    number = 2.0 * MG.atoms_per_volume * cell.stacking.area * grid.cutoff
    across = grid.distribution(distances[np.isin(first, near)], None, number, MG.atoms_per_volume)
    perfect = MG.unit_cell()
    crystal = grid.distribution(neighbor_list("d", perfect, grid.reach), None, number, MG.atoms_per_volume)
    expected = 2.0 * (across - crystal * len(near) / len(perfect))
    found = radial_difference(cell.stacking, removed, grid)
    assert np.abs(found).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_strained_grain_is_followed_in_the_axes_of_its_crystal():
    axis, plane = CASES[1]
    cell = cell_of(axis, plane, 24.0)
    atoms = cell.cell(0, (0.3, 0.1, 0.4))
    axes = grain_axes(MG, cell.boundary.axis, cell.boundary.plane)
    for core in grain_cores(atoms, MG, np.array([axes, axes * np.array([[1], [1], [-1]])])):
        assert core.atoms == core.fitted > 4
        np.testing.assert_allclose(core.gradient, np.eye(3), atol=1e-9)
    atoms.set_cell(atoms.cell.array * [1.0, 1.0, 1.01], scale_atoms=True)
    normal = MG.normal(cell.boundary.plane)
    for core in grain_cores(atoms, MG, np.array([axes, axes * np.array([[1], [1], [-1]])])):
        np.testing.assert_allclose(core.gradient @ normal, 1.01 * normal, atol=1e-9)
