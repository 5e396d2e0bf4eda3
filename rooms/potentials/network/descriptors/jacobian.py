"""Features of fixed structures with their derivatives, computed once, for training on energies, forces and stresses.

With g = ∂E/∂G (shape ``(n_atoms, size)``) forces are -Σ g·∂G/∂x and the stress is Σ g·∂G/∂ε / V, both linear in g: training
differentiates the network alone. Derivatives are kept for each centre and each *atom of the cell* near it, all periodic images
of it together, so a small cell costs little: 8 atoms have at most 64 such blocks, not one for each of 500 pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.autograd import forward_ad

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.surrogates import Array
from tansaku.potentials.network.descriptors.contract import Descriptor, sum_over_neighbours
from tansaku.potentials.network.descriptors.neighbours import Neighbours, find_neighbours

if TYPE_CHECKING:
    from ase import Atoms

_PAIRS = 2_000
"""Number of pairs that are differentiated at once, so that the arrays fit into the processor's cache."""
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True)
class Described:
    """Features of the atoms of several structures, and their derivatives.

    Attributes:
        species: Of each atom, its place in the list of elements, shape ``(n_atoms,)``.
        structure: To which each atom belongs, shape ``(n_atoms,)``.
        volumes: Of the cells [Å^3], shape ``(n_structures,)``.
        features: Shape ``(n_atoms, size)``.
        centre: Atom whose features the block is a derivative of, ascending, shape ``(n_blocks,)``.
        moved: Atom that is displaced together with its images, shape ``(n_blocks,)``.
        blocks: ∂G_centre / ∂x_moved [1/Å], shape ``(n_blocks, size, 3)``.
        strain: ∂G / ∂ε of each atom in Voigt's order (xx, yy, zz, yz, xz, xy), ready to be summed to V σ,
            shape ``(n_atoms, size, 6)``.
    """

    species: IntArray
    structure: IntArray
    volumes: FloatArray
    features: FloatArray
    centre: IntArray
    moved: IntArray
    blocks: FloatArray
    strain: FloatArray

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return sum(array.nbytes for array in vars(self).values())


def describe(descriptor: Descriptor, structures: Sequence[Atoms], species: Sequence[str]) -> Described:
    """Features and derivatives of structures.

    Args:
        descriptor: What the atoms see.
        structures: Periodic or not.
        species: Elements, in the order of their numbers.

    Raises:
        FitError: An element that is none of ``species``.
        MissingComponentError: matscipy is not installed.
    """
    return joined([_describe(descriptor, part) for part in portions(descriptor, structures, species)], descriptor.size)


def joined(parts: Sequence[Described], size: int) -> Described:
    """Concatenates parts; atoms and structures are numbered consecutively.

    Args:
        parts: Of one descriptor.
        size: Its number of features.
    """
    atoms = np.cumsum([0, *(len(part.species) for part in parts)])
    structures = np.cumsum([0, *(len(part.volumes) for part in parts)])

    def column(name: str, *shape: int, shift: Sequence[int] | None = None) -> Array:
        found = [getattr(part, name) + (0 if shift is None else shift[place]) for place, part in enumerate(parts)]
        return np.concatenate(found) if found else np.zeros((0, *shape))

    first = [int(number) for number in atoms]
    return Described(
        species=column("species"),
        structure=column("structure", shift=[int(number) for number in structures]),
        volumes=column("volumes"),
        features=column("features", size),
        centre=column("centre", shift=first),
        moved=column("moved", shift=first),
        blocks=column("blocks", size, 3),
        strain=column("strain", size, 6),
    )


def portions(descriptor: Descriptor, structures: Sequence[Atoms], species: Sequence[str]) -> list[Neighbours]:
    """Neighbours of structures in their order, in portions of limited numbers of pairs.

    Args:
        descriptor: Has the cutoff.
        structures: Periodic or not.
        species: Elements, in the order of their numbers.

    Raises:
        FitError: An element that is none of ``species``.
        MissingComponentError: matscipy is not installed.
    """
    found: list[Neighbours] = []
    waiting: list[Atoms] = []
    pairs = 0
    for atoms in structures:
        neighbours = find_neighbours([atoms], descriptor.cutoff, species)
        if waiting and pairs + len(neighbours.centre) > _PAIRS:
            found.append(find_neighbours(waiting, descriptor.cutoff, species))
            waiting, pairs = [], 0
        waiting.append(atoms)
        pairs += len(neighbours.centre)
    return [*found, find_neighbours(waiting, descriptor.cutoff, species)] if waiting else found


