"""Finds rigid translations of a boundary that give the same structure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tansaku.calculators.structures.stacking import Stacking
from tansaku.models.domain.pool import FloatArray

_RESOLUTION = 1e-5


def translation_keys(stack: Stacking, removed: int, shifts: FloatArray) -> npt.NDArray[np.int64]:
    """One integer per class of equivalent in-plane translations, comparable between surfaces of one boundary.

    The structure of a boundary is fixed by its opening and by the offset between the two planes that meet there,
    ``(removed + 1) step + shift`` modulo the planar lattice. Offsets are equivalent under the crystal's operations that
    keep the normal, and under their product with a sign change: the mirror in the boundary plane swaps the grains and
    so inverts the offset.

    Args:
        stack: Lattice planes parallel to the boundary.
        removed: Lattice planes removed at the boundary.
        shifts: Translations (x, y) [Å], shape ``(n, 2)``.

    Returns:
        Keys, shape ``(n,)``.
    """
    offsets = shifts + np.array(stack.plane_shift(removed + 1))
    images = np.einsum("gij,nj->gni", np.concatenate((stack.point_operations, -stack.point_operations)), offsets)
    return np.asarray(_lattice_keys(stack, images).min(axis=0), dtype=np.int64)


def _lattice_keys(stack: Stacking, offsets: FloatArray) -> npt.NDArray[np.int64]:
    width, depth = stack.irreducible_lengths
    tolerance = _RESOLUTION / 10.0
    cells = np.floor((offsets[..., 0] + tolerance) / width)
    x = offsets[..., 0] - cells * width
    y = (offsets[..., 1] - cells * stack.planar[1] * stack.y_unit + tolerance) % depth - tolerance
    return np.rint(x / _RESOLUTION).astype(np.int64) * (1 << 32) + np.rint(y / _RESOLUTION).astype(np.int64)
