"""The error of the grid on surfaces whose minimum and saddle point lie off the grid by a known distance."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.grid_error import GridErrors
from tansaku.models.domain.pool import FloatArray, PeriodicGrid

COUNT = 16
EDGE = 3.2
CELL = EDGE * np.eye(3)
SKEWED = np.array([[3.2, 0.0, 0.0], [1.0, 3.0, 0.0], [0.5, -0.8, 3.1]])
HEIGHTS = (0.3, 0.6, 0.8)

_ALLOWED = 0.005


def points(offset: tuple[float, float, float]) -> FloatArray:
    """Fractional coordinates of the points, moved by parts of a step, shape ``(3, n)``."""
    found = np.indices((COUNT, COUNT, COUNT)).reshape(3, -1)
    return (found + np.array(offset)[:, None]) / COUNT


def waves(places: FloatArray) -> FloatArray:
    """Minimum at the origin, saddle points of HEIGHTS at half of each vector."""
    return np.asarray(np.array(HEIGHTS) @ (1.0 - np.cos(2 * np.pi * places)) / 2.0)


def errors(values: FloatArray, connectivity: int = 26, cell: FloatArray = CELL) -> GridErrors:
    grid = PeriodicGrid((COUNT, COUNT, COUNT), np.arange(COUNT**3))
    return GridErrors(find_hops(values, grid, cell, connectivity), values, grid)


@pytest.mark.parametrize("connectivity", [6, 26])
@pytest.mark.parametrize("cell", [CELL, SKEWED])
def test_the_shift_is_that_of_the_energies_between_the_points(connectivity, cell):
    # All are half a step away along the first vector. The pass in that direction is missed by the same energy as the minimum;
    # those in the other directions are too high by as much as the minimum is.
    found = errors(waves(points((0.5, 0.0, 0.0))), connectivity, cell)
    missed = HEIGHTS[0] * (1.0 - np.cos(np.pi / COUNT)) / 2.0
    for dimensions, shift in ((1, 2 * missed), (2, 0.0), (3, 0.0)):
        error = found.of(dimensions)
        assert error.shift == pytest.approx(shift, abs=2e-4), dimensions
        assert error.bound == pytest.approx(2.0 * abs(error.shift) + _ALLOWED)


def test_across_the_path_the_grid_is_too_high_at_the_pass():
    # Half a step beside the floor of the channel both ends are too high alike; a channel that narrows at the pass is not.
    places = points((0.0, 0.5, 0.0))
    narrow = 0.8 * np.sin(np.pi * places[0]) ** 2 * (1.0 - np.cos(2 * np.pi * places[1])) / 2.0
    found = errors(waves(places) + narrow).of(1)
    assert found.shift == pytest.approx(-0.8 * (1.0 - np.cos(np.pi / COUNT)) / 2.0, abs=5e-4)
    assert errors(waves(places)).of(1).shift == pytest.approx(0.0, abs=2e-4)


def test_points_on_minimum_and_saddle_leave_no_shift():
    found = errors(waves(points((0.0, 0.0, 0.0))))
    assert [found.of(dimensions).shift for dimensions in (1, 2, 3)] == pytest.approx([0.0] * 3, abs=1e-6)
    assert found.of(1).bound == pytest.approx(_ALLOWED, abs=1e-5)


def test_walls_beside_the_channel_matter_little():
    places = points((0.5, 0.0, 0.0))
    values = waves(places)
    free = errors(values).of(1).shift
    values[(np.abs(places[1] - 0.5) < 0.15) | (np.abs(places[2] - 0.5) < 0.15)] = np.inf
    assert errors(values).of(1).shift == pytest.approx(free, abs=3e-4)
    assert errors(values).of(3) is None


def test_of_a_path_alone_the_bound_is_that_of_the_energies_along_it():
    line = np.array([0.0, 0.1, 0.3, 0.2, 0.25, 0.1])
    members = np.full((6, 3, 3), -1)
    members[:, 1, 1] = np.arange(6)
    grid = PeriodicGrid(members.shape, members.ravel())
    error = GridErrors(find_hops(line, grid, np.diag([2.4, 3.0, 3.0])), line, grid).of(1)
    # Second differences: -0.3 at the pass, 0.2 at the minimum.
    assert (error.shift, error.bound) == (None, pytest.approx(0.5 / 8.0))
    bent = members.copy()
    bent[2, 1, 1], bent[2, 2, 1] = -1, 2  # the pass is beside the line: no two of its neighbours are opposite
    grid = PeriodicGrid(bent.shape, bent.ravel())
    assert GridErrors(find_hops(line, grid, np.diag([2.4, 3.0, 3.0])), line, grid).of(1) is None


def test_without_a_saddle_point_the_curvature_of_the_grid_bounds_the_error():
    # A cusp: no smooth surface has a saddle point near the pass, as rough values have none.
    line = np.array([0.0, 0.1, 0.5, 0.1])
    values = np.broadcast_to(line[:, None, None], (4, 2, 2)).ravel() + 0.0
    grid = PeriodicGrid((4, 2, 2), np.arange(16))
    found = GridErrors(find_hops(values, grid, np.diag([0.4, 3.0, 3.0])), values, grid)
    error = found.of(3)
    assert error.shift is None
    # Second differences: -0.8 at the pass, 0.2 at the minimum.
    assert error.bound == pytest.approx((0.8 + 0.2) / 8.0)
