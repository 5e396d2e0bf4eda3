"""Bottlenecks of periodic surfaces, against exact answers and an independent union-find."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.models.domain.pool import FloatArray, PeriodicGrid
from tansaku.models.engine import percolation
from tansaku.models.engine.goals import Connectivity
from tansaku.models.engine.percolation import bottleneck, bottlenecks, neighbour_steps


def plain_grid(shape: tuple[int, int, int]) -> PeriodicGrid:
    """A grid without symmetry: every point is a candidate."""
    return PeriodicGrid(shape, np.arange(int(np.prod(shape))))


def by_union_find(energies: FloatArray, connectivity: Connectivity) -> list[float]:
    """Barriers in 1, 2 and 3 dimensions by a union-find over points of rising energy, each with its offset to its root."""
    shape = energies.shape
    order = sorted(product(*(range(n) for n in shape)), key=lambda point: energies[point])
    parent: dict[tuple[int, ...], tuple[tuple[int, ...], np.ndarray]] = {}
    windings: dict[tuple[int, ...], list[np.ndarray]] = {}
    levels = [np.inf] * 3

    def root(point: tuple[int, ...]) -> tuple[tuple[int, ...], np.ndarray]:
        offset = np.zeros(3, dtype=int)
        while parent[point][0] != point:
            offset = offset + parent[point][1]
            point = parent[point][0]
        return point, offset

    lowest = order[0]
    for point in order:
        if not np.isfinite(energies[point]):
            break
        parent[point], windings[point] = (point, np.zeros(3, dtype=int)), []
        for step in neighbour_steps(connectivity):
            raw = np.array(point) + step
            other = tuple(int(i) for i in raw % shape)
            if other not in parent:
                continue
            crossed = raw // np.array(shape)
            (mine, own), (theirs, others) = root(point), root(other)
            difference = own + crossed - others
            if mine == theirs:
                windings[mine].append(difference)
            else:
                # The point's copy in cell 0 sits in cell ``difference`` of the other component.
                parent[theirs] = (mine, difference)
                windings[mine] += windings.pop(theirs)
        home = windings[root(lowest)[0]]
        rank = int(np.linalg.matrix_rank(np.array(home))) if home else 0
        for dimension in range(rank):
            levels[dimension] = min(levels[dimension], energies[point])
    return [level - energies[lowest] for level in levels]


@given(st.integers(0, 10**6), st.sampled_from([6, 26]), st.floats(0.0, 0.7))
@settings(max_examples=60, deadline=None)
def test_the_flood_agrees_with_a_union_find(seed: int, connectivity: Connectivity, walls: float) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 7, 3))
    energies = rng.permutation(int(np.prod(shape))).astype(float).reshape(shape)
    energies[rng.random(shape) < walls] = np.inf
    if not np.isfinite(energies).any():
        energies.flat[0] = 0.0
    found = bottleneck(energies.ravel(), plain_grid(shape), connectivity)  # type: ignore[arg-type]
    assert list(found.barriers) == pytest.approx(by_union_find(energies, connectivity))
    for point, barrier in zip(found.points, found.barriers, strict=True):
        assert (point == -1) == np.isinf(barrier)
        if point >= 0:
            assert energies.flat[point] - energies.min() == barrier


def test_a_channel_percolates_along_its_axis_alone() -> None:
    x, y, _z = np.meshgrid(*(np.arange(8) / 8,) * 3, indexing="ij")
    energies = 1.0 - np.cos(2 * np.pi * x) - np.cos(2 * np.pi * y)
    energies += 0.1 * (np.arange(8) == 3)
    found = bottleneck(energies.ravel(), plain_grid((8, 8, 8)))
    assert found.barriers[0] == pytest.approx(0.1)
    assert found.barriers[1] > 1.0


def test_the_product_of_cosines_has_its_saddle_half_way() -> None:
    axes = np.meshgrid(*(np.arange(12) / 12,) * 3, indexing="ij")
    energies = sum(height * (1.0 - np.cos(2 * np.pi * axis)) / 2 for height, axis in zip((0.2, 0.5, 0.9), axes, strict=True))
    assert bottleneck(energies.ravel(), plain_grid((12, 12, 12))).barriers == pytest.approx((0.2, 0.5, 0.9))


def test_a_path_through_a_deeper_pocket_counts_from_the_global_minimum() -> None:
    # The channel at x = 4 percolates low, the global minimum at x = 0 is closed off by a wall that costs 2.
    energies = np.full((8, 4, 4), 5.0)
    energies[4] = 1.0
    energies[0, 0, 0] = 0.0
    energies[1:4, 0, 0] = 2.0
    assert bottleneck(energies.ravel(), plain_grid((8, 4, 4)), 6).barriers[0] == pytest.approx(2.0)


def test_corners_join_only_with_26_neighbours() -> None:
    energies = np.full((2, 2, 1), np.inf)
    energies[0, 0] = energies[1, 1] = 0.0
    wide = np.full((4, 4, 1), np.inf)
    for i in range(4):
        wide[i, i] = 0.0
    assert np.isfinite(bottleneck(wide.ravel(), plain_grid((4, 4, 1)), 26).barriers[1])
    # Along the third direction a grid of one point is its own neighbour.
    assert np.isfinite(bottleneck(wide.ravel(), plain_grid((4, 4, 1)), 6).barriers[0])
    assert np.isinf(bottleneck(wide.ravel(), plain_grid((4, 4, 1)), 6).barriers[1])


def test_a_surface_of_walls_is_refused() -> None:
    with pytest.raises(ValueError, match="no value is finite"):
        bottleneck(np.full(8, np.inf), plain_grid((2, 2, 2)))


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_surface_with_a_value_that_is_no_energy_is_refused(value):
    with pytest.raises(ValueError, match="an energy is no number"):
        bottleneck(np.array([value, 0.0, 1.0]), plain_grid((3, 1, 1)))


@given(st.integers(0, 10**6), st.sampled_from([6, 26]), st.floats(0.0, 0.7))
@settings(max_examples=80, deadline=None)
def test_surfaces_that_differ_in_few_points_have_the_bottlenecks_of_whole_ones(
    seed: int, connectivity: Connectivity, walls: float
) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 8, 3))
    size = int(np.prod(shape))
    # Several points may be one candidate, and some none.
    members = np.unique(rng.integers(-1, rng.integers(1, size + 1), size), return_inverse=True)[1] - 1
    count = int(members.max()) + 1
    if not count:
        members, count = np.arange(size), size
    grid = PeriodicGrid(shape, members.astype(np.intp))  # type: ignore[arg-type]
    values = rng.permutation(count).astype(float)
    values[rng.random(count) < walls] = np.inf
    changing = np.sort(rng.choice(count, rng.integers(0, count + 1), replace=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(percolation, "_FEW", 1.0)
        reduced = bottlenecks(values, changing, grid, connectivity)
    for _ in range(3):
        energies = rng.uniform(-0.1, 1.1, len(changing)) * count
        energies[rng.random(len(changing)) < 0.1] = np.inf
        surface = values.copy()
        surface[changing] = energies
        if np.isfinite(surface).any():
            assert reduced(energies) == bottleneck(surface, grid, connectivity)


def test_only_few_changes_are_worth_a_reduction(monkeypatch):
    """And of a surface that is reduced, values that are no energies and nothing but walls are refused too."""
    values, grid = np.arange(1000.0), plain_grid((10, 10, 10))
    taken = []
    monkeypatch.setattr(percolation, "_Reduced", lambda *given: taken.append(given) or SimpleNamespace(bottleneck=None))
    for many in (100, 101):
        bottlenecks(values, np.arange(many), grid)
    assert len(taken) == 1
    monkeypatch.undo()
    walls = bottlenecks(np.full(1000, np.inf), np.arange(3), grid)
    with pytest.raises(ValueError, match="no value is finite"):
        walls(np.full(3, np.inf))
    with pytest.raises(ValueError, match="an energy is no number"):
        walls(np.array([1.0, np.nan, 0.0]))
