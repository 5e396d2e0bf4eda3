"""Sites of the mobile ion and the hops between them, as the crystal's symmetry sees them.

Interstitial sites are atoms behind those of the crystal: one structure holds all places, of which a state takes some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import spglib
from ase import Atoms
from ase.neighborlist import neighbor_list

from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray

Cell = tuple[int, int, int]

Carrier = Literal["vacancy", "interstitial"]
"""Mobile defect: a site without its ion (vacancy), or an ion where the crystal has none (interstitial)."""

SYMPREC = 1e-3
"""Distance within which atoms count as equivalent [Å]."""

_ON_BALL = 1e-3
"""A third site so little outside a hop's ball, as a share of the squared diameter, is on it."""


@dataclass(frozen=True)
class Hop:
    """A hop of an ion, seen from the cell it starts in.

    Attributes:
        first: Index of the site it starts from.
        second: Index of the site it ends on.
        cell: Cell of that site.
    """

    first: int
    second: int
    cell: Cell

    @property
    def back(self) -> Hop:
        """The reverse hop."""
        return Hop(self.second, self.first, (-self.cell[0], -self.cell[1], -self.cell[2]))


@dataclass(frozen=True)
class Operation:
    """A symmetry operation of the crystal: fractional x becomes ``rotation @ x + translation``.

    Attributes:
        rotation: Shape ``(3, 3)``.
        translation: Shape ``(3,)``.
        onto: Atom that each atom is mapped onto, shape ``(n_atoms,)``.
        cells: Cell in which it arrives, shape ``(n_atoms, 3)``.
    """

    rotation: IntArray
    translation: FloatArray
    onto: IntArray
    cells: IntArray

    def image(self, hop: Hop) -> Hop:
        """Image of a hop under the operation, shifted so that it starts in the first cell."""
        start, end = self.cells[hop.first], self.cells[hop.second] + self.rotation @ np.array(hop.cell)
        apart = end - start
        return Hop(int(self.onto[hop.first]), int(self.onto[hop.second]), (int(apart[0]), int(apart[1]), int(apart[2])))


@dataclass(frozen=True)
class HopClass:
    """Hops that symmetry makes equal.

    Attributes:
        hop: The one that is computed.
        members: All of them, each in one direction.
        length: Straight distance [Å].
    """

    hop: Hop
    members: tuple[Hop, ...]
    length: float

    @property
    def name(self) -> str:
        """Such as ``6>7[0,-1,1]``."""
        return f"{self.hop.first}>{self.hop.second}[{','.join(map(str, self.hop.cell))}]"


@dataclass(frozen=True)
class Network:
    """Sites of the mobile ion and its hops in a crystal.

    Attributes:
        sites: Indices of the ions' atoms.
        orbits: For each of them the first site that symmetry makes equal to it.
        classes: Hops by ascending length.
        operations: Of the crystal, the identity first.
        carrier: What wanders.
    """

    sites: tuple[int, ...]
    orbits: dict[int, int]
    classes: tuple[HopClass, ...]
    operations: tuple[Operation, ...]
    carrier: Carrier = "vacancy"


def find_network(host: Atoms, ion: str, max_hop: float) -> Network:
    """Finds sites and hops.

    Args:
        host: The relaxed crystal, every site of the ion occupied.
        max_hop: Longest hop [Å].

    Raises:
        ConfigurationError: The crystal has no such ion, or no two of its sites are that near.
    """
    sites = tuple(index for index, symbol in enumerate(host.get_chemical_symbols()) if symbol == ion)
    if not sites:
        raise ConfigurationError(f"calculator.workflow.ion: {ion!r} is not in {host.get_chemical_formula()}")
    operations = find_operations(host)
    known = _hops(host, sites, max_hop)
    if not known:
        raise ConfigurationError(f"calculator.workflow.max_hop: {max_hop:g} Å is shorter than every hop of {ion}")
    return Network(sites, _orbits(sites, operations), _classes(known, operations), operations)


