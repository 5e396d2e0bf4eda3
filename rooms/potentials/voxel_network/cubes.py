"""Voxel cubes computed on the device from Bragg peaks, in any rotation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.surrogate_base import FREE_ATOMS
from tansaku.models.domain.surrogates import Example
from tansaku.potentials.features.bragg_frame import canonical_frame
from tansaku.potentials.features.free_atoms import free_atom_peaks
from tansaku.potentials.features.voxels import BraggPeaks, VoxelGrid, bragg_peaks
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec


@dataclass(frozen=True)
class Crystals:
    """Bragg peaks of crystals in their own frames, on a device.

    Attributes:
        vectors: [1/Å], shape ``(n, n_peaks, 3)``; crystals with fewer peaks are padded with peaks of size 0.
        sizes: Raised to the power of the spec, shape ``(n, n_peaks)``.
        space: Logarithm of the volume of an atom [Å^3], shape ``(n, 1)``.
    """

    vectors: torch.Tensor
    sizes: torch.Tensor
    space: torch.Tensor
    grid: VoxelGrid

    @classmethod
    def of(cls, examples: Sequence[Example], spec: VoxelNetworkSpec, device: str) -> Crystals:
        """Peaks of the examples' fields.

        Raises:
            FitError: An example has no such field.
            ConfigurationError: A field's grid is too coarse.
        """
        grid = VoxelGrid(spec.resolution, spec.length)
        found = [_peaks(example, spec, grid) for example in examples]
        most = max(len(sizes) for _, sizes in found)
        vectors, sizes = np.zeros((len(found), most, 3)), np.zeros((len(found), most))
        for place, (mine, large) in enumerate(found):
            vectors[place, : len(mine)], sizes[place, : len(mine)] = mine, large
        space = [[math.log(item.structure.get_volume() / len(item.structure))] for item in examples]
        return cls(
            torch.as_tensor(vectors, device=device),
            torch.as_tensor(sizes, dtype=torch.float32, device=device),
            torch.as_tensor(space, dtype=torch.float32, device=device),
            grid,
        )

    def __len__(self) -> int:
        return len(self.sizes)

    def cubes(self, chosen: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
        """Computes half of the voxels of crystals: opposite voxels are equal.

        Args:
            chosen: Which crystals, shape ``(m,)``.
            rotations: Of each, shape ``(m, 3, 3)``.

        Returns:
            Shape ``(m, 1, size / 2 + 1, size, size)``; the first axis begins one voxel before the middle.
        """
        size, half = self.grid.size, self.grid.size // 2
        turned = torch.einsum("mij,mnj->mni", rotations, self.vectors[chosen]) / self.grid.step
        place = torch.round(turned).long() + half
        place[..., 0] -= half - 1
        inside = ((place >= 0) & (place < place.new_tensor([half + 1, size, size]))).all(dim=-1)
        flat = (place[..., 0] * size + place[..., 1]) * size + place[..., 2]
        # A GPU adds in no fixed order; the differences in double precision vanish when the sum is rounded.
        summed = torch.float64 if self.sizes.is_cuda else self.sizes.dtype
        found = self.sizes.new_zeros((len(chosen), (half + 1) * size * size), dtype=summed)
        found.scatter_add_(1, torch.where(inside, flat, 0), torch.where(inside, self.sizes[chosen], 0.0).to(summed))
        return found.to(self.sizes.dtype).reshape(len(chosen), 1, half + 1, size, size)


def rotation_set(count: int) -> FloatArray:
    """A fixed set of rotations, shape ``(count, 3, 3)``."""
    return np.asarray(Rotation.random(count, rng=np.random.default_rng(0)).as_matrix())


def _peaks(example: Example, spec: VoxelNetworkSpec, grid: VoxelGrid) -> tuple[FloatArray, FloatArray]:
    peaks = _seen(example, spec.field, grid.resolution)
    turned = peaks.turned(canonical_frame(peaks))
    return turned.vectors, np.abs(turned.amplitudes) ** spec.power


def _seen(example: Example, field: str, resolution: float) -> BraggPeaks:
    if field == FREE_ATOMS:
        return free_atom_peaks(example.structure, resolution)
    if field not in example.fields:
        known = ", ".join(sorted(example.fields)) or "none"
        raise FitError(f"{example.id}: no field {field!r} is known; its fields: {known}")
    return bragg_peaks(np.asarray(example.fields[field]), example.structure.cell.array, resolution)
