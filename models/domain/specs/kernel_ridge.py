"""Kernel ridge regression on whole structures."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import PositiveFloat
from tansaku.models.domain.specs.descriptors import SoapDescriptorSpec, StructureDescriptorSpec
from tansaku.models.domain.specs.surrogate_base import PropertyName, SurrogateBase


class KernelRidgeSpec(SurrogateBase):
    """A property of the whole structure by Gaussian-kernel ridge regression on the mean of its atoms' surroundings.

    Attributes:
        property: Name of the property in the data set.
        per_atom: Whether it grows with the number of atoms and is learned per atom.
        descriptors: Descriptors of an atom's surroundings, averaged over the atoms, or of the whole structure; the fractions of
            the elements are added.
        widths: Widths of the kernel, in units of the median distance of two training structures; cross-validation selects one.
        regularisations: Values added to the kernel's diagonal; cross-validation selects one.
    """

    opener: ClassVar[str] = "tansaku.models.surrogates.kernel_ridge.training:KernelRidgeTrainer"
    restore: ClassVar[str] = "tansaku.models.surrogates.kernel_ridge.model:KernelRidge.from_weights"
    type: Literal["kernel_ridge"] = "kernel_ridge"
    property: PropertyName = "energy"
    per_atom: bool = True
    descriptors: Annotated[tuple[StructureDescriptorSpec, ...], Field(min_length=1, max_length=8)] = (SoapDescriptorSpec(),)
    widths: Annotated[tuple[PositiveFloat, ...], Field(min_length=1, max_length=16)] = (0.5, 1.0, 2.0, 4.0, 8.0)
    regularisations: Annotated[tuple[PositiveFloat, ...], Field(min_length=1, max_length=16)] = (1e-8, 1e-6, 1e-4, 1e-2)

    def learned_properties(self) -> tuple[str, ...]:
        """The property."""
        return (self.property,)
