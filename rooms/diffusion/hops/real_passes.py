"""Meetings of two basins that are passes, and the shares of several hops in one.

Two basins may meet only where both border on a third one from which lower passes lead to both: that is no saddle point. And the
ways down from a saddle point may fork on either side of it, so that hops between several pairs of minima lead over it. The ion
crosses it as often as it would if there were one: each of these hops has a share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from tansaku.calculators.workflows.migration.network import Cell, Hop
from tansaku.diffusion.hops.descent import Basins, Owner, added
from tansaku.diffusion.hops.meetings import Border, Meeting
from tansaku.diffusion.hops.side_passes import separate_minima
from tansaku.models.domain.pool import IntArray

_EQUAL = 1e-9
_ORIGIN: Cell = (0, 0, 0)


def lowest_passes(basins: Basins, lowest: Mapping[Hop, Sequence[Meeting]]) -> dict[Hop, Meeting]:
    """The lowest pass of each hop; sites are the grid points of minima.

    Args:
        lowest: The lowest meetings of each two, several where they are equally low.
    """
    levels = {hop: places[0].energy for hop, places in lowest.items()}
    found = {}
    for hop, places in lowest.items():
        for place in places:
            around = _owners_around(basins, hop, place)
            lower = [pair for pair in combinations(around, 2) if _level(levels, *pair) < place.energy - _EQUAL]
            first, second = _ends_in(hop, _valleys(around, lower))
            if first is not second:
                found[hop] = place
                break
    return found


class Passes:
    """All passes of hops, on both sides of an atom and the like.

    Args:
        borders: Of the two basins of each of them.
        around: Steps around a point of a border, shape ``(n, 3)``.
    """

    def __init__(self, basins: Basins, lowest: Mapping[Hop, Meeting], borders: Mapping[Hop, Border], around: IntArray) -> None:
        self._basins = basins
        self._lowest = lowest
        self._levels = {hop: place.energy for hop, place in lowest.items()}
        self._steps = np.insert(around, 0, 0, axis=0)
        self._minima = {hop: _minima(basins, borders[hop], around) for hop in lowest}
        self._places = {
            hop: {(place.point, place.image): place.energy for places in minima for place in places}
            for hop, minima in self._minima.items()
        }

    def all(self) -> list[tuple[Hop, int, Meeting, float]]:
        """Passes, numbered from the lowest of each hop, with their shares."""
        found = []
        for hop, lowest in self._lowest.items():
            real = [self._first(hop, places) for places in self._minima[hop]]
            ways = [way for way in real if way is not None]
            if not ways or ways[0][0].energy > lowest.energy:
                ways = [(lowest, self._share(hop, lowest) or 1.0), *ways]
            found += [(hop, number, place, share) for number, (place, share) in enumerate(ways)]
        return found

    def _first(self, hop: Hop, places: Sequence[Meeting]) -> tuple[Meeting, float] | None:
        """The first of equal places that is a pass, and its share."""
        for place in places:
            share = self._share(hop, place)
            if share is not None:
                return place, share
        return None

    def _share(self, hop: Hop, place: Meeting) -> float | None:
        """Share of a hop in what crosses a place; None where it is no pass."""
        around = _owners_around(self._basins, hop, place)
        near = self._near(place)
        joined = []
        for first, second in combinations(around, 2):
            lower = _level(self._levels, first, second) < place.energy - _EQUAL
            # Basins that have a lower pass elsewhere may have one here too.
            if lower and not self._crossed(first, second, near, place.energy):
                joined.append((first, second))
        valleys = _valleys(around, joined)
        here, there = _ends_in(hop, valleys)
        if here is there:
            return None
        alike = sum(self._crossed(first, second, near, place.energy, place.energy) for first in here for second in there)
        return 1.0 / ((len(valleys) - 1) * max(alike, 1))

    def _near(self, place: Meeting) -> set[Owner]:
        """Grid points at most a step from a place, and their cells."""
        shape = np.array(self._basins.shape)
        raw = np.array(np.unravel_index(place.point, self._basins.shape)) + self._steps
        flat = np.ravel_multi_index(tuple((raw % shape).T), self._basins.shape)
        cells = raw // shape + np.array(place.image)
        return {(point, (x, y, z)) for point, (x, y, z) in zip(flat.tolist(), cells.tolist(), strict=True)}

    def _crossed(self, first: Owner, second: Owner, near: set[Owner], lower: float, upper: float = np.inf) -> bool:
        """Returns whether two basins have a pass between two energies near a place."""
        hop, origin = Hop(first[0], second[0], added(second[1], first[1], -1)), first[1]
        if hop not in self._places:
            hop, origin = hop.back, second[1]
        return any(
            lower - _EQUAL <= level <= upper + _EQUAL and (point, added(cell, origin)) in near
            for (point, cell), level in self._places.get(hop, {}).items()
        )


def _minima(basins: Basins, border: Border, around: IntArray) -> list[list[Meeting]]:
    """Minima of a border, each with all equally low places."""
    shape = np.array(basins.shape)
    # Both points of a pair belong to the border, so that it has no gaps; the first ones come first.
    places = np.concatenate(
        [
            np.stack(np.unravel_index(border.pairs[:, end, 0], basins.shape), axis=1) + border.pairs[:, end, 1:] * shape
            for end in (0, 1)
        ]
    )
    count = len(border.levels)
    minima = separate_minima(places, np.concatenate([border.levels, border.levels]), around)
    return [[border.meeting(row) for row in dict.fromkeys(row % count for row in rows)] for rows in minima]


def _owners_around(basins: Basins, hop: Hop, found: Meeting) -> list[Owner]:
    """Minima that the points around a place that are no higher lead to, and the two of the hop; cells seen from its first."""
    raw = np.array(np.unravel_index(found.point, basins.shape)) + np.insert(basins.steps, 0, 0, axis=0)
    around = np.ravel_multi_index(tuple((raw % basins.shape).T), basins.shape)
    seen = np.array(found.image) + raw // basins.shape - basins.cells[around]
    low = (basins.ends[around] >= 0) & (basins.energies[around] <= found.energy)
    owners = set(_ends(hop))
    for end, shift in zip(basins.ends[around[low]].tolist(), seen[low].tolist(), strict=True):
        known = basins.owners[end]
        owners |= {(site, added(cell, shift)) for (site, cell), gate in known.items() if gate.level <= found.energy}
    return sorted(owners)


def _valleys(owners: Sequence[Owner], joined: Sequence[tuple[Owner, Owner]]) -> list[set[Owner]]:
    """Sets of owners that are joined."""
    found: dict[Owner, set[Owner]] = {owner: {owner} for owner in owners}
    for first, second in joined:
        kept, other = found[first], found[second]
        if kept is not other:
            kept |= other
            found |= dict.fromkeys(other, kept)
    return list({id(valley): valley for valley in found.values()}.values())


def _ends_in(hop: Hop, valleys: Sequence[set[Owner]]) -> tuple[set[Owner], set[Owner]]:
    first, second = (next(valley for valley in valleys if owner in valley) for owner in _ends(hop))
    return first, second


def _ends(hop: Hop) -> tuple[Owner, Owner]:
    return (hop.first, _ORIGIN), (hop.second, hop.cell)


def _level(levels: Mapping[Hop, float], first: Owner, second: Owner) -> float:
    hop = Hop(first[0], second[0], added(second[1], first[1], -1))
    found = levels.get(hop)
    return levels.get(hop.back, np.inf) if found is None else found
