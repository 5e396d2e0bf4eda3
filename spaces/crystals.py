"""Crystals and scans of them as a space: every deformed, rattled or defective cell is a candidate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.build import surface

from tansaku.calculators.engines.electronic import kpoint_grid
from tansaku.calculators.structures.prototype_cells import (
    check_distances,
    conventional_cell,
    deformed,
    primitive_cell,
    sheared,
    strained,
    supercell,
)
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.crystals import (
    CrystalsSpaceSpec,
    LatticeScanSpec,
    PrototypeSpec,
    RattleScanSpec,
    Scan,
    ShearScanSpec,
    SlabScanSpec,
    StrainScanSpec,
    VacancyScanSpec,
)
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.engine.cost import CostModel

if TYPE_CHECKING:
    from ase import Atoms


_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


class CrystalsSpace:
    """A space of crystals (implements ``Space``).

    Systems are the scans of the crystals, ``fcc-lattice``. Candidate ids add what tells structures of a scan apart:
    ``fcc-lattice-a10250`` has 1.0250 times the lattice parameter, ``bcc-shear-a10000-p0500`` an angle larger by 5.00 degrees,
    ``fcc-rattle-0.1-n08-d0003`` is the third draw of 8 atoms, ``fcc-slab-s1_1_1-d0001`` the first of a (111) slab.

    Raises:
        ConfigurationError: A scan does not fit its crystal, or there are too many candidates.
    """

    def __init__(
        self,
        spec: CrystalsSpaceSpec,
        base_path: Path,  # noqa: ARG002 - every space is opened alike
        limits: LimitsSpec | None = None,
    ) -> None:
        self._spec = spec
        self._scans = {
            f"{name}-{scan.called}": (name, crystal, scan)
            for name, crystal in spec.crystals.items()
            for scan in spec.scans
            if scan.of is None or name in scan.of
        }
        _check_limits(self._scans, limits)
        self._systems = {
            system: tuple(_candidates_of(system, crystal, scan, spec.seed))
            for system, (_, crystal, scan) in self._scans.items()
        }
        empty = [system for system, several in self._systems.items() if not several]
        if empty:
            raise ConfigurationError(f"space.scans: {empty[0]} has no candidate, a change of 0 being left out")
        self._by_id = {
            f"{system}-{member.label}": (system, member) for system, several in self._systems.items() for member in several
        }

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids."""
        return self._pool

    def structure(self, candidate: str) -> Atoms:
        """Atoms of a candidate.

        Raises:
            NotFoundError: The id is not in the pool.
            CalculationError: Two atoms are hopelessly close (reason ``overlap``).
        """
        system, member = self._find(candidate)
        atoms = member.build()
        atoms.info = self._metadata(candidate, system, member)
        return atoms

    def elements(self) -> frozenset[str]:
        """Elements of the crystals."""
        return self._spec.elements

    def elements_of(self, candidate: str) -> frozenset[str]:
        """Elements of a candidate. Raises NotFoundError for an id outside the pool."""
        return frozenset(self._scans[self._find(candidate)[0]][1].elements)

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict per scan of a crystal."""
        rows = []
        for system, several in self._systems.items():
            name, crystal, scan = self._scans[system]
            atoms = [member.atoms for member in several]
            rows.append(
                {
                    "system": system,
                    "crystal": name,
                    "structure": crystal.structure,
                    "elements": list(crystal.elements),
                    "scan": scan.type,
                    "atoms_min": min(atoms),
                    "atoms_max": max(atoms),
                    "candidates": len(several),
                }
            )
        return rows

    def _metadata(self, candidate: str, system: str, member: Candidate) -> JsonDict:
        name, crystal, scan = self._scans[system]
        info: JsonDict = {
            "candidate": candidate,
            "system": system,
            "crystal": name,
            "structure": crystal.structure,
            "scan": scan.type,
            "lattice_parameter": crystal.lattice_parameter,
            "lattice_change": member.lattice_change,
            "change": member.change,
            "amplitude": member.amplitude,
            "draw": member.draw,
        }
        return info | ({"plane": list(member.plane)} if member.plane is not None else {})

    def _find(self, candidate: str) -> tuple[str, Candidate]:
        if candidate not in self._by_id:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        return self._by_id[candidate]

    @cached_property
    def _pool(self) -> CandidatePool:
        ids = np.array(list(self._by_id))
        order = np.argsort(ids, kind="stable")
        several = [self._by_id[str(name)] for name in ids[order]]
        systems = tuple(self._systems)
        codes = np.array([systems.index(system) for system, _ in several], dtype=np.intp)
        candidates = [member for _, member in several]
        sizes = self._sizes(candidates)
        prior = self._spec.cost_prior()
        return CandidatePool(
            ids=ids[order],
            systems=systems,
            system_codes=codes,
            surfaces=systems,
            surface_codes=codes,
            groups={group.name: group for group in self._groups(several)},
            cost=(sizes.values[:, 0] ** self._spec.cost.power)[sizes.index]
            if prior is None
            else CostModel.of_prior(prior).predict(sizes),
            cost_descriptors=sizes,
        )

    def _sizes(self, candidates: Sequence[Candidate]) -> FeatureGroup:
        """Numbers of atoms, and of k-points where cost is learned from them."""
        density = self._spec.cost.kpoint_density
        rows = np.array([[float(member.atoms)] for member in candidates])
        columns: tuple[str, ...] = ("atoms",)
        if density is not None:
            points = [[float(np.prod(kpoint_grid(member.cell @ member.gradient, density)))] for member in candidates]
            rows, columns = np.hstack((rows, np.array(points))), ("atoms", "kpoints")
        return FeatureGroup.compact("cost", rows, np.arange(len(rows)), columns)

    def _groups(self, several: Sequence[tuple[str, Candidate]]) -> list[FeatureGroup]:
        every = np.arange(len(several))
        names = list(self._spec.crystals)
        crystals = np.array([[float(names.index(self._scans[system][0]))] for system, _ in several])
        strains = np.array([_strain(member.gradient) for _, member in several])
        disorder = np.array(
            [
                [
                    member.amplitude,
                    float(isinstance(member.scan, VacancyScanSpec)),
                    float(isinstance(member.scan, SlabScanSpec)),
                ]
                for _, member in several
            ]
        )
        return [
            FeatureGroup.compact("crystal", crystals, every, ("crystal",), categorical=True),
            FeatureGroup.compact("strain", strains, every, ("xx", "yy", "zz", "yz", "xz", "xy")),
            FeatureGroup.compact("disorder", disorder, every, ("amplitude [Å]", "vacancy", "slab")),
        ]


def _check_limits(scans: Mapping[str, tuple[str, PrototypeSpec, Scan]], limits: LimitsSpec | None) -> None:
    """Refuses too many candidates and too large indices, by arithmetic alone."""
    check_limit(limits, "combinations", sum(_count_of(scan) for _, _, scan in scans.values()), "space.scans: candidates")
    for _, _, scan in scans.values():
        for plane in scan.planes if isinstance(scan, SlabScanSpec) else ():
            check_limit(limits, "index", max(map(abs, plane)), f"space.scans: {list(plane)}: largest index")


def _strain(gradient: FloatArray) -> FloatArray:
    """Green's strain of a deformation, invariant to rotations, shape ``(6,)``; rounded, so that equal strains share a row."""
    tensor = 0.5 * (gradient @ gradient.T - np.eye(3))
    return np.round(np.array([tensor[place] for place in _VOIGT]), 12) + 0.0


