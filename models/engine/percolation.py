"""Bottlenecks of periodic energy surfaces: the lowest energy at which a path leads from a minimum to one of its images.

A flood starts at the global minimum and takes every point at or below its level that borders on what is flooded, in any order;
where there is none, the lowest point that borders on it raises the level. Only these points wait in a heap. Every
point keeps the cell that it was reached in. Where the flood meets itself in another cell, the difference of the two cells is a
direction in which the flooded region percolates; the point that last raised the level is the bottleneck of that direction. This
finds what a union-find over points by rising energy finds for the component of the global minimum, and floods no point above
the bottleneck.

Newman & Ziff (2001), https://doi.org/10.1103/PhysRevE.64.016706 (winding of clusters); Kanamori et al. (2018),
https://doi.org/10.1103/PhysRevB.97.125124 (minimum and bottleneck as what an energy surface is searched for).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numba
import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray, PeriodicGrid
from tansaku.models.engine.goals import Connectivity

_CELLS = 1 << 20
"""Cells in a direction that one number can tell apart: more than a flood has points in a row."""

_UNSEEN = np.iinfo(np.int64).max
"""Cell of a point that the flood has not reached."""


@dataclass(frozen=True)
class Bottleneck:
    """Percolation of one energy surface.

    Attributes:
        minimum: Candidate of the global minimum.
        points: Candidate of the bottleneck of percolation in 1, 2 and 3 dimensions; -1 where it never percolates.
        barriers: Energy of each bottleneck above the minimum; infinite where it never percolates.
    """

    minimum: int
    points: tuple[int, int, int]
    barriers: tuple[float, float, float]


def neighbour_steps(connectivity: Connectivity) -> IntArray:
    """Steps to the neighbours of a grid point: 6 share a face, 26 a face, an edge or a corner; shape ``(n, 3)``."""
    steps = [step for step in product((-1, 0, 1), repeat=3) if any(step)]
    return np.array([step for step in steps if connectivity == 26 or sum(map(abs, step)) == 1], dtype=np.intp)


def bottleneck(values: FloatArray, grid: PeriodicGrid, connectivity: Connectivity = 26) -> Bottleneck:
    """Finds the bottlenecks of one surface.

    Args:
        values: Energy of every candidate, shape ``(n_candidates,)``; infinite ones are walls.
        grid: The unfolded grid.
        connectivity: Number of neighbours of a grid point.

    Raises:
        ValueError: The lowest value is not finite: none is, or one is no number or minus infinity.
    """
    minimum = int(np.argmin(values))
    lowest = float(values[minimum])
    # The place of the minimum is that of a value that is no number, where there is one.
    if np.isnan(lowest) or lowest == -np.inf:
        raise ValueError("an energy is no number")
    if lowest == np.inf:
        raise ValueError("no value is finite")
    shape, start = np.array(grid.shape, dtype=np.intp), int(grid.first[minimum])
    energies = np.ascontiguousarray(values, dtype=np.float64)  # the flood is compiled for one kind of array
    points, levels = _flood(energies, grid.members, shape, start, neighbour_steps(connectivity))
    first, second, third = (int(grid.members[point]) if point >= 0 else -1 for point in points)
    barriers = levels - lowest
    return Bottleneck(minimum, (first, second, third), (float(barriers[0]), float(barriers[1]), float(barriers[2])))


@numba.njit(cache=True, nogil=True)
def _flood(values: FloatArray, members: IntArray, shape: IntArray, start: int, steps: IntArray) -> tuple[IntArray, FloatArray]:
    """Grid points and levels of the bottlenecks in 1, 2 and 3 dimensions; see the module's docstring.

    A cell is one number, as are the steps of a point that is not at the border of the grid: most neighbours of a flooded point
    were reached before, and one comparison tells that it was in the same cell.
    """
    count = members.size
    cells = np.full(count, _UNSEEN, dtype=np.int64)
    flooded = np.zeros(count, dtype=np.bool_)
    below = np.empty(count, dtype=np.intp)  # reached, at or below the level
    heap = np.empty(count, dtype=np.intp)  # reached, above the level
    keys = np.empty(count, dtype=np.float64)
    offsets = (steps[:, 0] * shape[1] + steps[:, 1]) * shape[2] + steps[:, 2]
    found = np.zeros((3, 3), dtype=np.int64)
    rank = 0
    points = np.full(3, -1, dtype=np.intp)
    levels = np.full(3, np.inf)
    cells[start], below[0], waiting, size = 0, start, 1, 0
    level, highest = values[members[start]], start
    while True:
        if waiting > 0:
            waiting -= 1
            here = below[waiting]
        elif size > 0:
            here = heap[0]
            if keys[0] > level:
                level, highest = keys[0], here
            size -= 1
            _sift_down(heap, keys, size, heap[size], keys[size])
        else:
            return points, levels
        flooded[here] = True
        z = here % shape[2]
        y = (here // shape[2]) % shape[1]
        x = here // (shape[1] * shape[2])
        inside = 0 < x < shape[0] - 1 and 0 < y < shape[1] - 1 and 0 < z < shape[2] - 1
        for step in range(offsets.size):
            cell = cells[here]
            if inside:
                there = here + offsets[step]
            else:
                i, over_x = _wrapped(x + steps[step, 0], shape[0])
                j, over_y = _wrapped(y + steps[step, 1], shape[1])
                k, over_z = _wrapped(z + steps[step, 2], shape[2])
                cell += (over_x * _CELLS + over_y) * _CELLS + over_z
                there = (i * shape[1] + j) * shape[2] + k
            known = cells[there]
            if known == cell:
                continue
            if known == _UNSEEN:
                if members[there] < 0:
                    continue
                energy = values[members[there]]
                if energy <= level:
                    cells[there], below[waiting] = cell, there
                    waiting += 1
                elif energy < np.inf:
                    cells[there] = cell
                    _sift_up(heap, keys, size, there, energy)
                    size += 1
            elif flooded[there]:
                winding = _unpacked(cell - known)
                if _independent(found, rank, winding):
                    found[rank, 0], found[rank, 1], found[rank, 2] = winding
                    points[rank], levels[rank] = highest, level
                    rank += 1
                    if rank == 3:
                        return points, levels


@numba.njit(cache=True)
def _unpacked(cell: int) -> tuple[int, int, int]:
    """A cell's three numbers."""
    half = _CELLS // 2
    z = (cell + half) % _CELLS - half
    rest = (cell - z) // _CELLS
    y = (rest + half) % _CELLS - half
    return (rest - y) // _CELLS, y, z


