"""A reference frame that rotates with the crystal, for a rotation-invariant view of a field's Bragg peaks."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.potentials.features.voxels import BraggPeaks

_EQUAL = 1e-3
"""Sizes of peaks that differ by less, relatively, are equal: far more than what a self-consistent density leaves of a symmetry
(1e-5), so that computing it again does not choose another frame."""
_STRAIGHT = 1e-4
_GENERIC = np.array([[0.731, -1.127, 0.529], [-0.311, 0.877, 1.373], [1.213, 0.419, -0.683]])
"""Generic directions: no symmetry operation of a crystal maps them onto each other or onto themselves."""


def canonical_frame(peaks: BraggPeaks) -> FloatArray:
    """Returns the rotation that turns a crystal into its own frame, as a matrix that acts on columns, shape ``(3, 3)``.

    The first axis lies along one of the largest peaks, the second in the plane with the largest peak beside it. If several
    peaks are equally large, the frame with the largest value of a sum over all peaks, taken along generic directions, is used.
    Frames that still tie are related by a symmetry of the crystal, so that either gives the same result. Only the sizes of
    peaks count, so that neither translation nor the choice of the cell changes anything.

    Raises:
        FitError: All peaks lie in one plane: the field is constant along a line.
    """
    sizes = np.abs(peaks.amplitudes)
    lengths = np.linalg.norm(peaks.vectors, axis=1)
    kept = lengths > _STRAIGHT
    sizes, directions, vectors = sizes[kept], peaks.vectors[kept] / lengths[kept, None], peaks.vectors[kept]
    first = _largest(sizes, np.ones(len(sizes), dtype=bool))
    frames = [frame for item in first for frame in _with_second(directions, sizes, directions[item])]
    if not frames:
        raise FitError("the field has no Bragg peaks outside a plane; a direction is undetermined")
    weights = sizes * np.exp(-((lengths[kept] / lengths[kept].min() / 3.0) ** 2))
    marks = [np.round(_mark(vectors @ frame.T / lengths[kept].min(), weights) / weights.sum(), 9) for frame in frames]
    best = max(range(len(frames)), key=lambda place: tuple(marks[place]))
    return frames[best]


def _largest(sizes: FloatArray, allowed: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[int]:
    if not allowed.any():
        return []
    top = sizes[allowed].max()
    return [int(place) for place in np.flatnonzero(allowed & (sizes >= top * (1.0 - _EQUAL)))]


def _with_second(directions: FloatArray, sizes: FloatArray, first: FloatArray) -> list[FloatArray]:
    aside = np.linalg.norm(np.cross(directions, first), axis=1) > _STRAIGHT
    frames = []
    for place in _largest(sizes, aside):
        second = directions[place] - (directions[place] @ first) * first
        second /= np.linalg.norm(second)
        frames.append(np.stack((first, second, np.cross(first, second))))
    return frames


def _mark(vectors: FloatArray, weights: FloatArray) -> FloatArray:
    return np.asarray((weights[:, None] * np.cos(vectors @ _GENERIC.T)).sum(axis=0))
