"""Percolation of hops by a union-find that carries cell offsets.

Sites of a periodic crystal are joined hop by hop, the easiest first. Each site carries its cell relative to the root of its
component; a hop between two sites of one component closes a loop, and where the loop does not come back to the cell it started
from, the component percolates in that direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.calculators.workflows.migration.network import Cell, Hop


@dataclass(frozen=True)
class Percolation:
    """Percolating network with the lowest barrier in a number of dimensions.

    Attributes:
        dimensions: 1, 2 or 3.
        level: Energy of its highest saddle point, as given [eV].
        lowest: Energy of the lowest state in it, as given [eV].
        limiting: Number of the hop class with that saddle point.
        directions: Independent lattice vectors along which it is infinite.
    """

    dimensions: int
    level: float
    lowest: float
    limiting: int
    directions: tuple[Cell, ...]
    sites: tuple[int, ...]

    @property
    def barrier(self) -> float:
        """Highest saddle point above the lowest state [eV]."""
        return self.level - self.lowest


class Components:
    """Sites joined by hops."""

    def __init__(self, sites: Sequence[int]) -> None:
        self._parent = {site: site for site in sites}
        self._cell = {site: np.zeros(3, dtype=np.intp) for site in sites}
        self._windings: dict[int, list[Cell]] = {site: [] for site in sites}

    def root(self, site: int) -> tuple[int, Cell]:
        """Root of a site's component, and the cell of the site seen from the root."""
        cell = np.zeros(3, dtype=np.intp)
        while self._parent[site] != site:
            cell = cell + self._cell[site]
            site = self._parent[site]
        return site, (int(cell[0]), int(cell[1]), int(cell[2]))

    def join(self, hop: Hop) -> int:
        """Adds a hop; returns the root of its component."""
        first, start = self.root(hop.first)
        second, end = self.root(hop.second)
        apart = np.array(start) + np.array(hop.cell) - np.array(end)
        if first == second:
            if apart.any():
                self._windings[first].append((int(apart[0]), int(apart[1]), int(apart[2])))
        else:
            self._parent[second] = first
            self._cell[second] = apart
            self._windings[first] += self._windings.pop(second)
        return first

    def members(self, root: int) -> tuple[int, ...]:
        """Sites of a component."""
        return tuple(site for site in sorted(self._parent) if self.root(site)[0] == root)

    def directions(self, root: int) -> tuple[Cell, ...]:
        """Independent directions in which a component is infinite, short ones first."""
        return independent(self._windings[root])


def independent(vectors: Sequence[Cell]) -> tuple[Cell, ...]:
    """Returns linearly independent ones of the vectors, short ones first, each with its first non-zero number positive."""
    signed = {max(vector, (-vector[0], -vector[1], -vector[2])) for vector in vectors if any(vector)}
    chosen: list[Cell] = []
    for vector in sorted(signed, key=lambda signs: (sum(number * number for number in signs), tuple(-n for n in signs))):
        # Integers of a few units: the determinants that decide the rank are exact in floating point.
        if np.linalg.matrix_rank(np.array([*chosen, vector])) > len(chosen):
            chosen.append(vector)
    return tuple(chosen)


def percolate(
    sites: Mapping[int, float],
    classes: Sequence[Sequence[Hop]],
    saddles: Sequence[float | None],
    through: Sequence[int] | None = None,
) -> tuple[Percolation | None, ...]:
    """Finds the easiest percolating networks.

    Args:
        sites: Energy of the carrier on each site [eV].
        classes: Hops that are equal by symmetry.
        saddles: Energy of each class's saddle point [eV]; None: the hop is left out.
        through: Sites of which a network must hold at least one; None: any will do.

    Returns:
        For one, two and three dimensions; None where the hops given do not percolate so far.
    """
    found: list[Percolation | None] = [None, None, None]
    components = Components(sorted(sites))
    known = sorted((energy, number) for number, energy in enumerate(saddles) if energy is not None)
    for level, number in known:
        for root in {components.join(hop) for hop in classes[number]}:
            root = components.root(root)[0]
            directions, members = components.directions(root), components.members(root)
            if through is not None and not set(through) & set(members):
                continue
            for dimensions in range(1, len(directions) + 1):
                if found[dimensions - 1] is None:
                    lowest = min(sites[site] for site in members)
                    found[dimensions - 1] = Percolation(dimensions, level, lowest, number, directions, members)
    return tuple(found)


def find_path(start: Hop, classes: Sequence[Sequence[Hop]], allowed: Sequence[int]) -> list[tuple[int, Hop]] | None:
    """Shortest way, in hops, from a site to another cell's copy of it that begins with a given hop.

    Args:
        start: First hop of the way.
        classes: Hops that are equal by symmetry.
        allowed: Numbers of the classes that may be used.

    Returns:
        Class number and hop, in order; None where there is no such way.
    """
    steps: dict[int, list[tuple[int, Hop]]] = {}
    for number in allowed:
        for hop in classes[number]:
            for step in (hop, hop.back):
                steps.setdefault(step.first, []).append((number, step))
    first = next(number for number in allowed if start in classes[number] or start.back in classes[number])
    # A way out and back that meets no site's image twice leads no further than this.
    reach = 2 * len(steps) * max(max(map(abs, step.cell)) for ways in steps.values() for _, step in ways)
    waiting: list[tuple[int, Cell, list[tuple[int, Hop]]]] = [(start.second, start.cell, [(first, start)])]
    seen = {(start.first, (0, 0, 0)), (start.second, start.cell)}
    while waiting:
        site, cell, way = waiting.pop(0)
        if site == start.first and any(cell):
            return way
        for number, hop in steps.get(site, []):
            onto = (cell[0] + hop.cell[0], cell[1] + hop.cell[1], cell[2] + hop.cell[2])
            if (hop.second, onto) not in seen and max(map(abs, onto)) <= reach:
                seen.add((hop.second, onto))
                waiting.append((hop.second, onto, [*way, (number, hop)]))
    return None
