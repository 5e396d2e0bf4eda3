"""Minima of an energy surface on a periodic grid, and the passes between them.

From each grid point the way down leads from neighbour to neighbour, always to the lowest, and ends in a minimum: the points
that lead to one minimum are its basin, and each keeps the cell that it lies in, seen from that minimum. Where two basins
touch, the lowest pair of points is the pass between them; two basins that touch in several places have several passes
(:mod:`.side_passes`). As the way down never rises, the passes join minima at the same
energies at which a flood of the grid does (:mod:`tansaku.models.engine.percolation`); a test holds them together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tansaku.calculators.workflows.diffusion.hop_network import Fraction, HopNetwork, Pass, Site, pass_order
from tansaku.calculators.workflows.diffusion.side_passes import separate_minima
from tansaku.calculators.workflows.migration.network import Cell, Hop
from tansaku.calculators.workflows.migration.percolation import Components
from tansaku.models.domain.pool import FloatArray, IntArray, PeriodicGrid
from tansaku.models.engine.goals import Connectivity
from tansaku.models.engine.percolation import neighbour_steps

SHALLOW = 0.01
"""A minimum that is less deep than this belongs to the one beyond its lowest pass [eV]."""

ABOVE = 0.3
"""Passes that are higher than the highest bottleneck by more than this are left out [eV]."""

_EQUAL = 1e-9


@dataclass(frozen=True)
class _Surface:
    """A grid of energies, and the basins of its points.

    Attributes:
        energies: Of the points [eV], infinite ones are walls, shape ``(n_points,)``.
        shape: Of the grid.
        steps: To the neighbours of a point, shape ``(n_neighbours, 3)``.
        owner: Grid point of each point's minimum; -1 of a wall, shape ``(n_points,)``.
        cells: Cell of each point, seen from its minimum, shape ``(n_points, 3)``.
    """

    energies: FloatArray
    shape: tuple[int, int, int]
    steps: IntArray
    owner: IntArray
    cells: IntArray


@dataclass(frozen=True)
class _Meeting:
    """Lowest point where two basins touch.

    Attributes:
        energy: [eV].
        point: Grid point.
        image: Cell of the point, seen from the first minimum.
    """

    energy: float
    point: int
    image: Cell


def find_hops(
    values: FloatArray, grid: PeriodicGrid, cell: FloatArray, connectivity: Connectivity = 26, shallow: float = SHALLOW
) -> HopNetwork:
    """Finds minima and passes.

    Args:
        values: Energy of every candidate [eV], shape ``(n_candidates,)``; infinite ones are walls.
        grid: The unfolded grid.
        cell: Cell vectors as rows [Å].
        connectivity: Number of neighbours of a grid point.
        shallow: Minima less deep than this are left out [eV].

    Raises:
        ValueError: No value is finite.
    """
    energies = np.where(grid.members >= 0, values[grid.members], np.inf)
    if not np.isfinite(energies).any():
        raise ValueError("no value is finite")
    surface = _without_shallow(_descend(energies, grid.shape, neighbour_steps(connectivity)), shallow)
    meetings = _lowest_meetings(surface)
    minima = sorted(set(surface.owner.tolist()) - {-1})
    number = {minimum: place for place, minimum in enumerate(minima)}
    sites = tuple(
        Site(_fraction(grid.shape, point, (0, 0, 0)), float(energies[point]), int(grid.members[point])) for point in minima
    )

    def named(hop: Hop, found: _Meeting, way: int = 0) -> Pass:
        place = _fraction(grid.shape, found.point, found.image)
        renamed = Hop(number[hop.first], number[hop.second], hop.cell)
        return Pass(renamed, place, found.energy, int(grid.members[found.point]), way=way)

    kept = {hop: found for hop, found in meetings.items() if not _over_third(surface, meetings, hop, found)}
    network = HopNetwork(np.asarray(cell), sites, tuple(sorted(map(named, kept, kept.values()), key=pass_order)))
    highest = _highest(network)
    beside = []
    for hop, places in _side_meetings(
        surface, [hop for hop, found in kept.items() if found.energy <= highest], highest
    ).items():
        real = [found for found in places if not _over_third(surface, meetings, hop, found)]
        beside += [named(hop, found, way) for way, found in enumerate(real, start=1)]
    passes = tuple(sorted([*network.passes, *beside], key=pass_order))
    return _around_minimum(HopNetwork(network.cell, sites, passes), highest)


def _descend(energies: FloatArray, shape: tuple[int, int, int], steps: IntArray) -> _Surface:
    """Leads every point down to its minimum."""
    count = len(energies)
    rank = np.empty(count, dtype=np.intp)
    rank[np.argsort(energies, kind="stable")] = np.arange(count)
    best, onto, cells = rank.copy(), np.arange(count), np.zeros((count, 3), dtype=np.intp)
    for step in steps:
        there, crossed = _neighbours(shape, step)
        # Along a vector with one or two points several images of a neighbour are as near: the one in the fewest cells away
        # counts, so that ways down do not wander from cell to cell.
        nearer = (rank[there] == best) & (np.abs(crossed).sum(axis=1) < np.abs(cells).sum(axis=1))
        lower = (rank[there] < best) | nearer
        best[lower], onto[lower], cells[lower] = rank[there][lower], there[lower], -crossed[lower]
    # Each repetition doubles the length of the way that has been followed.
    while (onto[onto] != onto).any():
        cells, onto = cells + cells[onto], onto[onto]
    return _Surface(energies, shape, steps, np.where(np.isfinite(energies), onto, -1), cells)


def _meeting_rows(surface: _Surface) -> IntArray:
    """Pairs of neighbours in different basins.

    Returns:
        Minima of the two basins, cell of the second one, the higher point of the pair, its cell, the other point, its cell,
        shape ``(n, 13)``; cells are seen from the first minimum.
    """
    energies, columns = surface.energies, []
    every = np.arange(len(energies))
    for step in surface.steps:
        there, crossed = _neighbours(surface.shape, step)
        away = surface.cells + crossed - surface.cells[there]
        first, second = surface.owner, surface.owner[there]
        touch = (first >= 0) & (second >= 0) & ((first < second) | ((first == second) & _leads(away)))
        upper = energies >= energies[there]
        here, beyond = surface.cells, surface.cells + crossed
        ends = [
            np.where(upper, every, there),
            np.where(upper[:, None], here, beyond),
            np.where(upper, there, every),
            np.where(upper[:, None], beyond, here),
        ]
        columns.append(np.column_stack([first, second, away, *ends])[touch])
    rows = np.concatenate(columns)
    # Of equal ones the point of the lowest number comes first, in whichever order they were met.
    return np.asarray(rows[np.lexsort((*rows.T[::-1], energies[rows[:, 5]]))])


def _lowest_meetings(surface: _Surface) -> dict[Hop, _Meeting]:
    """The lowest meeting of each two basins, sites being the grid points of the minima."""
    rows = _meeting_rows(surface)
    _, first = np.unique(rows[:, :5], axis=0, return_index=True)
    return {
        Hop(row[0], row[1], (row[2], row[3], row[4])): _Meeting(
            float(surface.energies[row[5]]), row[5], (row[6], row[7], row[8])
        )
        for row in rows[np.sort(first), :9].tolist()
    }


def _side_meetings(surface: _Surface, hops: list[Hop], highest: float) -> dict[Hop, list[_Meeting]]:
    """Meetings of two basins beside the lowest one, up to an energy [eV]; none where the lowest is the only one."""
    rows = _meeting_rows(surface)
    rows = rows[surface.energies[rows[:, 5]] <= highest]
    of_hop: dict[tuple[int, ...], list[int]] = {}
    for place, key in enumerate(map(tuple, rows[:, :5].tolist())):
        of_hop.setdefault(key, []).append(place)
    found = {}
    for hop in hops:
        own = rows[of_hop[hop.first, hop.second, *hop.cell]]
        levels = surface.energies[own[:, 5]]
        shape = np.array(surface.shape)
        # Both points of a pair belong to the border, so that it has no gaps; the upper ones come first.
        places = np.concatenate(
            [
                np.stack(np.unravel_index(own[:, column], surface.shape), axis=1) + own[:, column + 1 : column + 4] * shape
                for column in (5, 9)
            ]
        )
        minima = [row % len(own) for row in separate_minima(places, np.concatenate([levels, levels]))]
        found[hop] = [_Meeting(float(levels[row]), int(own[row, 5]), _cell(own[row, 6:9])) for row in minima[1:]]
    return found


def _without_shallow(surface: _Surface, shallow: float) -> _Surface:
    """The surface with every shallow minimum's basin as a part of the one beyond its lowest pass."""
    energies, owner, cells = surface.energies, surface.owner.copy(), surface.cells.copy()
    levels = {hop: found.energy for hop, found in _lowest_meetings(surface).items()}
    while True:
        depths = {
            hop: level - max(energies[hop.first], energies[hop.second])
            for hop, level in levels.items()
            if hop.first != hop.second
        }
        small = [(depth, hop.first, hop.second, hop.cell) for hop, depth in depths.items() if depth < shallow]
        if not small:
            return _Surface(energies, surface.shape, surface.steps, owner, cells)
        _, first, second, away = min(small)
        down = (energies[first], first) <= (energies[second], second)
        gone, stays, shift = (second, first, np.array(away)) if down else (first, second, -np.array(away))
        part = owner == gone
        owner[part], cells[part] = stays, cells[part] + shift
        levels = _renamed(levels, gone, stays, shift)