def find_interstitial_network(host: Atoms, crystal: int, max_hop: float) -> Network:
    """Finds the hops between voids.

    Two sites are not joined if a third lies inside the sphere whose diameter connects them: there are two shorter hops over the
    third (Gabriel and Sokal, Syst. Zool. 18, 259 (1969), doi:10.2307/2412323). Sites that hops connect stay connected.

    Args:
        host: The relaxed crystal and behind its atoms all sites that its symmetry makes of any of them.
        crystal: Number of the crystal's atoms.
        max_hop: Longest hop [Å].

    Raises:
        CalculationError: ``no_path``: no two sites are that near.
    """
    sites = tuple(range(crystal, len(host)))
    kinds = np.where(np.arange(len(host)) < crystal, host.numbers, -1)
    bare = find_operations(host[:crystal])
    operations = tuple(_operation(host, operation.rotation, operation.translation, kinds) for operation in bare)
    if any(len(set(operation.onto.tolist())) < len(host) for operation in operations):
        raise CalculationError("no_site", "interstitial sites are not as symmetric as the crystal")
    known = _hops(host, sites, max_hop)
    direct = _direct(host, known)
    if not direct:
        raise CalculationError("no_path", f"no two interstitial sites are within {max_hop:g} Å of each other")
    return Network(sites, _orbits(sites, operations), _classes(direct, operations), operations, "interstitial")


def find_operations(host: Atoms) -> tuple[Operation, ...]:
    """Symmetry operations of a crystal; the identity comes first."""
    cell = (host.cell.array, host.get_scaled_positions(wrap=False), host.numbers)
    found = spglib.get_symmetry(cell, symprec=SYMPREC)
    if found is None:
        raise ConfigurationError(f"spglib finds no symmetry of {host.get_chemical_formula()}")
    made = []
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        rotated, moved = np.asarray(rotation, dtype=np.intp), np.asarray(translation, dtype=np.float64)
        made.append(_operation(host, rotated, moved, host.numbers))
    return tuple(sorted(made, key=lambda operation: not (operation.rotation == np.eye(3)).all() or bool(operation.cells.any())))


def _operation(host: Atoms, rotation: IntArray, translation: FloatArray, kinds: IntArray) -> Operation:
    places = host.get_scaled_positions(wrap=False)
    images = places @ rotation.T + translation
    apart = images[:, None, :] - places[None, :, :]
    whole = np.rint(apart)
    distances = np.linalg.norm((apart - whole) @ host.cell.array, axis=2)
    distances[kinds[:, None] != kinds[None, :]] = np.inf
    onto = distances.argmin(axis=1)
    cells = whole[np.arange(len(host)), onto].astype(np.intp)
    # Centred on the atoms themselves: spglib's translation is rounded and may be off by its tolerance.
    exact = (places[onto] + cells - places @ rotation.T).mean(axis=0)
    return Operation(rotation, exact, onto.astype(np.intp), cells)


def _classes(known: dict[Hop, float], operations: tuple[Operation, ...]) -> tuple[HopClass, ...]:
    left = sorted(known, key=lambda hop: (round(known[hop], 6), hop.first, hop.second, hop.cell))
    classes: list[HopClass] = []
    seen: set[Hop] = set()
    for hop in left:
        if hop in seen:
            continue
        members: list[Hop] = []
        for operation in operations:
            image = operation.image(hop)
            if image not in seen:
                members.append(image)
                seen |= {image, image.back}
        classes.append(HopClass(hop, tuple(members), known[hop]))
    return tuple(classes)


def _orbits(sites: tuple[int, ...], operations: tuple[Operation, ...]) -> dict[int, int]:
    return {site: min(int(operation.onto[site]) for operation in operations) for site in sites}


def _hops(host: Atoms, sites: tuple[int, ...], max_hop: float) -> dict[Hop, float]:
    """All hops between sites, in both directions, and their lengths [Å]."""
    first, second, cells, lengths = neighbor_list("ijSd", host, max_hop)
    among = np.isin(first, sites) & np.isin(second, sites)
    known: dict[Hop, float] = {}
    for i, j, cell, length in zip(first[among], second[among], cells[among], lengths[among], strict=True):
        known[Hop(int(i), int(j), (int(cell[0]), int(cell[1]), int(cell[2])))] = float(length)
    return known


def _direct(host: Atoms, known: dict[Hop, float]) -> dict[Hop, float]:
    """Hops without a third site in the ball that has their two at its ends, or on it."""
    kept: dict[Hop, float] = {}
    for site in sorted({hop.first for hop in known}):
        hops = [hop for hop in known if hop.first == site]
        ends = host.positions[[hop.second for hop in hops]] + np.array([hop.cell for hop in hops]) @ host.cell.array
        ways = ends - host.positions[site]
        squares = (ways**2).sum(axis=1)
        over = squares[None, :] + ((ways[:, None, :] - ways[None, :, :]) ** 2).sum(axis=2)
        np.fill_diagonal(over, np.inf)
        straight = over.min(axis=1) > (1.0 + _ON_BALL) * squares
        kept |= {hop: known[hop] for hop, is_straight in zip(hops, straight, strict=True) if is_straight}
    return kept
