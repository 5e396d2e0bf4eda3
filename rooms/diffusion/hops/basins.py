"""Minima of an energy surface on a periodic grid, and the passes between them.

The ways down from all points divide the grid into basins (:mod:`.descent`), of which shallow ones become parts of others
(:mod:`.shallow`). Where two basins meet, the lowest place is the pass between them (:mod:`.meetings`); two basins that meet in
several places have several passes (:mod:`.side_passes`). As the way down never rises, the passes join minima at the same
energies at which a flood of the grid does (:mod:`tansaku.models.engine.percolation`); a test holds them together.

The network has the symmetry of the grid: neighbours have it (:mod:`.grid_steps`), and nothing depends on an order of points.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from tansaku.calculators.workflows.migration.network import Cell, Hop
from tansaku.calculators.workflows.migration.percolation import Components
from tansaku.diffusion.hops.descent import Basins, added, descend
from tansaku.diffusion.hops.grid_steps import image_steps, symmetric_steps
from tansaku.diffusion.hops.hop_network import Fraction, HopNetwork, Pass, Site, pass_order
from tansaku.diffusion.hops.meetings import Meeting, Meetings
from tansaku.diffusion.hops.real_passes import Passes, lowest_passes
from tansaku.diffusion.hops.shallow import without_shallow
from tansaku.models.domain.pool import FloatArray, IntArray, PeriodicGrid
from tansaku.models.engine.goals import Connectivity
from tansaku.models.engine.percolation import Bottleneck, bottleneck, neighbour_steps

_SHALLOW = 0.01
"""A minimum that is less deep than this belongs to those beyond its lowest passes [eV]."""

_ABOVE = 0.3
"""Passes that are higher than the highest bottleneck by more than this are left out [eV]."""


def find_hops(
    values: FloatArray, grid: PeriodicGrid, cell: FloatArray, connectivity: Connectivity = 26, shallow: float = _SHALLOW
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
    steps = symmetric_steps(values, grid, connectivity)
    network = _network(energies, grid, cell, steps, shallow)
    # All images of the neighbours may open lower ways than the neighbours do: the levels of the flood come first.
    if len(steps) > connectivity and not _as_flooded(network, bottleneck(values, grid, connectivity)):
        return _network(energies, grid, cell, neighbour_steps(connectivity), shallow)
    return network


def _as_flooded(network: HopNetwork, flood: Bottleneck) -> bool:
    levels = [np.inf if found is None else found.level for found in network.percolations]
    return bool(np.array_equal(levels, flood.levels))


def _network(energies: FloatArray, grid: PeriodicGrid, cell: FloatArray, steps: IntArray, shallow: float) -> HopNetwork:
    """The network over given steps to neighbours."""
    basins = without_shallow(descend(energies, grid.shape, steps), shallow)
    meetings = Meetings(basins)
    minima = sorted({site for owners in basins.owners.values() for site, _ in owners})
    number = {minimum: place for place, minimum in enumerate(minima)}
    sites = tuple(
        Site(_fraction(grid.shape, point, (0, 0, 0)), float(energies[point]), int(grid.members[point])) for point in minima
    )

    def named(hop: Hop, found: Meeting, way: int = 0, share: float = 1.0) -> Pass:
        place = _fraction(grid.shape, found.point, found.image)
        renamed = Hop(number[hop.first], number[hop.second], hop.cell)
        return Pass(renamed, place, found.energy, int(grid.members[found.point]), way=way, share=share)

    lowest = lowest_passes(basins, meetings.lowest())
    network = HopNetwork(np.asarray(cell), sites, tuple(sorted(map(named, lowest, lowest.values()), key=pass_order)))
    highest = _highest(network)
    low = {hop: found for hop, found in lowest.items() if found.energy <= highest}
    found = Passes(basins, low, meetings.borders(low, highest), image_steps(grid, neighbour_steps(26))).all()
    passes = tuple(sorted((named(hop, place, way, share) for hop, way, place, share in found), key=pass_order))
    return with_orbits(_around_minimum(HopNetwork(network.cell, sites, passes)), basins, grid)


def _highest(network: HopNetwork) -> float:
    """Energy up to which passes count [eV]; infinite where none leads on without end."""
    return max((found.level + _ABOVE for found in network.percolations if found is not None), default=np.inf)


def _around_minimum(network: HopNetwork) -> HopNetwork:
    """The part that the lowest site is joined to, and those of equally low sites: the ion is as likely to be in any of them."""
    components = Components(range(len(network.sites)))
    for item in network.passes:
        components.join(item.hop)
    lowest = network.sites[network.minimum].energy
    roots = {components.root(number)[0] for number, site in enumerate(network.sites) if site.energy == lowest}
    members = sorted(site for root in roots for site in components.members(root))
    number = {site: place for place, site in enumerate(members)}
    kept = tuple(
        replace(item, hop=Hop(number[item.hop.first], number[item.hop.second], item.hop.cell))
        for item in network.passes
        if item.hop.first in number
    )
    return HopNetwork(network.cell, tuple(network.sites[site] for site in members), kept)


def _fraction(shape: tuple[int, int, int], point: int, image: Cell) -> Fraction:
    places = np.unravel_index(point, shape)
    x, y, z = (float(place / count + cell) for place, count, cell in zip(places, shape, image, strict=True))
    return x, y, z


def with_orbits(network: HopNetwork, basins: Basins, grid: PeriodicGrid) -> HopNetwork:
    """The network with a number for each set of equal passes, in the order of the lowest.

    Equal are passes at equal points of hops that an operation maps onto each other. Where the operations are not known, equal
    points and equal ends decide.

    Args:
        basins: That they lead between.
        grid: The unfolded grid.
    """
    names: dict[Hashable, int] = {}
    head = _heads(network, basins, grid.operations) if grid.operations is not None else None
    passes = []
    for item in network.passes:
        ends = sorted(network.sites[site].candidate for site in (item.hop.first, item.hop.second))
        name = (item.candidate, *ends) if head is None else (item.candidate, head[item.hop])
        passes.append(replace(item, orbit=names.setdefault(name, len(names))))
    return replace(network, passes=tuple(passes))


def _heads(network: HopNetwork, basins: Basins, operations: IntArray) -> dict[Hop, Hop]:
    """One hop of those that the operations make equal, for each hop."""
    shape = np.array(basins.shape)
    points = np.rint([np.array(site.fraction) * shape for site in network.sites]).astype(np.intp)
    number = {int(point): place for place, point in enumerate(np.ravel_multi_index(tuple(points.T), basins.shape))}
    hops = list(dict.fromkeys(item.hop for item in network.passes))
    parent = {hop: hop for hop in hops}

    def root(hop: Hop) -> Hop:
        while parent[hop] != hop:
            parent[hop] = parent[parent[hop]]
            hop = parent[hop]
        return hop

    starts = points[[hop.first for hop in hops]]
    targets = points[[hop.second for hop in hops]] + np.array([hop.cell for hop in hops], dtype=np.intp).reshape(-1, 3) * shape
    for operation in operations:
        ends = [_sites(basins, number, where @ operation[:, :3].T + operation[:, 3]) for where in (starts, targets)]
        for hop, (first, start), (second, end) in zip(hops, *ends, strict=True):
            image = Hop(first, second, added(end, start, -1))
            for same in (image, image.back):
                if same in parent:
                    parent[root(same)] = root(hop)
    return {hop: root(hop) for hop in hops}


def _sites(basins: Basins, number: dict[int, int], places: IntArray) -> list[tuple[int, tuple[int, int, int]]]:
    """Site whose basin each point is in, -1 for none of the network, and the cell that the site is in."""
    shape = np.array(basins.shape)
    flat = np.ravel_multi_index(tuple((places % shape).T), basins.shape)
    cells = places // shape - basins.cells[flat]
    found = []
    for end, cell in zip(basins.ends[flat].tolist(), cells.tolist(), strict=True):
        site, beyond = min(basins.owners[end])
        found.append((number.get(site, -1), added(beyond, cell)))
    return found
