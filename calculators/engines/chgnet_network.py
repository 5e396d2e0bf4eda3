"""CHGNet's network from its published weights, computed in less than half of the time that the package takes.

The package joins the features of two atoms and their bond, or of two bonds, an angle and an atom, into one long row for every
pair and multiplies it by one matrix. The same product is a sum of one product for each atom, bond and angle, most of which
belong to many pairs at once; so that is how it is done here. Bonds are found with arrays instead of objects, and one pass
back from the energy to the vectors of the bonds gives forces and stress.

Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch import Tensor
from torch.nn import functional

from tansaku.calculators.engines.universal import NetworkResult
from tansaku.models.domain.pool import FloatArray, IntArray

_HEAVIEST = 94


@dataclass(frozen=True)
class Bonds:
    """Pairs of atoms near each other, each once, and pairs of short ones that share an atom.

    Attributes:
        first: Shape ``(n_bonds,)``.
        second: Shape ``(n_bonds,)``.
        vectors: From the first atom to the second one's image [Å], shape ``(n_bonds, 3)``.
        short: Bonds that take part in angles, shape ``(n_short,)``.
        angles: Atom in the middle, first and second bond as positions in ``short``, shape ``(n_angles, 3)``.
        signs: 1 where a bond of an angle starts from that atom, -1 where it ends there, shape ``(n_angles, 2)``.
    """

    first: IntArray
    second: IntArray
    vectors: FloatArray
    short: IntArray
    angles: IntArray
    signs: FloatArray


def find_bonds(atoms: Atoms, cutoff: float, angle_cutoff: float) -> Bonds:
    """Finds the bonds of a periodic structure.

    Args:
        cutoff: Longest bond [Å].
        angle_cutoff: Longest bond in an angle [Å].
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres

    cell = np.ascontiguousarray(atoms.cell.array, dtype=np.float64)
    places = np.ascontiguousarray(atoms.positions, dtype=np.float64)
    centre, other, images, distances = find_points_in_spheres(
        all_coords=places,
        center_coords=places,
        r=float(cutoff),
        pbc=np.ascontiguousarray(atoms.pbc, dtype=np.int64),
        lattice=cell,
        tol=1e-8,
    )
    images = np.rint(images).astype(np.intp)
    # Every bond comes from both of its ends: kept is the one with the lower first atom, or between images of an atom the one
    # with the positive image.
    leading = images[np.arange(len(images)), (images != 0).argmax(axis=1)] if len(images) else np.empty(0)
    kept = (distances > 1e-8) & ((centre < other) | ((centre == other) & (leading > 0)))
    first, second, images = centre[kept].astype(np.intp), other[kept].astype(np.intp), images[kept]
    order = np.lexsort((*images.T[::-1], second, first))
    first, second, images = first[order], second[order], images[order]
    vectors = places[second] + images @ cell - places[first]
    short = np.flatnonzero(np.linalg.norm(vectors, axis=1) < angle_cutoff)
    return Bonds(first, second, vectors, short, *_angles(first[short], second[short]))


def _angles(first: IntArray, second: IntArray) -> tuple[IntArray, FloatArray]:
    """Ordered pairs of bonds that share an atom; see :class:`Bonds`."""
    count = len(first)
    centre = np.concatenate([first, second])
    bond, sign = np.tile(np.arange(count), 2), np.repeat([1.0, -1.0], count)
    order = np.argsort(centre, kind="stable")
    centre, bond, sign = centre[order], bond[order], sign[order]
    sizes = np.bincount(centre) if count else np.empty(0, dtype=np.intp)
    # Each end of a bond against every end at the same atom: as many rows as that atom has ends, from its first one on.
    mine = sizes[centre]
    end = np.repeat(np.arange(2 * count), mine)
    starts = np.concatenate([[0], np.cumsum(sizes)])[centre]
    another = np.arange(len(end)) - np.repeat(np.cumsum(mine) - mine, mine) + np.repeat(starts, mine)
    kept = end != another
    end, another = end[kept], another[kept]
    return np.stack([centre[end], bond[end], bond[another]], axis=1), np.stack([sign[end], sign[another]], axis=1)


