"""The network: convolutions that halve the cube, then two dense layers."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from tansaku.models.domain.surrogates import Array
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec

_FURTHER = 1
"""Inputs beside the voxels: the volume of an atom."""


class VoxelNetwork(nn.Module):
    """Standardised properties from cubes of voxels.

    Args:
        spec: Sizes.
        size: Voxels along an edge of the whole cube.
    """

    def __init__(self, spec: VoxelNetworkSpec, size: int) -> None:
        super().__init__()
        shape: tuple[int, ...] = (size // 2 + 1, size, size)
        channels, stages = 1, list[nn.Module]()
        for _ in range(spec.layers):
            stages += [nn.Conv3d(channels, spec.filters, 3, stride=2, padding=1), nn.ReLU()]
            channels = spec.filters
            shape = tuple((edge + 1) // 2 for edge in shape)
        self.seen = nn.Sequential(*stages, nn.Flatten())
        self.told = nn.Sequential(
            nn.Linear(channels * int(np.prod(shape)) + _FURTHER, spec.hidden),
            nn.ReLU(),
            nn.Linear(spec.hidden, len(spec.properties)),
        )

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the weights."""
        return next(self.parameters()).dtype

    def forward(self, cubes: torch.Tensor, further: torch.Tensor) -> torch.Tensor:
        """Properties, shape ``(m, n_properties)``."""
        found: torch.Tensor = self.told(torch.cat((self.seen(cubes), further), dim=1))
        return found


def drawn(spec: VoxelNetworkSpec, size: int, seed: int) -> VoxelNetwork:
    """Creates a network with random weights, without changing torch's global random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VoxelNetwork(spec, size)


def arrays_of(network: nn.Module, prefix: str) -> dict[str, Array]:
    """Weights by name."""
    return {f"{prefix}.{name}": value.detach().cpu().numpy().copy() for name, value in network.named_parameters()}


def load(network: nn.Module, arrays: dict[str, Array], prefix: str) -> None:
    """Sets weights that :func:`arrays_of` gave.

    Raises:
        KeyError: One is missing.
        ValueError: One has another shape.
    """
    with torch.no_grad():
        for name, value in network.named_parameters():
            array = arrays[f"{prefix}.{name}"]
            if tuple(array.shape) != tuple(value.shape):
                raise ValueError(f"{prefix}.{name} has shape {array.shape}, expected {tuple(value.shape)}")
            value.copy_(torch.as_tensor(array))
