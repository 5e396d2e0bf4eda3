"""Ways down over a grid, and the basins that they divide it into.

From each grid point the way leads to its lowest neighbour, and to all of them where several are equal, as on a mirror plane
between two minima. So a point may lead to several minima, and belongs to the basin of each. Over a plateau, as in a vacuum, the
way leads to the nearest edges that go down. Nothing depends on the order of the points: basins have the symmetry that energies
and neighbours have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tansaku.calculators.workflows.migration.network import Cell
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray

Owner = tuple[int, Cell]
"""Grid point of a minimum, and its cell seen from where the way down to it ends or forks."""


@dataclass(frozen=True)
class Gate:
    """The highest point of the way into a basin across shallow minima that belong to it.

    Attributes:
        level: Its energy [eV]; minus infinite where there is none.
        point: Grid point; -1 where there is none.
        cell: Its cell, seen from where the cell of the owner is seen from.
    """

    level: float
    point: int
    cell: Cell


OPEN = Gate(-np.inf, -1, (0, 0, 0))
"""The gate of a basin that is entered on the way down."""


@dataclass(frozen=True)
class Basins:
    """A grid of energies, and the basins of its points.

    Attributes:
        energies: Of the points [eV], infinite ones are walls, shape ``(n_points,)``.
        shape: Of the grid.
        steps: To the neighbours of a point, shape ``(n_neighbours, 3)``.
        ends: Grid point where the way down from each point ends or forks first; -1 of a wall, shape ``(n_points,)``.
        cells: Cell of each point, seen from that one, shape ``(n_points, 3)``.
        owners: Minima that each of these points leads to.
    """

    energies: FloatArray
    shape: tuple[int, int, int]
    steps: IntArray
    ends: IntArray
    cells: IntArray
    owners: Mapping[int, Mapping[Owner, Gate]]


def descend(energies: FloatArray, shape: tuple[int, int, int], steps: IntArray) -> Basins:
    """Leads every point down to its minima.

    Args:
        energies: Of the points [eV], infinite ones are walls, shape ``(n_points,)``.
        shape: Of the grid.
        steps: To the neighbours of a point, shape ``(n_neighbours, 3)``.
    """
    count = len(energies)
    best = energies.copy()
    for step in steps:
        np.minimum(best, energies[neighbours(shape, step)[0]], out=best)
    away = _steps_to_edge(energies, shape, steps, best < energies)
    rows = []
    for step in steps:
        there, crossed = neighbours(shape, step)
        lead = np.flatnonzero((energies[there] == best) & (away > 0) & ((away == 1) | (away[there] == away - 1)))
        rows.append(np.column_stack([lead, there[lead], crossed[lead]]))
    edges = _nearest(np.concatenate(rows))
    ways = np.bincount(edges[:, 0], minlength=count)
    onto, cells = np.arange(count), np.zeros((count, 3), dtype=np.intp)
    single = edges[ways[edges[:, 0]] == 1]
    onto[single[:, 0]], cells[single[:, 0]] = single[:, 1], -single[:, 2:]
    # Each repetition doubles the length of the way that has been followed.
    while (onto[onto] != onto).any():
        cells, onto = cells + cells[onto], onto[onto]
    minima = np.flatnonzero((ways == 0) & np.isfinite(energies))
    owners: dict[int, Mapping[Owner, Gate]] = {int(point): {(int(point), (0, 0, 0)): OPEN} for point in minima}
    forks = edges[ways[edges[:, 0]] > 1]
    forks = forks[np.lexsort((forks[:, 0], away[forks[:, 0]], energies[forks[:, 0]]))]
    targets, seen = onto[forks[:, 1]], forks[:, 2:] - cells[forks[:, 1]]
    for point, end, shift in zip(forks[:, 0].tolist(), targets.tolist(), seen.tolist(), strict=True):
        found = dict(owners.get(point, {}))
        found |= {(minimum, added(cell, shift)): OPEN for minimum, cell in owners[end]}
        owners[point] = found
    return joined(Basins(energies, shape, steps, np.where(np.isfinite(energies), onto, -1), cells, owners))


def _steps_to_edge(energies: FloatArray, shape: tuple[int, int, int], steps: IntArray, down: BoolArray) -> IntArray:
    """Number of steps from each point over equal ones to a lower one; 0 of walls, minima and plateaus without an edge.

    Args:
        energies: Of the points [eV], infinite ones are walls, shape ``(n_points,)``.
        shape: Of the grid.
        steps: To the neighbours of a point, shape ``(n_neighbours, 3)``.
        down: Whether a point has a lower neighbour, shape ``(n_points,)``.
    """
    away = down.astype(np.intp)
    rest = np.flatnonzero(~down & np.isfinite(energies))
    there = np.array([neighbours(shape, step)[0][rest] for step in steps])
    equal = energies[there] == energies[rest]
    for number in range(1, len(energies)):
        reached = (away[rest] == 0) & (equal & (away[there] == number)).any(axis=0)
        if not reached.any():
            break
        away[rest[reached]] = number + 1
    return away


def _nearest(edges: IntArray) -> IntArray:
    """Steps to neighbours; of several to images of one point, those in the fewest cells away.

    Along a vector with one or two points several images of a neighbour are as near; ways down do not wander from cell to cell.

    Args:
        edges: Points, neighbours and their cells, shape ``(n, 5)``.
    """
    away = np.abs(edges[:, 2:]).sum(axis=1)
    order = np.lexsort((away, edges[:, 1], edges[:, 0]))
    edges, away = edges[order], away[order]
    new = np.insert((np.diff(edges[:, :2], axis=0) != 0).any(axis=1), 0, True)[: len(edges)]
    return np.asarray(edges[away == away[np.flatnonzero(new)][np.cumsum(new) - 1]])


def joined(basins: Basins) -> Basins:
    """The basins with one place for all where ways down fork to the same minima."""
    heads: dict[tuple[tuple[Owner, float], ...], tuple[int, Cell]] = {}
    onto, shift = np.arange(len(basins.energies)), np.zeros((len(basins.energies), 3), dtype=np.intp)
    for end, owners in basins.owners.items():
        ordered = sorted(owners)
        base = ordered[0][1]
        name = tuple(((site, added(cell, base, -1)), owners[site, cell].level) for site, cell in ordered)
        onto[end], seen = heads.setdefault(name, (end, base))
        shift[end] = added(seen, base, -1)
    ends = np.where(basins.ends >= 0, onto[basins.ends], -1)
    kept = {end: basins.owners[end] for end, _ in heads.values()}
    return replace(basins, ends=ends, cells=basins.cells + shift[basins.ends], owners=kept)


def neighbours(shape: tuple[int, int, int], step: IntArray) -> tuple[IntArray, IntArray]:
    """Grid point one step from each, and the cell that it is in, shapes ``(n_points,)`` and ``(n_points, 3)``."""
    raw = np.indices(shape).reshape(3, -1).T + step
    crossed = raw // np.array(shape)
    return np.ravel_multi_index(tuple((raw % np.array(shape)).T), shape), crossed


def added(cell: Cell, shift: Cell | list[int], sign: int = 1) -> Cell:
    """Sum of two cells, or their difference with the sign -1."""
    return cell[0] + sign * shift[0], cell[1] + sign * shift[1], cell[2] + sign * shift[2]
