"""Specs of composition spaces: a parent structure and the ions its sites may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tansaku.models.domain.ions import Ion
from tansaku.models.domain.specs.base import PLAIN_TEXT, FilePath, NamesFile, NonNegativeFloat, PositiveFloat, Sha256, Spec
from tansaku.models.domain.specs.cost import REFERENCE_ATOMS, REFERENCE_ELECTRONS, CostPrior
from tansaku.models.domain.specs.energy_space import ENERGY_PROPERTIES, hashed_phases, phases_file
from tansaku.models.domain.specs.phases import PhasesSpec
from tansaku.models.domain.specs.space_base import KeyPath, SpaceBase, SpaceDescription, SpecFile
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec, WorkflowBase


def _written_as_ion(text: str) -> str:
    return str(Ion.parse(text))


SiteName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]{0,7}$")]
IonName = Annotated[str, AfterValidator(_written_as_ion)]
Ions = Annotated[tuple[IonName, ...], Field(min_length=1)]
Reason = Annotated[str, Field(min_length=1, max_length=200), PLAIN_TEXT]
Action = Literal["refuse", "mark"]
Repeat = Annotated[int, Field(ge=1, le=6)]


class SupercellSpec(Spec):
    """A larger cell, so that equivalent atoms may become different ions.

    The copies of the atom ``Ti1`` are labelled ``Ti1.1``, ``Ti1.2`` and so on, for ``labels`` of sites.

    Attributes:
        repeats: Along each of the cell's vectors.
    """

    type: Literal["supercell"] = "supercell"
    repeats: tuple[Repeat, Repeat, Repeat]


class PrimitiveCellSpec(Spec):
    """The smallest cell, where a file has a larger one.

    Attributes:
        tolerance: Distance within which atoms count as equal [Å].
    """

    type: Literal["primitive_cell"] = "primitive_cell"
    tolerance: PositiveFloat = 0.1


TransformationSpec = Annotated[SupercellSpec | PrimitiveCellSpec, Field(discriminator="type")]


class ParentSpec(Spec):
    """The structure whose sites are substituted, from a file or a prototype.

    Attributes:
        prototype: A structure that tansaku ships; it brings sites, ions, exclusions and marks of its own.
        cif: Path of a CIF with one ion on every site (relative to the spec; how large it may be, the site's ``limits`` say).
        sha256: Content hash of the CIF; filled in when the spec is resolved.
        transformations: CIF only: transformations of the file's structure before its sites are named, in this order.
    """

    prototype: Literal["tavorite"] | None = None
    cif: Annotated[FilePath, NamesFile("structure")] | None = None
    sha256: Sha256 | None = None
    transformations: tuple[TransformationSpec, ...] = ()

    @model_validator(mode="after")
    def _one_of_two(self) -> ParentSpec:
        if (self.prototype is None) == (self.cif is None):
            raise ValueError("prototype, cif: expected one of them, and only one")
        if self.transformations and self.cif is None:
            raise ValueError("transformations: a prototype's sites are named already; remove them or give cif")
        return self


class SiteIonsSpec(Spec):
    """A site of the parent and the ions it may take.

    Attributes:
        ions: Ions with their charges, e.g. ``[Li+, Na+]``; None: the prototype's list, or the site's ion in the CIF.
        replaces: CIF only: the ion on the site in the parent, e.g. ``V3+``; all atoms of this element belong to the site.
        labels: CIF only: only the atoms with these labels of the file, where one element is on several sites.
    """

    ions: Ions | None = None
    replaces: IonName | None = None
    labels: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=32), PLAIN_TEXT], ...], Field(min_length=1)] | None
    ) = None


class CombinationSpec(Spec):
    """Combinations of ions that are left out, or marked as unlikely, and why.

    Attributes:
        ions: Ions of some of the sites, e.g. ``{M: [Fe2+, V3+], X: [Se6+]}``.
        reason: Shown by ``tansaku check`` and with the candidates.
    """

    ions: Annotated[dict[SiteName, Ions], Field(min_length=1)]
    reason: Reason


class ElectronegativityRuleSpec(Spec):
    """Every cation must be less electronegative than every anion (Pauling's scale).

    Attributes:
        gap: Least difference.
        action: Whether a candidate that breaks the rule is left out or marked as unlikely.
    """

    type: Literal["electronegativity"] = "electronegativity"
    gap: NonNegativeFloat = 0.0
    action: Action = "refuse"


class RadiusRuleSpec(Spec):
    """Shannon's radius of the ion on a site must lie in a window, at the coordination that the site has in the parent.

    Attributes:
        site: Which site.
        minimum: [Å].
        maximum: [Å].
        action: Whether a candidate that breaks the rule is left out or marked as unlikely.
    """

    type: Literal["radius"] = "radius"
    site: SiteName
    minimum: NonNegativeFloat = 0.0
    maximum: PositiveFloat
    action: Action = "refuse"


class RadiusRatioRuleSpec(Spec):
    """Radius of one site's ion over that of another's must lie in a window (Pauling's first rule).

    Attributes:
        cation: Site whose radius is divided.
        anion: Site whose radius divides.
        minimum: Least ratio; 0.225 for a tetrahedron, 0.414 for an octahedron.
        maximum: Largest ratio; 0.414 for a tetrahedron, 0.732 for an octahedron.
        action: Whether a candidate that breaks the rule is left out or marked as unlikely.
    """

    type: Literal["radius_ratio"] = "radius_ratio"
    cation: SiteName
    anion: SiteName
    minimum: NonNegativeFloat
    maximum: PositiveFloat
    action: Action = "refuse"


class ToleranceFactorRuleSpec(Spec):
    """Goldschmidt's factor (r_a + r_x) / √2 (r_b + r_x) must lie in a window.

    Attributes:
        a: Site of the large cation.
        b: Site of the small cation.
        x: Site of the anion.
        minimum: Least factor.
        maximum: Largest factor.
        action: Whether a candidate that breaks the rule is left out or marked as unlikely.
    """

    type: Literal["tolerance_factor"] = "tolerance_factor"
    a: SiteName
    b: SiteName
    x: SiteName
    minimum: NonNegativeFloat = 0.8
    maximum: PositiveFloat = 1.05
    action: Action = "refuse"


class DistinctElementsRuleSpec(Spec):
    """No element may be on two of these sites.

    Attributes:
        sites: Which sites.
        action: Whether a candidate that breaks the rule is left out or marked as unlikely.
    """

    type: Literal["distinct_elements"] = "distinct_elements"
    sites: Annotated[tuple[SiteName, ...], Field(min_length=2)]
    action: Action = "refuse"


RuleSpec = Annotated[
    ElectronegativityRuleSpec | RadiusRuleSpec | RadiusRatioRuleSpec | ToleranceFactorRuleSpec | DistinctElementsRuleSpec,
    Field(discriminator="type"),
]


class CompositionCostSpec(Spec):
    """Cost of an evaluation.

    Attributes:
        model: ``equal``: 1 each; ``measured``: core-seconds, learned from the times that this campaign's evaluations took, by
            the numbers of atoms and electrons of a cell.
        power: ``measured`` only: power of the number of atoms that is expected before anything was measured.
        anchor: ``measured`` only: what a candidate with 100 atoms in its cell is expected to take before anything was measured
            [core-seconds]; None: 1.
    """

    model: Literal["equal", "measured"] = "equal"
    power: PositiveFloat = 1.0
    anchor: PositiveFloat | None = None

    @model_validator(mode="after")
    def _anchor_is_used(self) -> CompositionCostSpec:
        if self.model != "measured" and (self.anchor is not None or self.power != 1.0):
            raise ValueError("anchor, power: only model: measured uses them; remove them or choose measured")
        return self

    def prior(self) -> CostPrior | None:
        """The prior of a cost that is learned, None where each candidate costs the same."""
        if self.model != "measured":
            return None
        # Pseudopotentials of heavier elements have more electrons; networks do not depend on them.
        exponents, reference = (
            {"atoms": self.power, "electrons": 0.0},
            {"atoms": REFERENCE_ATOMS, "electrons": REFERENCE_ELECTRONS},
        )
        return CostPrior(self.anchor or 1.0, exponents, reference)


_BARRIER = "migration_barrier"
_FURTHER_BARRIERS = ("barrier_1d", "barrier_2d", "barrier_3d", "spread")


class CompositionSpaceSpec(SpaceBase):
    """Compositions of one structure: every combination of ions on its sites that is neutral and that the rules allow.

    Attributes:
        parent: The structure.
        sites: Sites and their ions; those of a prototype may be omitted; for a CIF, all atoms must belong to one.
        mobile: Site of the ion whose migration is computed; None: the prototype's, or none.
        systems: Site whose ions are search problems of their own, ``all`` for one problem; None: the mobile site, if any.
        exclude: Combinations that are left out; None: the prototype's.
        mark: Combinations that are marked as unlikely and stay in; None: the prototype's.
        rules: Rules, in the order in which they are applied.
        fold: Whether candidates that a symmetry of the parent maps onto each other are listed once.
        symmetry_tolerance: Distance within which atoms count as equivalent [Å].
        cost: Predicted cost of an evaluation.
        relaxed: Without a workflow: whether a candidate is relaxed, as the calculator's ``relaxation`` says. A workflow relaxes
            by itself.
        phases: Without a workflow: phases that candidates are compared with, for ``formation_energy`` and
            ``energy_above_hull``.
    """

    description: ClassVar[SpaceDescription] = SpaceDescription(
        properties=(_BARRIER, *ENERGY_PROPERTIES),
        further=(*_FURTHER_BARRIERS, *ENERGY_PROPERTIES),
        jobs={_BARRIER: "barrier", None: "energy"},
        objectives_of={"barrier": (_BARRIER,), "energy": ENERGY_PROPERTIES},
        further_of={"barrier": (*_FURTHER_BARRIERS, "energy_above_hull"), "energy": ENERGY_PROPERTIES},
        value_key="E_b",
        overview="compositions",
        figures="compositions",
        polished=True,
        competing=True,
    )

    constructor: ClassVar[str] = "Compositions"
    opener: ClassVar[str] = "tansaku.spaces.composition:CompositionSpace"
    type: Literal["composition"] = "composition"
    parent: ParentSpec
    sites: dict[SiteName, SiteIonsSpec] = Field(default_factory=dict)
    mobile: SiteName | None = None
    systems: SiteName | Literal["all"] | None = None
    exclude: tuple[CombinationSpec, ...] | None = None
    mark: tuple[CombinationSpec, ...] | None = None
    rules: tuple[RuleSpec, ...] = ()
    fold: bool = True
    symmetry_tolerance: PositiveFloat = 0.01
    cost: CompositionCostSpec = CompositionCostSpec()
    relaxed: bool = True
    phases: PhasesSpec | None = None

    @property
    def as_they_stand(self) -> bool:
        """Whether candidates are not relaxed."""
        return not self.relaxed

    @property
    def competing_phases(self) -> PhasesSpec | None:
        """The phases."""
        return self.phases

    def value_key(self, name: str | None) -> str:
        """``E_b`` for a barrier."""
        return self.description.value_key if name in (None, _BARRIER) else "value"

    def cost_prior(self) -> CostPrior | None:
        """Cost by the numbers of atoms and electrons."""
        return self.cost.prior()

    def files(self) -> tuple[SpecFile, ...]:
        """The parent's CIF and the file of phases, if they are files."""
        parent = self.parent
        cif = () if parent.cif is None else (SpecFile(("parent", "cif"), parent.cif, parent.sha256, largest="cif_bytes"),)
        return (*cif, *phases_file(self.phases))

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hashes of its files."""
        parent = self.parent
        if parent.cif is not None:
            parent = parent.model_copy(update={"sha256": hashes["parent", "cif"]})
        return self.model_copy(update={"parent": parent, "phases": hashed_phases(self.phases, hashes)})

    def check_workflow(self, workflow: WorkflowBase) -> None:
        """Raises ValueError if no mobile ion is named, or if it leaves vacancies and is not in every candidate."""
        if self.phases is not None or not self.relaxed:
            raise ValueError("space.phases, space.relaxed: a workflow has phases of its own and relaxes by itself; remove them")
        ion = workflow.ion
        mobile = self.mobile or ("A" if self.parent.prototype == "tavorite" else None)
        if ion is None:
            if mobile is None:
                raise ValueError(
                    "space.mobile: missing; expected the site whose ion moves, or its element in calculator.workflow.ion"
                )
            return
        if mobile is None or not isinstance(workflow, MigrationBarrierSpec) or workflow.mechanism.type == "interstitial":
            return
        named = self.sites[mobile].ions if mobile in self.sites else None
        if named is None and self.parent.prototype is not None:
            raise ValueError(
                f"calculator.workflow.ion: {ion!r}; expected the ions of site {mobile} in space.sites, or no ion here"
            )
        others = [name for name in named or () if Ion.parse(name).element != ion]
        if others:
            raise ValueError(
                f"calculator.workflow.ion: {ion!r}, but {others[0]} may stand on site {mobile}; expected no ion here"
            )
