"""Neighbours that have the symmetry of the grid."""

import numpy as np
import pytest

from tansaku.diffusion.hops.grid_steps import image_steps, symmetric_steps
from tansaku.models.domain.pool import PeriodicGrid
from tansaku.models.engine.percolation import neighbour_steps
from tests.diffusion.hops.symmetric_surfaces import LATTICES, folded_grid, point_group


@pytest.mark.parametrize(
    ("name", "number", "length"), [("simple", 26, 3.0), ("face-centred", 18, 1.0), ("body-centred", 14, 1.0)]
)
def test_neighbours_are_whole_shells(name, number, length):
    cell = LATTICES[name]
    rotations = point_group(cell)
    grid = folded_grid(6, rotations)
    steps = symmetric_steps(np.zeros(int(grid.members.max()) + 1), grid, 26)
    assert len(steps) == number
    assert {tuple(step) for rotation in rotations for step in (steps @ rotation.T).tolist()} == {
        tuple(s) for s in steps.tolist()
    }
    assert np.square(steps @ cell).sum(axis=1).max() == pytest.approx(length)


def test_all_images_count_where_the_whole_shells_do_not_reach_the_level_of_the_flood():
    # In fcc three of the six pairs of nearest neighbours are steps along the vectors, so that no shell of them is whole.
    grid = folded_grid(6, point_group(LATTICES["face-centred"]))
    values = np.random.default_rng(0).random(int(grid.members.max()) + 1)
    steps = symmetric_steps(values, grid, 6)
    assert np.square(steps @ LATTICES["face-centred"]).sum(axis=1) == pytest.approx([0.5] * 12)


def test_without_operations_the_neighbours_stay_as_they_are():
    grid = PeriodicGrid((4, 4, 4), np.arange(64))
    assert (symmetric_steps(np.zeros(64), grid, 26) == neighbour_steps(26)).all()
    assert (image_steps(grid, neighbour_steps(6)) == np.unique(neighbour_steps(6), axis=0)).all()
