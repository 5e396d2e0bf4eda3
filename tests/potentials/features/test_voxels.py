import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tansaku.models.domain.errors import ConfigurationError
from tansaku.potentials.features.voxels import VoxelGrid, bragg_peaks, voxel_descriptor, voxels

CELL = np.array([[4.0, 0.2, 0.0], [0.1, 4.6, 0.3], [-0.4, 0.0, 5.1]])
SHAPE = (24, 24, 30)
LONG = np.array([[4.0, 0.1, 0.0], [0.2, 9.6, -0.3], [0.1, 0.4, 15.0]])
"""Its reciprocal lattice is closer than voxels along two directions."""
LONG_SHAPE = (14, 32, 50)
CENTRES = np.array([[0.1, 0.2, 0.3], [0.55, 0.6, 0.15], [0.7, 0.1, 0.8]])


def field(cell, shape, centres, width=0.45):
    """Periodic Gaussians around points, of weights 1, 2, 3 …, whose Fourier coefficients are exact on any cell."""
    axes = [np.arange(n) / n for n in shape]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    total = np.zeros(shape)
    shifts = np.array(np.meshgrid(*[range(-2, 3)] * 3)).reshape(3, -1).T
    for weight, centre in enumerate(centres, 1):
        for shift in shifts:
            apart = (points - centre - shift) @ cell
            total += weight * np.exp(-0.5 * (apart**2).sum(axis=-1) / width**2)
    return total


@pytest.fixture(scope="module")
def plain():
    return field(CELL, SHAPE, CENTRES)


@pytest.fixture(scope="module")
def long():
    return field(LONG, LONG_SHAPE, CENTRES, width=0.6)


def test_the_cube_of_the_paper_has_32_voxels_and_the_mean_in_its_middle(plain):
    grid = VoxelGrid()
    assert (grid.size, grid.cut) == (32, pytest.approx(np.pi / 0.4))
    cube = voxel_descriptor(plain, CELL)
    assert cube.shape == (32, 32, 32)
    assert cube[16, 16, 16] == pytest.approx(plain.mean())
    assert cube.max() == cube[16, 16, 16]


def test_a_finer_grid_gives_the_same(plain):
    fine = field(CELL, (36, 40, 45), CENTRES)
    np.testing.assert_allclose(voxel_descriptor(fine, CELL), voxel_descriptor(plain, CELL), atol=1e-7)


def test_moving_the_crystal_changes_nothing(plain):
    moved = field(CELL, SHAPE, CENTRES + np.array([0.123, -0.456, 0.31]))
    np.testing.assert_allclose(voxel_descriptor(moved, CELL), voxel_descriptor(plain, CELL), atol=1e-7)
    rolled = np.roll(plain, (3, 5, 11), axis=(0, 1, 2))
    np.testing.assert_allclose(voxel_descriptor(rolled, CELL), voxel_descriptor(plain, CELL), atol=1e-12)


def test_a_supercell_gives_the_same(plain):
    larger = np.tile(plain, (2, 1, 3))
    cell = CELL * np.array([[2.0], [1.0], [3.0]])
    np.testing.assert_allclose(voxel_descriptor(larger, cell), voxel_descriptor(plain, CELL), atol=1e-12)
    assert len(bragg_peaks(larger, cell, 0.4).vectors) == len(bragg_peaks(plain, CELL, 0.4).vectors)


def test_another_choice_of_cell_gives_the_same(plain):
    choice = np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]])
    cell = choice @ CELL
    other = field(cell, (36, 36, 36), CENTRES @ CELL @ np.linalg.inv(cell))
    np.testing.assert_allclose(voxel_descriptor(other, cell), voxel_descriptor(plain, CELL), atol=1e-7)


def test_a_voxel_that_several_peaks_share_holds_their_sum(long):
    peaks, grid = bragg_peaks(long, LONG, 0.4), VoxelGrid()
    places = np.rint(peaks.vectors / grid.step).astype(int)
    filled, owner, counts = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    assert (counts > 1).sum() > 100
    sums = np.bincount(owner.ravel(), np.abs(peaks.amplitudes))
    there = (filled < grid.size // 2).all(axis=1)
    cube = voxel_descriptor(long, LONG)
    np.testing.assert_allclose(cube[tuple(filled[there].T + grid.size // 2)], sums[there], rtol=1e-12)
    assert cube.sum() == pytest.approx(sums[there].sum(), rel=1e-12)


def test_shared_voxels_are_those_of_a_supercell_and_of_another_choice_of_cell(long):
    cube = voxel_descriptor(long, LONG)
    larger = voxel_descriptor(np.tile(long, (3, 2, 1)), LONG * np.array([[3.0], [2.0], [1.0]]))
    np.testing.assert_allclose(larger, cube, atol=1e-12)
    # Which of two peaks in a voxel comes first is the other way round in this cell.
    cell = np.array([[1, 0, 0], [1, -1, 0], [0, 1, -1]]) @ LONG
    other = field(cell, (14, 36, 60), CENTRES @ LONG @ np.linalg.inv(cell), width=0.6)
    np.testing.assert_allclose(voxel_descriptor(other, cell), cube, atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_a_turned_crystal_has_the_descriptor_of_turned_peaks(plain, seed):
    rotation = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    turned = voxel_descriptor(plain, CELL @ rotation.T)
    np.testing.assert_allclose(turned, voxel_descriptor(plain, CELL, rotation=rotation), atol=1e-12)
    assert np.abs(turned - voxel_descriptor(plain, CELL)).max() > 1e-3


def test_a_quarter_turn_turns_the_cube(plain):
    quarter = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    before, after = voxel_descriptor(plain, CELL)[1:, 1:, 1:], voxel_descriptor(plain, CELL, rotation=quarter)[1:, 1:, 1:]
    np.testing.assert_allclose(after, np.rot90(before, 1, (0, 1)), atol=1e-12)


def test_opposite_voxels_are_equal(plain):
    inside = voxel_descriptor(plain, CELL)[1:, 1:, 1:]
    np.testing.assert_allclose(inside, inside[::-1, ::-1, ::-1], atol=1e-12)


def test_resolution_and_length_set_the_mesh(plain):
    peaks = bragg_peaks(plain, CELL, 0.4)
    coarse = voxels(peaks, VoxelGrid(resolution=0.8, length=12.8))
    assert coarse.shape == (16, 16, 16)
    near = ball(16, 7.0)
    np.testing.assert_allclose(coarse[near], voxels(peaks)[8:24, 8:24, 8:24][near], atol=1e-12)
    assert not coarse[~ball(16, 9.0)].any()
    wide = voxels(peaks, VoxelGrid(length=6.4))
    assert wide.shape == (16, 16, 16)
    assert wide[8, 8, 8] == pytest.approx(plain.mean())


def ball(size, radius):
    """Voxels whose middle lies within a sphere around the cube's."""
    axis = np.arange(size) - size // 2
    return np.add.outer(np.add.outer(axis**2, axis**2), axis**2) <= radius**2


def test_a_field_that_is_too_coarse_is_refused(plain):
    with pytest.raises(ConfigurationError, match=r"0\.512 Å apart along lattice vector 3; expected at most 0\.4 Å"):
        voxel_descriptor(plain[:, :, ::3], CELL)
    with pytest.raises(ConfigurationError, match="three axes"):
        voxel_descriptor(plain[0], CELL)
    with pytest.raises(ConfigurationError, match="at most half the length"):
        VoxelGrid(resolution=1.0, length=1.5)
