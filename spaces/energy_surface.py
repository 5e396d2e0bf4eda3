"""The energy surface of an ion in a host as a space: every distinct point of a grid is a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.constraints import FixAtoms
from ase.data import atomic_numbers, covalent_radii

from tansaku.calculators.engines.electronic import TOTAL_CHARGE
from tansaku.calculators.structures.cif_file import check_apart
from tansaku.calculators.structures.ion_grid import (
    IonGrid,
    invariant_waves,
    ion_grid,
    surroundings,
    with_grid,
)
from tansaku.calculators.structures.oxide_cells import oxide_cell
from tansaku.calculators.structures.oxide_prototypes import OXIDE_PROTOTYPES
from tansaku.calculators.structures.prototype_cells import primitive_cell
from tansaku.calculators.structures.structure_reader import read_structures
from tansaku.calculators.workflows.pinned_ion import ACROSS
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, PeriodicGrid
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.crystals import PrototypeSpec
from tansaku.models.domain.specs.energy_surface import EnergySurfaceSpaceSpec, FileHostSpec, OxideHostSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit

if TYPE_CHECKING:
    from ase import Atoms


MOST_HOST_ATOMS = 1000
"""Atoms in a host's cell: its symmetry takes minutes to find among many more."""

_DIGITS = 4
_ROUNDED = 12


