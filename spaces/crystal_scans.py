"""Candidates of scans, each a deformation of a crystal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from ase.build import surface

from tansaku.calculators.structures.prototype_cells import (
    check_distances,
    conventional_cell,
    deformed,
    primitive_cell,
    sheared,
    strained,
    supercell,
)
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.crystals import (
    LatticeScanSpec,
    PrototypeSpec,
    RattleScanSpec,
    Scan,
    ShearScanSpec,
    SlabScanSpec,
    StrainScanSpec,
    VacancyScanSpec,
)

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class Candidate:
    """One structure of a scan.

    Attributes:
        label: Distinguishes it from the others of its scan, in fixed decimals.
        crystal: What is deformed.
        scan: By which scan.
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


def candidates_of(name: str, crystal: PrototypeSpec, scan: Scan, seed: int) -> Iterator[Candidate]:
    """Candidates of a scan of a crystal.

    Args:
        name: Of the system; random draws belong to it.
        crystal: What is scanned.
        scan: How.
        seed: The space's.
    """
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


def count_of(scan: Scan) -> int:
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
