"""Points along a path that an earlier search found, and the direction of the path at each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.structures.ion_grid import IonGrid
from tansaku.calculators.structures.structure_reader import read_structures
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray, PeriodicGrid
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit

if TYPE_CHECKING:
    from ase import Atoms

KEY = "space.along.file"

AROUND = 0.5
"""Length of the path on either side of a point that tells its direction there [Å]."""

_ON_GRID = 0.01
_CLOSED = 1e-3
_TURNS = 0.2


def read_path(path: Path, limits: LimitsSpec | None, computed: Atoms, host: FloatArray) -> FloatArray:
    """Fractional coordinates of the ion along a path, in the host's cell and not wrapped, shape ``(n, 3)``.

    Args:
        path: ``path.extxyz`` of ``tansaku path``: structures of the search, the ion last, from a point to an image of it.
        limits: Limits of its content.
        computed: A structure of this space, with the ion as its last atom.
        host: Vectors of the host's cell as rows [Å].

    Raises:
        ConfigurationError: It cannot be read, is too large, has other atoms, or does not lead to an image of its start.
    """
    if path.is_file():
        check_limit(limits, "cif_bytes", path.stat().st_size, f"{KEY}: bytes of {path.name!r}")
    places = []
    for number, item in enumerate(read_structures(path, limits, KEY), start=1):
        atoms = item.atoms
        same = len(atoms) == len(computed) and bool((atoms.numbers == computed.numbers).all())
        if not same or not np.allclose(atoms.cell.array, computed.cell.array, atol=_CLOSED):
            raise ConfigurationError(
                f"{KEY}: structure {number} of {path.name!r} is {atoms.get_chemical_formula()} in another cell or order than "
                f"{computed.get_chemical_formula()} of this space; expected host, ion and supercell of the search that wrote it"
            )
        places.append(atoms.positions[-1] @ np.linalg.inv(host))
    shift = places[-1] - places[0]
    if len(places) < 3 or np.abs(shift - np.rint(shift)).max() > _CLOSED or not np.rint(shift).any():
        raise ConfigurationError(f"{KEY}: {path.name!r} does not lead to an image of its first point; expected a whole path")
    return np.array(places)


def along_path(found: IonGrid, fractions: FloatArray, cell: FloatArray) -> tuple[IonGrid, FloatArray]:
    """Leaves only the points of a path in a grid, and what symmetry makes equal to them.

    Args:
        found: All positions.
        fractions: Of the path, as :func:`read_path` gives them.
        cell: The host's vectors as rows [Å].

    Returns:
        The positions on the path, each where the path passes first, and the path's direction there, of length one, in
        Cartesian coordinates, shape ``(n, 3)``.

    Raises:
        ConfigurationError: The path leads over no points of this grid.
    """
    shape = np.array(found.grid.shape)
    steps = fractions * shape
    points = np.rint(steps).astype(np.intp)
    flat = np.ravel_multi_index(tuple((points % shape).T), found.grid.shape)
    members = found.grid.members[flat]
    beside = np.flatnonzero((np.abs(steps - points).max(axis=1) > _ON_GRID) | (members < 0))
    if len(beside):
        raise ConfigurationError(
            f"{KEY}: point {beside[0] + 1} of {len(points)} is no point of this grid; expected grid and exclusion of the "
            "search that wrote it"
        )
    _, first = np.unique(members, return_index=True)
    first = first[np.argsort(flat[first])]  # ids ascend with the place on the grid
    place = np.full(len(found.fractions), -1, dtype=np.intp)
    place[members[first]] = np.arange(len(first))
    kept = members[first]
    grid = PeriodicGrid(
        found.grid.shape,
        np.where(found.grid.members >= 0, place[found.grid.members], -1),
        None if found.grid.room is None else found.grid.room[kept],
        found.grid.operations,
    )
    positions = replace(found, grid=grid, fractions=(points[first] % shape) / shape, multiplicity=found.multiplicity[kept])
    return positions, _directions(fractions, cell)[first]


def _directions(fractions: FloatArray, cell: FloatArray) -> FloatArray:
    """Direction of a closed path at each of its points, from half an Å before it to half an Å behind it, shape ``(n, 3)``."""
    shift = fractions[-1] - fractions[0]
    # A turn before and one behind, so that the direction at the ends is that of the closed path.
    turns = np.concatenate([fractions[:-1] - shift, fractions[:-1], fractions + shift]) @ cell
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(turns, axis=0), axis=1))])
    here = lengths[len(fractions) - 1 : 2 * len(fractions) - 1]
    ends = [np.column_stack([np.interp(here + side * AROUND, lengths, part) for part in turns.T]) for side in (-1.0, 1.0)]
    ways = ends[1] - ends[0]
    # Where it comes out of a dead end as it went in, both are one point: the way out is its direction.
    back = np.linalg.norm(ways, axis=1) < _TURNS
    ways[back] = (ends[1] - fractions @ cell)[back]
    return np.asarray(ways / np.linalg.norm(ways, axis=1, keepdims=True))
