"""Shallow minima become parts of the basins beyond their lowest passes.

A minimum whose lowest passes are equal, such as a pocket on a mirror plane between two minima, becomes a part of all basins
beyond them; one crosses there from one to the other at the height of these passes. Equally low minima that only such passes
join become one. All that is equal is done at once, so that the basins keep their symmetry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tansaku.calculators.workflows.migration.network import Cell, Hop
from tansaku.calculators.workflows.migration.percolation import Components
from tansaku.diffusion.hops.descent import OPEN, Basins, Gate, Owner, added, joined
from tansaku.diffusion.hops.meetings import Meetings

_MOST_LEVEL = 500
"""More equal points of a level way without end than this become one site, which need not have the symmetry of the grid."""

_ORIGIN: Cell = (0, 0, 0)


def without_shallow(basins: Basins, shallow: float) -> Basins:
    """The basins of the minima that are not shallow.

    Args:
        basins: Of all minima.
        shallow: Minima less deep than this are shallow [eV].
    """
    merging = _Merging(basins, shallow)
    while merging.step():
        pass
    resolved = _resolved(merging.parts)
    owners = {end: _onward(before, resolved) for end, before in basins.owners.items()}
    return joined(replace(basins, owners=owners))


@dataclass(frozen=True)
class _Round:
    """Hops over the lowest shallow passes.

    Attributes:
        depth: Of the pass above its higher minimum [eV].
        top: Energy of that minimum [eV].
        hops: All hops that have both, and their passes.
    """

    depth: float
    top: float
    hops: Mapping[Hop, Gate]

    def pass_at(self, site: int) -> Gate:
        """A pass that leads out of a site, seen from it."""
        hop, gate = next((hop, gate) for hop, gate in self.hops.items() if site in (hop.first, hop.second))
        return gate if site == hop.first else replace(gate, cell=added(gate.cell, hop.cell, -1))


class _Merging:
    """Minima that are left, the passes between them, and the parts that the others became, in the order in which they did."""

    def __init__(self, basins: Basins, shallow: float) -> None:
        self.parts: dict[int, Mapping[Owner, Gate]] = {}
        self._energies = basins.energies
        self._shallow = shallow
        self._kept: set[int] = set()
        self._levels: dict[Hop, Gate] = {}
        self._of: dict[int, set[Hop]] = {}
        for hop, found in Meetings(basins).lowest().items():
            self._add(hop, Gate(found[0].energy, found[0].point, found[0].image))

    def step(self) -> bool:
        """Merges over the lowest shallow passes; returns whether there was one."""
        found = self._lowest()
        if found is None:
            return False
        equal = [hop for hop in found.hops if self._energies[hop.first] == self._energies[hop.second]]
        higher = {site for hop in found.hops for site in (hop.first, hop.second) if self._energies[site] == found.top}
        components = Components(sorted(higher))
        for hop in equal:
            components.join(hop)
        for root in sorted({components.root(site)[0] for site in higher}):
            members = components.members(root)
            if components.directions(root) and (found.depth > 0.0 or len(members) <= _MOST_LEVEL):
                # A chain of shallow minima without end has no inside that could become one site.
                self._kept |= set(members)
                continue
            into = members[0]
            for site in members[1:]:
                cell = added(components.root(into)[1], components.root(site)[1], -1)
                self._become(site, {(into, cell): found.pass_at(site)})
            self._dissolve(into, found)
        return True

    def _lowest(self) -> _Round | None:
        best: tuple[float, float] | None = None
        hops: dict[Hop, Gate] = {}
        for hop, gate in self._levels.items():
            ends = (hop.first, hop.second)
            top = max(self._energies[site] for site in ends)
            depth = gate.level - top
            if hop.first == hop.second or (depth >= self._shallow and depth > 0.0):
                continue
            if any(site in self._kept and self._energies[site] == top for site in ends):
                continue
            if best is None or (depth, -top) < best:
                best, hops = (depth, -top), {}
            if (depth, -top) == best:
                hops[hop] = gate
        return None if best is None else _Round(best[0], -best[1], hops)

    def _dissolve(self, site: int, found: _Round) -> None:
        """Makes a minimum a part of the lower ones beyond its passes of this round, if there are any."""
        beyond: dict[Owner, Gate] = {}
        for hop in sorted(self._of.get(site, ()), key=_order):
            gate = self._levels[hop]
            if hop.first == hop.second or gate.level - found.top != found.depth:
                continue
            other, cell = (hop.second, hop.cell) if site == hop.first else (hop.first, hop.back.cell)
            if self._energies[other] < found.top:
                place = gate.cell if site == hop.first else added(gate.cell, hop.cell, -1)
                beyond[other, cell] = Gate(gate.level, gate.point, place)
        if beyond:
            self._become(site, beyond)

    def _become(self, gone: int, owners: Mapping[Owner, Gate]) -> None:
        """Makes a minimum a part of others, whose cells are seen from it."""
        self.parts[gone] = owners
        for hop in sorted(self._of.pop(gone, ()), key=_order):
            gate = self._levels.pop(hop)
            for site in {hop.first, hop.second} - {gone}:
                self._of[site].discard(hop)
            for first, start in list(owners) if hop.first == gone else [(hop.first, _ORIGIN)]:
                for second, end in list(owners) if hop.second == gone else [(hop.second, _ORIGIN)]:
                    cell = added(added(hop.cell, end), start, -1)
                    self._add(Hop(first, second, cell), replace(gate, cell=added(gate.cell, start, -1)))

    def _add(self, hop: Hop, gate: Gate) -> None:
        if hop.first == hop.second and hop.cell == _ORIGIN:
            return
        if (hop.first, _ORIGIN) > (hop.second, hop.cell):
            hop, gate = hop.back, replace(gate, cell=added(gate.cell, hop.cell, -1))
        if hop not in self._levels or gate.level < self._levels[hop].level:
            self._levels[hop] = gate
            for site in (hop.first, hop.second):
                self._of.setdefault(site, set()).add(hop)


def _order(hop: Hop) -> tuple[int, int, Cell]:
    return hop.first, hop.second, hop.cell


def _resolved(parts: Mapping[int, Mapping[Owner, Gate]]) -> dict[int, dict[Owner, Gate]]:
    """The minima that are left of which each one that is gone is a part; those that took it in went later or stay."""
    found: dict[int, dict[Owner, Gate]] = {}
    for gone in reversed(list(parts)):
        found[gone] = _onward(parts[gone], found)
    return found


def _onward(owners: Mapping[Owner, Gate], resolved: Mapping[int, Mapping[Owner, Gate]]) -> dict[Owner, Gate]:
    """Owners, with the ones that they are parts of in their place."""
    found: dict[Owner, Gate] = {}
    for (site, cell), gate in owners.items():
        for (into, beyond), further in resolved.get(site, {(site, _ORIGIN): OPEN}).items():
            owner = into, added(cell, beyond)
            higher = gate if gate.level >= further.level else replace(further, cell=added(further.cell, cell))
            if owner not in found or higher.level < found[owner].level:
                found[owner] = higher
    return found
