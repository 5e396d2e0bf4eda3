"""Spec of a space of boundaries of a crystal of any elements."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import FilePath, NamesFile, Sha256, Spec
from tansaku.models.domain.specs.energy_space import EnergySpaceSpec
from tansaku.models.domain.specs.grain_boundary import (
    Angles,
    BoundaryTable,
    GeneralBoundarySpec,
    MaxSigma,
    check_angles,
)
from tansaku.models.domain.specs.objective import QuantityText
from tansaku.models.domain.specs.space_base import KeyPath, SpaceDescription, SpecFile
from tansaku.models.domain.units import quantity_in

if TYPE_CHECKING:
    from tansaku.models.domain.specs.calculators.contract import CalculatorBase

BOUNDARY_ENERGY = "grain_boundary_energy"
"""The property that such a space is about [J/m^2]."""

CrystalFile = Annotated[FilePath, NamesFile("structure")]
MillerIndex = Annotated[int, Field(ge=-1000, le=1000)]
Repeat = Annotated[int, Field(ge=1, le=10)]
MostAtoms = Annotated[int, Field(ge=1, le=1_000_000)]
Plane = tuple[MillerIndex, MillerIndex, MillerIndex]


class NeutralUnitSpec(Spec):
    """A neutral unit that a boundary may have more or fewer of than its crystal, such as TiO2 at boundaries of SrTiO3.

    Attributes:
        phase: Crystal of the unit, whose formula unit it is: CIF, POSCAR or extended XYZ. Its energy is the highest chemical
            potential of the unit.
        formula: Of a unit without a crystal, such as O, instead of ``phase``.
        energy: Of ``formula`` in the state of the highest chemical potential, by the same calculator, such as ``-4.9 eV``: of O
            half the energy of a molecule O2.
        most: Largest number of units that a cell, of two boundaries, has more or fewer.
        rest: Crystal of what is left of the bulk's formula unit without the unit, such as SrO: it gives the lowest chemical
            potential. null: not known.
        lowest: Lowest chemical potential less that of ``phase``, a number with its unit such as ``-1.2 eV``, instead of the one
            that ``rest`` gives. null: that of ``rest``; without it, and before it is computed, -1.5 eV.
        sha256: Content hashes of ``phase`` and ``rest``; filled in when the spec is resolved.
    """

    phase: CrystalFile | None = None
    formula: Annotated[str, Field(pattern=r"^([A-Z][a-z]?[0-9]{0,3})+$", max_length=60)] | None = None
    energy: QuantityText | None = None
    most: Annotated[int, Field(ge=1, le=100)] = 2
    rest: CrystalFile | None = None
    lowest: QuantityText | None = None
    sha256: tuple[Sha256, ...] = ()

    @model_validator(mode="after")
    def _has_one_energy(self) -> Self:
        if (self.phase is None) == (self.formula is None) or (self.formula is None) != (self.energy is None):
            raise ValueError("phase, or formula with energy: expected one of both")
        return self

    @model_validator(mode="after")
    def _energies_are_in_ev(self) -> Self:
        for key in ("energy", "lowest"):
            try:
                quantity_in(getattr(self, key) or "0 eV", "eV")
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from error
        if self.lowest is not None and quantity_in(self.lowest, "eV") >= 0.0:
            raise ValueError(f"lowest: {self.lowest}; expected an energy below 0 eV, the potential of the unit's own crystal")
        return self

    @model_validator(mode="after")
    def _a_hash_for_each_file(self) -> Self:
        files = sum(path is not None for path in (self.phase, self.rest))
        if self.sha256 and len(self.sha256) != files:
            raise ValueError(f"sha256: {len(self.sha256)} hashes of {files} files; expected one for each")
        return self

    @property
    def crystals(self) -> dict[str, tuple[str, str | None]]:
        """Files of crystals with their content hashes, by key."""
        files = {key: path for key, path in (("phase", self.phase), ("rest", self.rest)) if path is not None}
        hashes = self.sha256 or (None,) * len(files)
        return {key: (path, sha256) for (key, path), sha256 in zip(files.items(), hashes, strict=True)}


class ExchangeSpec(Spec):
    """Units that boundaries have fewer or more of than their terminations.

    Atoms are taken from random places of one boundary and from the images of these at the other.

    Attributes:
        units: Numbers of units by which each boundary is changed. Below zero: so many of ``space.unit`` are taken away, or
            formula units of the crystal without one. Above zero: so many of what is left of the crystal's formula without the
            unit are taken away, such as SrO of SrTiO3, which leaves more TiO2.
        layer: Distance from the boundary within which the atoms that are taken lie [Å].
        seeds: Random choices of each shift.
        second: Numbers of ``space.second_unit`` that are taken from each boundary, each with each of ``units``; null: none.
    """

    units: Annotated[tuple[Annotated[int, Field(ge=-100, le=100)], ...], Field(min_length=1)] = (-1, 0, 1)
    layer: Annotated[float, Field(ge=0.5, le=20)] = 3.0
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3
    # Added after the first release: without this key, specs and their hashes are unchanged.
    second: Annotated[
        tuple[Annotated[int, Field(ge=0, le=100)], ...] | None, Field(min_length=1, exclude_if=lambda given: given is None)
    ] = None

    @model_validator(mode="after")
    def _each_number_once(self) -> Self:
        for key in ("units", "second"):
            given = getattr(self, key) or ()
            if len(set(given)) != len(given):
                raise ValueError(f"{key}: {list(given)}; expected each number once")
        return self

    @property
    def numbers(self) -> tuple[tuple[int, int], ...]:
        """By how many of the first unit boundaries are changed, and how many of the second they lack, in pairs."""
        return tuple(itertools.product(self.units, self.second or (0,)))


class CompoundSelectionSpec(Spec):
    """Boundaries besides ``space.planes``: in any plane, one by one or in a table, or all symmetric tilts up to a Σ.

    Attributes:
        general: By ``axis``, ``sigma`` or ``angle``, and ``plane``, or by ``planes`` and ``directions``, as in the space of an
            element; three indices each, by the cell of the crystal's file. An axis needs a cube as that cell, or is
            [0, 0, 1] of one that stands on a square. With ``max_strain``, each grain is strained by half of the misfit.
        list: Table of such boundaries, one in a row (CSV or Parquet), with the columns of the space of an element; L11 to R33
            where the file's cell is a cube.
        max_sigma: Largest Σ of symmetric tilts about ``axes``; the crystal has the symmetry of a cube, which is the cell of its
            file. A plane that two axes share is listed once.
        axes: Tilt axes [u, v, w], with ``max_sigma``.
        angles: Misorientation window [degrees], both ends included, with ``max_sigma``.
        unfit: Boundaries that cannot be built, have no pair of terminations of whole formula units, or more than ``max_atoms``
            atoms: ``refused``, so that nothing is computed, or ``left_out`` by name. Null: ``refused``.
        sha256: Content hash of the table; filled in when the spec is resolved.
    """

    general: Annotated[
        tuple[GeneralBoundarySpec, ...] | None, Field(min_length=1, max_length=1000, exclude_if=lambda given: given is None)
    ] = None
    # Added after the first release: without these keys, specs and their hashes are unchanged.
    list: Annotated[BoundaryTable | None, Field(exclude_if=lambda given: given is None)] = None
    max_sigma: Annotated[MaxSigma | None, Field(exclude_if=lambda given: given is None)] = None
    axes: Annotated[tuple[Plane, ...] | None, Field(min_length=1, max_length=64, exclude_if=lambda given: given is None)] = None
    angles: Annotated[Angles | None, Field(exclude_if=lambda given: given is None)] = None
    unfit: Annotated[Literal["refused", "left_out"] | None, Field(exclude_if=lambda given: given is None)] = None
    sha256: Annotated[Sha256 | None, Field(exclude_if=lambda given: given is None)] = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(given is not None for given in (self.general, self.list, self.max_sigma)) != 1:
            raise ValueError("general, list, max_sigma: expected one of them, and only one")
        if (self.axes is None) != (self.max_sigma is None):
            raise ValueError("axes, max_sigma: expected both or none of them")
        if self.angles is not None and self.max_sigma is None:
            raise ValueError(f"angles: {list(self.angles)}; expected max_sigma beside it")
        if self.sha256 is not None and self.list is None:
            raise ValueError("sha256: given without list; remove it")
        check_angles(self.angles)
        return self

    @model_validator(mode="after")
    def _indices_are_three(self) -> Self:
        for i, item in enumerate(self.general or ()):
            check_crystal_indices(item, f"general[{i}]")
        for i, axis in enumerate(self.axes or ()):
            if not any(axis):
                raise ValueError(f"axes[{i}]: {list(axis)}; expected three indices that are not all zero")
        return self


def check_crystal_indices(item: GeneralBoundarySpec, key: str) -> None:
    """Raises ValueError for indices that do not refer to the cell of a crystal's file, and for a ratio.

    Args:
        key: Of the boundary, for messages.
    """
    for name, indices in item.vectors:
        if len(indices) != len("hkl"):
            raise ValueError(f"{key}.{name}: {list(indices)}; expected three indices, by the cell of the crystal's file")
    if item.ratio is not None:
        raise ValueError(f"{key}.ratio: {list(item.ratio)}; expected planes and directions with max_strain instead")


class CompoundBoundarySpaceSpec(EnergySpaceSpec):
    """Boundaries of a crystal of any elements, which must have a centre of inversion.

    Those of ``planes`` are symmetric: the upper grain is the lower one turned by 180 degrees about the boundary's normal. Each
    cell has two equal boundaries. A candidate is a pair of terminations and a shift of one grain against the other;
    terminations that are not made of whole formula units of the crystal, and of ``unit``, are left out. Energies are those at
    the chemical potential of the unit's own crystal. ``calculator.relaxation`` says how far cells relax: ``cell: normal`` with
    ``translation: free`` frees the distance and the shift of the grains.

    Attributes:
        crystal: CIF, POSCAR or extended XYZ of the crystal. Its cell and atoms are relaxed by the calculator first.
        planes: Boundary planes (h, k, l) of symmetric boundaries, by the cell of the file; of planes that symmetry makes equal,
            one.
        boundaries: Further boundaries: in any plane, or all symmetric tilts up to a Σ; null: none.
        unit: A neutral unit that boundaries exchange with their surroundings; null: there is none.
        second_unit: A second unit, such as O beside TiO2, with a chemical potential of its own; null: there is none. Its
            ``lowest`` is given or -1.5 eV, not that of a ``rest``.
        exchange: Units that boundaries have fewer or more of than their terminations; null: none.
        thickness: Of each grain, at least [Å].
        step: Largest step between shifts in the plane [Å].
        opening: Distance by which grains are apart at first, beyond that of planes in the crystal [Å].
        closest: Grains are moved apart until no two atoms of different grains are nearer than this share of the crystal's
            shortest distance.
        repeats: Of the planar cell along its two vectors.
        max_atoms: Atoms in a cell of the search, at most; null: the limit of the machine.
        fold: Whether shifts that symmetry makes equal are listed once.
        relaxed: Whether cells are relaxed.
        equal_boundaries: ``kept``: relaxations keep the inversion that makes both boundaries equal, with calculators that relax
            through ASE; LAMMPS keeps it up to rounding, or loses it. ``free``: nothing keeps it. Null: filled in as ``kept``;
            in campaigns that were stored before this key, ``free``.
        cleaved: ``failure``: a cell whose grains came apart, by more than 3 Å beyond the distance of the crystal's planes, has
            no value. ``kept``: it has that of two surfaces. Null: filled in as ``failure``; in campaigns that were stored
            before this key, ``kept``.
        convergence: ``checked``: when the search has ended, the best value of each system is checked, by grains twice as thick,
            by a vacancy in the middle of a grain, and by a relaxation that may break the inversion. ``unchecked``: it is not.
            Null: filled in as ``checked``, with density-functional theory as ``unchecked``; in campaigns that were stored
            before this key, ``unchecked``.
        supercell: Of the file's cell, in which the crystal's atoms are displaced at random and relaxed: if that is lower, as
            where octahedra tilt, it is the crystal's energy. Null: such distortions are not looked for.
        cost: Predicted cost of an evaluation.
        sha256: Content hash of the crystal's file; filled in when the spec is resolved.
    """

    description: ClassVar[SpaceDescription] = replace(
        EnergySpaceSpec.description,
        properties=(BOUNDARY_ENERGY,),
        jobs={None: "compound_boundary"},
        learnable=True,
        labelled=True,
        relaxed_labels=False,
        keeps_free_energy=False,
        figures="compound_boundaries",
        screened="tansaku.tasks.read.screening.crystals:compound_crystal",
        cut_out="tansaku.tasks.node.jobs.compound_cut_out:compound_cut_out",
        groups=("system",),
        system_words=("boundary", "boundaries"),
    )

    first_key: ClassVar[str] = "crystal"
    opener: ClassVar[str] = "tansaku.spaces.compound_boundary:CompoundBoundarySpace"
    type: Literal["compound_boundary"] = "compound_boundary"
    crystal: CrystalFile
    planes: Annotated[tuple[Plane, ...], Field(max_length=1000)] = ()
    unit: NeutralUnitSpec | None = None
    exchange: ExchangeSpec | None = None
    thickness: Annotated[float, Field(ge=3, le=200)] = 12.0
    step: Annotated[float, Field(ge=0.05, le=10)] = 0.5
    opening: Annotated[float, Field(ge=0, le=3)] = 0.0
    closest: Annotated[float, Field(ge=0, le=1)] = 0.8
    repeats: tuple[Annotated[int, Field(ge=1, le=20)], Annotated[int, Field(ge=1, le=20)]] = (1, 1)
    fold: bool = True
    relaxed: bool = True
    # Added after the first release: without these keys, specs and their hashes are unchanged.
    boundaries: Annotated[CompoundSelectionSpec | None, Field(exclude_if=lambda given: given is None)] = None
    max_atoms: Annotated[MostAtoms | None, Field(exclude_if=lambda given: given is None)] = None
    equal_boundaries: Annotated[Literal["kept", "free"] | None, Field(exclude_if=lambda given: given is None)] = None
    cleaved: Annotated[Literal["failure", "kept"] | None, Field(exclude_if=lambda given: given is None)] = None
    convergence: Annotated[Literal["checked", "unchecked"] | None, Field(exclude_if=lambda given: given is None)] = None
    supercell: Annotated[tuple[Repeat, Repeat, Repeat] | None, Field(exclude_if=lambda given: given is None)] = None
    second_unit: Annotated[NeutralUnitSpec | None, Field(exclude_if=lambda given: given is None)] = None
    sha256: Sha256 | None = None

    @model_validator(mode="before")
    @classmethod
    def _always_two_boundaries(cls, data: object) -> object:
        if isinstance(data, Mapping) and "cell" in data:
            raise ValueError(
                f"cell: {data['cell']}; free surfaces around one boundary would have a dipole where planes are polar: cells "
                "of a compound always have two equal boundaries, remove it"
            )
        return data

    @model_validator(mode="after")
    def _planes_have_normals(self) -> Self:
        for i, plane in enumerate(self.planes):
            if not any(plane):
                raise ValueError(f"planes[{i}]: {list(plane)}; expected three indices that are not all zero")
        if len(set(self.planes)) != len(self.planes):
            raise ValueError("planes: one is listed twice")
        if not self.planes and self.boundaries is None:
            raise ValueError("planes: none; expected planes of symmetric boundaries, or boundaries")
        return self

    @model_validator(mode="after")
    def _exchange_fits(self) -> Self:
        given = self.exchange
        if given is not None and 2.0 * given.layer >= self.thickness:
            raise ValueError(f"exchange.layer: {given.layer:g}; expected less than half of thickness, {self.thickness:g}")
        if given is not None and self.unit is None and max(given.units) > 0:
            raise ValueError(f"exchange.units: {list(given.units)}; without unit expected numbers up to 0")
        second = self.second_unit
        if second is not None and self.unit is None:
            raise ValueError("second_unit: given without unit; expected unit")
        if second is not None and second.rest is not None:
            raise ValueError(f"second_unit.rest: {second.rest}; expected lowest")
        if second is None and given is not None and given.second is not None:
            raise ValueError(f"exchange.second: {list(given.second)}; expected second_unit beside it")
        return self

    @property
    def units(self) -> Mapping[str, NeutralUnitSpec]:
        """The units that boundaries exchange, by key, at most two."""
        given = {"unit": self.unit, "second_unit": self.second_unit}
        return {key: unit for key, unit in given.items() if unit is not None}

    @property
    def exchanges(self) -> bool:
        """With a unit."""
        return self.unit is not None

    @property
    def final_checks(self) -> int:
        """The best of each system, where convergence is checked."""
        return int(self.relaxed and self.convergence == "checked")

    @property
    def thicknesses(self) -> tuple[float, ...]:
        """Twice that of the search, where convergence is checked."""
        return (2.0 * self.thickness,) if self.final_checks else ()

    def later_defaults(self, calculator: CalculatorBase | None) -> Mapping[str, str]:
        """Boundaries are kept equal, cleaved ones fail, and best values are checked where that costs little."""
        dft = calculator is not None and calculator.facts.dft
        return {"equal_boundaries": "kept", "cleaved": "failure", "convergence": "unchecked" if dft else "checked"}

    def screens(self, axes: Sequence[tuple[int, int, int]] | None) -> Mapping[str, Self]:
        """Itself, without checks of convergence: what is compared are structures as they are."""
        if axes is not None:
            raise ValueError(f"axes: {[list(axis) for axis in axes]}; expected boundaries.axes of a {self.type} space")
        for key in ("unit", "supercell"):
            if getattr(self, key) is not None:
                raise ValueError(f"space.{key}: a model's energy of that crystal is not known; remove it")
        return {"": self.model_copy(update={"convergence": "unchecked"})}

    def files(self) -> tuple[SpecFile, ...]:
        """The crystal, and those of the unit."""
        found = [SpecFile(("crystal",), self.crystal, self.sha256, largest="structure_bytes")]
        for name, unit in self.units.items():
            for key, (path, sha256) in unit.crystals.items():
                found.append(SpecFile((name, key), path, sha256, largest="structure_bytes"))
        if self.boundaries is not None and self.boundaries.list is not None:
            found.append(SpecFile(("boundaries", "list"), self.boundaries.list, self.boundaries.sha256))
        return tuple(found)

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hashes of its files."""
        units = {
            name: unit.model_copy(update={"sha256": tuple(hashes[name, key] for key in unit.crystals)})
            for name, unit in self.units.items()
        }
        boundaries = self.boundaries
        if boundaries is not None and boundaries.list is not None:
            boundaries = boundaries.model_copy(update={"sha256": hashes["boundaries", "list"]})
        return self.model_copy(update={"sha256": hashes[("crystal",)], "boundaries": boundaries, **units})
