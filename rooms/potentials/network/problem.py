"""Loss of a network's weights on energies per atom and forces, its gradient and its linearisation.

The loss of weights w is

    Σ_s c_s [(Ê_s − E_s) / N_s]² / Σ_s c_s  +  f Σ_s c_s |F̂_s − F_s|² / Σ_s 3 N_s c_s  +  d |w|² / n_w

over structures s with counts c, where f is the weight of forces and d the decay; the second sum is over structures with
known forces. Structures are processed in blocks of one composition each. Blocks may be computed in parallel, each by one
thread; their sums are added in a fixed order, so that the result does not depend on the number of processors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.potentials.network.linearised import ByResiduals, ByWeights, Linearised
from tansaku.potentials.network.network import Architecture, Passed, energy_rows, gradient_rows, passed

if TYPE_CHECKING:
    import torch

    from tansaku.potentials.network.network import Layers

Given = TypeVar("Given")
Found = TypeVar("Found")
_TOGETHER = 16_000_000
"""Number of derivatives of residuals by weights that are in memory at once (128 MB)."""
_STRIPES = 8


@dataclass(frozen=True)
class Block:
    """Structures of one composition, atoms sorted by element.

    Attributes:
        counts: Atoms of each element.
        features: Standardised, shape ``(n_structures, n_atoms, n_features)``.
        energies: Over the unit, without the elements' references, shape ``(n_structures,)``.
        derivatives: Derivatives of the features by the atoms' positions, shape ``(n_structures, 3 n_atoms, n_atoms,
            n_features)``; None where no forces are known.
        forces: Over the unit, shape ``(n_structures, 3 n_atoms)``.
        rows: Index of each structure among the examples, shape ``(n_structures,)``.
    """

    counts: tuple[int, ...]
    features: torch.Tensor
    energies: torch.Tensor
    derivatives: torch.Tensor | None
    forces: torch.Tensor | None
    rows: IntArray

    def chosen(self, places: IntArray) -> Block:
        """Some of the structures."""
        import torch

        index = torch.as_tensor(places, device=self.features.device)
        return Block(
            counts=self.counts,
            features=self.features[index],
            energies=self.energies[index],
            derivatives=None if self.derivatives is None else self.derivatives[index],
            forces=None if self.forces is None else self.forces[index],
            rows=self.rows[places],
        )


@dataclass(frozen=True)
class Residuals:
    """Errors of predictions.

    Attributes:
        energies: Per atom [eV], of all structures in order, shape ``(n_structures,)``.
        forces: Of structures of known forces, by their place [eV/Å], atoms sorted by element.
    """

    energies: FloatArray
    forces: dict[int, FloatArray]


@dataclass(frozen=True)
class Problem:
    """A loss.

    Attributes:
        architecture: Of the networks.
        blocks: The data.
        counts: How often each example counts, shape ``(n_examples,)``.
        force_weight: f [Å^2].
        decay: d, in units of ``unit``.
        unit: Of energies [eV].
        workers: Compute blocks in parallel.
    """

    architecture: Architecture
    blocks: Sequence[Block]
    counts: FloatArray
    force_weight: float
    decay: float
    unit: float
    workers: ThreadPoolExecutor | None = field(default=None, repr=False)

    def loss(self, weights: FloatArray) -> float:
        """The loss alone [eV^2]."""
        return sum(self._each(lambda block: self._loss(block, weights, gradient=False)[0])) + self._decay(weights)

    def gradient(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """The loss and its gradient, shape ``(n_weights,)``."""
        loss, gradient = self._decay(weights), (2.0 * self.unit**2 * self.decay / len(weights)) * weights
        for item, part in self._each(lambda block: self._loss(block, weights, gradient=True)):
            loss += item
            gradient = gradient + part
        return loss, gradient

    def linearised(self, weights: FloatArray) -> Linearised:
        """The least-squares problem at the weights."""
        strength = self.unit**2 * self.decay / len(weights)
        if self._count(self.blocks) <= len(weights):
            return self._by_residuals(weights, strength)
        return self._by_weights(weights, strength)

    def residuals(self, weights: FloatArray) -> Residuals:
        """Errors of every structure."""
        energies = np.zeros(len(self.counts))
        forces: dict[int, FloatArray] = {}
        for block, (item, other) in zip(self.blocks, self._each(lambda block: self._differences(block, weights)), strict=True):
            energies[block.rows] = item * self.unit
            if other is not None:
                forces |= {int(row): values * self.unit for row, values in zip(block.rows, other, strict=True)}
        return Residuals(energies, forces)

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Problem]:
        """The same loss on random disjoint parts of the data; examples of weight zero are left out."""
        order = rng.permutation(np.flatnonzero(self.counts > 0))
        for begin in range(0, len(order), size):
            chosen = np.zeros(len(self.counts), dtype=np.bool_)
            chosen[order[begin : begin + size]] = True
            blocks = [block.chosen(np.flatnonzero(chosen[block.rows])) for block in self.blocks if chosen[block.rows].any()]
            yield Problem(
                self.architecture, blocks, self.counts * chosen, self.force_weight, self.decay, self.unit, self.workers
            )

    def _each(self, compute: Callable[[Block], Found]) -> list[Found]:
        return self._map(compute, self.blocks)

    def _map(self, compute: Callable[[Given], Found], given: Iterable[Given]) -> list[Found]:
        return list(map(compute, given) if self.workers is None else self.workers.map(compute, given))

    def _decay(self, weights: FloatArray) -> float:
        return self.unit**2 * self.decay * float(weights @ weights) / len(weights)

    def _scales(self, block: Block) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weights of a block's squared errors of energies and of forces, shape ``(n_structures,)`` each [eV^2]."""
        import torch

        def of(total: float) -> torch.Tensor:
            counts = self.unit**2 * self.counts[block.rows] / max(total, 1e-300)
            return torch.tensor(counts, device=block.features.device)

        energies = of(float(self.counts.sum()))
        if block.derivatives is None or not self.force_weight:
            return energies, None
        return energies, self.force_weight * of(self._components)

    @property
    def _components(self) -> float:
        """Force components that count."""
        return float(
            sum(
                3 * block.features.shape[1] * self.counts[block.rows].sum()
                for block in self.blocks
                if block.derivatives is not None
            )
        )

    def _layers(self, weights: torch.Tensor) -> list[Layers]:
        return [self.architecture.layers(weights, species) for species in range(self.architecture.n_species)]

    def _passed(self, block: Block, layers: Sequence[Layers]) -> list[Passed | None]:
        """Forward passes by element, with the atoms structure by structure."""
        found: list[Passed | None] = []
        begin, width = 0, block.features.shape[-1]
        for count, mine in zip(block.counts, layers, strict=True):
            atoms = block.features[:, begin : begin + count].reshape(-1, width)
            found.append(passed(mine, self.architecture.activation, atoms) if count else None)
            begin += count
        return found

    def _off(self, block: Block, found: Sequence[Passed | None], *, forces: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Errors of energies per atom and of forces, divided by the unit."""
        import torch

        size, atoms, width = block.features.shape
        each = [item for item in found if item is not None]
        energies = torch.stack([item.energies.view(size, -1).sum(dim=1) for item in each]).sum(dim=0)
        off = (energies - block.energies) / atoms
        if not forces or block.derivatives is None or block.forces is None:
            return off, None
        gradients = torch.cat([item.gradients.view(size, -1, width) for item in each], dim=1)
        predicted = -torch.bmm(block.derivatives.flatten(2), gradients.reshape(size, -1, 1))[..., 0]
        return off, predicted - block.forces

    def _loss(self, block: Block, weights: FloatArray, *, gradient: bool) -> tuple[float, FloatArray]:
        import torch

        with torch.set_grad_enabled(gradient):
            vector = torch.tensor(weights, device=block.features.device, requires_grad=gradient)
            found = self._passed(block, self._layers(vector))
            of_energies, of_forces = self._scales(block)
            energies, forces = self._off(block, found, forces=of_forces is not None)
            loss = (of_energies * energies**2).sum()
            if forces is not None and of_forces is not None:
                loss = loss + (of_forces[:, None] * forces**2).sum()
            if not gradient:
                return float(loss), np.empty(0)
            return float(loss.detach()), torch.autograd.grad(loss, vector)[0].cpu().numpy()

    def _by_weights(self, weights: FloatArray, strength: float) -> ByWeights:
        import torch

        device = self.blocks[0].features.device
        matrix = torch.diag(torch.full((len(weights),), strength, dtype=torch.float64, device=device))
        product, loss = strength * weights, self._decay(weights)
        for together in self._groups(len(weights)):
            rows, off = self._rows(together, weights)
            self._add_square(matrix, rows.T)
            product = product + (rows.T @ off).cpu().numpy()
            loss += float(off @ off)
        return ByWeights(loss, product, matrix.cpu().numpy())

    def _by_residuals(self, weights: FloatArray, strength: float) -> ByResiduals:
        rows, off = self._rows(self.blocks, weights)
        matrix = rows.new_zeros((len(rows), len(rows)))
        self._add_square(matrix, rows)
        loss = float(off @ off) + self._decay(weights)
        return ByResiduals(loss, off.cpu().numpy(), rows.cpu().numpy(), matrix.cpu().numpy(), weights, strength)

    def _groups(self, n_weights: int) -> Iterator[list[Block]]:
        """Consecutive blocks whose derivatives fit into memory together."""
        together: list[Block] = []
        held = 0
        for block in self.blocks:
            needed = self._count([block]) * n_weights
            if together and held + needed > _TOGETHER:
                yield together
                together, held = [], 0
            together.append(block)
            held += needed
        if together:
            yield together

    def _count(self, blocks: Sequence[Block]) -> int:
        """Number of residuals of non-zero weight."""
        found = 0
        for block in blocks:
            forces = 3 * block.features.shape[1] if block.derivatives is not None and self.force_weight else 0
            found += int((self.counts[block.rows] > 0).sum()) * (1 + forces)
        return found

    def _add_square(self, matrix: torch.Tensor, left: torch.Tensor) -> None:
        """Adds the lower triangle of left leftᵀ, in stripes that are computed in parallel."""
        import torch

        edges = np.linspace(0, len(left), min(_STRIPES, len(left)) + 1).astype(int).tolist()

        def stripe(place: int) -> None:
            begin, end = edges[place : place + 2]
            part = matrix[begin:end, :end]
            torch.addmm(part, left[begin:end], left[:end].T, out=part)

        self._map(stripe, range(len(edges) - 1))

    def _rows(self, blocks: Sequence[Block], weights: FloatArray) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted residuals of non-zero weight and their derivatives, shapes ``(n, n_weights)`` and ``(n,)``."""
        import torch

        parts = self._map(lambda block: self._rows_of(block, weights), blocks)
        return torch.cat([rows for rows, _ in parts]), torch.cat([off for _, off in parts])

    def _rows_of(self, block: Block, weights: FloatArray) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        with torch.no_grad():
            layers = self._layers(torch.tensor(weights, device=block.features.device))
            found = self._passed(block, layers)
            of_energies, of_forces = self._scales(block)
            energies, forces = self._off(block, found, forces=of_forces is not None)
            rows, off = self._energy_part(block, found, energies, of_energies)
            counted = of_energies > 0
            rows, off = rows[counted], off[counted]
            if forces is not None and of_forces is not None:
                root = torch.sqrt(of_forces)[counted]
                more = self._force_part(block, layers, found)[counted] * root[:, None, None]
                rows = torch.cat([rows, more.flatten(0, 1)])
                off = torch.cat([off, (forces[counted] * root[:, None]).flatten()])
            return rows, off

    def _energy_part(
        self, block: Block, found: Sequence[Passed | None], energies: torch.Tensor, scales: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted rows and errors of the energies."""
        import torch

        size, atoms, _ = block.features.shape
        root = torch.sqrt(scales)
        rows = torch.zeros((size, self.architecture.n_weights), dtype=energies.dtype, device=energies.device)
        for species, item in enumerate(found):
            if item is not None:
                rows[:, self._part(species)] = energy_rows(item, size) / atoms
        return rows * root[:, None], energies * root

    def _force_part(self, block: Block, layers: Sequence[Layers], found: Sequence[Passed | None]) -> torch.Tensor:
        """Rows of the forces, shape ``(n_structures, 3 n_atoms, n_weights)``."""
        import torch

        derivatives = block.derivatives
        if derivatives is None:
            raise AssertionError("a block without forces has no rows of them")
        size, components = derivatives.shape[:2]
        rows = torch.zeros((size, components, self.architecture.n_weights), dtype=derivatives.dtype, device=derivatives.device)
        begin = 0
        for species, (item, count) in enumerate(zip(found, block.counts, strict=True)):
            if item is not None:
                directions = derivatives[:, :, begin : begin + count].transpose(1, 2)
                rows[..., self._part(species)] = -gradient_rows(layers[species], item, directions)
            begin += count
        return rows

    def _part(self, species: int) -> slice:
        size = self.architecture.per_species
        return slice(species * size, (species + 1) * size)

    def _differences(self, block: Block, weights: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        import torch

        with torch.no_grad():
            vector = torch.tensor(weights, device=block.features.device)
            energies, forces = self._off(block, self._passed(block, self._layers(vector)), forces=True)
            return energies.cpu().numpy(), None if forces is None else forces.cpu().numpy()


@contextmanager
def one_thread_each() -> Iterator[ThreadPoolExecutor]:
    """Workers for blocks, as many as there are processors; within a block torch computes with one thread.

    With several threads the last digits of torch's sums would depend on their number.
    """
    import os

    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as workers:
            yield workers
    finally:
        torch.set_num_threads(before)
