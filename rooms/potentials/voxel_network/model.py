"""Fitted networks on voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Array, DeviceChoice, Estimate, Example, Prediction, Weights
from tansaku.models.surrogates.calibration import ErrorModel
from tansaku.models.surrogates.reading import reading
from tansaku.models.surrogates.torch_device import torch_device
from tansaku.potentials.features.voxels import VoxelGrid
from tansaku.potentials.specs.voxel_network import VoxelNetworkSpec
from tansaku.potentials.voxel_network.cubes import Crystals, rotation_set
from tansaku.potentials.voxel_network.network import VoxelNetwork, load

TYPE = "voxel_network"
SCHEMA_VERSION = 1
_AT_ONCE = 64


@dataclass(frozen=True)
class Scaling:
    """Standardisation of inputs and properties.

    Attributes:
        space: Mean and deviation of the logarithm of an atom's volume, shape ``(2,)``.
        size: Divisor of the sizes of peaks.
        mean: Of the properties, per atom where they grow, shape ``(n_properties,)``.
        scale: Deviations, shape ``(n_properties,)``.
    """

    space: FloatArray
    size: float
    mean: FloatArray
    scale: FloatArray


def standardised(network: VoxelNetwork, crystals: Crystals, scaling: Scaling, rotations: FloatArray) -> FloatArray:
    """Predictions of a network, averaged over rotations, in standard deviations, shape ``(n, n_properties)``."""
    total: torch.Tensor | None = None
    network.eval()
    with torch.no_grad():
        for rotation in torch.as_tensor(rotations, device=crystals.sizes.device):
            parts = []
            for chosen in torch.arange(len(crystals), device=crystals.sizes.device).split(_AT_ONCE):
                turned = rotation.expand(len(chosen), 3, 3)
                given = (item.to(network.dtype) for item in inputs(crystals, scaling, chosen, turned))
                parts.append(network(*given).double())
            found = torch.cat(parts)
            total = found if total is None else total + found
    if total is None:
        raise FitError("voxel_network: at least one rotation is needed")
    return np.asarray((total / len(rotations)).cpu().numpy())


def inputs(
    crystals: Crystals, scaling: Scaling, chosen: torch.Tensor, rotations: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs of a network."""
    space = (crystals.space[chosen] - float(scaling.space[0])) / float(scaling.space[1])
    return crystals.cubes(chosen, rotations) / scaling.size, space


@dataclass(frozen=True)
class VoxelNetworks:
    """Surrogate of crystal properties from a field.

    A prediction is the mean over networks and over fixed rotations of the crystal's own frame
    (:func:`~tansaku.potentials.features.bragg_frame.canonical_frame`), which turns with the crystal: it is exactly as
    invariant to rotation as that frame.

    Attributes:
        spec: Hyper-parameters.
        species: Elements of the training data, in order.
        scaling: Around the networks.
        arrays: Weights of the networks.
        errors: Deviations by the spread of the networks, one for each property.
        training: Summary of the training, for the record.
        device: Where it predicts.
    """

    spec: VoxelNetworkSpec
    species: tuple[str, ...]
    scaling: Scaling
    arrays: Mapping[str, Array]
    errors: tuple[ErrorModel, ...]
    training: JsonDict
    device: DeviceChoice = "cpu"

    @property
    def predicts(self) -> tuple[str, ...]:
        """The properties."""
        return self.spec.properties

    @cached_property
    def networks(self) -> tuple[VoxelNetwork, ...]:
        """Networks on their device."""
        found = []
        for member in range(self.spec.members):
            network = VoxelNetwork(self.spec, VoxelGrid(self.spec.resolution, self.spec.length).size)
            load(network, dict(self.arrays), f"member{member}")
            # In double precision, so that a prediction is the same on every machine.
            found.append(network.double().to(torch_device(self.device)))
        return tuple(found)

    def predict(self, examples: Sequence[Example]) -> list[Prediction]:
        """Predictions in the order of the examples."""
        return [self._predict(example) for example in examples]

    def rescaled(self, factors: Mapping[str, float]) -> VoxelNetworks:
        """The same predictions with other deviations, as ``Rescalable`` says."""
        pairs = zip(self.predicts, self.errors, strict=True)
        return replace(self, errors=tuple(error.rescaled(factors.get(name, 1.0)) for name, error in pairs))

    def weights(self) -> Weights:
        """Returns the weights and metadata from which :func:`restored` rebuilds the model."""
        document: JsonDict = {
            "type": TYPE,
            "schema_version": SCHEMA_VERSION,
            "spec": self.spec.model_dump(mode="json"),
            "species": list(self.species),
            "size": self.scaling.size,
            "errors": [error.document() for error in self.errors],
            "training": self.training,
        }
        scaling = {f"scaling.{name}": getattr(self.scaling, name) for name in ("space", "mean", "scale")}
        return Weights({**self.arrays, **scaling}, document)

    @classmethod
    def from_weights(cls, weights: Weights, device: DeviceChoice = "cpu") -> VoxelNetworks:
        """Rebuilds the model from its weights. Raises as :func:`reading` does."""
        document, arrays = weights.document, weights.arrays
        with reading(weights, TYPE, SCHEMA_VERSION):
            found = cls(
                spec=VoxelNetworkSpec.model_validate(document["spec"]),
                species=tuple(document["species"]),
                scaling=Scaling(
                    arrays["scaling.space"], float(document["size"]), arrays["scaling.mean"], arrays["scaling.scale"]
                ),
                arrays={name: array for name, array in arrays.items() if name.startswith("member")},
                errors=tuple(ErrorModel(**error) for error in document["errors"]),
                training=document["training"],
                device=device,
            )
            _ = found.networks
        return found

    def _predict(self, example: Example) -> Prediction:
        unknown = sorted(set(example.structure.get_chemical_symbols()) - set(self.species))
        if unknown:
            raise FitError(
                f"{example.id}: {', '.join(unknown)} was not in the training data; this model knows {', '.join(self.species)}"
            )
        crystals = Crystals.of([example], self.spec, torch_device(self.device))
        rotations = rotation_set(self.spec.rotations)[: self.spec.views]
        said = np.array([standardised(network, crystals, self.scaling, rotations)[0] for network in self.networks])
        spread = said.var(axis=0, ddof=1) if len(said) > 1 else np.zeros(said.shape[1])
        found = {}
        for place, name in enumerate(self.spec.properties):
            times = 1 if name in self.spec.intensive else len(example.structure)
            mean, scale = self.scaling.mean[place], self.scaling.scale[place]
            deviation = float(self.errors[place].deviation(np.asarray(spread[place]))) * scale
            value = said[:, place].mean() * scale + mean
            found[name] = Estimate(np.asarray(times * value), np.asarray(times * deviation))
        return found