class EnergySurfaceSpace:
    """An energy surface (implements ``Space``).

    The system is the ion in its host, ``H-BaZrO3``. Candidate ids are the ion's fractional coordinates in the host's cell in
    units of 1/10000, ``H-BaZrO3-x0294-y0000-z5000``.

    Args:
        base_path: Folder that relative paths start from.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: The host cannot be read, the grid does not fit it, or it is too large.
        MissingComponentError: pymatgen is not installed.
    """

    def __init__(self, spec: EnergySurfaceSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> None:
        self._spec = spec
        if not atomic_numbers.get(spec.ion):  # X, a ghost, has the number 0
            raise ConfigurationError(f"space.ion: {spec.ion!r}; expected a chemical symbol")
        for element in sorted(spec.elements - {spec.ion}):
            if not atomic_numbers.get(element):
                raise ConfigurationError(f"space.host.elements: {element!r}; expected chemical symbols")
        self._host = _host(spec, base_path, limits)
        if len(self._host) > MOST_HOST_ATOMS:
            raise ConfigurationError(f"space.host: {len(self._host):,} atoms in the cell; expected at most {MOST_HOST_ATOMS:,}")
        check_apart(self._host, "space.host")
        self._host, self._symmetry, shape = with_grid(self._host, spec.grid)
        self._shape = shape
        _check_room(self._host, shape, self._exclusion, spec.exclusion)
        check_limit(limits, "pool", prod(shape), "space.grid: points of the grid")
        check_limit(limits, "atoms", len(self._host) * prod(spec.supercell) + 1, "space.supercell: atoms in a cell")
        self._path = None
        if spec.along is not None:
            self._path = _read_path(base_path / spec.along.file, limits, self.structure_at(np.zeros(3)), self._host.cell.array)
        self._system = f"{spec.ion}-{self._host.get_chemical_formula(mode='metal', empirical=True)}"

    def check_steps(self) -> None:
        """Raises ConfigurationError if a step between neighbouring points of the grid may lead into an atom.

        Not part of opening a space: campaigns with coarser grids were stored before this was checked.
        """
        check_steps(self._host, self._shape, self._exclusion)

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    def structure(self, candidate: str) -> Atoms:
        """The host with the ion at a point; the ion is the last atom.

        Raises:
            NotFoundError: The id is not in the pool.
        """
        if candidate not in self._by_id:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        fraction = self._positions.fractions[self._by_id[candidate]]
        atoms = self.structure_at(fraction)
        atoms.info |= {"candidate": candidate, "system": self._system, "fraction": [float(part) for part in fraction]}
        if self._path is not None:
            atoms.info[ACROSS] = [float(part) for part in self._across[1][self._by_id[candidate]]]
            if self.rigid:
                atoms.set_constraint(FixAtoms(range(len(atoms) - 1)))
        return atoms

    @property
    def host(self) -> Atoms:
        """The host's cell, without the ion; moved where no grid has the symmetry of the host as it was given."""
        host: Atoms = self._host.copy()
        return host

    @property
    def rigid(self) -> bool:
        """Whether the host stays fixed around the ion."""
        return self._spec.host_atoms == "fixed"

    def structure_at(self, fraction: FloatArray) -> Atoms:
        """Builds the structure with the ion at any position; the ion is the last atom and is not wrapped into the cell.

        Args:
            fraction: Fractional coordinates in the host's cell, shape ``(3,)``.
        """
        from ase import Atom

        atoms: Atoms = self._host.repeat(self._spec.supercell)
        atoms.append(Atom(self._spec.ion, fraction @ self._host.cell.array))
        atoms.info = {TOTAL_CHARGE: self._spec.charge} if self._spec.charge else {}
        return atoms

    def elements(self) -> frozenset[str]:
        """The host's and the ion's."""
        return frozenset({self._spec.ion, *self._host.get_chemical_symbols()})

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict: the surface."""
        grid = self._positions.grid
        return [
            {
                "system": self._system,
                "ion": self._spec.ion,
                "host": self._host.get_chemical_formula(mode="metal"),
                "operations": len(self._symmetry.rotations),
                "grid": list(grid.shape),
                "grid_points": len(grid.members),
                "excluded_points": int((grid.members < 0).sum()),
                "atoms": len(self._host) * prod(self._spec.supercell) + 1,
                "candidates": len(self._positions.fractions),
            }
        ]

    @property
    def _exclusion(self) -> dict[str, float]:
        """Radii of the spheres that are left out, by element [Å]."""
        radius = covalent_radii[atomic_numbers[self._spec.ion]]
        return {
            element: self._spec.exclusion * float(radius + covalent_radii[atomic_numbers[element]])
            for element in sorted(set(self._host.get_chemical_symbols()))
        }

    @cached_property
    def _positions(self) -> IonGrid:
        if self._path is not None:
            return self._across[0]
        return ion_grid(self._host, self._spec.grid, self._exclusion, self._symmetry)

    @cached_property
    def _across(self) -> tuple[IonGrid, FloatArray]:
        """Positions along the path, and its direction at each."""
        if self._path is None:
            raise AssertionError("only a space along a path has directions")
        every = ion_grid(self._host, self._spec.grid, self._exclusion, self._symmetry)
        return _along_path(every, self._path, self._host.cell.array)

    @cached_property
    def _by_id(self) -> dict[str, int]:
        places = np.rint(self._positions.fractions * 10**_DIGITS).astype(np.intp).tolist()
        ids = [f"{self._system}-x{x:0{_DIGITS}d}-y{y:0{_DIGITS}d}-z{z:0{_DIGITS}d}" for x, y, z in places]
        # The grid's positions ascend along the first direction, so that ids of equal width ascend too.
        if sorted(set(ids)) != ids:
            raise ConfigurationError("space.grid: points are closer than candidate ids can distinguish; expected a larger step")
        return {name: place for place, name in enumerate(ids)}

    @cached_property
    def _pool(self) -> CandidatePool:
        found = self._positions
        count = len(found.fractions)
        every = np.arange(count)
        # Rounded, so that positions that differ only in their last bits are equal.
        waves = np.round(invariant_waves(self._host, found.fractions, found.symmetry, self._spec.resolution), _ROUNDED)
        near, columns = surroundings(self._host, found.fractions)
        atoms = float(len(self._host) * prod(self._spec.supercell) + 1)
        return CandidatePool(
            ids=np.array(list(self._by_id)),
            systems=(self._system,),
            system_codes=np.zeros(count, dtype=np.intp),
            surfaces=(self._system,),
            surface_codes=np.zeros(count, dtype=np.intp),
            groups={
                "position": FeatureGroup.compact(
                    "position", waves, every, tuple(f"wave{number:02d}" for number in range(waves.shape[1]))
                ),
                "surroundings": FeatureGroup.compact("surroundings", np.round(near, _ROUNDED), every, columns),
            },
            cost=np.full(count, atoms**self._spec.cost.power),
            cost_descriptors=FeatureGroup.compact("cost", np.full((count, 1), atoms), every, ("atoms",)),
            grids={self._system: found.grid},
        )


def _host(spec: EnergySurfaceSpaceSpec, base_path: Path, limits: LimitsSpec | None) -> Atoms:
    """The host's cell, without the ion."""
    match spec.host:
        case FileHostSpec(file=file):
            path, key = base_path / file, "space.host.file"
            if path.is_file():
                check_limit(limits, "cif_bytes", path.stat().st_size, f"{key}: bytes of {path.name!r}")
            found = [item.atoms for item in read_structures(path, limits, key)]
            if len(found) != 1:
                raise ConfigurationError(f"space.host.file: {file!r} has {len(found)} structures; expected 1")
            return found[0]
        case PrototypeSpec() as crystal:
            return primitive_cell(crystal)
        case OxideHostSpec(prototype=prototype, ions=ions, volume=volume):
            cations = [Ion.parse(text) for text in ions]
            _check_charges(prototype, cations)
            return oxide_cell(prototype, cations, volume)


_KEY = "space.along.file"

_AROUND = 0.5
"""Length of the path on either side of a point that tells its direction there [Å]."""

_ON_GRID = 0.01
_CLOSED = 1e-3
_TURNS = 0.2


def _read_path(path: Path, limits: LimitsSpec | None, computed: Atoms, host: FloatArray) -> FloatArray:
    """Fractional coordinates of the ion along a path, in the host's cell and not wrapped, shape ``(n, 3)``.

    Args:
        host: Vectors of the host's cell as rows [Å].
    """
    if path.is_file():
        check_limit(limits, "cif_bytes", path.stat().st_size, f"{_KEY}: bytes of {path.name!r}")
    places = []
    for number, item in enumerate(read_structures(path, limits, _KEY), start=1):
        atoms = item.atoms
        same = len(atoms) == len(computed) and bool((atoms.numbers == computed.numbers).all())
        if not same or not np.allclose(atoms.cell.array, computed.cell.array, atol=_CLOSED):
            raise ConfigurationError(
                f"{_KEY}: structure {number} of {path.name!r} is {atoms.get_chemical_formula()} in another cell or order than "
                f"{computed.get_chemical_formula()} of this space; expected host, ion and supercell of the search that wrote it"
            )
        places.append(atoms.positions[-1] @ np.linalg.inv(host))
    shift = places[-1] - places[0]
    if len(places) < 3 or np.abs(shift - np.rint(shift)).max() > _CLOSED or not np.rint(shift).any():
        raise ConfigurationError(f"{_KEY}: {path.name!r} does not lead to an image of its first point; expected a whole path")
    return np.array(places)


def _along_path(found: IonGrid, fractions: FloatArray, cell: FloatArray) -> tuple[IonGrid, FloatArray]:
    """Leaves only the points of a path in a grid, and what symmetry makes equal to them.

    Args:
        cell: The host's vectors as rows [Å].

    Returns:
        Cartesian coordinates, shape ``(n, 3)``.
    """
    shape = np.array(found.grid.shape)
    steps = fractions * shape
    points = np.rint(steps).astype(np.intp)
    flat = np.ravel_multi_index(tuple((points % shape).T), found.grid.shape)
    members = found.grid.members[flat]
    beside = np.flatnonzero((np.abs(steps - points).max(axis=1) > _ON_GRID) | (members < 0))
    if len(beside):
        raise ConfigurationError(
            f"{_KEY}: point {beside[0] + 1} of {len(points)} is no point of this grid; expected grid and exclusion of the "
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
    ends = [np.column_stack([np.interp(here + side * _AROUND, lengths, part) for part in turns.T]) for side in (-1.0, 1.0)]
    ways = ends[1] - ends[0]
    # Where it comes out of a dead end as it went in, both are one point: the way out is its direction.
    back = np.linalg.norm(ways, axis=1) < _TURNS
    ways[back] = (ends[1] - fractions @ cell)[back]
    return np.asarray(ways / np.linalg.norm(ways, axis=1, keepdims=True))


_INSIDE = 0.35
"""An ion nearer to an atom than this is inside it [Å]."""

_ANION = 2


def _check_charges(prototype: str, cations: Sequence[Ion]) -> None:
    """Raises ConfigurationError unless there is one cation for each site and their charges cancel those of oxygen."""
    *counts, oxygen = OXIDE_PROTOTYPES[prototype].counts
    if len(cations) != len(counts):
        raise ConfigurationError(
            f"space.host.ions: {len(cations)} given, but {prototype} has {len(counts)} sites for cations; expected one for each"
        )
    charge = sum(count * ion.charge for count, ion in zip(counts, cations, strict=True)) - _ANION * oxygen
    if charge:
        raise ConfigurationError(
            f"space.host.ions: {', '.join(map(str, cations))} in {prototype}: the host would have a charge of {charge:+d} e in "
            "each primitive cell; expected charges that cancel"
        )


def _check_room(host: Atoms, shape: tuple[int, int, int], exclusion: Mapping[str, float], key: float) -> None:
    """Raises ConfigurationError if the ion may be inside an atom, or a step of the grid may lead across one.

    Args:
        exclusion: Radii of the excluded spheres by element [Å].
    """
    element, radius = _smallest(exclusion)
    if radius < _INSIDE:
        least = f"; expected at least {key * _INSIDE / radius:.2f}" if radius > 0 else "; expected a larger one, such as 0.6"
        raise ConfigurationError(
            f"space.exclusion: {key:g} lets the ion be {radius:.2f} Å from {element}, inside the atom{least}"
        )
    step = float((host.cell.lengths() / np.array(shape)).max())
    if step > radius:
        raise ConfigurationError(
            f"space.grid: steps of {step:.2f} Å lead across atoms: the excluded sphere around {element} has a radius of "
            f"{radius:.2f} Å; expected steps of at most {radius:.2f} Å"
        )


def check_steps(host: Atoms, shape: tuple[int, int, int], exclusion: Mapping[str, float]) -> None:
    """Raises ConfigurationError if a step to one of the 26 neighbours of a point may lead into an atom.

    A step of length L between two points outside a sphere of radius r comes as near to its centre as (r² - L²/4)^½.

    Args:
        host: Its cell.
        shape: Of the grid.
        exclusion: Radii of the excluded spheres by element [Å], as :func:`_check_room` accepts them.
    """
    element, radius = _smallest(exclusion)
    around = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    steps = np.linalg.norm(around / np.array(shape) @ host.cell.array, axis=1)
    longest, most = float(steps.max()), 2.0 * float(np.sqrt(max(radius**2 - _INSIDE**2, 0.0)))
    if longest > most:
        spacing = float((host.cell.lengths() / np.array(shape)).max()) * most / longest
        raise ConfigurationError(
            f"space.grid: steps of {longest:.2f} Å between neighbouring points lead into atoms: the excluded sphere around "
            f"{element} has a radius of {radius:.2f} Å; expected a grid of at most {spacing:.2f} Å, or a larger space.exclusion"
        )


def _smallest(exclusion: Mapping[str, float]) -> tuple[str, float]:
    return min(exclusion.items(), key=lambda item: item[1])
