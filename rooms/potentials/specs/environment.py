"""Specs of the neural-network potential: what its atoms see of their surroundings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, Spec

Reach = Annotated[float, Field(gt=1.5, le=15.0)]
NeighbourElements = Literal["separate", "weighted"]
"""``separate``: neighbours of each element (each pair of elements) have functions of their own; ``weighted``: all share them,
and count by a weight of their element."""


class SymmetryFunctionsSpec(Spec):
    """Behler's symmetry functions: radial Gaussians (G2) and angular functions of the two bonds of a triplet (G5).

    The grids are ours. Radial: centres that lie one width apart from ``shortest`` to the cutoff. Angular: one broad Gaussian
    around the atom, the others centred as the radial ones are.

    Attributes:
        cutoff: Neighbours up to here count [Å].
        angular_cutoff: Cutoff of the angular functions [Å]; default: ``cutoff``.
        cutoff_function: Cutoff function of the neighbours: `cosine`, or `polynomial`, whose second derivatives are continuous
            too.
        shortest: Centre of the first radial function [Å].
        radial: Number of radial functions.
        angular: Number of Gaussians that are combined with the angles; 0: radial functions alone.
        zetas: Sharpness ζ of the angular functions (1 + λ cos θ)^ζ; λ is -1 and 1. The cost grows with the third power of the
            largest.
        elements: How several elements are distinguished. `weighted` counts a neighbour by its atomic number, and its
            number of functions does not grow with that of the elements.
    """

    type: Literal["symmetry_functions"] = "symmetry_functions"
    cutoff: Reach = 6.0
    angular_cutoff: Reach | None = None
    cutoff_function: Literal["cosine", "polynomial"] = "cosine"
    shortest: PositiveFloat = 1.5
    radial: Annotated[int, Field(ge=1, le=64)] = 10
    angular: Annotated[int, Field(ge=0, le=16)] = 4
    zetas: Annotated[tuple[Annotated[int, Field(ge=1, le=16)], ...], Field(min_length=1, max_length=8)] = (1, 2, 4)
    elements: NeighbourElements = "separate"

    @model_validator(mode="after")
    def _ordered(self) -> SymmetryFunctionsSpec:
        reach = self.cutoff if self.angular_cutoff is None else self.angular_cutoff
        if reach > self.cutoff:
            raise ValueError(f"angular_cutoff: {reach:g}, expected at most the cutoff {self.cutoff:g}")
        if self.shortest >= reach:
            raise ValueError(f"shortest: {self.shortest:g}, expected less than the cutoffs ({reach:g})")
        return self


class BispectrumSpec(Spec):
    """Bispectrum components of the neighbours' density, those of SNAP: LAMMPS can compute them, so it can run the potential.

    Attributes:
        cutoff: Neighbours up to here count [Å].
        degree: Twice the largest angular momentum (`twojmax` of LAMMPS); 6 gives 30 components, 8 gives 55.
        angle: Share of the half circle that a distance of the cutoff is mapped to (`rfac0` of LAMMPS).
        elements: How several elements are distinguished: `weighted` counts a neighbour by a weight, 1 for the first
            element in the order of their symbols, then falling to ½ in equal steps; `separate` has components for each triple
            of elements (`chemflag` of LAMMPS), so their number grows with the third power of that of the elements.
    """

    type: Literal["bispectrum"] = "bispectrum"
    cutoff: Reach = 6.0
    degree: Annotated[int, Field(ge=2, le=12)] = 6
    angle: Annotated[float, Field(gt=0.0, le=1.0)] = 0.99363
    elements: NeighbourElements = "weighted"


EnvironmentSpec = Annotated[SymmetryFunctionsSpec | BispectrumSpec, Field(discriminator="type")]
"""Descriptors of the surroundings of a potential's atoms."""