def _renamed(levels: dict[Hop, float], gone: int, stays: int, shift: IntArray) -> dict[Hop, float]:
    """Levels of hops after a minimum has become a part of another one, in whose view it lies in the cell ``shift``."""
    found: dict[Hop, float] = {}
    for hop, level in levels.items():
        first, second, away = hop.first, hop.second, np.array(hop.cell)
        if first == gone:
            first, away = stays, away + shift
        if second == gone:
            second, away = stays, away - shift
        if first > second or (first == second and not _leads(away[None])[0]):
            first, second, away = second, first, -away
        if first != second or away.any():
            renamed = Hop(first, second, _cell(away))
            found[renamed] = min(level, found.get(renamed, np.inf))
    return found


def _over_third(surface: _Surface, meetings: dict[Hop, _Meeting], hop: Hop, found: _Meeting) -> bool:
    """Returns whether two basins meet only where both border on a third one, from which lower passes lead to both."""
    start = np.array(np.unravel_index(found.point, surface.shape))
    for step in surface.steps:
        raw = start + step
        there = int(np.ravel_multi_index(tuple(raw % surface.shape), surface.shape))
        third = int(surface.owner[there])
        if third < 0 or surface.energies[there] > found.energy:
            continue
        cell = np.array(found.image) + raw // surface.shape - surface.cells[there]
        levels = (
            _level(meetings, hop.first, third, cell),
            _level(meetings, third, hop.second, np.array(hop.cell) - cell),
        )
        if max(levels) < found.energy - _EQUAL:
            return True
    return False


