"""Moves of the host's atoms from one point of a path to the next, where each point relaxed the host by itself.

Each relaxation begins from the host as it is without the ion. If two neighbouring points end with hosts that are not alike,
what it costs to change one into the other is not on the grid, and the barrier may be far too low.

An operation of the host's space group that maps a computed point onto a point of the path maps the displacements of the host's
atoms too. Where several do, those that make two neighbours most alike count.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from tansaku.calculators.structures.ion_grid import Symmetry
from tansaku.models.domain.pool import FloatArray, IntArray

_SAME = 0.01
"""Places this near are one [Å]."""

_MOST = 8
"""So many operations onto one point are compared: in a host that keeps the symmetry of the point all are equal."""


JUMP = 0.5
"""An atom of the host that moves farther than this between neighbours has jumped [Å]."""


@dataclass(frozen=True)
class HostFrame:
    """A relaxed host.

    Attributes:
        ion: Point of the grid that the ion is at [Å], shape ``(3,)``.
        positions: Of the host's atoms [Å], shape ``(n_atoms, 3)``.
    """

    ion: FloatArray
    positions: FloatArray


@dataclass(frozen=True)
class HostJump:
    """Largest difference between the hosts of two neighbours along a path.

    Attributes:
        moved: The farthest that an atom of the host moves from one to the other, their mean positions being equal [Å].
        apart: Distance of the two points along the path [Å].
        first: Number of the first point along the path.
        second: Number of the second.
    """

    moved: float
    apart: float
    first: int
    second: int


class RelaxedHosts:
    """Displacements of a host's atoms around an ion at any image of a computed point.

    Args:
        ideal: Positions of the host's atoms without the ion [Å], shape ``(n_atoms, 3)``.
        cell: Of these, vectors as rows [Å].
        unit: Of the host's cell, whose fractional coordinates the operations are in.
    """

    def __init__(self, ideal: FloatArray, cell: FloatArray, unit: FloatArray, symmetry: Symmetry) -> None:
        self._ideal, self._cell, self._unit = ideal, cell, unit
        self._inverse: FloatArray = np.asarray(np.linalg.inv(cell), dtype=np.float64)
        self._to_unit: FloatArray = np.asarray(np.linalg.inv(unit), dtype=np.float64)
        # Of rows: x' = x R + t. An operation that does not map the larger cell onto itself maps no periodic displacements.
        turned = np.array([self._to_unit @ rotation.T @ unit for rotation in symmetry.rotations])
        whole = cell @ turned @ self._inverse
        kept = np.abs(whole - np.rint(whole)).max(axis=(1, 2)) < 1e-3
        self._turned, self._shifts = turned[kept], (symmetry.translations @ unit)[kept]
        self._places = cKDTree(self._wrapped(ideal))

    def displacements(self, positions: FloatArray) -> FloatArray:
        """Nearest displacements of relaxed atoms from the ideal places, their mean removed [Å], shape ``(n_atoms, 3)``."""
        parts = (positions - self._ideal) @ self._inverse
        moved = (parts - np.rint(parts)) @ self._cell
        return np.asarray(moved - moved.mean(axis=0))

    def images(self, moved: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
        """Displacements around an ion at a point, from those around one at an equal point.

        Args:
            moved: Displacements around the ion at ``start``, shape ``(n_atoms, 3)``.
            start: Cartesian position of the ion [Å], shape ``(3,)``.
            end: As ``start``; an image of it in any cell of the host.

        Returns:
            One for each operation that leads there, shape ``(n, n_atoms, 3)``; empty where none does.
        """
        found = []
        for turn, shift in zip(self._turned, self._shifts, strict=True):
            parts = (end - start @ turn - shift) @ self._to_unit
            away = np.rint(parts) @ self._unit
            if np.linalg.norm((parts - np.rint(parts)) @ self._unit) > _SAME:
                continue
            onto = self._onto(self._ideal @ turn + shift + away)
            image = np.empty_like(moved)
            image[onto] = moved @ turn
            found.append(image)
            if len(found) == _MOST:
                break
        return np.array(found).reshape(-1, *moved.shape)

    def _onto(self, places: FloatArray) -> IntArray:
        """Numbers of the atoms at these places or at images of them."""
        distances, onto = self._places.query(self._wrapped(places))
        if distances.max() > _SAME or len(set(onto.tolist())) < len(onto):
            raise ValueError("an operation of the host does not map its atoms onto each other")
        return np.asarray(onto, dtype=np.intp)

    def _wrapped(self, places: FloatArray) -> FloatArray:
        """Places in one cell; those at its border are at its lower side."""
        parts = places @ self._inverse
        return np.asarray((parts - np.floor(parts + 1e-4)) @ self._cell)


def largest_jump(
    hosts: RelaxedHosts, path: FloatArray, candidates: IntArray, computed: Mapping[int, HostFrame]
) -> HostJump | None:
    """Finds where the host changes most from one computed point of a path to the next computed one.

    Args:
        hosts: Maps displacements.
        path: Cartesian positions of the ion along the path, not wrapped [Å], shape ``(n, 3)``.
        candidates: Candidate of each point, shape ``(n,)``.
        computed: Relaxed hosts by candidate.

    Returns:
        None where fewer than two points are known.
    """
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    fields: list[tuple[int, FloatArray]] = []
    for number, candidate in enumerate(candidates.tolist()):
        if candidate in computed:
            frame = computed[candidate]
            images = hosts.images(hosts.displacements(frame.positions), frame.ion, path[number])
            if len(images):
                fields.append((number, images))
    jumps = [
        HostJump(_farthest(before, after), float(lengths[second] - lengths[first]), first, second)
        for (first, before), (second, after) in itertools.pairwise(fields)
    ]
    return max(jumps, key=lambda jump: jump.moved, default=None)


def _farthest(before: FloatArray, after: FloatArray) -> float:
    """Farthest move of an atom between the two images that are most alike."""
    moved = np.linalg.norm(before[:, None] - after[None], axis=-1).max(axis=-1)
    return float(moved.min())
