"""Sites of the mobile ion and the hops between them, as the crystal's symmetry sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms
from ase.neighborlist import neighbor_list

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray

Cell = tuple[int, int, int]

SYMPREC = 1e-3
"""Distance within which atoms count as equivalent [Å]."""


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
        """The way back."""
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
        """Where a hop is mapped, shifted so that it starts in the first cell."""
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
    """Everything an ion can do in a crystal.

    Attributes:
        sites: Indices of the ions' atoms.
        orbits: For each of them the first site that symmetry makes equal to it.
        classes: Hops by ascending length.
        operations: Of the crystal, the identity first.
    """

    sites: tuple[int, ...]
    orbits: dict[int, int]
    classes: tuple[HopClass, ...]
    operations: tuple[Operation, ...]


def find_network(host: Atoms, ion: str, max_hop: float) -> Network:
    """Finds sites and hops.

    Args:
        host: The relaxed crystal, every site of the ion occupied.
        ion: Element that moves.
        max_hop: Longest hop [Å].

    Raises:
        ConfigurationError: The crystal has no such ion, or no two of its sites are that near.
    """
    sites = tuple(index for index, symbol in enumerate(host.get_chemical_symbols()) if symbol == ion)
    if not sites:
        raise ConfigurationError(f"calculator.workflow.ion: {ion!r} is not in {host.get_chemical_formula()}")
    operations = find_operations(host)
    first, second, cells, lengths = neighbor_list("ijSd", host, max_hop)
    among = np.isin(first, sites) & np.isin(second, sites)
    known: dict[Hop, float] = {}
    for i, j, cell, length in zip(first[among], second[among], cells[among], lengths[among], strict=True):
        known[Hop(int(i), int(j), (int(cell[0]), int(cell[1]), int(cell[2])))] = float(length)
    if not known:
        raise ConfigurationError(f"calculator.workflow.max_hop: {max_hop:g} Å is shorter than every hop of {ion}")
    orbits = {site: min(int(one.onto[site]) for one in operations) for site in sites}
    return Network(sites, orbits, _classes(known, operations), operations)


def find_operations(host: Atoms) -> tuple[Operation, ...]:
    """Symmetry operations of a crystal; the identity comes first."""
    cell = (host.cell.array, host.get_scaled_positions(wrap=False), host.numbers)
    found = spglib.get_symmetry(cell, symprec=SYMPREC)
    if found is None:
        raise ConfigurationError(f"spglib finds no symmetry of {host.get_chemical_formula()}")
    made = []
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        made.append(_operation(host, np.asarray(rotation, dtype=np.intp), np.asarray(translation, dtype=np.float64)))
    return tuple(sorted(made, key=lambda one: not (one.rotation == np.eye(3)).all() or bool(one.cells.any())))


def _operation(host: Atoms, rotation: IntArray, translation: FloatArray) -> Operation:
    places = host.get_scaled_positions(wrap=False)
    images = places @ rotation.T + translation
    apart = images[:, None, :] - places[None, :, :]
    whole = np.rint(apart)
    distances = np.linalg.norm((apart - whole) @ host.cell.array, axis=2)
    distances[host.numbers[:, None] != host.numbers[None, :]] = np.inf
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
