"""Energies of the crystal with which a screen compares structures, by whatever gives energies of cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tansaku.calculators.structures.compound_boundary import formula_unit
from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.space import SpaceSpec

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.calculators.structures.compound_crystal import CompoundCrystal

EnergyOf = Callable[["Atoms"], float]
"""Gives the energy of a cell [eV]."""


class ScreenedCrystal(Protocol):
    """The crystal of a screen's boundaries."""

    def energies(self, energy_of: EnergyOf) -> EnergyOf:
        """Returns what gives the energy that a cell with boundaries would have as a crystal [eV].

        Args:
            energy_of: Asked for cells of the perfect crystal.
        """
        ...

    def described(self, atoms: Atoms) -> JsonDict:
        """Keys of a row that say which boundary a relaxed structure has."""
        ...


def opened_crystal(space: SpaceSpec, calculator: CalculatorSpec, base_path: Path) -> ScreenedCrystal:
    """The crystal of a screen's space; its kind names the code.

    Args:
        space: Of the screen.
        calculator: What relaxes its structures.
        base_path: Folder in which relative paths start.
    """
    found: ScreenedCrystal = opened("spaces", space.type, space.description.screened)(space, calculator, base_path)
    return found


@dataclass(frozen=True)
class ElementCrystal:
    """A crystal of one element, at the lattice parameter of the space."""

    space: SpaceSpec

    def energies(self, energy_of: EnergyOf) -> EnergyOf:
        """By the energy of an atom of the perfect crystal."""
        from ase.build import bulk

        crystal = self.space.reference_crystal
        assert crystal is not None
        perfect = bulk(crystal.element, crystal.structure, a=crystal.edge, cubic=True)
        each = energy_of(perfect) / len(perfect)
        return lambda atoms: len(atoms) * each

    def described(self, atoms: Atoms) -> JsonDict:
        """Axis, Σ, plane, angle and removed planes."""
        info = atoms.info
        return {
            "axis": tuple(int(item) for item in info["axis"]),
            "sigma": int(info["sigma"]),
            "plane": tuple(int(item) for item in info["plane"]),
            "angle": float(info["angle"]),
            "removed_planes": int(info["removed_planes"]),
        }


def element_crystal(space: SpaceSpec, _calculator: CalculatorSpec, _base_path: Path) -> ScreenedCrystal:
    """The crystal of a space of boundaries of an element."""
    return ElementCrystal(space)


class RelaxedCompound:
    """The crystal of a compound as the calculator relaxes it; that of strained grains in their strain.

    Args:
        space: Of boundaries of a compound.
        calculator: What relaxes its structures.
        base_path: Folder in which relative paths start.
    """

    def __init__(self, space: SpaceSpec, calculator: CalculatorSpec, base_path: Path) -> None:
        self._space = space
        self._calculator = calculator
        self._base_path = str(base_path)

    def energies(self, energy_of: EnergyOf) -> EnergyOf:
        """By the energies of a formula unit in each grain."""
        from tansaku.spaces.compound_boundary import CompoundBoundarySpace
        from tansaku.spaces.space_registry import open_space
        from tansaku.tasks.node.jobs.opened import opened_compound

        own = open_space(self._space, Path(self._base_path))
        if not isinstance(own, CompoundBoundarySpace):
            raise ConfigurationError(f"space.type: a {self._space.type} space has no crystal of a compound")
        known: dict[str, tuple[float, float]] = {}

        def in_crystal(atoms: Atoms) -> float:
            candidate, relaxation = str(atoms.info["candidate"]), self._calculator.relaxation
            reference = opened_compound(self._calculator, self._base_path, self._space, relaxation, candidate)
            name = "" if reference.grains is None else own.meeting(candidate).name
            if name not in known:
                lower, upper = (_of_unit(crystal, energy_of) for crystal in reference.crystals)
                known[name] = lower, upper
            lower, upper = known[name]
            share = 1.0 if reference.grains is None else own.slabs(candidate, *reference.crystals).share
            return int(atoms.info["formula_units"]) * (share * lower + (1.0 - share) * upper)

        return in_crystal

    def described(self, atoms: Atoms) -> JsonDict:
        """Plane, and what is known of axis, Σ, angle and the upper plane."""
        info = atoms.info
        return {
            "axis": _indices(info.get("axis")),
            "sigma": None if info.get("sigma") is None else int(info["sigma"]),
            "plane": _indices(info["plane"]),
            "angle": None if info.get("angle") is None else float(info["angle"]),
            "removed_planes": None,
            "upper_plane": _indices(info.get("upper_plane")),
        }


def compound_crystal(space: SpaceSpec, calculator: CalculatorSpec, base_path: Path) -> ScreenedCrystal:
    """The crystal of a space of boundaries of a compound."""
    return RelaxedCompound(space, calculator, base_path)


def _of_unit(crystal: CompoundCrystal, energy_of: EnergyOf) -> float:
    """Energy of a formula unit [eV]."""
    atoms = crystal.atoms()
    return energy_of(atoms) / (len(atoms) / sum(formula_unit(atoms.numbers).values()))


def _indices(given: object) -> tuple[int, ...] | None:
    """Indices of a structure's metadata, which a file may hold as text or as numbers."""
    if given is None:
        return None
    return tuple(int(part) for part in (given.split() if isinstance(given, str) else np.asarray(given)))