def _level(meetings: dict[Hop, _Meeting], first: int, second: int, away: IntArray) -> float:
    hop = Hop(first, second, _cell(away))
    found = meetings.get(hop) or meetings.get(hop.back)
    return np.inf if found is None else found.energy


def _highest(network: HopNetwork) -> float:
    """Energy up to which passes count [eV]; infinite where none leads on without end."""
    return max((found.level + ABOVE for found in network.percolations if found is not None), default=np.inf)


def _around_minimum(network: HopNetwork, highest: float) -> HopNetwork:
    """The part that the lowest site is joined to, without passes that are much too high."""
    near = [item for item in network.passes if item.energy <= highest]
    components = Components(range(len(network.sites)))
    for item in near:
        components.join(item.hop)
    members = components.members(components.root(network.minimum)[0])
    number = {site: place for place, site in enumerate(members)}
    kept = tuple(
        replace(item, hop=Hop(number[item.hop.first], number[item.hop.second], item.hop.cell))
        for item in near
        if item.hop.first in number
    )
    return HopNetwork(network.cell, tuple(network.sites[site] for site in members), kept)


def _neighbours(shape: tuple[int, int, int], step: IntArray) -> tuple[IntArray, IntArray]:
    """Grid point one step from each, and the cell that it is in, shapes ``(n_points,)`` and ``(n_points, 3)``."""
    raw = np.indices(shape).reshape(3, -1).T + step
    crossed = raw // np.array(shape)
    return np.ravel_multi_index(tuple((raw % np.array(shape)).T), shape), crossed


def _leads(vectors: IntArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Returns whether the first non-zero number of each row is positive, shape ``(n,)``."""
    x, y, z = vectors.T
    return np.asarray((x > 0) | ((x == 0) & ((y > 0) | ((y == 0) & (z > 0)))))


def _cell(vector: IntArray) -> Cell:
    return int(vector[0]), int(vector[1]), int(vector[2])


def _fraction(shape: tuple[int, int, int], point: int, image: Cell) -> Fraction:
    places = np.unravel_index(point, shape)
    x, y, z = (float(place / count + cell) for place, count, cell in zip(places, shape, image, strict=True))
    return x, y, z
