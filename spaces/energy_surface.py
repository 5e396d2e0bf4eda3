"""The energy surface of an ion in a host as a space: every distinct point of a grid is a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.constraints import FixAtoms
from ase.data import atomic_numbers, covalent_radii

from tansaku.calculators.engines.electronic import TOTAL_CHARGE
from tansaku.calculators.structures.ion_grid import (
    IonGrid,
    invariant_waves,
    ion_grid,
    surroundings,
    with_grid,
)
from tansaku.calculators.structures.oxide_cells import oxide_cell
from tansaku.calculators.structures.prototype_cells import primitive_cell
from tansaku.calculators.structures.structure_reader import read_structures
from tansaku.calculators.workflows.pinned_ion import ACROSS
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.crystals import PrototypeSpec
from tansaku.models.domain.specs.energy_surface import EnergySurfaceSpaceSpec, FileHostSpec, OxideHostSpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.spaces.ion_path import along_path, read_path
from tansaku.spaces.ion_room import check_charges, check_host, check_room, check_steps

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
        spec: The spec.
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
        check_host(self._host)
        self._host, self._symmetry, shape = with_grid(self._host, spec.grid)
        self._shape = shape
        check_room(self._host, shape, self._exclusion, spec.exclusion)
        check_limit(limits, "pool", prod(shape), "space.grid: points of the grid")
        check_limit(limits, "atoms", len(self._host) * prod(spec.supercell) + 1, "space.supercell: atoms in a cell")
        self._path = None
        if spec.along is not None:
            self._path = read_path(base_path / spec.along.file, limits, self.structure_at(np.zeros(3)), self._host.cell.array)
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
        return along_path(every, self._path, self._host.cell.array)

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
            check_charges(prototype, cations)
            return oxide_cell(prototype, cations, volume)
