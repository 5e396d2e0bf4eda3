"""Positions of an ion in a host: a grid of its cell, folded by its space group.

Symmetry operations come from spglib (https://doi.org/10.1080/27660400.2024.2384822). Points that an operation maps on each
other have the same energy and are one position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tansaku.calculators.structures.bond_valence import SOFTNESS
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray, PeriodicGrid

if TYPE_CHECKING:
    from ase import Atoms

SYMMETRY_TOLERANCE = 1e-3
"""Atoms this near to an image of another one count as that image [Å]."""

_ON_GRID = 1e-6
_LARGEST_FACTOR = 48
_REACH = 6.0
_HARMONICS = 12
_WAVES = 48


@dataclass(frozen=True)
class Symmetry:
    """Operations x → W x + t of a host, in fractional coordinates.

    Attributes:
        rotations: W, shape ``(n, 3, 3)``.
        translations: t, shape ``(n, 3)``.
    """

    rotations: IntArray
    translations: FloatArray


@dataclass(frozen=True)
class IonGrid:
    """Distinct positions of an ion, and the grid that they are points of.

    Attributes:
        grid: Position at each grid point; -1 where the ion would be inside an atom. The room of a position is its distance
            from the atom nearest to it, in units of the distance below which it is excluded.
        fractions: Fractional coordinates of the distinct positions, shape ``(n, 3)``.
        multiplicity: Number of grid points of each, shape ``(n,)``.
        symmetry: Of the host.
    """

    grid: PeriodicGrid
    fractions: FloatArray
    multiplicity: IntArray
    symmetry: Symmetry


def host_symmetry(host: Atoms) -> Symmetry:
    """Space group of a host.

    Raises:
        ConfigurationError: spglib finds none, as in a cell in which two atoms share a place.
    """
    import spglib

    found = spglib.get_symmetry((host.cell.array, host.get_scaled_positions(), host.numbers), symprec=SYMMETRY_TOLERANCE)
    if found is None:
        raise ConfigurationError("space.host: no space group was found; two atoms may be at the same position")
    return Symmetry(np.asarray(found["rotations"], dtype=np.intp), np.asarray(found["translations"], dtype=np.float64))


def with_grid(host: Atoms, spacing: float) -> tuple[Atoms, Symmetry, tuple[int, int, int]]:
    """Finds a host's space group and a grid that has it.

    No grid has the operations of a host whose origin is anywhere, as in a file that was relaxed or rounded. Such a host is
    moved to the origin of its space group in the International Tables, at which all translations are simple fractions.

    Args:
        host: Periodic; it is not changed.
        spacing: Largest step [Å].

    Returns:
        The host, moved where it had to be, its operations, and numbers of points as :func:`grid_shape` gives them.

    Raises:
        ConfigurationError: As of :func:`host_symmetry` and :func:`grid_shape`.
    """
    symmetry = host_symmetry(host)
    try:
        return host, symmetry, grid_shape(host.cell.lengths(), spacing, symmetry)
    except ConfigurationError:
        moved, symmetry = _at_tabulated_origin(host, symmetry)
        return moved, symmetry, grid_shape(moved.cell.lengths(), spacing, symmetry)


def _at_tabulated_origin(host: Atoms, symmetry: Symmetry) -> tuple[Atoms, Symmetry]:
    """A copy of a host whose origin is that of its space group in the tables, and the operations seen from there."""
    import spglib

    crystal = (host.cell.array, host.get_scaled_positions(), host.numbers)
    found = spglib.get_symmetry_dataset(crystal, symprec=SYMMETRY_TOLERANCE)
    if found is None:
        raise ConfigurationError("space.host: no space group was found; two atoms may be at the same position")
    # The tables' coordinates of x are P x + p; they are zero at the origin.
    origin = np.linalg.solve(np.asarray(found.transformation_matrix), -np.asarray(found.origin_shift))
    moved: Atoms = host.copy()
    moved.set_scaled_positions(host.get_scaled_positions() - origin)
    # Symmetry is not looked for again: in rounded positions it would have rounded translations.
    return moved, Symmetry(symmetry.rotations, symmetry.translations + symmetry.rotations @ origin - origin)


def grid_shape(lengths: FloatArray, spacing: float, symmetry: Symmetry) -> tuple[int, int, int]:
    """Numbers of points along the cell vectors: steps of at most ``spacing``, and every operation maps the grid on itself.

    Args:
        lengths: Of the cell vectors [Å], shape ``(3,)``.
        spacing: Largest step [Å].

    Raises:
        ConfigurationError: No grid with fewer than 48 times as many points along a vector is mapped on itself.
    """
    coupled = (symmetry.rotations != 0).any(axis=0)
    owner = np.array([int(np.flatnonzero(coupled[axis] | coupled[:, axis]).min(initial=axis)) for axis in range(3)])
    counts = np.zeros(3, dtype=np.intp)
    for first in np.unique(owner):
        axes = np.flatnonzero(owner == first)
        least = ceil(float(lengths[axes].max()) / spacing - 1e-9)
        shifts = symmetry.translations[:, axes]
        for count in range(max(least, 1), max(least, 1) + _LARGEST_FACTOR):
            steps = shifts * count
            if np.abs(steps - np.rint(steps)).max() < count * _ON_GRID:
                counts[axes] = count
                break
        else:
            raise ConfigurationError(
                f"space.grid: no grid of {spacing:g} Å has the symmetry of the host; expected another step"
            )
    x, y, z = (int(count) for count in counts)
    return x, y, z


def ion_grid(host: Atoms, spacing: float, exclusion: Mapping[str, float], symmetry: Symmetry) -> IonGrid:
    """Builds the grid of an ion's positions.

    Args:
        host: Periodic.
        spacing: Largest step along a cell vector [Å].
        exclusion: The ion comes no nearer to atoms of an element than this [Å], by element.

    Raises:
        ConfigurationError: The grid has not the host's symmetry, or no point is left.
    """
    shape = grid_shape(host.cell.lengths(), spacing, symmetry)
    points = np.indices(shape).reshape(3, -1).T
    lowest = _orbit_heads(points, shape, symmetry)
    heads, orbit, counts = np.unique(lowest, return_inverse=True, return_counts=True)
    fractions = points[heads] / np.array(shape)
    room = np.full(len(heads), np.inf)
    for element, radius in exclusion.items():
        room = np.minimum(room, nearest_distances(host, fractions, element)[:, 0] / radius)
    free = room >= 1.0
    if not free.any():
        raise ConfigurationError("space.exclusion: every grid point is inside an atom; expected smaller radii or a finer grid")
    place = np.where(free, np.cumsum(free) - 1, -1)
    grid = PeriodicGrid(shape, place[orbit].astype(np.intp), room[free], grid_operations(shape, symmetry))
    return IonGrid(grid, fractions[free], counts[free].astype(np.intp), symmetry)


def nearest_distances(host: Atoms, fractions: FloatArray, element: str, count: int = 1) -> FloatArray:
    """Distances [Å] to the nearest atoms of an element, ascending; infinite beyond 6 Å.

    Args:
        host: Periodic.
        fractions: Fractional coordinates, shape ``(n, 3)``.
        element: Chemical symbol of atoms of the host.

    Returns:
        Shape ``(n, count)``.
    """
    heights = 1.0 / np.linalg.norm(np.linalg.inv(host.cell.array), axis=0)
    reach = [range(-ceil(_REACH / height), ceil(_REACH / height) + 2) for height in heights]
    images = np.array([[i, j, k] for i in reach[0] for j in reach[1] for k in reach[2]], dtype=np.float64)
    own = host.get_scaled_positions()[np.array(host.get_chemical_symbols()) == element]
    tree = cKDTree((own[None, :, :] + images[:, None, :]).reshape(-1, 3) @ host.cell.array)
    found = tree.query((fractions % 1.0) @ host.cell.array, k=count, distance_upper_bound=_REACH)[0]
    return np.asarray(found).reshape(len(fractions), count)


def surroundings(host: Atoms, fractions: FloatArray) -> tuple[FloatArray, tuple[str, ...]]:
    """Features of positions: for each element of the host the nearest distance, and the logarithm of Σ exp(-d / 0.37 Å).

    Returns:
        Shape ``(n, 2 * n_elements)``, and the names of the columns.
    """
    columns, names = [], []
    for element in sorted(set(host.get_chemical_symbols())):
        distances = nearest_distances(host, fractions, element, _HARMONICS)
        columns += [np.minimum(distances[:, 0], _REACH), np.log(np.exp(-distances / SOFTNESS).sum(axis=1) + 1e-12)]
        names += [f"distance to {element} [Å]", f"ln bond sum with {element}"]
    return np.column_stack(columns), tuple(names)


def invariant_waves(host: Atoms, fractions: FloatArray, symmetry: Symmetry, resolution: float) -> FloatArray:
    """Coordinates of positions that are the same for all images under the space group and periodic.

    Plane waves of the reciprocal lattice, averaged over the operations and weighted by exp(-(q · resolution)² / 4): the squared
    distance of two rows is that of the positions in the feature space of a squared exponential kernel of length ``resolution``,
    averaged over the images.

    Args:
        fractions: Fractional coordinates, shape ``(n, 3)``.
        resolution: Positions further apart than this count as about equally far [Å].

    Returns:
        Shape ``(n, d)``, d at most 48; the largest column has the range 1.

    Raises:
        ConfigurationError: All positions are the same to every wave.
    """
    reciprocal = 2.0 * np.pi * np.linalg.inv(host.cell.array).T
    most = [ceil(6.0 / resolution * length / (2.0 * np.pi)) for length in host.cell.lengths()]
    ranges = (np.arange(-count, count + 1) for count in most)
    waves = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    squared = np.square(waves @ reciprocal).sum(axis=1)
    columns: list[FloatArray] = []
    done: set[tuple[int, int, int]] = {(0, 0, 0)}
    for index in np.argsort(squared, kind="stable"):
        wave = waves[index]
        i, j, k = (int(part) for part in wave)
        if (i, j, k) in done or len(columns) >= _WAVES:
            continue
        star = wave @ symmetry.rotations
        both = {(int(a), int(b), int(c)) for a, b, c in (*star, *-star)}
        done |= both
        phases = 2.0 * np.pi * (fractions @ star.T + symmetry.translations @ wave)
        weight = np.exp(-0.25 * squared[index] * resolution**2) * np.sqrt(len(both))
        parts = weight * np.cos(phases).mean(axis=1), weight * np.sin(phases).mean(axis=1)
        columns += [part for part in parts if np.ptp(part) > 1e-9]
    if not columns:
        raise ConfigurationError(
            f"space.grid: {len(fractions)} distinct positions, which no plane wave of the host's lattice distinguishes; "
            "expected a finer grid, a smaller exclusion or a smaller resolution"
        )
    rows = np.column_stack(columns)[:, :_WAVES]
    return np.asarray(rows / np.ptp(rows, axis=0).max())


def grid_operations(shape: tuple[int, int, int], symmetry: Symmetry) -> IntArray:
    """Operations in steps of a grid that they map onto itself, W and t side by side, shape ``(n, 3, 4)``."""
    sizes = np.array(shape)
    # The shape is such that all of these are whole numbers.
    steps = np.rint(symmetry.rotations * sizes[:, None] / sizes[None, :])
    return np.concatenate([steps, np.rint(symmetry.translations * sizes)[:, :, None]], axis=2).astype(np.intp)


def _orbit_heads(points: IntArray, shape: tuple[int, int, int], symmetry: Symmetry) -> IntArray:
    """Lowest flat index among the images of each point, shape ``(n_points,)``."""
    lowest = np.arange(prod(shape))
    for operation in grid_operations(shape, symmetry):
        image = (points @ operation[:, :3].T + operation[:, 3]) % np.array(shape)
        np.minimum(lowest, np.ravel_multi_index(tuple(image.T), shape), out=lowest)
    return lowest
