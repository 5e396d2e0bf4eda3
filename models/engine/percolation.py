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

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray, PeriodicGrid
from tansaku.models.engine.flood import CELLS, Cells, Graph, flood_graph, flood_grid, reduce_grid
from tansaku.models.engine.goals import Connectivity

_FEW = 0.1
"""If at most this share of a grid's points changes from one surface to the next, the others are reduced to a graph."""


@dataclass(frozen=True)
class Bottleneck:
    """Percolation of one energy surface.

    Attributes:
        minimum: Candidate of the global minimum.
        lowest: Its energy.
        points: Candidate of the bottleneck of percolation in 1, 2 and 3 dimensions; -1 where it never percolates.
        levels: Energy of each bottleneck; infinite where it never percolates.
    """

    minimum: int
    lowest: float
    points: tuple[int, int, int]
    levels: tuple[float, float, float]

    @property
    def barriers(self) -> tuple[float, float, float]:
        """Energy of each bottleneck above the minimum."""
        first, second, third = self.levels
        return first - self.lowest, second - self.lowest, third - self.lowest


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
        ValueError: No value is finite, or one is no number or minus infinity.
    """
    minimum, lowest = _lowest(values)
    if lowest == np.inf:
        raise ValueError("no value is finite")
    shape, start = np.array(grid.shape, dtype=np.intp), int(grid.first[minimum])
    energies = np.ascontiguousarray(values, dtype=np.float64)  # the flood is compiled for one kind of array
    points, levels = flood_grid(energies, grid.members, shape, start, neighbour_steps(connectivity))
    return _found(minimum, lowest, np.where(points >= 0, grid.members[points], -1), levels)


def bottlenecks(
    values: FloatArray, changing: IntArray, grid: PeriodicGrid, connectivity: Connectivity = 26
) -> Callable[[FloatArray], Bottleneck]:
    """Returns a function that finds the bottlenecks of surfaces which differ only in the energies of some candidates.

    If these are few points of the grid, the others are reduced once, for all surfaces, to a graph of the lowest paths between
    them. The result is the same to the last bit if no two energies are equal.

    Args:
        values: Energy of every candidate, shape ``(n_candidates,)``; infinite ones are walls.
        changing: Candidates whose energies are given for each surface, shape ``(n_changing,)``.
        grid: The unfolded grid.
        connectivity: Number of neighbours of a grid point.

    Returns:
        A function that takes the energies of ``changing`` and returns a :class:`Bottleneck`.

    Raises:
        ValueError: A value is NaN or minus infinity. The returned function raises as :func:`bottleneck` does.
    """
    moving = np.zeros(len(values), dtype=np.bool_)
    moving[changing] = True
    here = (grid.members >= 0) & moving[grid.members]
    if here.sum() <= _FEW * len(here):
        return _Reduced(np.where(moving, np.inf, values), changing, here, grid, connectivity).bottleneck

    def whole(energies: FloatArray) -> Bottleneck:
        surface = values.copy()
        surface[changing] = energies
        return bottleneck(surface, grid, connectivity)

    return whole


class _Reduced:
    """Surfaces that differ in few points.

    Args:
        values: Fixed energies, infinite for candidates that change, shape ``(n_candidates,)``.
        changing: Candidates that change.
        here: Which points of the grid are theirs, shape ``(n_points,)``.
        grid: The unfolded grid.
        connectivity: Number of neighbours of a grid point.
    """

    def __init__(
        self, values: FloatArray, changing: IntArray, here: BoolArray, grid: PeriodicGrid, connectivity: Connectivity
    ) -> None:
        self._changing, self._first = changing, grid.first
        self._minimum, self._lowest = _lowest(values)
        shape, steps = np.array(grid.shape, dtype=np.intp), neighbour_steps(connectivity)
        fixed = np.where(grid.members >= 0, values[grid.members], np.inf)
        order = np.flatnonzero(np.isfinite(fixed))
        moved = np.flatnonzero(here)
        near, cells = _neighbours(moved, shape, steps)
        terminal = np.zeros(len(here), dtype=np.bool_)
        terminal[near[np.isfinite(fixed[near])]] = True
        if len(order):
            terminal[self._first[self._minimum]] = True
        *ends, crossed, highest, count = reduce_grid(order[np.argsort(fixed[order], kind="stable")], terminal, shape, steps)
        nodes = np.concatenate([np.flatnonzero(terminal), moved])
        points = np.concatenate([nodes, highest[: count[0]]])
        self._candidates, self._energies = grid.members[points], fixed[points]
        self._moved = slice(len(nodes) - len(moved), len(nodes))
        self._number = np.full(len(here), -1, dtype=np.intp)
        self._number[nodes] = np.arange(len(nodes))
        # An edge is a node of its own, whose energy is that of its highest point.
        edges = np.arange(len(nodes), len(points))
        first, second = (self._number[end[: count[0]]] for end in ends)
        own, others = np.broadcast_to(self._number[moved][:, None], near.shape), self._number[near]
        linked = (others >= 0) & (others <= own)
        self._graph = _graph(
            np.concatenate([own[linked], edges, edges]),
            np.concatenate([others[linked], first, second]),
            np.concatenate([cells[linked], np.zeros(len(edges), dtype=np.int64), crossed[: count[0]]]),
            len(points),
        )
        place = np.zeros(len(values), dtype=np.intp)
        place[changing] = np.arange(len(changing))
        self._which = place[grid.members[moved]]

    def bottleneck(self, changed: FloatArray) -> Bottleneck:
        """Finds the bottlenecks of one surface, see :func:`bottlenecks`."""
        minimum, lowest = self._minimum, self._lowest
        if len(changed):
            place, least = _lowest(changed)
            if (least, self._changing[place]) < (lowest, minimum):
                minimum, lowest = int(self._changing[place]), least
        if lowest == np.inf:
            raise ValueError("no value is finite")
        energies = self._energies.copy()
        energies[self._moved] = changed[self._which]
        nodes, levels = flood_graph(energies, self._graph, int(self._number[self._first[minimum]]))
        return _found(minimum, lowest, np.where(nodes >= 0, self._candidates[nodes], -1), levels)


def _neighbours(points: IntArray, shape: IntArray, steps: IntArray) -> tuple[IntArray, Cells]:
    """Neighbours of points and the cells in which they are, as numbers; shapes ``(n_points, n_steps)``."""
    raw = np.stack(np.unravel_index(points, shape), axis=1)[:, None, :] + steps
    over = raw // shape
    x, y, z = np.moveaxis(raw - over * shape, 2, 0)
    return (x * shape[1] + y) * shape[2] + z, (over[..., 0] * CELLS + over[..., 1]) * CELLS + over[..., 2]


def _graph(left: IntArray, right: IntArray, cells: Cells, count: int) -> Graph:
    """Graph of links, each of which leads both ways.

    Args:
        left: Node at one end of each link, shape ``(n_links,)``.
        right: Node at the other end.
        cells: Of the other end as seen from the first.
        count: Number of nodes.
    """
    ends = np.concatenate([left, right])
    order = np.argsort(ends, kind="stable")
    begins = np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=count))])
    return begins, np.concatenate([right, left])[order], np.concatenate([cells, -cells])[order]


def _lowest(values: FloatArray) -> tuple[int, float]:
    """Returns the position of the lowest value, and the value.

    Raises:
        ValueError: A value is NaN, whose position `argmin` returns, or minus infinity.
    """
    place = int(np.argmin(values))
    lowest = float(values[place])
    if np.isnan(lowest) or lowest == -np.inf:
        raise ValueError("an energy is no number")
    return place, lowest


def _found(minimum: int, lowest: float, points: IntArray, levels: FloatArray) -> Bottleneck:
    first, second, third = (int(point) for point in points)
    return Bottleneck(minimum, lowest, (first, second, third), (float(levels[0]), float(levels[1]), float(levels[2])))
