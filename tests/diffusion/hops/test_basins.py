"""Minima and passes of gridded surfaces, against exact answers and against the flood."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import kB
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.grid_path import GridPaths
from tansaku.diffusion.hops.rates import diffusion_tensor, hop_rates
from tansaku.diffusion.hops.report import pass_label
from tansaku.models.domain.pool import FloatArray, PeriodicGrid
from tansaku.models.engine.percolation import bottleneck
from tests.diffusion.hops.symmetric_surfaces import LATTICES, folded_grid, point_group


def plain_grid(shape: tuple[int, int, int]) -> PeriodicGrid:
    """A grid without symmetry: every point is a candidate."""
    return PeriodicGrid(shape, np.arange(int(np.prod(shape))))


def channel(values: list[float]) -> tuple[FloatArray, PeriodicGrid]:
    """A line of points along the first direction between walls."""
    members = np.full((len(values), 3, 3), -1)
    members[:, 1, 1] = np.arange(len(values))
    return np.array(values), PeriodicGrid(members.shape, members.ravel())


def cosines(count: int, heights: tuple[float, float, float]) -> FloatArray:
    axes = np.meshgrid(*(np.arange(count) / count,) * 3, indexing="ij")
    return sum(height * (1.0 - np.cos(2 * np.pi * axis)) / 2 for height, axis in zip(heights, axes, strict=True))


@given(st.integers(0, 10**6), st.sampled_from([6, 26]), st.floats(0.0, 0.6))
@settings(max_examples=60, deadline=None)
def test_hops_percolate_at_the_levels_of_the_flood(seed, connectivity, walls):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 7, 3))
    energies = rng.permutation(int(np.prod(shape))).astype(float)
    energies[rng.random(len(energies)) < walls] = np.inf
    if not np.isfinite(energies).any():
        energies[0] = 0.0
    flood = bottleneck(energies, plain_grid(shape), connectivity)
    network = find_hops(energies, plain_grid(shape), np.eye(3), connectivity, shallow=0.0)
    assert network.sites[network.minimum].candidate == flood.minimum
    lowest = network.sites[network.minimum].energy
    for found, point, barrier in zip(network.percolations, flood.points, flood.barriers, strict=True):
        if np.isinf(barrier):
            assert found is None
            continue
        assert found.level - lowest == barrier
        assert network.passes[found.limiting].candidate == point
        # Where it percolates there is a path to draw, over the bottleneck into another cell.
        stations = network.stations(found.dimensions)
        shift = stations[-1] - stations[0]
        assert np.abs(shift).max() == pytest.approx(np.abs(np.rint(shift)).max())
        assert np.abs(shift).max() > 0.5
        way = GridPaths(energies, plain_grid(shape), np.eye(3)).through(stations)
        assert way.energies.max() == found.level


@given(st.integers(0, 10**6), st.sampled_from([6, 26]))
@settings(max_examples=40, deadline=None)
def test_surfaces_with_plateaus_percolate_at_the_levels_of_the_flood(seed, connectivity):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(3, 7, 3))
    # The lowest point is one point: a plateau that has an edge down is no minimum.
    energies = rng.integers(1, 4, int(np.prod(shape))).astype(float)
    energies[rng.integers(len(energies))] = 0.0
    flood = bottleneck(energies, plain_grid(shape), connectivity)
    network = find_hops(energies, plain_grid(shape), np.eye(3), connectivity, shallow=0.0)
    levels = [np.inf if found is None else found.level for found in network.percolations]
    assert levels == list(flood.levels)


def test_a_vacuum_of_equal_energies_has_no_minimum():
    energies = np.minimum(cosines(9, (1.0, 2.0, 3.0)), 1.5).ravel()
    network = find_hops(energies, plain_grid((9, 9, 9)), np.eye(3))
    assert len(network.sites) == 1
    assert len(network.passes) <= 13


def test_a_product_of_cosines_has_one_minimum_and_a_pass_in_each_direction():
    network = find_hops(cosines(12, (0.2, 0.3, 0.4)).ravel(), plain_grid((12, 12, 12)), 3.0 * np.eye(3))
    assert [site.fraction for site in network.sites] == [(0.0, 0.0, 0.0)]
    assert [item.energy for item in network.passes] == pytest.approx([0.2, 0.3, 0.4])
    assert [item.hop.cell for item in network.passes] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert network.passes[0].fraction == (0.5, 0.0, 0.0)
    assert network.displacement(1) == pytest.approx([0.0, 3.0, 0.0])


def test_the_bottleneck_may_lie_in_a_folded_image():
    # Points x and -x are one candidate: the pass at x = 3/4 is computed at 1/4.
    line = channel([0.0] * 8)[1]
    grid = PeriodicGrid(line.shape, np.where(line.members < 5, line.members, 8 - line.members))
    network = find_hops(np.array([0.0, 0.2, 0.5, 0.3, 0.1]), grid, np.eye(3))
    assert [site.candidate for site in network.sites] == [0, 4]
    assert [(item.candidate, item.fraction[0]) for item in network.passes] == [(2, -0.25), (2, 0.25)]
    found = network.percolations[0]
    assert (found.level, found.directions) == (0.5, ((1, 0, 0),))
    assert [hop.cell[0] for _, hop in network.path(1)] in ([0, 1], [1, 0], [0, -1], [-1, 0])


def test_two_minima_are_two_sites_and_the_higher_pass_limits():
    values, grid = channel([0.0, 0.3, 0.1, 0.6])
    network = find_hops(values, grid, np.eye(3))
    assert [site.energy for site in network.sites] == [0.0, 0.1]
    assert network.percolations[0].level == 0.6
    assert network.percolations[1:] == (None, None)
    assert len(network.path(1)) == 2
    assert network.path(2) == []


def test_the_path_out_of_a_dead_end_begins_in_it():
    # A channel along the first vector, and a pocket beside it with the lowest point behind a wall of 0.6.
    members = np.full((6, 5, 3), -1)
    members[:, 1, 1] = np.arange(6)
    members[2, 2, 1], members[2, 3, 1] = 6, 7
    grid = PeriodicGrid(members.shape, members.ravel())
    network = find_hops(np.array([0.2, 0.4, 0.35, 0.4, 0.3, 0.4, 0.6, 0.0]), grid, np.eye(3))
    assert network.percolations[0].level == 0.6
    way = [hop for _, hop in network.path(1)]
    assert network.sites[way[0].first].candidate == network.sites[way[-1].second].candidate == 7
    assert np.sum([hop.cell for hop in way], axis=0).tolist() in ([1, 0, 0], [-1, 0, 0])
    passed = [network.passes[number].energy for number, _ in network.path(1)]
    assert (passed[0], passed[-1], max(passed[1:-1])) == (0.6, 0.6, 0.4)


@pytest.mark.parametrize("shape", [(1, 8, 1), (8, 1, 2), (2, 1, 8)])
def test_a_vector_with_one_point_or_two_has_its_path(shape):
    # The energy depends on the long direction alone: along the others the ion reaches its image without a barrier.
    long = int(np.argmax(shape))
    places = np.indices(shape)[long]
    energies = np.where(places > 4, 8 - places, places).astype(float).ravel()
    network = find_hops(energies, plain_grid(shape), np.eye(3))
    assert [found.level for found in network.percolations] == [0.0, 0.0, 4.0]
    stations = network.stations(3)
    assert np.abs(stations[-1] - stations[0])[long] == 1.0
    way = GridPaths(energies, plain_grid(shape), np.eye(3)).through(stations)
    assert way.energies.max() == 4.0
    # The two points of a short vector may be a step apart, no more: the path does not wander from cell to cell.
    assert np.abs(np.delete(way.fractions, long, axis=1)).max() <= 1.0


def test_without_a_path_below_the_walls_there_is_none():
    energies = np.full((6, 6, 6), np.inf)
    energies[1:4, 1:4, 1:4] = 1.0
    energies[2, 2, 2] = 0.0
    network = find_hops(energies.ravel(), plain_grid((6, 6, 6)), np.eye(3))
    assert network.percolations == (None, None, None)
    assert (len(network.sites), network.passes) == (1, ())


def test_shallow_minima_are_left_out_and_keep_their_passes():
    values, grid = channel([0.0, 0.3, 0.295, 0.5])
    deep = find_hops(values, grid, np.eye(3), shallow=0.001)
    assert [site.energy for site in deep.sites] == [0.0, 0.295]
    plain = find_hops(values, grid, np.eye(3), shallow=0.01)
    assert [(item.energy, item.hop.cell) for item in plain.passes] == [(0.5, (1, 0, 0))]
    assert plain.percolations[0].level == deep.percolations[0].level == 0.5


def test_a_surface_of_walls_is_refused():
    with pytest.raises(ValueError, match="no value is finite"):
        find_hops(np.full(8, np.inf), plain_grid((2, 2, 2)), np.eye(3))


def test_basins_that_touch_on_both_sides_of_an_atom_have_two_passes():
    # The way along the first vector is barred in its middle: two equal passes lead around, and diffusion is twice that of one.
    x, y, z = np.indices((24, 24, 24)) / 24
    turn = 2 * np.pi
    walls = 0.6 * (2 - np.cos(turn * y) - np.cos(turn * z)) + 0.2 * (1 - np.cos(turn * x))
    atom = 1.5 * np.exp(-((x - 0.5) ** 2 + ((y + 0.5) % 1 - 0.5) ** 2) / (2 * 0.06**2))
    network = find_hops((walls + atom).ravel(), plain_grid((24, 24, 24)), 4.0 * np.eye(3))
    along = [item for item in network.passes if item.hop.cell == (1, 0, 0)]
    assert [item.way for item in along] == [0, 1]
    assert along[0].energy == pytest.approx(along[1].energy)
    assert sorted(item.fraction[1] for item in along) == pytest.approx([-1 / 6, 1 / 6])
    assert len({pass_label(item) for item in network.passes}) == len(network.passes)
    # Each way is 4 Å long and taken as often: D = 2 Γ a².
    rates = hop_rates(network, 600.0)
    one = 1e13 * np.exp(-(along[0].energy - network.sites[0].energy) / (kB * 600.0))
    assert diffusion_tensor(network, rates)[0, 0] == pytest.approx(2 * one * 16e-16, rel=1e-6)
    # Without the atom there is one.
    plain = find_hops(walls.ravel(), plain_grid((24, 24, 24)), 4.0 * np.eye(3))
    assert len(plain.passes) == 3


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
