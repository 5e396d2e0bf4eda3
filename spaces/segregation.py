"""Sites of a solute, a vacancy or an interstitial at a boundary as a space: every kind of site is a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers

from tansaku.calculators.engines.motion import BLOCK
from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.calculators.structures.perfect_crystal import crystal_of
from tansaku.calculators.structures.sites import (
    Site,
    atom_sites,
    crystal_surroundings,
    repeats_for,
    void_centres,
    void_sites,
)
from tansaku.calculators.structures.structure_reader import checked_structure
from tansaku.calculators.structures.unreadable import unreadable
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.identifiers import check_unchanged
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.specs.segregation import SegregationSpaceSpec, SkewNormalSpec
from tansaku.models.features.structure_descriptors import principal_components, site_soap

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.models.domain.specs.grain_boundary import CrystalSpec

_KEY = "space.boundary"
_ARRAYS = (BLOCK, "held", "grain", "boundary", "region")
_DIGITS = 8
_CLOSEST = 0.5
"""Smallest distance of two atoms, in distances of neighbours of the crystal."""
_IN_PLANE, _EVERYWHERE = (0, 1), (0, 1, 2)


class SegregationSpace:
    """Sites at a boundary (implements ``Space``).

    Candidate ids are the defect and the number of the site's first atom in the file, counted from 0: ``Mg-00012``,
    ``vacancy-00012``; those of interstitials number the voids, ``H-void-0003``.

    Args:
        base_path: Folder in which relative paths start.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: The file cannot be read, does not fit the crystal, or has no site.
        MissingComponentError: A package is not installed.
    """

    def __init__(self, spec: SegregationSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> None:
        self._spec = spec
        if spec.solute is not None and not atomic_numbers.get(spec.solute):
            raise ConfigurationError(f"space.solute: {spec.solute!r}; expected a chemical symbol")
        path = base_path / spec.boundary
        self._cell = _read(path, spec, limits)
        self._repeats = repeats_for(self._cell.cell.array, spec.images, _IN_PLANE)
        check_limit(limits, "atoms", len(self._cell) * int(np.prod(self._repeats)), "space.images: atoms in a cell")
        unit = crystal_of(spec.crystal.structure, spec.crystal.element, spec.crystal.parameters).unit_cell()
        self._unit, self._unit_repeats = unit, repeats_for(unit.cell.array, spec.images, _EVERYWHERE)
        check_limit(limits, "atoms", len(unit) * int(np.prod(self._unit_repeats)), "space.images: atoms of the crystal")
        self._name = spec.solute or "vacancy"
        self._system = f"{self._name}-{spec.crystal.element}"

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    def structure(self, candidate: str) -> Atoms:
        """The repeated cell of the boundary with the defect at a site.

        Raises:
            NotFoundError: The id is not in the pool.
        """
        site = self.site(candidate)
        atoms = self._with_defect(self.perfect(), site.position, site.place)
        atoms.info = {
            "candidate": candidate,
            "system": self._system,
            "site": site.place,
            "site_position": [float(part) for part in site.position],
            "multiplicity": site.members,
            "coordination": site.coordination,
        }
        return atoms

    def site(self, candidate: str) -> Site:
        """The site of a candidate. Raises NotFoundError for an id outside the pool."""
        if candidate not in self._by_id:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        return self._by_id[candidate]

    def perfect(self) -> Atoms:
        """The repeated cell of the boundary without a defect."""
        atoms: Atoms = self._cell.repeat(self._repeats)
        return atoms

    def crystal(self) -> Atoms:
        """The crystal's cell without a defect."""
        atoms: Atoms = self._unit.repeat(self._unit_repeats)
        return atoms

    def crystals_with_defect(self) -> list[Atoms]:
        """The crystal's cell with the defect, in each kind of place that the crystal has for it."""
        if self._spec.defect != "interstitial":
            return [self._with_defect(self.crystal(), self._unit.positions[0], 0)]
        return [self._with_defect(self.crystal(), centre, 0) for centre in void_centres(self._unit)]

    @property
    def published(self) -> SkewNormalSpec | None:
        """The spectrum of the literature that the spec gives for comparison."""
        return self._spec.published

    def elements(self) -> frozenset[str]:
        """The crystal's and the solute's."""
        return self._spec.elements

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict: the defect at this boundary."""
        return [
            {
                "system": self._system,
                "defect": self._spec.defect,
                "sites": sum(site.members for site in self._by_id.values()),
                "atoms": len(self._cell) * int(np.prod(self._repeats)),
                "repeats": list(self._repeats),
                "candidates": len(self._by_id),
            }
        ]

    def _with_defect(self, atoms: Atoms, position: FloatArray, place: int) -> Atoms:
        from ase import Atoms as Structure

        if self._spec.defect == "interstitial":
            # Arrays that the added atom lacks are zero for it: it moves freely.
            atoms += Structure(self._spec.solute, positions=[position])
        elif self._spec.solute is None:
            del atoms[place]
        else:
            atoms.symbols[place] = self._spec.solute
        return atoms

    @cached_property
    def _by_id(self) -> dict[str, Site]:
        spec, voids = self._spec, self._spec.defect == "interstitial"
        crystal = crystal_surroundings(self._unit, spec.radius, voids=voids)
        found = (void_sites if voids else atom_sites)(self._cell, crystal, spec.change, spec.tolerance)
        if not found:
            raise ConfigurationError(
                f"space.change: no {'void' if voids else 'atom'} of {spec.boundary} differs from the crystal by more than "
                f"{spec.change:g} Å; expected a smaller change, or the structure of a boundary"
            )
        middle, digits = ("-void-", 4) if voids else ("-", 5)
        return {f"{self._name}{middle}{site.place:0{digits}d}": site for site in sorted(found, key=lambda item: item.place)}

    @cached_property
    def _pool(self) -> CandidatePool:
        sites = list(self._by_id.values())
        every = np.arange(len(sites))
        codes = np.zeros(len(sites), dtype=np.intp)
        atoms = float(len(self._cell) * np.prod(self._repeats))
        surroundings, columns = self._surroundings(sites)
        near = np.array([[float(site.coordination), site.distances[:4].mean(), site.change] for site in sites])
        names = ("coordination", "nearest distance [Å]", "change [Å]")
        return CandidatePool(
            ids=np.array(list(self._by_id)),
            systems=(self._system,),
            system_codes=codes,
            surfaces=(self._system,),
            surface_codes=codes,
            groups={
                "surroundings": FeatureGroup.compact("surroundings", surroundings, every, columns),
                "near": FeatureGroup.compact("near", np.round(near, _DIGITS), every, names),
            },
            cost=np.full(len(sites), atoms**self._spec.cost.power),
            cost_descriptors=FeatureGroup.compact("cost", np.full((len(sites), 1), atoms), every, ("atoms",)),
        )

    def _surroundings(self, sites: Sequence[Site]) -> tuple[FloatArray, tuple[str, ...]]:
        if self._spec.soap is not None:
            spectra = site_soap(self._cell, np.array([site.position for site in sites]), self._spec.soap)
        else:
            spectra = np.array([site.distances for site in sites])
        found = principal_components(spectra, self._spec.components)
        return found, tuple(f"component {number}" for number in range(1, found.shape[1] + 1))


def _read(path: Path, spec: SegregationSpaceSpec, limits: LimitsSpec | None) -> Atoms:
    """The structure of a file: elements, positions, cell, and the arrays that a relaxation needs."""
    if not path.is_file():
        raise ConfigurationError(f"{_KEY}: no file {str(path)!r}")
    check_limit(limits, "structure_bytes", path.stat().st_size, f"{_KEY}: bytes of {path.name!r}")
    check_unchanged(path, spec.sha256, _KEY)
    try:
        several = list(read_extended_xyz(path.read_text(encoding="utf-8")))
    except Exception as error:  # ASE meets bad files with whatever its next line raises
        raise unreadable(path, f"{_KEY}: ", error) from error
    if len(several) != 1:
        raise ConfigurationError(f"{_KEY}: {path.name} holds {len(several)} structures; expected one")
    atoms = several[0]
    check_limit(limits, "atoms", len(atoms), f"{_KEY}: atoms of {path.name!r}")
    _check(atoms, path.name, spec)
    atoms.calc, atoms.info = None, {}
    for name in set(atoms.arrays) - {"numbers", "positions", *_ARRAYS}:
        del atoms.arrays[name]
    return atoms


def _check(atoms: Atoms, name: str, spec: SegregationSpaceSpec) -> None:
    """Raises ConfigurationError if a structure is not one of the spec's crystal, or not periodic."""
    elements, crystal = sorted(set(atoms.get_chemical_symbols())), spec.crystal
    if elements != [crystal.element]:
        raise ConfigurationError(f"{_KEY}: {name} has {', '.join(elements)}; expected {crystal.element}, the crystal's element")
    if not atoms.pbc.all() or atoms.cell.rank < 3:
        raise ConfigurationError(f"{_KEY}: {name} is not periodic in three directions; expected a cell")
    checked_structure(atoms, {}, f"{_KEY}: {name}")
    _check_distances(atoms, name, crystal)
    given = atoms.info.get("lattice_parameter")
    if given is not None and not np.allclose(np.ravel(given), np.ravel(crystal.parameters), rtol=1e-4):
        raise ConfigurationError(
            f"space.crystal.lattice_parameter: {np.ravel(crystal.parameters).tolist()}; the grains of {name} have "
            f"{np.ravel(given).tolist()} Å"
        )


def _check_distances(atoms: Atoms, name: str, crystal: CrystalSpec) -> None:
    """Raises ConfigurationError if two atoms lie on each other: no relaxed structure has them."""
    from ase.neighborlist import neighbor_list

    unit = crystal_of(crystal.structure, crystal.element, crystal.parameters).unit_cell().repeat(2)
    apart = unit.get_all_distances(mic=True)
    closest = _CLOSEST * float(apart[apart > 0.0].min())
    first, second, distance = neighbor_list("ijd", atoms, closest)
    if len(distance):
        at = int(distance.argmin())
        raise ConfigurationError(
            f"{_KEY}: atoms {first[at]} and {second[at]} of {name} are {distance[at]:.2f} Å apart; "
            f"expected {closest:.2f} or more"
        )
