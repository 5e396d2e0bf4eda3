"""Cheap estimate of migration: bond-valence sum of the ion at the midpoints of its hops, in an unrelaxed structure.

At the middle of the straight line between two sites the bond-valence sum of the mobile ion is taken over the anions around it.
Hops are joined, the loosest first, until they percolate; the sum at the last of them is the bottleneck. It is no energy: where
the framework gives way, and where cations repel, it does not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.geometry import get_distances
from ase.neighborlist import neighbor_list

from tansaku.calculators.structures.bond_valence import SOFTNESS
from tansaku.calculators.structures.ion_data import bond_valence_length
from tansaku.calculators.structures.parent import REACH, Parent
from tansaku.calculators.workflows.migration.network import Hop
from tansaku.calculators.workflows.migration.percolation import percolate
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import FloatArray

LONGEST = 5.5
"""Hops in the parent up to this length are considered [Å]."""


@dataclass(frozen=True)
class RigidPaths:
    """Middles of the hops between a parent's mobile sites.

    Attributes:
        parent: With a mobile site.
        hops: Each way counted once.
        anions: Names of the sites of the anions.
        distances: For each hop the distances from its middle to the anions of each site, in the parent [Å].
    """

    parent: Parent
    hops: tuple[Hop, ...]
    anions: tuple[str, ...]
    distances: tuple[tuple[FloatArray, ...], ...]

    @classmethod
    def of(cls, parent: Parent) -> RigidPaths:
        """Finds the hops of a parent.

        Raises:
            ConfigurationError: Nothing is mobile in it.
        """
        if parent.mobile is None:
            raise ConfigurationError(f"{parent.name}: no site is mobile; expected space.mobile to name one")
        atoms, sites = parent.atoms(), np.array(parent.sites)
        first, second, cells = neighbor_list("ijS", atoms, LONGEST)
        among = (sites[first] == parent.mobile) & (sites[second] == parent.mobile)
        every = [
            Hop(int(i), int(j), (int(s[0]), int(s[1]), int(s[2])))
            for i, j, s in zip(first[among], second[among], cells[among], strict=True)
        ]
        hops = tuple(hop for hop in every if _key(hop) < _key(hop.back))
        names = tuple(site for site in parent.multiplicity if parent.ions[site].charge < 0)
        around = np.array([[a, b, c] for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)]) @ atoms.cell[:]
        distances = []
        for hop in hops:
            middle = 0.5 * (atoms.positions[hop.first] + atoms.positions[hop.second] + np.array(hop.cell) @ atoms.cell[:])
            vectors = get_distances(middle[None], atoms.positions, cell=atoms.cell, pbc=True)[0][0]
            lengths = np.linalg.norm(vectors[:, None, :] + around[None, :, :], axis=2)
            distances.append(tuple(np.sort(lengths[sites == name][lengths[sites == name] <= REACH]) for name in names))
        return cls(parent, hops, names, tuple(distances))

    def bottleneck(self, ions: Mapping[str, Ion], factor: float) -> float:
        """Bond-valence sum at the bottleneck of the loosest path in one direction [e].

        Args:
            ions: Ion of each site.
            factor: The cell's lengths over the parent's.

        Raises:
            ConfigurationError: No bond-valence parameters are tabulated for a pair of ions, or no path goes through.
        """
        mobile = str(self.parent.mobile)
        lengths = [bond_valence_length(ions[mobile], ions[name]) for name in self.anions]
        missing = [name for name, length in zip(self.anions, lengths, strict=True) if length is None]
        if missing:
            raise ConfigurationError(f"no bond-valence parameters are tabulated for {ions[mobile]} and {ions[missing[0]]}")
        sums = [
            sum(
                float(np.exp(((length or 0.0) - factor * near) / SOFTNESS).sum())
                for length, near in zip(lengths, around, strict=True)
            )
            for around in self.distances
        ]
        limiting = self._limiting(sums)
        if limiting is None:
            raise ConfigurationError(
                f"{self.parent.name}: hops up to {LONGEST:g} Å between the sites {mobile} do not percolate"
            )
        return sums[limiting]

    @cached_property
    def percolate(self) -> bool:
        """Whether the hops form a percolating path; independent of the ions."""
        return self._limiting([0.0] * len(self.hops)) is not None

    def _limiting(self, sums: list[float]) -> int | None:
        """Number of the last hop that a path needs when the hops are joined in ascending order; equal ones in theirs."""
        order = tuple(sorted(range(len(sums)), key=lambda number: sums[number]))
        if order not in self._known:
            ranks = [float(order.index(number)) for number in range(len(sums))]
            sites = {index: 0.0 for index, name in enumerate(self.parent.sites) if name == self.parent.mobile}
            found = percolate(sites, [[hop] for hop in self.hops], ranks)[0]
            self._known[order] = None if found is None else found.limiting
        return self._known[order]

    @cached_property
    def _known(self) -> dict[tuple[int, ...], int | None]:
        return {}


def _key(hop: Hop) -> tuple[int, int, tuple[int, int, int]]:
    return hop.first, hop.second, hop.cell