@dataclass(frozen=True)
class Candidate:
    """One structure of a scan.

    Attributes:
        label: Distinguishes it from the others of its scan, in fixed decimals.
        crystal: What is deformed.
        lattice: Change of the lattice parameter [%], 0 where it is drawn.
        change: Change of an angle [degrees] or an axis [%]; 0 where the scan has none.
        size: Atoms in the supercell; 0: the primitive cell, or a slab.
        plane: Of a slab.
        draw: Number of the draw, 0 where nothing is drawn.
        seed: Of the draw.
    """

    label: str
    crystal: PrototypeSpec
    scan: Scan
    lattice: float = 0.0
    change: float = 0.0
    size: int = 0
    plane: tuple[int, int, int] | None = None
    draw: int = 0
    seed: int = 0

    @property
    def gradient(self) -> FloatArray:
        """Deformation of the perfect crystal: rows of positions and cell are multiplied by it from the right."""
        if isinstance(self.scan, RattleScanSpec | VacancyScanSpec):
            return self._drawn()[0]
        scale = np.eye(3) * (1.0 + self.lattice / 100.0)
        if isinstance(self.scan, ShearScanSpec):
            return np.asarray(scale @ sheared(self.crystal, self.scan.axes, self.change))
        if isinstance(self.scan, StrainScanSpec):
            return np.asarray(scale @ strained(self.scan.kind, self.change))
        return scale

    @property
    def amplitude(self) -> float:
        """Standard deviation of the displacements [Å]."""
        return self.scan.amplitude if isinstance(self.scan, RattleScanSpec | VacancyScanSpec | SlabScanSpec) else 0.0

    @property
    def lattice_change(self) -> float:
        """Change of the lattice parameter [%]; for random strains, that of a cube of the same volume."""
        if isinstance(self.scan, RattleScanSpec | VacancyScanSpec):
            return round(100.0 * (float(np.cbrt(np.linalg.det(self.gradient))) - 1.0), 4)
        return self.lattice

    @property
    def atoms(self) -> int:
        """Number of atoms."""
        return len(self._cell()) - isinstance(self.scan, VacancyScanSpec)

    @property
    def cell(self) -> FloatArray:
        """Cell before the deformation [Å], shape ``(3, 3)``."""
        return np.asarray(self._cell().cell.array)

    def build(self) -> Atoms:
        """Builds the atoms.

        Raises:
            CalculationError: Two atoms are hopelessly close (reason ``overlap``).
        """
        atoms = deformed(self._cell(), self.gradient)
        if self.amplitude or isinstance(self.scan, VacancyScanSpec):
            _, gone, displacements = self._drawn()
            atoms.positions += self.amplitude * displacements
            if isinstance(self.scan, VacancyScanSpec):
                del atoms[gone]
        check_distances(atoms, self.crystal)
        return atoms

    def _cell(self) -> Atoms:
        if isinstance(self.scan, SlabScanSpec) and self.plane is not None:
            return _slab(self.crystal, self.plane, self.scan.layers, self.scan.vacuum)
        return _cell(self.crystal, self.size)

    def _drawn(self) -> tuple[FloatArray, int, FloatArray]:
        """Deformation, removed atom, and displacements in units of the amplitude, shape ``(n, 3)``."""
        # The stream of this generator is frozen: another version of numpy draws the same structure.
        rng = np.random.RandomState(self.seed)
        count = len(self._cell())
        strain = np.zeros((3, 3))
        lattice = 0.0
        # Everything is drawn, whether it is used or not: a scan without strain displaces its atoms like one with it.
        uniform, normal, chosen = rng.random_sample(), rng.standard_normal(6), rng.random_sample()
        if isinstance(self.scan, RattleScanSpec | VacancyScanSpec):
            lattice = self.scan.lattice * (2.0 * uniform - 1.0)
            xx, yy, zz, yz, xz, xy = normal * self.scan.strain / 100.0
            strain = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        gradient = (1.0 + lattice / 100.0) * (np.eye(3) + strain)
        return gradient, int(chosen * count), rng.standard_normal((count, 3))


