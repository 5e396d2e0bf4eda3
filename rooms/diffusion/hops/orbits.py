"""Numbers of hops that the operations of a grid make equal."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from tansaku.calculators.workflows.migration.network import Hop
from tansaku.diffusion.hops.descent import Basins, added
from tansaku.diffusion.hops.hop_network import HopNetwork
from tansaku.models.domain.pool import IntArray, PeriodicGrid


def with_orbits(network: HopNetwork, basins: Basins, grid: PeriodicGrid) -> HopNetwork:
    """The network with a number for each set of equal passes, in the order of the lowest.

    Equal are passes at equal points of hops that an operation maps onto each other. Where the operations are not known, equal
    points and equal ends decide.

    Args:
        network: The hops.
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