def _describe(descriptor: Descriptor, batch: Neighbours) -> Described:
    n_atoms = len(batch.species)

    def tensor(values: FloatArray | IntArray) -> torch.Tensor:
        kind = descriptor.dtype if values.dtype == np.float64 else torch.int64
        return torch.as_tensor(values, dtype=kind, device=descriptor.device)

    vectors, centre, species = tensor(batch.vectors), tensor(batch.centre), tensor(batch.species)
    others = species[tensor(batch.neighbour)]
    place, centres, moved = _blocks(batch)
    with torch.no_grad():
        derivatives = _derivatives(descriptor, vectors, others)
        channel = others if descriptor.channels > 1 else torch.zeros_like(others)
        moving = [_by_channel(item, tensor(place[0]), channel, len(centres), descriptor.channels) for item in derivatives]
        staying = [_by_channel(item, tensor(place[1]), channel, len(centres), descriptor.channels) for item in derivatives]
        # Features do not change with rotation, so one of the two off-diagonal strains represents both.
        strained = [
            _by_channel(derivatives[a] * vectors[:, b : b + 1], centre, channel, n_atoms, descriptor.channels)
            for a, b in _VOIGT
        ]
        sums = sum_over_neighbours(descriptor, vectors, centre, others, n_atoms)
    features, derivative = _feature_derivatives(descriptor, sums, species)
    return Described(
        species=batch.species,
        structure=batch.structure,
        volumes=batch.volumes,
        features=features.cpu().numpy(),
        centre=centres,
        moved=moved,
        blocks=torch.bmm(derivative[tensor(centres)], torch.stack(moving, dim=2) - torch.stack(staying, dim=2)).cpu().numpy(),
        strain=torch.bmm(derivative, torch.stack(strained, dim=2)).cpu().numpy(),
    )


def _blocks(batch: Neighbours) -> tuple[tuple[IntArray, IntArray], IntArray, IntArray]:
    """Blocks that a pair contributes to (of its neighbour and of the centre itself), and the atoms of each block."""
    count = max(len(batch.species), 1)
    keys = np.concatenate([batch.centre * count + batch.neighbour, batch.centre * (count + 1)])
    unique, place = np.unique(keys, return_inverse=True)
    here = len(batch.centre)
    return (place[:here], place[here:]), (unique // count).astype(np.intp), (unique % count).astype(np.intp)


def _derivatives(descriptor: Descriptor, vectors: torch.Tensor, others: torch.Tensor) -> list[torch.Tensor]:
    """Derivatives of a pair's contributions by x, y and z, each of shape ``(n_pairs, n_sums)``."""
    columns = []
    for axis in range(3):
        direction = torch.zeros_like(vectors)
        direction[:, axis] = 1.0
        with forward_ad.dual_level():
            found = descriptor.contributions(forward_ad.make_dual(vectors, direction), others)
            columns.append(forward_ad.unpack_dual(found).tangent)
    return columns


def _by_channel(rows: torch.Tensor, place: torch.Tensor, channel: torch.Tensor, count: int, channels: int) -> torch.Tensor:
    """Sums of rows by place and channel, shape ``(count, channels * n_sums)``."""
    total = rows.new_zeros((count * channels, rows.shape[1])).index_add(0, place * channels + channel, rows)
    return total.reshape(count, channels * rows.shape[1])


def _feature_derivatives(
    descriptor: Descriptor, sums: torch.Tensor, species: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features, and their derivatives by the atom's sums, shape ``(n_atoms, size, channels * n_sums)``."""
    with torch.enable_grad():
        sums = sums.detach().requires_grad_(True)
        parts = descriptor.parts(sums, species)
        columns = [column for part in parts for column in part.unbind(1)]
        rows = [torch.autograd.grad(column.sum(), sums, retain_graph=True)[0].flatten(1) for column in columns]
    return torch.cat(parts, dim=1).detach(), torch.stack(rows, dim=1)
