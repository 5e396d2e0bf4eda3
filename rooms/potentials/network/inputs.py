"""Training data as blocks: descriptors with their derivatives, computed once, and energies and forces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.surrogates import Example
from tansaku.potentials.network.descriptors.contract import Descriptor
from tansaku.potentials.network.descriptors.jacobian import Described, describe
from tansaku.potentials.network.problem import Block
from tansaku.potentials.network.scaling import Scaling

_NUMBERS = 2**20
"""Largest number of derivatives in a block, unless one structure has more: a compromise between overhead and memory."""


@dataclass(frozen=True)
class Inputs:
    """Examples with their descriptors.

    Attributes:
        described: Of all structures, in order.
        energies: [eV], shape ``(n_structures,)``.
        forces: [eV/Å], None where they are not known.
    """

    described: Described
    energies: FloatArray
    forces: Sequence[FloatArray | None]

    @classmethod
    def of(cls, examples: Sequence[Example], descriptor: Descriptor, species: Sequence[str]) -> Inputs:
        """Computes descriptors.

        Raises:
            FitError: Of an example the energy is not known.
        """
        for example in examples:
            if "energy" not in example.properties:
                raise FitError(f"{example.id}: no energy is known")
        described = describe(descriptor, [example.structure for example in examples], species)
        energies = np.array([float(example.properties["energy"]) for example in examples])
        forces = [example.properties.get("forces") for example in examples]
        return cls(described, energies, [None if force is None else np.asarray(force, dtype=np.float64) for force in forces])

    def scaling(self) -> Scaling:
        """Standardisation by all structures."""
        described = self.described
        return Scaling.learned(described.features, described.species, described.structure, self.energies)

    def blocks(self, rows: IntArray, scaling: Scaling, *, forces: bool, device: str) -> list[Block]:
        """Some of the structures, ready for training.

        Args:
            rows: Places of the structures.
            forces: Whether forces are of interest, where they are known.
        """
        n_species = len(scaling.references)
        features = scaling.features(self.described.features, self.described.species)
        first = np.searchsorted(self.described.structure, np.arange(len(self.energies) + 1))
        alike: dict[tuple[tuple[int, ...], bool], list[int]] = defaultdict(list)
        for row in rows:
            codes = self.described.species[first[row] : first[row + 1]]
            counts = tuple(int(count) for count in np.bincount(codes, minlength=n_species))
            alike[counts, forces and self.forces[row] is not None].append(int(row))
        found = []
        for (counts, known), mine in sorted(alike.items()):
            atoms = sum(counts)
            size = max(1, _NUMBERS // (features.shape[1] * atoms * (3 * atoms if known else 1)))
            for begin in range(0, len(mine), size):
                part = np.array(mine[begin : begin + size], dtype=np.intp)
                found.append(self._block(part, counts, features, scaling, known=known, device=device))
        return found

    def _block(
        self, rows: IntArray, counts: tuple[int, ...], features: FloatArray, scaling: Scaling, *, known: bool, device: str
    ) -> Block:
        first = np.searchsorted(self.described.structure, rows)
        atoms = sum(counts)
        orders = [np.argsort(self.described.species[begin : begin + atoms], kind="stable") for begin in first]
        energies = (self.energies[rows] - np.array(counts) @ scaling.references) / scaling.unit
        derivatives = forces = None
        if known:
            derivatives = np.stack(
                [self._derivatives(begin, order, scaling) for begin, order in zip(first, orders, strict=True)]
            )
            forces = np.stack([self._forces(row, order) for row, order in zip(rows, orders, strict=True)]) / scaling.unit

        def tensor(values: FloatArray | None) -> torch.Tensor | None:
            return None if values is None else torch.tensor(values, dtype=torch.float64, device=device)

        sorted_ = np.stack([features[begin : begin + atoms][order] for begin, order in zip(first, orders, strict=True)])
        return Block(
            counts=counts,
            features=torch.tensor(sorted_, dtype=torch.float64, device=device),
            energies=torch.tensor(energies, dtype=torch.float64, device=device),
            derivatives=tensor(derivatives),
            forces=tensor(forces),
            rows=rows,
        )

    def _derivatives(self, first: int, order: IntArray, scaling: Scaling) -> FloatArray:
        """Derivatives of a structure's standardised features, shape ``(3 n_atoms, n_atoms, n_features)``."""
        described, atoms = self.described, len(order)
        begin, end = np.searchsorted(described.centre, (first, first + atoms))
        place = np.argsort(order)
        centre, moved = (place[array[begin:end] - first] for array in (described.centre, described.moved))
        codes = described.species[described.centre[begin:end]]
        dense = np.zeros((atoms, 3, atoms, described.features.shape[1]))
        dense[moved, :, centre] = described.blocks[begin:end].transpose(0, 2, 1) * scaling.inverse[codes][:, None]
        return dense.reshape(3 * atoms, atoms, -1)

    def _forces(self, row: int, order: IntArray) -> FloatArray:
        forces = self.forces[row]
        if forces is None:
            raise AssertionError("a block of forces has structures of known forces")
        return np.asarray(forces[order].ravel())