@numba.njit(cache=True)
def _wrapped(place: int, count: int) -> tuple[int, int]:
    """A place at most one step outside of its cell, as the place inside and the cell; divisions would take most of a flood."""
    if place < 0:
        return place + count, -1
    if place >= count:
        return place - count, 1
    return place, 0


@numba.njit(cache=True)
def _sift_up(heap: IntArray, keys: FloatArray, place: int, item: int, key: float) -> None:
    """Puts an item at the end of a binary heap and moves it up."""
    while place > 0:
        above = (place - 1) // 2
        if keys[above] <= key:
            break
        heap[place], keys[place] = heap[above], keys[above]
        place = above
    heap[place], keys[place] = item, key


@numba.njit(cache=True)
def _sift_down(heap: IntArray, keys: FloatArray, size: int, item: int, key: float) -> None:
    """Puts an item at the top of a binary heap and moves it down."""
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        heap[place], keys[place] = heap[below], keys[below]
        place = below
    heap[place], keys[place] = item, key


@numba.njit(cache=True)
def _independent(found: IntArray, rank: int, w: tuple[int, int, int]) -> bool:
    """Whether a direction is no combination of the first ``rank`` ones."""
    if rank == 0:
        return True
    a = found[0]
    crossed = (a[1] * w[2] - a[2] * w[1], a[2] * w[0] - a[0] * w[2], a[0] * w[1] - a[1] * w[0])
    if rank == 1:
        return bool(crossed[0] != 0 or crossed[1] != 0 or crossed[2] != 0)
    b = found[1]
    return bool(crossed[0] * b[0] + crossed[1] * b[1] + crossed[2] * b[2] != 0)
