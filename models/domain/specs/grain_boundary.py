"""The spec of a space of grain boundaries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import FILLED_IN, FilePath, NamesFile, NonNegativeFloat, PositiveFloat, Sha256, Spec
from tansaku.models.domain.specs.boundary_cell import BlockCellSpec, BoundaryCellSpec, PeriodicCellSpec
from tansaku.models.domain.specs.boundary_density import AnnealSpec, BoundaryAtomsSpec, ReplicationSpec
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.cost import WORK, AtomsCostSpec, CostPrior
from tansaku.models.domain.specs.space_base import KeyPath, SpaceBase, SpaceDescription, SpecFile
from tansaku.models.domain.units import Unit

Indices = Annotated[tuple[int, ...], Field(min_length=3, max_length=4)]
"""Miller indices, or Miller-Bravais indices of a hexagonal crystal."""

LatticeParameter = PositiveFloat | tuple[PositiveFloat, PositiveFloat]

TRANSLATION_LABEL = r"x(m?\d{3,})-y(m?\d{3,})-z(m?\d{3,})"
"""Rigid-body translation at the end of an id: across and along the axis, and the opening, each in 0.01 Å."""

_OF_GRID = re.compile(rf"-r(\d+)-{TRANSLATION_LABEL}$")
_TRANSLATION = ("shift across axis", "shift along axis", "opening")

MOST_HALF_PLANES = 2
"""Planes of atoms that may be removed from a hexagonal crystal: more are a translation."""

RATIOS = {"hcp": (1.2, 2.2), "bct": (0.5, 2.0), "rhombohedral": (0.5, 4.0)}
"""Limits of the ratio c / a. Of hexagonal close-packed crystals 1.57 (Be) to 1.89 (Cd) are known, 1.63 is ideal; a tetragonal
crystal is bcc at 1 and fcc at 1.41, a rhombohedral one bcc at 0.61 and fcc at 2.45."""


LARGEST_MISFIT_UNSAID = 0.0005
"""A lattice parameter this far from the calculator's own [fraction] lowers energies of boundaries by less than 1 mJ/m^2."""


def misfit(given: LatticeParameter, own: LatticeParameter) -> float:
    """Returns by how much a lattice parameter is larger than another [fraction]; of a and c the one that is further off."""
    numbers = given if isinstance(given, tuple) else (given,)
    others = own if isinstance(own, tuple) else (own,)
    return max((number / other - 1.0 for number, other in zip(numbers, others, strict=True)), key=abs)


class CrystalSpec(Spec):
    """A crystal of an element: cubic, hexagonal close-packed, body-centred tetragonal or rhombohedral.

    Attributes:
        structure: Kind of crystal; ``bct`` and ``rhombohedral`` have one atom at each lattice point.
        element: Chemical symbol.
        lattice_parameter: Edge of the cubic cell, or [a, c], of a rhombohedral crystal those of its hexagonal cell [Å]; the
            bulk reference energy is computed at this value too. More than 0.5 % off the calculator's own is an error.
            ``auto``: the calculator's own, which is stored with the campaign.
        strained: Whether the crystal is strained on purpose: its lattice parameter is not the calculator's own. null: false;
            campaigns that were stored before this key only get a warning.
        own_lattice_parameter: The calculator's own, in the same form [Å]; filled in when the campaign is created, or by its
            first result.
    """

    structure: Literal["fcc", "bcc", "diamond", "hcp", "bct", "rhombohedral"]
    element: Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
    lattice_parameter: LatticeParameter | Literal["auto"]
    strained: bool | None = None
    own_lattice_parameter: Annotated[LatticeParameter | None, FILLED_IN] = None

    @model_validator(mode="after")
    def _strained_by_how_much(self) -> CrystalSpec:
        if self.strained and self.lattice_parameter == "auto":
            raise ValueError("lattice_parameter: auto; a strained crystal needs a number")
        return self

    @model_validator(mode="after")
    def _one_edge_or_two(self) -> CrystalSpec:
        for key in ("lattice_parameter", "own_lattice_parameter"):
            value = getattr(self, key)
            if value in (None, "auto") or isinstance(value, tuple) == self.axial:
                continue
            shown = list(value) if isinstance(value, tuple) else f"{value:g}"
            expected = "[a, c], such as [3.21, 5.21]" if self.axial else "one number"
            raise ValueError(f"{key}: {shown}; expected {expected} for {self.structure}")
        if isinstance(self.lattice_parameter, tuple):
            a, c = self.lattice_parameter
            smallest, largest = RATIOS[self.structure]
            if not smallest <= c / a <= largest:
                raise ValueError(f"lattice_parameter: [{a:g}, {c:g}]; expected c/a from {smallest:g} to {largest:g}, a first")
        return self

    @property
    def axial(self) -> bool:
        """Whether the crystal has a main axis: two lattice parameters, a and c."""
        return self.structure in RATIOS

    @property
    def hexagonal(self) -> bool:
        """Whether directions and planes have four indices."""
        return self.structure in ("hcp", "rhombohedral")

    @property
    def has_tilts(self) -> bool:
        """Whether symmetric tilt boundaries can be given by axis and plane alone."""
        return self.structure not in ("bct", "rhombohedral")

    @property
    def parameters(self) -> LatticeParameter:
        """The lattice parameter as numbers [Å]."""
        if self.lattice_parameter == "auto":
            raise AssertionError("lattice_parameter: auto is resolved where a campaign file is loaded")
        return self.lattice_parameter

    @property
    def was_auto(self) -> bool:
        """Whether its lattice parameter is what ``auto`` resolved to."""
        return self.own_lattice_parameter is not None and self.own_lattice_parameter == self.lattice_parameter

    @property
    def misfit(self) -> float | None:
        """Relative difference of the lattice parameter from the calculator's own; None where that is not known."""
        return None if self.own_lattice_parameter is None else misfit(self.parameters, self.own_lattice_parameter)

    @property
    def written_parameters(self) -> float | list[float]:
        """The same as structures' files say them."""
        return list(self.parameters) if isinstance(self.parameters, tuple) else self.parameters

    @property
    def edge(self) -> float:
        """The lattice parameter of a cubic crystal [Å]."""
        if isinstance(self.parameters, tuple):
            raise AssertionError("a crystal with a main axis has two lattice parameters")
        return self.parameters


