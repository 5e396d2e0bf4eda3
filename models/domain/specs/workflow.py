"""Workflows: what a calculator computes for a candidate beyond its energy, such as the mechanisms by which an ion migrates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveInt, Spec

_Fraction = Annotated[float, Field(ge=-10.0, le=10.0)]
_Place = tuple[_Fraction, _Fraction, _Fraction]


class VacancyMechanismSpec(Spec):
    """An ion hops from its site onto an empty one: every site of the ion is occupied but one."""

    type: Literal["vacancy"] = "vacancy"


class InterstitialMechanismSpec(Spec):
    """An extra ion hops from void to void. The crystal need not hold this element.

    Attributes:
        sites: Where the ion may be, as fractions of the crystal's cell vectors, one of each kind: symmetry gives the others;
            null: the vertices of Voronoi's polyhedra around the atoms.
        faces: Also half way between two atoms where no third one is nearer: bond centres, the octahedra of bcc crystals.
        min_distance: Voids whose nearest atom is nearer than this are ignored [Å].
        merge_distance: Sites nearer to each other than this are merged [Å].
        max_sites: Largest number of kinds of void that are tried; the largest voids come first.
    """

    type: Literal["interstitial"] = "interstitial"
    sites: Annotated[tuple[_Place, ...], Field(min_length=1, max_length=100)] | None = None
    faces: bool = False
    min_distance: Annotated[float, Field(ge=0.3, le=5.0)] = 0.9
    merge_distance: Annotated[float, Field(ge=0.05, le=2.0)] = 0.5
    max_sites: PositiveInt = 30


_MechanismSpec = Annotated[VacancyMechanismSpec | InterstitialMechanismSpec, Field(discriminator="type")]


FormulaText = Annotated[str, Field(pattern=r"^([A-Z][a-z]?[0-9]{0,3})+$", max_length=60)]
"""A chemical formula such as ``Li3PO4``, without brackets."""


class WorkflowBase(Spec):
    """Base class of the specs of workflows. A subclass has the keys ``type`` and ``ion``."""

    if TYPE_CHECKING:

        @property
        def type(self) -> str:
            """The word in the campaign file."""

        @property
        def ion(self) -> str | None:
            """Element that the calculator must know besides those of the space; None: no other."""

    @property
    def competing_phases(self) -> Mapping[str, float] | None:
        """Energies of phases that candidates are compared with, by formula [eV/atom]; None where there are none."""
        return None

    def of_new(self) -> Self:
        """The workflow of a new campaign: defaults that came later are written out."""
        return self


class MigrationBarrierSpec(WorkflowBase):
    """Barrier of a mobile ion on its way through a crystal.

    Attributes:
        ion: The element that moves; null: the ion on the space's mobile site.
        mechanism: By vacancies, or as an interstitial ion in a crystal that need not hold the element.
        dimensions: The barrier that is the candidate's value: of the easiest path in one direction (1), of a network in two (2)
            or in three (3).
        max_hop: Longest hop between two sites of the ion [Å].
        image_distance: The supercell's smallest distance of an atom from its own image [Å].
        fmax: Largest force on an atom at convergence [eV/Å].
        max_steps: Steps of a relaxation after which it counts as not converged.
        images: Intermediate images of a nudged elastic band, where one is needed.
        hops: ``needed``: saddle points are found as far as the barrier in ``dimensions`` depends on them, and barriers in other
            dimensions are not given; ``all``: of every hop. With either the crystal is relaxed to a quarter of ``fmax``. Null:
            of every hop, in a crystal relaxed to ``fmax``, whose angles may still be off by a degree.
        midpoint_steps: For a cheap look: each hop's midpoint and end states relax for at most so many steps, converged or not,
            and no saddle point is sought. Without ``hops`` the crystal is relaxed only until its stress is small. Null: the
            full evaluation.
        phases: Energies of competing phases by the same calculator, by formula [eV/atom]; with them an evaluation also gives
            the crystal's ``energy_above_hull``. Null: it does not.
    """

    type: Literal["migration_barrier"] = "migration_barrier"
    ion: Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")] | None = None
    mechanism: _MechanismSpec = VacancyMechanismSpec()
    dimensions: Literal[1, 2, 3] = 1
    max_hop: Annotated[float, Field(gt=1.0, le=10.0)] = 5.0
    image_distance: Annotated[float, Field(gt=2.0, le=30.0)] = 6.5
    fmax: Annotated[float, Field(gt=0.0, le=0.1)] = 0.02
    max_steps: PositiveInt = 300
    images: Annotated[int, Field(ge=3, le=15)] = 5
    # Added after the first release: without these keys, specs and their hashes are unchanged.
    hops: Annotated[Literal["all", "needed"] | None, Field(exclude_if=lambda hops: hops is None)] = None
    midpoint_steps: Annotated[int | None, Field(ge=0, le=100, exclude_if=lambda steps: steps is None)] = None
    phases: Annotated[dict[FormulaText, Annotated[float, Field(ge=-100, le=100)]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _looks_at_vacancies(self) -> MigrationBarrierSpec:
        if self.midpoint_steps is not None and self.mechanism.type != "vacancy":
            raise ValueError(f"midpoint_steps: {self.midpoint_steps}; with mechanism: {self.mechanism.type} expected null")
        return self

    @property
    def competing_phases(self) -> Mapping[str, float] | None:
        """The phases."""
        return self.phases

    def of_new(self) -> Self:
        """The workflow of a new campaign, whose crystal is relaxed further."""
        return self.model_copy(update={"hops": self.hops or "all"})


class IonBindingSpec(WorkflowBase):
    """Energy that an ion gains by binding to a molecule, both alone in space.

    Conformers of the molecule come from distance geometry and a force field. Places of the ion about each of them are ranked by
    strain and electrostatics, then by their energy; the best are relaxed, as are the best conformers without the ion.

    Attributes:
        ion: The ion, singly charged. Distances at which it is placed were chosen for Li; those of Na and K differ by Shannon's
            radii.
        conformers: Most conformers.
        places: Places whose energy is computed.
        relaxed: Of these, the best ones that are relaxed.
        fmax: Largest force on an atom at convergence [eV/Å].
        max_steps: Steps of a relaxation after which it counts as not converged.
    """

    type: Literal["ion_binding"] = "ion_binding"
    ion: Literal["Li", "Na", "K"] = "Li"
    conformers: Annotated[int, Field(ge=1, le=1000)] = 24
    places: Annotated[int, Field(ge=1, le=100)] = 8
    relaxed: Annotated[int, Field(ge=1, le=20)] = 3
    fmax: Annotated[float, Field(gt=0.0, le=0.1)] = 0.02
    max_steps: PositiveInt = 300

    @model_validator(mode="after")
    def _places_suffice(self) -> IonBindingSpec:
        if self.relaxed > self.places:
            raise ValueError(f"relaxed: {self.relaxed} of {self.places} places; expected at most as many")
        return self
