"""Paths over the points of a grid, from a minimum over a pass to the next minimum."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

import numpy as np

from tansaku.calculators.workflows.migration.network import Cell
from tansaku.diffusion.hops.grid_steps import image_steps
from tansaku.models.domain.pool import FloatArray, IntArray, PeriodicGrid
from tansaku.models.engine.percolation import neighbour_steps

_CELLS = 2
"""A path leads at most so many cells away from where it starts, or past where it ends."""

_SHARPNESS = 12.0
"""Weight of a step, as the exponent from the lowest to the highest energy of the path: low ways are worth detours."""


@dataclass(frozen=True)
class GridPath:
    """Points of a path.

    Attributes:
        fractions: Fractional coordinates, not wrapped, shape ``(n, 3)``.
        energies: [eV], shape ``(n,)``.
        candidates: Candidate of each point, shape ``(n,)``.
    """

    fractions: FloatArray
    energies: FloatArray
    candidates: IntArray

    def lengths(self, cell: FloatArray) -> FloatArray:
        """Distance of each point from the start, along the path [Å], shape ``(n,)``."""
        steps = np.linalg.norm(np.diff(self.fractions, axis=0) @ cell, axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])


class GridPaths:
    """Finds paths over a surface.

    Args:
        values: Energy of every candidate [eV].
        grid: The unfolded grid.
        cell: Cell vectors as rows [Å].
    """

    def __init__(self, values: FloatArray, grid: PeriodicGrid, cell: FloatArray) -> None:
        self._energies = np.where(grid.members >= 0, values[grid.members], np.inf)
        self._grid = grid
        self._cell = cell
        # A hop may need an image of a neighbour that is none.
        near = neighbour_steps(26)
        images = image_steps(grid, near)
        self._steps = [near] if len(images) == len(near) else [near, images]

    def through(self, stations: list[FloatArray]) -> GridPath:
        """Path through the given grid points in order, by the lowest and then shortest way between each two.

        Args:
            stations: Fractional coordinates of grid points, not wrapped.

        Raises:
            ValueError: There is no way between two of them that leads no further than two cells past the second.
        """
        shape = np.array(self._grid.shape)
        whole = [np.rint(station * shape).astype(np.intp) for station in stations]
        points = [whole[0]]
        for first, second in itertools.pairwise(whole):
            ways = (self._way(first, second, steps) for steps in self._steps)
            found = next((way for way in ways if way), None)
            if found is None:
                raise ValueError("no path joins the two points below the higher one")
            points += found[1:]
        rows = np.array(points)
        flat = np.ravel_multi_index(tuple((rows % shape).T), self._grid.shape)
        return GridPath(rows / shape, self._energies[flat], self._grid.members[flat])

    def _way(self, start: IntArray, end: IntArray, steps: IntArray) -> list[IntArray]:
        """Dijkstra's method; no point is higher than both ends. Empty where there is no way."""
        shape = np.array(self._grid.shape)
        lengths = np.linalg.norm(steps / shape @ self._cell, axis=1)
        top = max(self._at(start), self._at(end))
        low = float(self._energies[np.isfinite(self._energies)].min())
        sharpness = _SHARPNESS / max(top - low, 1e-9)
        goal, first = _cell(end), _cell(start)
        reach = np.abs(end - start) + _CELLS * shape
        best, before = {first: 0.0}, {first: first}
        waiting = [(0.0, first)]
        while waiting:
            cost, here = heapq.heappop(waiting)
            if here == goal:
                break
            if cost > best[here]:
                continue
            around = np.array(here) + steps
            energies = self._energies[np.ravel_multi_index(tuple((around % shape).T), self._grid.shape)]
            far = (np.abs(around - start) > reach).any(axis=1)
            for place in np.flatnonzero((energies <= top) & ~far).tolist():
                there = _cell(around[place])
                further = cost + lengths[place] * float(np.exp(sharpness * (energies[place] - low)))
                if further < best.get(there, np.inf):
                    best[there], before[there] = further, here
                    heapq.heappush(waiting, (further, there))
        if goal not in before:
            return []
        found = [goal]
        while found[-1] != first:
            found.append(before[found[-1]])
        return [np.array(point) for point in reversed(found)]

    def _at(self, point: IntArray) -> float:
        return float(self._energies[np.ravel_multi_index(tuple(point % np.array(self._grid.shape)), self._grid.shape)])


def _cell(point: IntArray) -> Cell:
    return int(point[0]), int(point[1]), int(point[2])