def join_bonds(parts: Sequence[Bonds], atoms: Sequence[int]) -> Bonds:
    """Bonds of several structures as those of one, whose atoms are theirs one after the other.

    Args:
        parts: Of each structure.
        atoms: How many each has.
    """
    atoms_before = np.concatenate([[0], np.cumsum(atoms)])
    bonds_before = np.concatenate([[0], np.cumsum([len(part.first) for part in parts])])
    short_before = np.concatenate([[0], np.cumsum([len(part.short) for part in parts])])
    return Bonds(
        first=np.concatenate([part.first + before for part, before in zip(parts, atoms_before, strict=False)]),
        second=np.concatenate([part.second + before for part, before in zip(parts, atoms_before, strict=False)]),
        vectors=np.concatenate([part.vectors for part in parts]),
        short=np.concatenate([part.short + before for part, before in zip(parts, bonds_before, strict=False)]),
        angles=np.concatenate(
            [
                part.angles + np.array([atom, short, short])
                for part, atom, short in zip(parts, atoms_before, short_before, strict=False)
            ]
        ),
        signs=np.concatenate([part.signs for part in parts]),
    )


class ChgnetNetwork:
    """The network with fixed weights.

    Args:
        model: The package's model, with its weights.
    """

    elements = frozenset(range(1, _HEAVIEST + 1))

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - the package ships no types that hold
        self._model = model
        self._dtype = model.atom_embedding.embedding.weight.dtype
        converter = model.graph_converter
        self._cutoffs = float(converter.atom_graph_cutoff), float(converter.bond_graph_cutoff)
        self._atom_gates = [_Gate(layer.twoBody_atom, 3) for layer in model.atom_conv_layers]
        self._bond_gates = [_Gate(layer.twoBody_bond, 4) for layer in model.bond_conv_layers]
        self._angle_gates = [_Gate(layer.twoBody_bond, 4) for layer in model.angle_layers]

    def compute(self, atoms: Atoms) -> NetworkResult:
        """Energy, forces and stress of a structure, as a ``Network``."""
        bonds = find_bonds(atoms, *self._cutoffs)
        vectors = torch.tensor(bonds.vectors, dtype=self._dtype, requires_grad=True)
        with _smallest_as_zero():
            parts = self._energies(torch.tensor(atoms.numbers - 1), bonds, vectors)
            (slope,) = torch.autograd.grad(parts.sum(), [vectors])
        pull = slope.double().numpy()
        forces = np.empty((len(atoms), 3))
        for axis in range(3):
            onto = (np.bincount(index, pull[:, axis], len(atoms)) for index in (bonds.first, bonds.second))
            forces[:, axis] = next(onto) - next(onto)
        virial = bonds.vectors.T @ pull / atoms.get_volume()
        reference = self._model.composition_model.fc.weight[0, atoms.numbers - 1]
        return NetworkResult(
            energies=parts.detach().double().numpy() + reference.double().numpy(),
            forces=forces,
            stress=0.5 * (virial + virial.T),
        )

    def energies(self, structures: Sequence[Atoms]) -> FloatArray:
        """Energies of several structures in one pass, without forces [eV], shape ``(n_structures,)``.

        The structures are parts of one graph that no bond joins. What it costs for each is a fraction of :meth:`compute`.
        """
        bonds = join_bonds([find_bonds(atoms, *self._cutoffs) for atoms in structures], [len(atoms) for atoms in structures])
        numbers = np.concatenate([atoms.numbers for atoms in structures])
        with torch.no_grad(), _smallest_as_zero():
            parts = self._energies(torch.tensor(numbers - 1), bonds, torch.tensor(bonds.vectors, dtype=self._dtype))
        reference = self._model.composition_model.fc.weight[0, numbers - 1]
        owner = np.repeat(np.arange(len(structures)), [len(atoms) for atoms in structures])
        return np.asarray(np.bincount(owner, parts.double().numpy() + reference.double().numpy(), len(structures)))

    def _energies(self, kinds: Tensor, bonds: Bonds, vectors: Tensor) -> Tensor:
        """Energy of each atom less its element's own [eV], shape ``(n_atoms,)``."""
        model, count = self._model, len(vectors)
        ends = torch.tensor(bonds.first), torch.tensor(bonds.second)
        centres, others = torch.cat(ends), torch.cat(ends[::-1])
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        basis = model.bond_basis_expansion.rbf_expansion_ag(lengths)
        atom = model.atom_embedding.embedding(kinds)
        bond = model.bond_embedding(basis)
        weight = model.bond_weights_ag(basis)
        corners = _Corners(model, bonds, vectors, lengths) if len(bonds.angles) else None
        for number, layer in enumerate(model.atom_conv_layers):
            gate = self._atom_gates[number]
            # Both directions of a bond share what the bond itself brings.
            pairs = gate.part(0, atom).index_select(0, centres) + gate.part(2, atom).index_select(0, others)
            joined = (pairs.unflatten(0, (2, count)) + gate.part(1, bond)).flatten(0, 1)
            message = gate(joined).unflatten(0, (2, count)) * weight
            gathered = torch.zeros_like(atom).index_add(0, centres, message.flatten(0, 1))
            atom = layer.mlp_out(gathered) + atom
            if corners is not None and number < len(self._bond_gates):
                change = model.bond_conv_layers[number].mlp_out(corners.gather(self._bond_gates[number], bond, atom))
                bond = bond.index_add(0, corners.short, change)
                if number + 1 < len(self._bond_gates):
                    corners.update(self._angle_gates[number], bond, atom)
        return torch.as_tensor(model.mlp(model.readout_norm(atom)).squeeze(1))


