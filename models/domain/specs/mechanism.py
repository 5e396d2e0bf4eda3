"""Migration mechanisms of a mobile ion in a crystal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import PositiveInt, Spec

Fraction = Annotated[float, Field(ge=-10.0, le=10.0)]
Place = tuple[Fraction, Fraction, Fraction]


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
    sites: Annotated[tuple[Place, ...], Field(min_length=1, max_length=100)] | None = None
    faces: bool = False
    min_distance: Annotated[float, Field(ge=0.3, le=5.0)] = 0.9
    merge_distance: Annotated[float, Field(ge=0.05, le=2.0)] = 0.5
    max_sites: PositiveInt = 30


MechanismSpec = Annotated[VacancyMechanismSpec | InterstitialMechanismSpec, Field(discriminator="type")]
