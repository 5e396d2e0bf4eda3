"""Descriptors of an atom's surroundings, and of whole structures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import NonNegativeFloat, PositiveFloat, Spec

Cutoff = Annotated[float, Field(gt=1.0, le=20.0)]


class RadialDescriptorSpec(Spec):
    """Radial functions: the number of neighbours by distance, smeared by Gaussians of several widths.

    Attributes:
        cutoff: Neighbours up to here count [Å].
        shortest: Centre of the first function of each width [Å].
        widths: Widths of the Gaussians [Å]; the centres of each lie one width apart.
    """

    type: Literal["radial"] = "radial"
    cutoff: Cutoff = 6.5
    shortest: NonNegativeFloat = 2.0
    widths: Annotated[tuple[Annotated[float, Field(ge=0.02, le=5.0)], ...], Field(min_length=1, max_length=12)] = (
        0.1,
        0.2,
        0.4,
        0.8,
    )

    @model_validator(mode="after")
    def _some_function(self) -> RadialDescriptorSpec:
        if self.shortest >= self.cutoff:
            raise ValueError(f"shortest: {self.shortest:g} leaves no function below the cutoff {self.cutoff:g}")
        return self


class SoapDescriptorSpec(Spec):
    """Smooth overlap of atomic positions (needs the extra ``soap``).

    Attributes:
        cutoff: Neighbours up to here count [Å].
        radial: Number of radial functions.
        angular: Largest degree of the spherical harmonics.
        smearing: Width of an atom's Gaussian [Å].
        compression: `off`: each pair of elements has features of its own; `mu1nu1`: each element beside all of them together
            (Darby et al. 2022, doi:10.1038/s41524-022-00847-y), whose number grows with that of the elements instead of its
            square. For data of a dozen elements or more.
    """

    type: Literal["soap"] = "soap"
    cutoff: Cutoff = 6.0
    radial: Annotated[int, Field(ge=1, le=16)] = 8
    angular: Annotated[int, Field(ge=0, le=12)] = 6
    smearing: PositiveFloat = 0.4
    # Added after the first release: without this key, specs and their hashes are unchanged.
    compression: Annotated[Literal["off", "mu1nu1"], Field(exclude_if=lambda mode: mode == "off")] = "off"


DescriptorSpec = Annotated[RadialDescriptorSpec | SoapDescriptorSpec, Field(discriminator="type")]
Descriptors = Annotated[tuple[DescriptorSpec, ...], Field(min_length=1, max_length=8)]


class CoulombMatrixDescriptorSpec(Spec):
    """Eigenvalues of the sine matrix, a Coulomb matrix of crystals. They depend on the choice of the cell.

    Attributes:
        size: Number of eigenvalues; a structure with more atoms is refused, one with fewer has zeros.
    """

    type: Literal["coulomb_matrix"] = "coulomb_matrix"
    size: Annotated[int, Field(ge=1, le=1000)] = 50


StructureDescriptorSpec = Annotated[
    RadialDescriptorSpec | SoapDescriptorSpec | CoulombMatrixDescriptorSpec, Field(discriminator="type")
]
