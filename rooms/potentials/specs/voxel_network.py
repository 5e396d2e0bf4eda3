"""A convolutional network on a field in reciprocal space."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import NonNegativeFloat, PositiveFloat, PositiveInt
from tansaku.models.domain.specs.surrogate_base import FREE_ATOMS, PropertyName, SurrogateBase


class VoxelNetworkSpec(SurrogateBase):
    """Properties of a crystal by convolutions over the voxels of a field, without knowing where atoms are (R3DVS).

    The voxels and 16 filters of 3³, 30 rotations and 5 networks are those of Kajita et al. 2017
    (doi:10.1038/s41598-017-17299-w); depth, optimiser and scaling of the voxels are ours.

    Attributes:
        properties: Names of the properties in the data set, all learned by the same networks.
        intensive: Those of them that do not grow with the number of atoms; the others are learned per atom.
        field: Name of the field in the data set; `free_atoms`: the electrons of free atoms where the structure has its atoms,
            which any structure has without a calculation (needs the extra ``composition``).
        resolution: Wave vectors up to π divided by this are used [Å].
        length: The distance of two voxels is 2π divided by this [Å].
        power: Absolute values of the Fourier coefficients are raised to this power.
        filters: Number of filters of each convolution.
        layers: Convolutions of 3³ voxels, each halving the cube.
        hidden: Width of the layer between the convolutions and the properties.
        members: Networks, whose mean is predicted.
        rotations: Number of rotations of each crystal in training.
        views: Number of rotations whose mean is the prediction.
        left_out: Share of the groups that a network is not trained on; they calibrate the error estimate.
        epochs: Passes through the data; each pass uses one rotation of every crystal.
        patience: A network's training ends when the error on the groups that it does not see has not fallen for this number of
            passes; the best weights are kept. Null: all passes, whose last learning rates are small, and the last weights.
        batch: Structures per step.
        rate: First learning rate of Adam; it falls to zero along a cosine.
        decay: Weight decay.
    """

    opener: ClassVar[str] = "tansaku.potentials.voxel_network.training:VoxelNetworkTrainer"
    restore: ClassVar[str] = "tansaku.potentials.voxel_network.model:VoxelNetworks.from_weights"
    type: Literal["voxel_network"] = "voxel_network"
    properties: Annotated[tuple[PropertyName, ...], Field(min_length=1, max_length=32)] = ("energy",)
    intensive: tuple[PropertyName, ...] = ("band_gap",)
    field: PropertyName = "density"
    resolution: Annotated[float, Field(ge=0.1, le=2.0)] = 0.4
    length: Annotated[float, Field(ge=1.0, le=60.0)] = 12.8
    power: Annotated[float, Field(gt=0.0, le=2.0)] = 1.0
    filters: Annotated[PositiveInt, Field(le=256)] = 16
    layers: Annotated[PositiveInt, Field(le=6)] = 3
    hidden: Annotated[PositiveInt, Field(le=4096)] = 64
    members: Annotated[PositiveInt, Field(le=64)] = 5
    rotations: Annotated[PositiveInt, Field(le=1000)] = 30
    views: Annotated[PositiveInt, Field(le=1000)] = 10
    left_out: Annotated[float, Field(gt=0.0, le=0.5)] = 0.1
    epochs: Annotated[PositiveInt, Field(le=100_000)] = 100
    patience: PositiveInt | None = None
    batch: Annotated[PositiveInt, Field(le=4096)] = 16
    rate: PositiveFloat = 2e-3
    decay: NonNegativeFloat = 1e-4

    @model_validator(mode="after")
    def _goes_together(self) -> VoxelNetworkSpec:
        if self.views > self.rotations:
            raise ValueError(f"views: {self.views} are more than the {self.rotations} rotations")
        if len(set(self.properties)) < len(self.properties):
            raise ValueError(f"properties: {list(self.properties)}; expected each once")
        if self.length < 2.0 * self.resolution * 2**self.layers:
            raise ValueError(f"layers: {self.layers} are too many for a cube of {round(self.length / self.resolution)} voxels")
        return self

    def uses_gpu(self) -> bool:
        """It does."""
        return True

    def learned_properties(self) -> tuple[str, ...]:
        """The properties."""
        return self.properties

    def needed_fields(self) -> tuple[str, ...]:
        """The field, unless every structure has it."""
        return () if self.field == FREE_ATOMS else (self.field,)
