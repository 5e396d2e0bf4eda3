"""Hops of an ion over an energy surface: minima of the surface, and the passes between them.

What joins them to paths without end is the union-find of the migration barriers (:mod:`..migration.percolation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tansaku.calculators.workflows.migration.network import Cell, Hop
from tansaku.calculators.workflows.migration.percolation import Percolation, find_path, percolate
from tansaku.models.domain.pool import FloatArray

Fraction = tuple[float, float, float]


GRID = "grid"
"""Method of a pass that was not refined."""


@dataclass(frozen=True)
class Site:
    """A minimum of the surface.

    Attributes:
        fraction: Fractional coordinates.
        energy: [eV].
        candidate: Candidate of the grid point; sites that symmetry makes equal have the same.
        frequencies: Of the ion's vibrations [Hz]; empty where they were not computed.
    """

    fraction: Fraction
    energy: float
    candidate: int
    frequencies: tuple[float, ...] = ()


@dataclass(frozen=True)
class Pass:
    """A hop over a pass between two minima, or between a minimum and its image.

    Attributes:
        hop: Sites, and the cell that the second one is in, seen from the first.
        fraction: Where the pass is, seen from the first site's cell.
        energy: Of the pass [eV].
        candidate: Candidate of the grid point.
        frequencies: Real ones of the ion's vibrations at the pass [Hz]; empty where they were not computed.
        method: ``grid``, or how it was refined: ``band``, ``dimer`` or ``plane``.
        way: Number of the pass among those of the same hop on the grid; 0 is the lowest.
        orbit: Number of the set of passes that symmetry makes equal.
        share: Of what crosses the pass, where hops between several pairs of minima lead over it.
    """

    hop: Hop
    fraction: Fraction
    energy: float
    candidate: int
    frequencies: tuple[float, ...] = ()
    method: str = GRID
    way: int = 0
    orbit: int = 0
    share: float = 1.0


@dataclass(frozen=True)
class HopNetwork:
    """Minima and hops of an ion on an energy surface.

    Attributes:
        cell: Cell vectors as rows [Å], shape ``(3, 3)``.
        sites: The minima.
        passes: The hops between them, each in one direction, the lowest first.
    """

    cell: FloatArray
    sites: tuple[Site, ...]
    passes: tuple[Pass, ...]

    @cached_property
    def minimum(self) -> int:
        """Number of the lowest site; of equal ones the first."""
        return min(range(len(self.sites)), key=lambda number: (self.sites[number].energy, number))

    @cached_property
    def percolations(self) -> tuple[Percolation | None, ...]:
        """The easiest networks through the lowest site in one, two and three dimensions; None where there is none."""
        energies = {number: site.energy for number, site in enumerate(self.sites)}
        classes = [[item.hop] for item in self.passes]
        return percolate(energies, classes, [item.energy for item in self.passes], (self.minimum,))

    def displacement(self, number: int) -> FloatArray:
        """Vector of a hop [Å], shape ``(3,)``."""
        hop = self.passes[number].hop
        apart = np.array(self.sites[hop.second].fraction) + np.array(hop.cell) - np.array(self.sites[hop.first].fraction)
        return np.asarray(apart @ self.cell)

    def path(self, dimensions: int) -> list[tuple[int, Hop]]:
        """Numbers of passes and hops, in order, of a path over the limiting pass to another image of where it starts.

        The path is the shortest one, in hops, over passes that are no higher; it starts at its lowest site. Empty where there
        is none.
        """
        network = self.percolations[dimensions - 1]
        if network is None:
            return []
        classes = [[item.hop] for item in self.passes]
        allowed = [number for number, item in enumerate(self.passes) if item.energy <= network.level]
        limiting = self.passes[network.limiting].hop
        # Where the limiting pass is the only way out of a dead end, the path begins in it.
        way = find_path(limiting, classes, allowed) or find_path(limiting.back, classes, allowed) or []
        start = min(range(len(way)), key=lambda place: self.sites[way[place][1].first].energy, default=0)
        return way[start:] + way[:start]

    def stations(self, dimensions: int) -> list[FloatArray]:
        """Fractional coordinates of the sites and passes along :meth:`path`, not wrapped; empty where there is none."""
        found: list[FloatArray] = []
        cell = np.zeros(3)
        for number, hop in self.path(dimensions):
            item = self.passes[number]
            if not found:
                found.append(np.array(self.sites[hop.first].fraction))
            # A hop that is taken backwards has its pass in the cells seen from its other end.
            origin = cell if hop == item.hop else cell - np.array(item.hop.cell)
            cell = cell + np.array(hop.cell)
            found += [np.array(item.fraction) + origin, np.array(self.sites[hop.second].fraction) + cell]
        return found

    def refined(self, sites: Mapping[int, Site], passes: Mapping[int, Pass]) -> HopNetwork:
        """The network with sites and passes that are better known, by number; the passes are sorted again."""
        better = [passes.get(number, item) for number, item in enumerate(self.passes)]
        kept = tuple(sites.get(number, item) for number, item in enumerate(self.sites))
        return replace(self, sites=kept, passes=tuple(sorted(better, key=pass_order)))


def pass_order(item: Pass) -> tuple[float, int, int, Cell, int]:
    """Passes by energy; equal ones in an order that does not depend on how they were found."""
    return item.energy, item.hop.first, item.hop.second, item.hop.cell, item.way
