"""The supercell, and the crystal's symmetry inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

from tansaku.calculators.workflows.migration.network import Cell, Hop, Network, Operation
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray

_LARGEST = 6


@dataclass(frozen=True)
class Mapping:
    """An operation that maps the supercell onto itself.

    Attributes:
        onto: Atom that each atom is mapped onto, shape ``(n_atoms,)``.
        rotation: Cartesian, applied to column vectors, shape ``(3, 3)``.
    """

    onto: IntArray
    rotation: FloatArray

    def turn(self, vectors: FloatArray) -> FloatArray:
        """Applies the operation to a vector field on the atoms, shape ``(n_atoms, 3)``."""
        turned = np.empty_like(vectors)
        turned[self.onto] = vectors @ self.rotation.T
        return turned


@dataclass(frozen=True)
class Supercell:
    """A host repeated along its cell vectors, every site occupied.

    Attributes:
        host: The relaxed crystal.
        repeats: Along each cell vector.
    """

    host: Atoms
    repeats: Cell

    @property
    def atoms(self) -> Atoms:
        """The atoms, cell by cell, the last cell vector fastest."""
        made: Atoms = self.host.repeat(self.repeats)
        return made

    @property
    def image_distance(self) -> float:
        """Distance of an atom from its nearest image [Å]."""
        return shortest_vector(self.host.cell.array * np.array(self.repeats)[:, None])

    def index(self, atom: int, cell: IntArray | Sequence[int]) -> int:
        """Index of a host atom in a cell."""
        n = self.repeats
        a, b, c = (int(number) % count for number, count in zip(cell, n, strict=True))
        return ((a * n[1] + b) * n[2] + c) * len(self.host) + atom

    def place(self, hop: Hop) -> FloatArray:
        """Returns the position of a hop's second site, not wrapped [Å], shape ``(3,)``."""
        return np.asarray(self.host.positions[hop.second] + np.array(hop.cell) @ self.host.cell.array)

    def mapping(self, operation: Operation, shift: IntArray | Cell) -> Mapping | None:
        """An operation followed by a translation by whole cells; None where it does not map the supercell onto itself."""
        n = np.array(self.repeats)
        if ((operation.rotation * n[None, :]) % n[:, None]).any():
            return None
        count = len(self.host)
        onto = np.empty(count * int(n.prod()), dtype=np.intp)
        for cell in product(*(range(number) for number in self.repeats)):
            moved = operation.cells + operation.rotation @ np.array(cell) + np.array(shift)
            for atom in range(count):
                onto[self.index(atom, cell)] = self.index(int(operation.onto[atom]), moved[atom])
        lattice = self.host.cell.array.T
        return Mapping(onto, lattice @ operation.rotation @ np.linalg.inv(lattice))

    def swap(self, hop: Hop, network: Network) -> Mapping | None:
        """An operation that exchanges the two sites of a hop: the inversion if there is one, else another of order two."""
        best: tuple[bool, Mapping] | None = None
        for operation in network.operations:
            if operation.onto[hop.first] != hop.second or operation.onto[hop.second] != hop.first:
                continue
            if not (operation.rotation @ operation.rotation == np.eye(3)).all():
                continue
            shift = np.array(hop.cell) - operation.cells[hop.first]
            back = operation.cells[hop.second] + operation.rotation @ np.array(hop.cell) + shift
            mapping = self.mapping(operation, shift) if not back.any() else None
            if mapping is not None:
                inverts = bool((operation.rotation == -np.eye(3)).all())
                if best is None or (inverts and not best[0]):
                    best = inverts, mapping
        return best[1] if best else None


def make_supercell(host: Atoms, image_distance: float) -> Supercell:
    """The smallest supercell in which no atom is nearer to its image than given.

    Args:
        image_distance: [Å].

    Raises:
        ConfigurationError: It would take more than six repeats in a direction.
    """
    sizes = sorted(
        product(range(1, _LARGEST + 1), repeat=3), key=lambda repeats: (int(np.prod(repeats)), max(repeats), repeats[::-1])
    )
    for repeats in sizes:
        if shortest_vector(host.cell.array * np.array(repeats)[:, None]) >= image_distance:
            return Supercell(host, (repeats[0], repeats[1], repeats[2]))
    raise ConfigurationError(
        f"calculator.workflow.image_distance: {image_distance:g} Å needs more than {_LARGEST} repeats of a cell of "
        f"{host.get_chemical_formula()}"
    )


def shortest_vector(cell: FloatArray) -> float:
    """Length of the shortest vector of a lattice [Å]."""
    reduced, _ = minkowski_reduce(cell, pbc=True)
    return float(np.linalg.norm(reduced, axis=1).min())
