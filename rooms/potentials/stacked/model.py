"""Stacked surrogates (residual learning): the second predicts the error of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Array, DeviceChoice, Estimate, Example, Prediction, Rescalable, Surrogate, Weights
from tansaku.models.surrogates.reading import reading
from tansaku.models.surrogates.surrogate_registry import restored
from tansaku.potentials.specs.stacked import StackedSpec

TYPE = "stacked"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Stacked:
    """Surrogate whose prediction is the sum of two surrogates.

    Attributes:
        spec: Hyper-parameters.
        first: Fitted to the property.
        second: Fitted to the errors of the first on groups that it did not see; its error estimate is that of the sum.
        training: Summary of the training, for the record.
    """

    spec: StackedSpec
    first: Surrogate
    second: Surrogate
    training: JsonDict

    @property
    def predicts(self) -> tuple[str, ...]:
        """The property."""
        return (self.spec.property,)

    def predict(self, examples: Sequence[Example]) -> list[Prediction]:
        """Predictions in the order of the examples."""
        name = self.spec.property
        pairs = zip(self.first.predict(examples), self.second.predict(examples), strict=True)
        return [
            {name: Estimate(np.asarray(first[name].values + second[name].values), second[name].deviation)}
            for first, second in pairs
        ]

    def rescaled(self, factors: Mapping[str, float]) -> Stacked:
        """The same predictions with other deviations, as ``Rescalable`` says."""
        return replace(self, second=cast("Rescalable", self.second).rescaled(factors))

    def weights(self) -> Weights:
        """Returns the weights and metadata from which :func:`restored` rebuilds the model."""
        first, second = self.first.weights(), self.second.weights()
        document: JsonDict = {
            "type": TYPE,
            "schema_version": SCHEMA_VERSION,
            "spec": self.spec.model_dump(mode="json"),
            "first": first.document,
            "second": second.document,
            "training": self.training,
        }
        return Weights(packed("first", first.arrays) | packed("second", second.arrays), document)

    @classmethod
    def from_weights(cls, weights: Weights, device: DeviceChoice = "cpu") -> Stacked:
        """Rebuilds the model from its weights.

        Args:
            weights: Of both parts.
            device: Where the parts predict.

        Raises:
            StoreError: They are of a newer version, or something of them is missing.
        """
        document = weights.document
        with reading(weights, TYPE, SCHEMA_VERSION):
            return cls(
                spec=StackedSpec.model_validate(document["spec"]),
                first=restored(Weights(unpacked("first", weights.arrays), document["first"]), device),
                second=restored(Weights(unpacked("second", weights.arrays), document["second"]), device),
                training=document["training"],
            )


def packed(part: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Returns the arrays of a part under prefixed names."""
    return {f"{part}.{name}": array for name, array in arrays.items()}


def unpacked(part: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Returns the arrays of a part from those of all parts."""
    lead = f"{part}."
    return {name[len(lead) :]: array for name, array in arrays.items() if name.startswith(lead)}
