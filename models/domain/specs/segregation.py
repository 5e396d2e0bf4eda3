"""Spec of a space of sites for a solute, a vacancy or an interstitial at a boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PLAIN_TEXT, FilePath, NamesFile, PositiveFloat, Sha256, Spec
from tansaku.models.domain.specs.descriptors import SoapDescriptorSpec
from tansaku.models.domain.specs.energy_space import EnergySpaceSpec
from tansaku.models.domain.specs.grain_boundary import CrystalSpec
from tansaku.models.domain.specs.space_base import KeyPath, SpaceDescription, SpecFile

SEGREGATION_ENERGY = "segregation_energy"
"""The property that such a space is about [eV]."""


class SkewNormalSpec(Spec):
    """A published spectrum of segregation energies: a skew-normal distribution, with the field's symbols.

    Attributes:
        location: μ [the objective's unit].
        width: σ [the objective's unit].
        shape: α; negative where the long tail is to low energies.
        source: Where it stands, such as a DOI; shown in the figure.
    """

    location: float
    width: PositiveFloat
    shape: float
    source: Annotated[str, Field(min_length=1, max_length=100), PLAIN_TEXT]


Defect = Literal["substitution", "vacancy", "interstitial"]


class SegregationSpaceSpec(EnergySpaceSpec):
    """Sites of a defect at a boundary: kinds of atoms, or of voids, in a relaxed structure that are unlike the crystal's.

    Atoms that a symmetry of the structure exchanges (spglib), or with the same distances to their neighbours, are one site.

    Attributes:
        boundary: Relaxed structure of the boundary, or of several, of one element: extended XYZ as ``tansaku export`` writes
            it. Atoms in rigid blocks (array ``block``) are no sites.
        crystal: The crystal of its grains, with the lattice parameter that they have.
        defect: What is put there: ``substitution``: a solute in place of an atom; ``vacancy``: nothing in place of an atom;
            ``interstitial``: a solute in a void, the centre of an empty sphere that touches four atoms.
        solute: Element of the solute; null for a vacancy.
        images: Smallest distance of the defect from its periodic images in the boundary's plane, and in the crystal in all
            directions [Å]: cells are repeated.
        radius: Neighbours that tell sites from each other: as many as an atom of the crystal has within this distance [Å].
        change: An atom is a site if its sorted distances to these neighbours differ from those in the crystal by more than
            this [Å].
        tolerance: Sites whose distances differ by less are one [Å].
        soap: Descriptor of the sites' surroundings for the model (needs the extra ``soap``); null: their distances.
        components: Principal components of the descriptor that the model sees, at most.
        relaxed: Whether boundary, crystal and both with the defect are relaxed, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
        published: A spectrum that the figure draws beside the campaign's own; null: none.
        sha256: Content hash of the structure's file; filled in when the spec is resolved.
    """

    description: ClassVar[SpaceDescription] = replace(
        EnergySpaceSpec.description,
        properties=(SEGREGATION_ENERGY,),
        jobs={None: "segregation"},
        learnable=False,
        keeps_free_energy=False,
        figures="segregation",
        groups=("system",),
        system_words=("defect", "defects"),
    )

    first_key: ClassVar[str] = "boundary"
    opener: ClassVar[str] = "tansaku.spaces.segregation:SegregationSpace"
    type: Literal["segregation"] = "segregation"
    boundary: Annotated[FilePath, NamesFile("structure")]
    crystal: CrystalSpec
    defect: Defect = "substitution"
    solute: Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")] | None = None
    images: Annotated[float, Field(ge=3, le=100)] = 20.0
    radius: Annotated[float, Field(ge=2, le=10)] = 5.5
    change: Annotated[float, Field(ge=0, le=5)] = 0.1
    tolerance: Annotated[PositiveFloat, Field(le=1)] = 0.02
    soap: SoapDescriptorSpec | None = None
    components: Annotated[int, Field(ge=1, le=100)] = 8
    relaxed: bool = True
    published: Annotated[SkewNormalSpec | None, Field(exclude_if=lambda given: given is None)] = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _solute_fits(self) -> Self:
        if (self.solute is None) != (self.defect == "vacancy"):
            expected = "no solute" if self.defect == "vacancy" else "an element, such as Mg"
            raise ValueError(f"solute: {self.solute or 'null'}; defect: {self.defect} takes {expected}")
        if self.defect == "substitution" and self.solute == self.crystal.element:
            raise ValueError(f"solute: {self.solute} is the crystal's own element; expected another one")
        return self

    @model_validator(mode="after")
    def _cost_is_given(self) -> Self:
        if self.cost.model == "measured":
            raise ValueError("cost.model: measured; every candidate has the same atoms; expected atoms")
        return self

    @property
    def elements(self) -> frozenset[str]:
        """The crystal's and the solute's."""
        return frozenset({self.crystal.element, *([] if self.solute is None else [self.solute])})

    @property
    def reference_crystal(self) -> CrystalSpec | None:
        """The crystal of the grains."""
        return self.crystal

    def with_crystal(self, crystal: CrystalSpec) -> Self:
        """The spec with another crystal."""
        return self.model_copy(update={"crystal": crystal})

    def files(self) -> tuple[SpecFile, ...]:
        """The structure."""
        return (SpecFile(("boundary",), self.boundary, self.sha256, largest="structure_bytes"),)

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hash of its structure."""
        return self.model_copy(update={"sha256": hashes[("boundary",)]})
