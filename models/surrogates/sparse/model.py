"""Fitted average of sparse linear models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.averaging.averaging import Average
from tansaku.models.averaging.packing import packed, unpacked
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.surrogate import SparseSpec
from tansaku.models.domain.surrogates import DeviceChoice, Estimate, Example, Prediction, Weights
from tansaku.models.surrogates.calibration import ErrorModel
from tansaku.models.surrogates.reading import reading
from tansaku.models.surrogates.sparse.columns import row_of

TYPE = "sparse"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SparseAverage:
    """``Surrogate`` of one property by a mixture of linear models.

    The mean is that of the mixture. Its deviation counts rows as independent, so it is calibrated on groups
    that were left out.

    Attributes:
        spec: Hyper-parameters.
        species: Elements, in order.
        keys: Of the metadata, in order.
        average: What predicts.
        error: Deviation by the variance of the mixture.
        training: What training found, for the record.
    """

    spec: SparseSpec
    species: tuple[str, ...]
    keys: tuple[str, ...]
    average: Average
    error: ErrorModel
    training: JsonDict

    @property
    def predicts(self) -> tuple[str, ...]:
        """The property."""
        return (self.spec.property,)

    def predict(self, examples: Sequence[Example]) -> list[Prediction]:
        """Predicts, as ``Surrogate`` says."""
        return [self._predict(example) for example in examples]

    def rescaled(self, factors: Mapping[str, float]) -> SparseAverage:
        """The same predictions with other deviations, as ``Rescalable`` says."""
        return replace(self, error=self.error.rescaled(factors.get(self.spec.property, 1.0)))

    def weights(self) -> Weights:
        """All that :meth:`from_weights` needs."""
        document: JsonDict = {
            "type": TYPE,
            "schema_version": SCHEMA_VERSION,
            "spec": self.spec.model_dump(mode="json"),
            "species": list(self.species),
            "keys": list(self.keys),
            "error": self.error.document(),
            "training": self.training,
        }
        return Weights(packed(self.average), document)

    @classmethod
    def from_weights(cls, weights: Weights, _device: DeviceChoice = "cpu") -> SparseAverage:
        """Rebuilds the model from its weights.

        Raises:
            StoreError: They are of a newer version, or something of them is missing.
        """
        document = weights.document
        with reading(weights, TYPE, SCHEMA_VERSION):
            return cls(
                spec=SparseSpec.model_validate(document["spec"]),
                species=tuple(document["species"]),
                keys=tuple(document["keys"]),
                average=unpacked(weights.arrays),
                error=ErrorModel(**document["error"]),
                training=document["training"],
            )

    def _predict(self, example: Example) -> Prediction:
        # One row at a time: with others beside it the last digits of a product change.
        row = row_of(self.spec, self.keys, self.species, example)[None, :]
        mean, distance = self.average.predict(row)[0], self.average.uncertainty(row)
        times = len(example.structure) if self.spec.per_atom else 1
        deviation = float(self.error.deviation(distance)[0]) * times
        return {self.spec.property: Estimate(np.asarray(float(mean[0]) * times), np.asarray(deviation))}