@contextmanager
def _smallest_as_zero() -> Iterator[None]:
    """Far bonds have weights so small that processors compute with them ten times slower; they count as zero."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


class _Corners:
    """Angles on their way through the network.

    Args:
        model: The package's model.
        bonds: With angles.
        vectors: Of the bonds [Å], shape ``(n_bonds, 3)``.
        lengths: Of the bonds [Å], shape ``(n_bonds,)``.
    """

    def __init__(self, model: Any, bonds: Bonds, vectors: Tensor, lengths: Tensor) -> None:  # noqa: ANN401 - as above
        self.short = torch.tensor(bonds.short)
        self._atom, self._left, self._right = torch.tensor(bonds.angles).T
        inner = lengths.index_select(0, self.short)
        weight = model.bond_weights_bg(model.bond_basis_expansion.rbf_expansion_bg(inner))
        self._weight = weight.index_select(0, self._left) * weight.index_select(0, self._right)
        direction = vectors.index_select(0, self.short) / inner[:, None]
        signs = torch.tensor(bonds.signs, dtype=vectors.dtype)
        left, right = (direction.index_select(0, index) for index in (self._left, self._right))
        self._angle = model.angle_embedding(model.angle_basis_expansion(left * signs[:, :1], right * signs[:, 1:]))

    def gather(self, gate: _Gate, bond: Tensor, atom: Tensor) -> Tensor:
        """Sums the messages of the angles at each short bond, shape ``(n_short, d)``."""
        message = self._joined(gate, bond, atom) * self._weight
        gathered: Tensor = message.new_zeros(len(self.short), message.shape[1]).index_add(0, self._left, message)
        return gathered

    def update(self, gate: _Gate, bond: Tensor, atom: Tensor) -> None:
        """Tells the angles of their bonds and atoms."""
        self._angle = self._joined(gate, bond, atom) + self._angle

    def _joined(self, gate: _Gate, bond: Tensor, atom: Tensor) -> Tensor:
        short = bond.index_select(0, self.short)
        sides = gate.part(0, short).index_select(0, self._left) + gate.part(1, short).index_select(0, self._right)
        return gate(sides + gate.part(2, self._angle) + gate.part(3, atom).index_select(0, self._atom))


class _Gate:
    """A gated perceptron of a sum of products.

    Args:
        gated: The package's module.
        pieces: How many things its rows are joined of.
    """

    def __init__(self, gated: Any, pieces: int) -> None:  # noqa: ANN401 - as above
        core, gate = ([layer for layer in half.layers if hasattr(layer, "weight")] for half in (gated.mlp_core, gated.mlp_gate))
        both = torch.cat([core[0].weight, gate[0].weight])
        self._parts = [part.T.contiguous() for part in both.chunk(pieces, dim=1)]
        self._offset = torch.cat([core[0].bias, gate[0].bias])
        self._second = (core[1], gate[1]) if len(core) == 2 else None
        self._norms = gated.bn1, gated.bn2

    def part(self, number: int, values: Tensor) -> Tensor:
        """The product of one of the things, shape ``(n, 2 d)``; the first one brings the offset."""
        return torch.addmm(self._offset, values, self._parts[number]) if number == 0 else values @ self._parts[number]

    def __call__(self, joined: Tensor) -> Tensor:
        """Applies the gated layer to the sum of all products, shape ``(n, d)``."""
        if self._second is not None:
            joined = functional.silu(joined)
        halves = joined.chunk(2, dim=1)
        core, gate = halves if self._second is None else (norm(half) for norm, half in zip(self._second, halves, strict=True))
        return functional.silu(self._norms[0](core)) * torch.sigmoid(self._norms[1](gate))