Whole = Annotated[int, Field(ge=1, le=9999)]


class GeneralBoundarySpec(Spec):
    """A boundary in any plane: ``axis``, ``sigma`` or ``angle``, and ``plane``; or ``planes`` and ``directions``.

    Directions and planes have three indices, in hexagonal and rhombohedral crystals four, [u, v, t, w] and (h, k, i, l).

    Attributes:
        axis: Axis of the rotation.
        sigma: Σ of the coincidence lattice; null: the smallest that has the angle within 0.1 degrees, up to 99.
        angle: Angle of the rotation [degrees]; null: the smallest of Σ.
        ratio: c²/a² of a hexagonal, tetragonal or rhombohedral crystal as two whole numbers near the crystal's, with which
            there is a coincidence lattice about an axis other than the main one; with ``max_strain``.
        plane: Boundary plane in the lower grain's axes.
        kind: ``twist``, ``tilt`` or ``mixed``: the plane is checked to be normal to the axis, to contain it, or to do
            neither; null: any plane.
        planes: Planes of the lower and the upper grain that meet, each in its grain's axes.
        directions: A direction in each of them; they are parallel.
        max_strain: Largest strain of the upper grain with which two planes get a common period.
    """

    axis: Indices | None = None
    sigma: Annotated[int, Field(ge=3, le=9999)] | None = None
    angle: Annotated[float, Field(gt=0, le=180)] | None = None
    ratio: tuple[Whole, Whole] | None = None
    plane: Indices | None = None
    kind: Literal["twist", "tilt", "mixed"] | None = None
    planes: tuple[Indices, Indices] | None = None
    directions: tuple[Indices, Indices] | None = None
    max_strain: Annotated[float, Field(ge=0, le=0.02)] = 0.0

    @model_validator(mode="after")
    def _one_way_or_the_other(self) -> Self:
        rotated, turn, paired = {"axis", "plane"}, {"sigma", "angle"}, {"planes", "directions"}
        given = {key for key in (*rotated, *turn, "kind", "ratio", *paired) if getattr(self, key) is not None}
        if self.max_strain:
            given.add("max_strain")
        further = {*turn, "kind", *(("ratio", "max_strain") if self.ratio is not None else ())}
        by_rotation = rotated <= given <= {*rotated, *further} and bool(given & turn)
        if not by_rotation and not paired <= given <= {*paired, "max_strain"}:
            raise ValueError(
                f"{', '.join(sorted(given)) or 'nothing'}; expected axis, sigma or angle, and plane (perhaps kind, or "
                "ratio with max_strain), or planes and directions (perhaps max_strain)"
            )
        return self

    @property
    def vectors(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """All directions and planes, with their keys."""
        named = {key: getattr(self, key) for key in ("axis", "plane")}
        lists = {key: getattr(self, key) or () for key in ("planes", "directions")}
        alone = [(key, value) for key, value in named.items() if value is not None]
        return (*alone, *((f"{key}[{i}]", value) for key, pair in lists.items() for i, value in enumerate(pair)))

    def check_indices(self, key: str, crystal: CrystalSpec) -> None:
        """Raises ValueError for indices of another kind of crystal, and for a ratio of a cubic one.

        Args:
            key: Of the boundary, for messages.
        """
        for name, indices in self.vectors:
            check_indices(f"{key}.{name}", indices, crystal)
        if self.ratio is not None and not crystal.axial:
            raise ValueError(f"{key}.ratio: {list(self.ratio)}; a crystal of structure {crystal.structure} has none, remove it")


def check_indices(key: str, indices: tuple[int, ...], crystal: CrystalSpec, like: str = "[1, 0, -1, 2]") -> None:
    """Raises ValueError for indices of another kind of crystal.

    Args:
        like: Example of four indices.
    """
    if len(indices) != (4 if crystal.hexagonal else 3):
        kind = f"four Miller-Bravais indices, such as {like}," if crystal.hexagonal else "three Miller indices"
        raise ValueError(f"{key}: {list(indices)}; expected {kind} for {crystal.structure}")
    total = indices[0] + indices[1] + indices[2]
    if crystal.hexagonal and total:
        raise ValueError(f"{key}: {list(indices)}; the first three add up to {total}, expected 0")


MaxSigma = Annotated[int, Field(ge=3, le=9999)]
Angles = tuple[NonNegativeFloat, NonNegativeFloat]
BoundaryTable = Annotated[FilePath, NamesFile("table")]


def check_angles(angles: Angles | None) -> None:
    """Raises ValueError for an empty window of angles."""
    if angles is not None and angles[0] >= angles[1]:
        raise ValueError(f"angles {list(angles)}: the first must be below the second")


class BoundarySelectionSpec(Spec):
    """Boundaries that are searched: symmetric tilts by a rule or by explicit planes, or boundaries in any plane.

    Attributes:
        max_sigma: Largest Σ; of cubic crystals.
        angles: Misorientation window [degrees], both ends included.
        planes: Explicit boundary planes (h, k, l), or (h, k, i, l) of a hexagonal crystal: perpendicular to the axis, or
            families as the literature writes them ("[110] (113)").
        general: Twist, asymmetric tilt and mixed boundaries. They need one boundary in the cell.
        list: Table of such boundaries, one in a row (CSV or Parquet), with the columns axis, sigma and plane (perhaps angle,
            kind, ratio and max_strain); or plane_1, plane_2, direction_1 and direction_2 (perhaps max_strain), 1 for the lower
            grain; or of cubic crystals L11 to L33 and R11 to R33, the axes of the lower and the upper grain in rows, first the
            normal of the boundary.
        sha256: Content hash of the table; filled in when the spec is resolved.
    """

    max_sigma: MaxSigma | None = None
    angles: Angles | None = None
    planes: tuple[Indices, ...] | None = None
    general: Annotated[tuple[GeneralBoundarySpec, ...], Field(min_length=1)] | None = None
    list: BoundaryTable | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _rule_or_planes(self) -> BoundarySelectionSpec:
        if sum(given is not None for given in (self.planes, self.max_sigma, self.general, self.list)) != 1:
            raise ValueError(
                "max_sigma, planes, general, list: expected one of them, and only one (angles with max_sigma alone)"
            )
        if self.sha256 is not None and self.list is None:
            raise ValueError("sha256: given without list; remove it")
        check_angles(self.angles)
        return self

    @property
    def any_plane(self) -> str | None:
        """The key that gives boundaries in any plane; None if the boundaries are symmetric ones."""
        return next((key for key in ("general", "list") if getattr(self, key) is not None), None)


class RangeSpec(Spec):
    """Evenly spaced values: start, start + step … up to and including stop [Å].

    Attributes:
        start: First value [Å].
        stop: Last value [Å].
        step: Distance of two values [Å].
    """

    start: float = 0.0
    stop: float
    step: PositiveFloat


class PeriodSpec(Spec):
    """The irreducible period of the degree of freedom, divided into equal steps.

    Attributes:
        step: Longest step [Å].
    """

    step: PositiveFloat


AxisValues = RangeSpec | PeriodSpec | tuple[float, ...]


class TranslationSpec(Spec):
    """Rigid-body translations of one grain against the other.

    Attributes:
        normal: Opening along the boundary normal [Å]; explicit values or a range.
        in_plane: Shift in the plane, perpendicular to the tilt axis.
        along_axis: Shift along the tilt axis.
        sample: ``full``: the whole period is divided into cells of at most the steps given, and each candidate has a
            translation of its own in one of them; needs ``space.replication``. Steps are 0.5 Å and the one opening is 0.3 Å
            unless given. null: the translations are those given.
        positions: ``general``: no translation is on a mirror plane or another symmetry element of the boundary: a structure
            that begins there stays symmetric when it relaxes. For periods of cubic crystals, with
            ``calculator.relaxation.translation: free``.
            null: the steps begin at zero, which is one.
    """

    normal: RangeSpec | tuple[float, ...] = RangeSpec(stop=0.8, step=0.1)
    in_plane: AxisValues = PeriodSpec(step=0.2)
    along_axis: AxisValues = PeriodSpec(step=0.1)
    sample: Literal["full"] | None = None
    positions: Literal["general"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _usual_when_sampled(cls, data: object) -> object:
        if not isinstance(data, Mapping) or data.get("sample") != "full":
            return data
        return {"normal": [0.3], "in_plane": {"step": 0.5}, "along_axis": {"step": 0.5}} | dict(data)

    @model_validator(mode="after")
    def _sampled_over_the_period(self) -> Self:
        if self.sample is None:
            return self
        for key in ("in_plane", "along_axis"):
            if not isinstance(getattr(self, key), PeriodSpec):
                raise ValueError(f"{key}: values; with sample: full expected a step alone, as in {{step: 0.5}}")
        if isinstance(self.normal, RangeSpec) or len(self.normal) != 1:
            raise ValueError("normal: several values; with sample: full expected one opening, as in [0.3]")
        return self

    @model_validator(mode="after")
    def _general_over_the_period(self) -> Self:
        if self.positions is None:
            return self
        if self.sample is not None:
            raise ValueError("positions: general; with sample: full translations are random already, remove it")
        for key in ("in_plane", "along_axis"):
            if not isinstance(getattr(self, key), PeriodSpec):
                raise ValueError(f"{key}: values; with positions: general expected a step alone, as in {{step: 0.3}}")
        return self


class GrainBoundarySpaceSpec(SpaceBase):
    """Grain boundaries of an element.

    Attributes:
        crystal: The crystal on both sides.
        axis: Tilt axis [u, v, w] of symmetric boundaries; of a hexagonal crystal [u, v, t, w], in the basal plane or
            normal to it.
        boundaries: Which boundaries.
        translation: Rigid-body translations searched on every surface.
        removed_planes: ``standard``: the surfaces of the 38-boundary test bed, see the docs for the rule; ``full``: 0 up to the
            repeat of the plane stacking; or explicit numbers of removed planes per boundary. In a hexagonal crystal planes of
            atoms, half lattice planes: ``standard`` is 0, 1 and 2, of which the second is the lower grain's. Of general
            boundaries the terminations: 0 alone, but in diamond.
        cell: Two boundaries in a periodic cell, or one between rigid blocks.
        replication: Repeats of the cell in the plane, for the search over the number of atoms in the boundary; needs one
            boundary in the cell and ``translation.sample: full``. null: the cell is not repeated; whole planes are removed.
        atoms: How many atoms the boundary has, with ``replication``; null: every fraction of a plane.
        seeds: Candidates of each replication, fraction and cell of translations, with ``replication``: which atoms are
            removed, and the translation inside the cell, are random. null: 10.
        anneal: Molecular dynamics before the relaxation, with ``replication``; null: none.
        spacing: Smallest distance between the two boundaries of a periodic cell [Å].
        fold: Whether symmetry-equivalent translations are listed once.
        soap: Whether the SOAP descriptor of the surface is added as the group ``soap`` (needs the extra ``soap``).
        cost: Predicted cost of an evaluation.
    """

    description: ClassVar[SpaceDescription] = SpaceDescription(
        properties=("grain_boundary_energy", "label_grain_boundary_energy"),
        further=("expansion",),
        jobs={None: "boundary"},
        value_key="E_gb",
        figures="boundaries",
        learnable=True,
        labelled=True,
        screened="tansaku.tasks.read.screening.crystals:element_crystal",
        polished=True,
        system_words=("boundary", "boundaries"),
    )

    constructor: ClassVar[str] = "GrainBoundaries"
    opener: ClassVar[str] = "tansaku.spaces.boundary_kinds:open_boundaries"
    type: Literal["grain_boundary"] = "grain_boundary"
    crystal: CrystalSpec
    axis: Indices = (1, 1, 0)
    boundaries: BoundarySelectionSpec
    translation: TranslationSpec = TranslationSpec()
    removed_planes: Literal["standard", "full"] | tuple[Annotated[int, Field(ge=0, le=10_000)], ...] = "standard"
    cell: BoundaryCellSpec = PeriodicCellSpec()
    replication: ReplicationSpec | None = None
    atoms: BoundaryAtomsSpec | None = None
    seeds: Annotated[int, Field(ge=1, le=10_000)] | None = None
    anneal: AnnealSpec | None = None
    spacing: PositiveFloat = 16.0
    fold: bool = True
    soap: bool = False
    cost: AtomsCostSpec = AtomsCostSpec()

    @model_validator(mode="after")
    def _cell_is_clear(self) -> GrainBoundarySpaceSpec:
        self.cell.check_spacing(self.spacing, type(self).model_fields["spacing"].default)
        return self

    @model_validator(mode="after")
    def _indices_are_the_crystals(self) -> GrainBoundarySpaceSpec:
        if self.boundaries.any_plane is None:
            if self.crystal.axial and not self.crystal.has_tilts:
                raise ValueError(
                    f"boundaries: symmetric tilts of {self.crystal.structure} by planes or max_sigma; expected general or list"
                )
            check_indices("axis", self.axis, self.crystal, "[1, -2, 1, 0]")
        for plane in self.boundaries.planes or ():
            check_indices("boundaries.planes", plane, self.crystal)
        for i, item in enumerate(self.boundaries.general or ()):
            item.check_indices(f"boundaries.general[{i}]", self.crystal)
        return self

    @model_validator(mode="after")
    def _axial_crystals_in_one_cell(self) -> GrainBoundarySpaceSpec:
        if not self.crystal.axial:
            return self
        where = f"crystal.structure: {self.crystal.structure}"
        if not isinstance(self.cell, BlockCellSpec):
            raise ValueError(
                f"cell.boundaries: 2; {where} stacks without a period along most normals, expected cell: {{boundaries: 1}}"
            )
        if self.boundaries.max_sigma is not None:
            raise ValueError(f"boundaries.max_sigma: {self.boundaries.max_sigma}; {where} has no Σ, expected planes")
        if self.translation.positions is not None:
            raise ValueError(f"translation.positions: {self.translation.positions}; expected null with {where}")
        removed = self.removed_planes
        if self.boundaries.any_plane is not None:
            return self
        if removed == "full" or (isinstance(removed, tuple) and max(removed, default=0) > MOST_HALF_PLANES):
            shown = list(removed) if isinstance(removed, tuple) else removed
            raise ValueError(
                f"removed_planes: {shown}; with {where} more than two planes of atoms are a translation, expected standard or "
                "a list of numbers up to 2"
            )
        return self

    @model_validator(mode="after")
    def _general_boundaries_in_one_cell(self) -> GrainBoundarySpaceSpec:
        if self.boundaries.any_plane is None:
            return self
        where = f"with boundaries.{self.boundaries.any_plane}"
        if not isinstance(self.cell, BlockCellSpec):
            raise ValueError(f"cell.boundaries: 2; {where} expected cell: {{boundaries: 1}}")
        if self.axis != type(self).model_fields["axis"].default:
            raise ValueError(f"axis: {list(self.axis)}; {where} each boundary has its own, remove it")
        if self.translation.positions is not None:
            raise ValueError(f"translation.positions: {self.translation.positions}; {where} expected null")
        if self.removed_planes == "full":
            raise ValueError(f"removed_planes: full; {where} a removed plane is a translation, expected standard")
        return self

    @model_validator(mode="after")
    def _density_is_searched_as_a_whole(self) -> GrainBoundarySpaceSpec:
        given = {"atoms": self.atoms, "seeds": self.seeds, "anneal": self.anneal, "translation.sample": self.translation.sample}
        if self.replication is None:
            for key, value in given.items():
                if value is not None:
                    raise ValueError(f"{key}: given, and replication is not; add replication, or remove it")
            return self
        if not isinstance(self.cell, BlockCellSpec):
            raise ValueError("replication: not in a cell with two boundaries; expected cell: {boundaries: 1}")
        if self.translation.sample is None:
            raise ValueError("replication: translations are listed; expected translation: {sample: full}")
        for key in ("removed_planes", "soap"):
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key}: not with replication; remove it")
        if self.atoms is not None and self.atoms.layer >= self.cell.relaxed:
            raise ValueError(f"atoms.layer: {self.atoms.layer:g}; expected less than cell.relaxed, {self.cell.relaxed:g}")
        if self.anneal is not None:
            self.anneal.melting_point_of(self.crystal.element)
        return self

    @property
    def rigid_blocks(self) -> bool:
        """Whether structures end in rigid blocks: where there is one boundary in a cell."""
        return self.cell.boundaries == 1

    @property
    def thicknesses(self) -> tuple[float, ...]:
        """Thicknesses of ``cell.polish``."""
        return self.cell.thicknesses

    @property
    def thickest(self) -> float:
        """By the cell."""
        return self.cell.thickest(self.spacing)

    def check_use(self, calculator: CalculatorBase | None, *learned: str) -> None:
        """Raises ValueError for what the cell is not fit for."""
        self.cell.check_use(calculator, learned)
        if self.translation.positions is not None and calculator is not None and calculator.relaxation.translation != "free":
            raise ValueError(
                "space.translation.positions: general; expected calculator.relaxation.translation: free, because grains "
                "that are held stay where they begin"
            )
        if self.anneal is not None and calculator is not None and not (calculator.facts.manual or calculator.facts.dynamics):
            raise ValueError(
                f"space.anneal: a calculator of type {calculator.type} has no molecular dynamics; expected lammps, or remove it"
            )

    @property
    def elements(self) -> frozenset[str]:
        """The crystal's one element."""
        return frozenset({self.crystal.element})

    def read_id(self, candidate: str) -> Mapping[str, tuple[float, Unit]]:
        """Removed planes and rigid-body translation of a candidate; empty where its id does not end in them."""
        found = _OF_GRID.search(candidate)
        if found is None:
            return {}
        removed, *lengths = found.groups()
        shifts = [(float(text.replace("m", "-")) / 100.0, "Angstrom") for text in lengths]
        return {"removed planes": (float(removed), "1"), **dict(zip(_TRANSLATION, shifts, strict=True))}

    @property
    def densities(self) -> bool:
        """Whether the number of atoms in the boundary is searched."""
        return self.replication is not None

    @property
    def reference_crystal(self) -> CrystalSpec | None:
        """The crystal on both sides."""
        return self.crystal

    def with_crystal(self, crystal: CrystalSpec) -> Self:
        """The spec with another crystal."""
        return self.model_copy(update={"crystal": crystal})

    def screens(self, axes: Sequence[tuple[int, int, int]] | None) -> Mapping[str, Self]:
        """One for each tilt axis."""
        found: dict[str, Self] = {}
        for axis in axes or ((1, 1, 0),):
            name = axis_name(axis)
            if name in found:
                raise ValueError(f"axes: {list(axis)} is listed twice")
            found[name] = self.model_copy(update={"axis": axis})
        return found

    def files(self) -> tuple[SpecFile, ...]:
        """The table of boundaries."""
        given = self.boundaries
        return () if given.list is None else (SpecFile(("boundaries", "list"), given.list, given.sha256),)

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hash of its table."""
        if self.boundaries.list is None:
            return self
        return self.model_copy(
            update={"boundaries": self.boundaries.model_copy(update={"sha256": hashes["boundaries", "list"]})}
        )

    def cost_prior(self) -> CostPrior | None:
        """Cost by the number of atoms, of k-points where their density is known, and by the work where some are annealed."""
        prior = self.cost.prior()
        if prior is None or self.anneal is None:
            return prior
        return CostPrior(prior.anchor, {**prior.exponents, WORK: 1.0}, {**prior.reference, WORK: 1.0})


def axis_name(axis: tuple[int, int, int]) -> str:
    """An axis in letters that are safe in names: ``110``, ``m110``; ``1-1-12`` where digits alone are ambiguous."""
    parts = [f"{'m' if index < 0 else ''}{abs(index)}" for index in axis]
    return ("-" if any(abs(index) > 9 for index in axis) else "").join(parts)
