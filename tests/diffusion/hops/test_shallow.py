"""Shallow minima between equal passes, against known answers."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.hop_network import HopNetwork
from tansaku.models.domain.pool import PeriodicGrid
from tests.diffusion.hops.symmetric_surfaces import plane


def channel(values: list[float]) -> HopNetwork:
    """Network of a line of points along the first direction between walls."""
    members = np.full((len(values), 3, 3), -1)
    members[:, 1, 1] = np.arange(len(values))
    return find_hops(np.array(values), PeriodicGrid(members.shape, members.ravel()), np.eye(3))


def test_a_pocket_on_a_mirror_plane_is_part_of_both_basins():
    network = channel([0.0, 0.3, 0.295, 0.3, 0.0, 0.6])
    assert [site.energy for site in network.sites] == [0.0, 0.0]
    assert [(item.hop.first, item.hop.second, item.energy, item.share) for item in network.passes] == [
        (0, 1, 0.3, 1.0),
        (0, 1, 0.6, 1.0),
    ]
    # The pass is one of the two points beside the pocket, not the pocket itself.
    assert network.passes[0].candidate in (1, 3)


def test_a_pocket_is_left_to_one_basin_where_one_pass_is_lower():
    network = channel([0.0, 0.3, 0.295, 0.301, 0.0, 0.6])
    assert [(item.energy, item.candidate) for item in network.passes] == [(0.301, 3), (0.6, 5)]


def test_a_deeper_pocket_is_a_site():
    network = channel([0.0, 0.3, 0.27, 0.3, 0.0, 0.6])
    assert [site.energy for site in network.sites] == [0.0, 0.27, 0.0]


def test_a_pocket_with_four_ways_out_joins_each_two_basins():
    energies = np.full((7, 7), np.inf)
    energies[3, 3] = 0.295
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        energies[3 + x, 3 + y], energies[3 + 2 * x, 3 + 2 * y] = 0.3, 0.0
    network = plane(energies)
    assert [site.energy for site in network.sites] == [0.0] * 4
    assert {(item.hop.first, item.hop.second) for item in network.passes} == {(i, j) for j in range(4) for i in range(j)}
    # What comes in from one of them goes on to each of the three others.
    assert [(item.energy, item.share) for item in network.passes] == [(0.3, pytest.approx(1 / 3))] * 6


def test_two_equal_points_side_by_side_are_one_minimum():
    network = channel([0.0, 0.0, 0.5])
    assert [(item.hop.first, item.hop.second, item.hop.cell, item.energy) for item in network.passes] == [
        (0, 0, (1, 0, 0), 0.5)
    ]


def test_equal_minima_in_a_chain_without_end_stay_sites():
    # One site for both would leave out one of the two equal passes.
    network = channel([0.0, 0.005, 0.0, 0.005])
    assert len(network.sites) == 2
    assert [item.energy for item in network.passes] == [0.005, 0.005]


def test_a_pocket_beyond_a_pocket_keeps_the_height_of_its_pass():
    network = channel([0.0, 0.3, 0.295, 0.301, 0.2945, 0.3, 0.0, 0.6])
    assert [site.energy for site in network.sites] == [0.0, 0.0]
    assert [(item.energy, item.candidate) for item in network.passes] == [(0.301, 3), (0.6, 7)]
