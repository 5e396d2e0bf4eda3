"""Voids of a crystal: possible interstitial positions, each with its images under symmetry.

A vertex of Voronoi's polyhedra is as far from four atoms or more and further from all others; half way between two atoms is a
point of a face where no third atom is nearer. Vertices that nearly coincide, as those around a high-symmetry place, are moved
onto that place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from scipy.spatial import Voronoi, cKDTree

from tansaku.calculators.workflows.migration.network import Operation
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.workflow import InterstitialMechanismSpec

_REACH = 6.0
"""Atoms that far beyond the cell take part in the construction, further ones where a void is larger [Å]."""

_LARGEST = 100.0
_EXACT = 1e-3
"""Images of a place nearer to each other than this are merged [Å]."""

_MOST_MOVES = 50


@dataclass(frozen=True)
class Void:
    """A place and those that symmetry makes equal to it.

    Attributes:
        fractions: The one that is meant, wherever it is, and the others in the cell, shape ``(n, 3)``.
        clearance: Distance of the nearest atom [Å].
    """

    fractions: FloatArray
    clearance: float

    @property
    def place(self) -> tuple[float, float, float]:
        """The first of them."""
        x, y, z = (float(value) for value in self.fractions[0])
        return x, y, z


@dataclass(frozen=True)
class Dropped:
    """A position that is not an interstitial site, with the reason.

    Attributes:
        place: As fractions of the cell vectors.
        reason: Such as ``too_near``.
        message: What was found there.
    """

    place: tuple[float, float, float]
    reason: str
    message: str


def find_voids(
    host: Atoms, operations: Sequence[Operation], spec: InterstitialMechanismSpec
) -> tuple[tuple[Void, ...], tuple[Dropped, ...]]:
    """Finds the places where an ion is tried.

    Args:
        host: The crystal without the ion.
        operations: Of the crystal.
        spec: What counts as a void, or where the ion is to be.

    Returns:
        Voids, the roomiest first or in the order given, and the places that are not voids.

    Raises:
        CalculationError: ``no_site``: nothing is left.
    """
    given = spec.sites is not None
    points = np.array(spec.sites) if spec.sites is not None else _search(host, spec.faces)
    maker = VoidMaker(host, operations, spec.merge_distance)
    found: list[Void] = []
    dropped: list[Dropped] = []
    for point in points:
        void = maker.void(point)
        same = next((known for known in found if maker.near(void.fractions[0], known)), None)
        if same is not None:
            # Vertices come in swarms; of places that the user names, the outcome is reported.
            dropped += [Dropped(void.place, "merged", f"equal or near to {_written(same.place)}")] * given
        elif void.clearance < spec.min_distance:
            dropped += [Dropped(void.place, "too_near", f"an atom is {void.clearance:.2f} Å away")] * given
        else:
            found.append(void)
    if not found:
        what = f"{len(points)} given places" if given else "Voronoi's construction"
        raise CalculationError(
            "no_site", f"{what}: no void of {host.get_chemical_formula()} is {spec.min_distance:g} Å from every atom"
        )
    left = found[spec.max_sites :]
    dropped += [Dropped(site.place, "max_sites", f"{spec.max_sites} others have more room") for site in left]
    return tuple(found[: spec.max_sites]), tuple(dropped)


class _Lattice:
    """Shortest vectors of a periodic crystal."""

    def __init__(self, host: Atoms) -> None:
        self._cell = host.cell.array
        self._reduced, _ = minkowski_reduce(self._cell, pbc=True)
        self._around = np.array(list(product((-1, 0, 1), repeat=3))) @ self._reduced

    def shortest(self, fractions: FloatArray) -> FloatArray:
        """Returns the shortest of all vectors that are differences of whole cells from those given [Å], shape ``(n, 3)``."""
        vectors = fractions @ self._cell
        vectors = vectors - np.rint(np.linalg.solve(self._reduced.T, vectors.T).T) @ self._reduced
        several = vectors[:, None, :] + self._around[None, :, :]
        return np.asarray(several[np.arange(len(several)), np.linalg.norm(several, axis=2).argmin(axis=1)])


class VoidMaker:
    """Groups positions into voids by symmetry.

    Args:
        host: The crystal without the ion.
        operations: Of the crystal.
        merge_distance: Images of a place that are nearer to it than this are merged with it [Å].
    """

    def __init__(self, host: Atoms, operations: Sequence[Operation], merge_distance: float) -> None:
        self._lattice = _Lattice(host)
        self._inverse = np.linalg.inv(host.cell.array)
        self._atoms = host.get_scaled_positions(wrap=False)
        self._rotations = np.array([operation.rotation for operation in operations])
        self._translations = np.array([operation.translation for operation in operations])
        self._merge_distance = merge_distance

    def void(self, point: FloatArray) -> Void:
        """The void at a place, on the symmetry element that it is near to."""
        place = np.asarray(point, dtype=np.float64)
        for _ in range(_MOST_MOVES):
            apart = self._lattice.shortest(self._images(place) - place)
            near = apart[np.linalg.norm(apart, axis=1) < self._merge_distance]
            step = near.mean(axis=0)
            place = place + step @ self._inverse
            if np.linalg.norm(step) < 1e-12:
                break
        kept = [place]
        for image in self._images(place):
            if np.linalg.norm(self._lattice.shortest(np.array(kept) - image), axis=1).min() > _EXACT:
                kept.append(_wrapped(image))
        return Void(np.array(kept), float(np.linalg.norm(self._lattice.shortest(self._atoms - place), axis=1).min()))

    def near(self, point: FloatArray, void: Void) -> bool:
        """Returns whether a position belongs to a void or is near one of its positions."""
        apart = np.linalg.norm(self._lattice.shortest(void.fractions - point), axis=1)
        return bool(apart.min() < self._merge_distance)

    def _images(self, place: FloatArray) -> FloatArray:
        return np.asarray(self._rotations @ place + self._translations)


def _written(place: Iterable[float]) -> str:
    return "(" + ", ".join(f"{value:.3f}" for value in place) + ")"


def _wrapped(place: FloatArray) -> FloatArray:
    inside = np.mod(place, 1.0)
    inside[inside > 1.0 - 1e-9] = 0.0
    return np.asarray(inside)


def _search(host: Atoms, faces: bool) -> FloatArray:
    """Vertices, and points of faces where they are asked for, the roomiest first, as fractions, shape ``(n, 3)``."""
    reach = _REACH
    while True:
        points = _surroundings(host, reach)
        diagram, tree = Voronoi(points), cKDTree(points)
        found = _inside(host, diagram.vertices)
        room = tree.query(found @ host.cell.array)[0]
        # A sphere without atoms that lies within what was looked at is one of the crystal's.
        if room.max(initial=0.0 if len(found) else np.inf) < reach or reach > _LARGEST:
            break
        reach *= 2.0
    if faces:
        pairs = points[diagram.ridge_points]
        middle = pairs.mean(axis=1)
        empty = tree.query(middle)[0] > 0.5 * np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1) - 1e-6
        between = _inside(host, middle[empty])
        found = np.concatenate([found, between])
        room = np.concatenate([room, tree.query(between @ host.cell.array)[0]])
    # Equal ones come in an order that rounding does not change.
    order = np.lexsort((*np.round(found, 4).T[::-1], -np.round(room, 3)))
    return np.asarray(found[order])


def _inside(host: Atoms, positions: FloatArray) -> FloatArray:
    """Returns the positions within the cell, as fractions, shape ``(n, 3)``."""
    fractions = np.linalg.solve(host.cell.array.T, positions.T).T
    return np.asarray(fractions[((fractions > -1e-6) & (fractions < 1.0 - 1e-6)).all(axis=1)])


def _surroundings(host: Atoms, reach: float) -> FloatArray:
    """Positions of the atoms in the cell and so far around it [Å], shape ``(n, 3)``."""
    heights = host.cell.volume / np.linalg.norm(np.cross(host.cell.array[[1, 2, 0]], host.cell.array[[2, 0, 1]]), axis=1)
    beyond = reach / heights
    inside = np.mod(host.get_scaled_positions(wrap=False), 1.0)
    counts = [np.arange(-int(np.ceil(length)), int(np.ceil(length)) + 1) for length in beyond]
    cells = np.stack(np.meshgrid(*counts, indexing="ij"), axis=-1).reshape(-1, 3)
    places = (inside[None, :, :] + cells[:, None, :]).reshape(-1, 3)
    near = ((places > -beyond - 1e-9) & (places < 1.0 + beyond + 1e-9)).all(axis=1)
    return np.asarray(places[near] @ host.cell.array)