def _candidates_of(name: str, crystal: PrototypeSpec, scan: Scan, seed: int) -> Iterator[Candidate]:
    """Candidates of a scan of a crystal."""
    if isinstance(scan, LatticeScanSpec):
        for percent in scan.percent.values:
            yield Candidate(_lattice_label(percent), crystal, scan, lattice=percent)
    elif isinstance(scan, ShearScanSpec | StrainScanSpec):
        steps = scan.degrees if isinstance(scan, ShearScanSpec) else scan.percent
        for percent in dict.fromkeys(round(percent, 2) for percent in scan.lattice):
            for change in filter(None, steps.values):
                label = f"{_lattice_label(percent)}-{'m' if change < 0 else 'p'}{abs(round(100 * change)):04d}"
                yield Candidate(label, crystal, scan, lattice=percent, change=change)
    elif isinstance(scan, SlabScanSpec):
        for plane in dict.fromkeys(scan.planes):
            indices = "_".join(map(str, plane)).replace("-", "m")
            for draw in range(1, scan.draws + 1):
                label = f"s{indices}-d{draw:04d}"
                drawn = _seed_of(seed, name, label)
                yield Candidate(label, crystal, scan, plane=plane, draw=draw, seed=drawn)
    else:
        for size in dict.fromkeys(scan.atoms):
            for draw in range(1, scan.draws + 1):
                label = f"n{size:02d}-d{draw:04d}"
                drawn = _seed_of(seed, name, label)
                yield Candidate(label, crystal, scan, size=size, draw=draw, seed=drawn)


def _count_of(scan: Scan) -> int:
    """Largest number of candidates that a scan makes of a crystal."""
    if isinstance(scan, LatticeScanSpec):
        return scan.percent.steps
    if isinstance(scan, ShearScanSpec | StrainScanSpec):
        steps = scan.degrees if isinstance(scan, ShearScanSpec) else scan.percent
        return steps.steps * len({round(percent, 2) for percent in scan.lattice})
    return scan.draws * len(set(scan.planes if isinstance(scan, SlabScanSpec) else scan.atoms))


def _lattice_label(percent: float) -> str:
    return f"a{round(10_000 + 100 * percent):05d}"


def _seed_of(seed: int, name: str, label: str) -> int:
    """Seed of a draw; further draws, sizes or scans do not change existing ones."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name} {label}".encode()).digest()[:4], "big")


@lru_cache(maxsize=256)
def _cell(crystal: PrototypeSpec, size: int) -> Atoms:
    return supercell(crystal, size) if size else primitive_cell(crystal)


@lru_cache(maxsize=64)
def _slab(crystal: PrototypeSpec, plane: tuple[int, int, int], layers: int, vacuum: float) -> Atoms:
    # Periodic along the normal too, which every calculator supports; the vacuum on both sides adds up between two slabs.
    found: Atoms = surface(conventional_cell(crystal), plane, layers, vacuum=vacuum / 2.0, periodic=True)
    return found
