"""Reciprocal-lattice 3-D voxel space (R3DVS): a scalar field of a crystal as a cube of numbers, whatever the cell.

Kajita, Ohba, Jinnouchi and Asahi 2017 (doi:10.1038/s41598-017-17299-w). Sizes of Fourier coefficients lie on the crystal's own
reciprocal lattice; within a sphere they are moved to a cubic mesh that is the same for all crystals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray

ComplexArray = npt.NDArray[np.complex128]

_NOTHING = 1e-9
_EDGE = 1e-9


@dataclass(frozen=True)
class VoxelGrid:
    """The mesh.

    Attributes:
        resolution: δL*: the sphere ends at π / δL* [Å].
        length: L*: voxels are 2π / L* apart [Å].
    """

    resolution: float = 0.4
    length: float = 12.8

    def __post_init__(self) -> None:
        if not 0 < 2.0 * self.resolution <= self.length:
            raise ConfigurationError(f"voxel grid: {self}; expected a positive resolution of at most half the length")

    @property
    def cut(self) -> float:
        """Radius of the sphere [1/Å]."""
        return math.pi / self.resolution

    @property
    def step(self) -> float:
        """Edge of a voxel [1/Å]."""
        return 2.0 * math.pi / self.length

    @property
    def size(self) -> int:
        """Voxels along an edge of the cube."""
        return 2 * round(self.cut / self.step)


@dataclass(frozen=True)
class BraggPeaks:
    """Non-zero Fourier coefficients of a field within a sphere.

    Attributes:
        vectors: Reciprocal vectors, 2π included [1/Å], shape ``(n, 3)``; the opposite of each is there too.
        amplitudes: (1/V) ∫ s(r) exp(-i g·r) dr in units of the field, shape ``(n,)``.
    """

    vectors: FloatArray
    amplitudes: ComplexArray

    def turned(self, rotation: FloatArray) -> BraggPeaks:
        """Returns the peaks of the field after a rotation, given as a matrix that acts on columns, shape ``(3, 3)``."""
        return BraggPeaks(self.vectors @ np.asarray(rotation).T, self.amplitudes)


def bragg_peaks(field: FloatArray, cell: FloatArray, resolution: float) -> BraggPeaks:
    """Computes the Fourier coefficients of a field.

    Args:
        field: Real values on a grid over the cell, shape ``(n_1, n_2, n_3)``.
        cell: Lattice vectors in rows [Å], shape ``(3, 3)``.
        resolution: δ [Å]; wave vectors up to π / δ are kept.

    Returns:
        The coefficients that are not zero up to rounding, so that a larger cell of the same crystal has the same peaks.

    Raises:
        ConfigurationError: The grid is too coarse along a lattice vector: coefficients within the sphere would be mixed with
            others outside it.
    """
    from scipy.fft import fftn

    field, cell = np.asarray(field, dtype=np.float64), np.asarray(cell, dtype=np.float64)
    if field.ndim != 3 or cell.shape != (3, 3):
        raise ConfigurationError(f"field of shape {field.shape}, cell {cell.shape}; expected three axes and (3, 3)")
    lengths = np.linalg.norm(cell, axis=1)
    spacing = lengths / np.array(field.shape)
    coarse = np.flatnonzero(spacing > resolution * (1.0 + _EDGE))
    if len(coarse):
        axis = int(coarse[0])
        raise ConfigurationError(
            f"field: its points are {spacing[axis]:.3f} Å apart along lattice vector {axis + 1}; expected at most "
            f"{resolution:g} Å",
            hint=f"a grid of at least {math.ceil(lengths[axis] / resolution)} points there",
        )
    cut = math.pi / resolution
    indices = reciprocal_indices(cell, cut)
    coefficients = fftn(field) / field.size
    amplitudes = coefficients[tuple((indices % field.shape).T)]
    return without_zeros(reciprocal_vectors(indices, cell), amplitudes, float(np.abs(field).max(initial=0.0)))


def without_zeros(vectors: FloatArray, amplitudes: ComplexArray, size: float) -> BraggPeaks:
    """Removes peaks that are zero up to rounding, of which a larger cell of the same crystal has more.

    Args:
        vectors: Shape ``(n, 3)`` [1/Å].
        amplitudes: Shape ``(n,)``.
        size: How large the field is, same unit.
    """
    there = np.abs(amplitudes) > _NOTHING * size
    return BraggPeaks(vectors[there], amplitudes[there])


def reciprocal_indices(cell: FloatArray, cut: float) -> npt.NDArray[np.intp]:
    """Indices of all reciprocal vectors up to a length, in a fixed order, shape ``(n, 3)``."""
    reach = np.floor(cut * np.linalg.norm(cell, axis=1) / (2.0 * math.pi) + _EDGE).astype(np.intp)
    axes = [np.arange(-most, most + 1) for most in reach]
    indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    lengths = np.linalg.norm(reciprocal_vectors(indices, cell), axis=1)
    return np.asarray(indices[lengths <= cut * (1.0 + _EDGE)])


def reciprocal_vectors(indices: npt.NDArray[np.intp], cell: FloatArray) -> FloatArray:
    """Reciprocal vectors of indices [1/Å], shape ``(n, 3)``."""
    return np.asarray(indices @ (2.0 * math.pi * np.linalg.inv(cell).T))


def voxels(peaks: BraggPeaks, grid: VoxelGrid = VoxelGrid()) -> FloatArray:
    """Computes the descriptor: magnitudes of the coefficients, added up in the voxels of their vectors.

    Nothing is interpolated or averaged. The vector 0 lies in the middle of voxel ``size / 2`` of each axis. The last half step
    at the positive end of an axis has no voxel: the opposite vectors there have the same sizes.

    Returns:
        Shape ``(size, size, size)``, units of the field.
    """
    size = grid.size
    place = np.rint(peaks.vectors / grid.step).astype(np.intp) + size // 2
    inside = ((place >= 0) & (place < size)).all(axis=1) & (np.linalg.norm(peaks.vectors, axis=1) <= grid.cut * (1.0 + _EDGE))
    flat = np.ravel_multi_index(tuple(place[inside].T), (size, size, size))
    cube = np.zeros(size**3)
    np.add.at(cube, flat, np.abs(peaks.amplitudes[inside]))
    return cube.reshape(size, size, size)


def voxel_descriptor(
    field: FloatArray, cell: FloatArray, grid: VoxelGrid = VoxelGrid(), rotation: FloatArray | None = None
) -> FloatArray:
    """Computes the descriptor of a field, unrotated or after a rotation.

    Args:
        field: Shape ``(n_1, n_2, n_3)``.
        cell: Lattice vectors in rows [Å].
        rotation: Matrix that acts on columns.

    Returns:
        Shape ``(size, size, size)``, units of the field.

    Raises:
        ConfigurationError: The field's grid is too coarse.
    """
    peaks = bragg_peaks(field, cell, grid.resolution)
    return voxels(peaks if rotation is None else peaks.turned(rotation), grid)
