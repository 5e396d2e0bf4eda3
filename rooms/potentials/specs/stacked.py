"""Two surrogates, the second of which learns the error of the first."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.specs.surrogate_base import SurrogateBase
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec

ScalarSurrogateSpec = Annotated[KernelRidgeSpec | VoxelNetworkSpec, Field(discriminator="type")]
"""Surrogates of properties of the whole structure."""


class StackedSpec(SurrogateBase):
    """One property by two surrogates, the second of which learns the error of the first.

    What points say goes first and what a field adds second, for instance: ``kernel_ridge`` on SOAP, then ``voxel_network``
    (Kajita et al. 2017, doi:10.1038/s41598-017-17299-w).

    Attributes:
        first: Learns the property.
        second: Learns the error of the first on groups that it did not see; the same property.
        folds: Number of trainings of the first without a part of the groups, from which its error is estimated.
    """

    opener: ClassVar[str] = "tansaku.potentials.stacked.training:StackedTrainer"
    restore: ClassVar[str] = "tansaku.potentials.stacked.model:Stacked.from_weights"
    type: Literal["stacked"] = "stacked"
    first: ScalarSurrogateSpec
    second: ScalarSurrogateSpec
    folds: Annotated[int, Field(ge=2, le=50)] = 5

    @model_validator(mode="after")
    def _one_property(self) -> StackedSpec:
        first, second = self.first.learned_properties(), self.second.learned_properties()
        if len(first) > 1 or first != second:
            raise ValueError(
                f"second: learns {', '.join(second)}, the first {', '.join(first)}; expected one property, the same of both"
            )
        return self

    @property
    def property(self) -> str:
        """Name of the property in the data set."""
        return self.first.learned_properties()[0]

    def uses_gpu(self) -> bool:
        """Whether one of the two does."""
        return self.first.uses_gpu() or self.second.uses_gpu()

    def learned_properties(self) -> tuple[str, ...]:
        """The property."""
        return (self.property,)

    def needed_fields(self) -> tuple[str, ...]:
        """The fields of both."""
        return tuple(dict.fromkeys([*self.first.needed_fields(), *self.second.needed_fields()]))
