"""Hops that operations make equal."""

from __future__ import annotations

import numpy as np

from tansaku.diffusion.hops.basins import find_hops
from tansaku.models.domain.pool import PeriodicGrid
from tests.diffusion.hops.symmetric_surfaces import LATTICES, folded_grid, point_group


def test_the_six_hops_between_cells_of_a_cube_are_one_orbit():
    axes = np.meshgrid(*(np.arange(8) / 8,) * 3, indexing="ij")
    energies = sum(0.1 * (1.0 - np.cos(2 * np.pi * axis)) for axis in axes).ravel()
    grid = folded_grid(8, point_group(LATTICES["simple"]))
    network = find_hops(energies[grid.first], grid, np.eye(3))
    assert [(item.hop.cell, item.orbit) for item in network.passes] == [((0, 0, 1), 0), ((0, 1, 0), 0), ((1, 0, 0), 0)]


def test_hops_of_an_orbit_have_one_energy_and_share_and_are_no_more_than_the_operations():
    rng = np.random.default_rng(1)
    for cell in LATTICES.values():
        rotations = point_group(cell)
        grid = folded_grid(6, rotations)
        network = find_hops(rng.random(int(grid.members.max()) + 1), grid, 3.0 * cell)
        orbits = {item.orbit for item in network.passes}
        assert orbits == set(range(len(orbits)))
        assert len(orbits) < len(network.passes)
        for orbit in orbits:
            equal = [item for item in network.passes if item.orbit == orbit]
            assert len({(item.energy, item.candidate, round(item.share, 12)) for item in equal}) == 1
            assert len(equal) <= len(rotations)


def test_without_operations_equal_points_and_ends_decide():
    members = np.full((8, 3, 3), -1)
    members[:, 1, 1] = [0, 1, 2, 3, 4, 3, 2, 1]
    grid = PeriodicGrid(members.shape, members.ravel())
    network = find_hops(np.array([0.0, 0.2, 0.5, 0.3, 0.1]), grid, np.eye(3))
    assert [item.orbit for item in network.passes] == [0, 0]
