"""Interface of a potential's descriptors: sums over neighbours, and features computed from the sums.

A sum over neighbours is linear in the contributions of the neighbours, so its derivative with respect to the position of a
neighbour depends on that neighbour alone; features are polynomials of an atom's sums. Torch can differentiate both twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, assert_never

from tansaku.potentials.specs.environment import BispectrumSpec, EnvironmentSpec, SymmetryFunctionsSpec

if TYPE_CHECKING:
    import torch


class Descriptor(Protocol):
    """Features of an atom's surroundings, the same however the structure is turned and its atoms are ordered."""

    @property
    def cutoff(self) -> float:
        """Atoms farther away are not seen [Å]."""
        ...

    @property
    def size(self) -> int:
        """Number of features of an atom."""
        ...

    @property
    def channels(self) -> int:
        """Sums that are kept apart: one for each element of the neighbours, or one for all."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Precision."""
        ...

    @property
    def device(self) -> torch.device:
        """Device on which it computes."""
        ...

    def contributions(self, vectors: torch.Tensor, neighbour_species: torch.Tensor) -> torch.Tensor:
        """Contribution of each pair to the sums of its centre.

        Args:
            vectors: From centre to neighbour [Å], shape ``(n_pairs, 3)``, shorter than the cutoff.
            neighbour_species: Shape ``(n_pairs,)``.

        Returns:
            Shape ``(n_pairs, n_sums)``.
        """
        ...

    def parts(self, sums: torch.Tensor, species: torch.Tensor) -> list[torch.Tensor]:
        """Features from an atom's sums, in parts that are computed one by one.

        Args:
            sums: Shape ``(n_atoms, channels, n_sums)``.
            species: Of the atoms, shape ``(n_atoms,)``.

        Returns:
            Each of shape ``(n_atoms, n)``, together ``size`` columns.
        """
        ...


def open_descriptor(
    spec: EnvironmentSpec, species: Sequence[str], *, dtype: torch.dtype | None = None, device: str = "cpu"
) -> Descriptor:
    """The descriptor that a spec describes.

    Args:
        spec: Which, with its cutoff.
        species: Elements, in the order of their numbers.
        dtype: Precision, by default float64.
        device: Where to compute, as torch names it.
    """
    import torch

    precision = torch.float64 if dtype is None else dtype
    match spec:
        case SymmetryFunctionsSpec():
            from tansaku.potentials.network.descriptors.symmetry import SymmetryFunctions

            return SymmetryFunctions(spec, tuple(species), precision, torch.device(device))
        case BispectrumSpec():
            from tansaku.potentials.network.descriptors.bispectrum import Bispectrum

            return Bispectrum(spec, tuple(species), precision, torch.device(device))
        case _:
            assert_never(spec)


def sum_over_neighbours(
    descriptor: Descriptor,
    vectors: torch.Tensor,
    centre: torch.Tensor,
    neighbour_species: torch.Tensor,
    n_atoms: int,
) -> torch.Tensor:
    """Sums of each atom.

    Args:
        vectors: From centre to neighbour [Å], shape ``(n_pairs, 3)``.
        centre: Atom of each pair, shape ``(n_pairs,)``.
        neighbour_species: Shape ``(n_pairs,)``.

    Returns:
        Shape ``(n_atoms, channels, n_sums)``.
    """
    parts = descriptor.contributions(vectors, neighbour_species)
    place = centre * descriptor.channels + (neighbour_species if descriptor.channels > 1 else 0)
    total = parts.new_zeros((n_atoms * descriptor.channels, parts.shape[1])).index_add(0, place, parts)
    return total.reshape(n_atoms, descriptor.channels, -1)


def features(
    descriptor: Descriptor,
    vectors: torch.Tensor,
    centre: torch.Tensor,
    neighbour_species: torch.Tensor,
    species: torch.Tensor,
) -> torch.Tensor:
    """Features of atoms, differentiable by the vectors.

    Args:
        vectors: From centre to neighbour [Å], shape ``(n_pairs, 3)``.
        centre: Atom of each pair, shape ``(n_pairs,)``.
        neighbour_species: Of each pair's other atom, shape ``(n_pairs,)``.
        species: Of the atoms, shape ``(n_atoms,)``.

    Returns:
        Shape ``(n_atoms, size)``.
    """
    import torch

    sums = sum_over_neighbours(descriptor, vectors, centre, neighbour_species, len(species))
    return torch.cat(descriptor.parts(sums, species), dim=1)
