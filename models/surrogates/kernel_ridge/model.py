"""Fitted kernel ridge regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.kernel_ridge import KernelRidgeSpec
from tansaku.models.domain.surrogates import DeviceChoice, Estimate, Example, Prediction, Weights
from tansaku.models.surrogates.calibration import ErrorModel
from tansaku.models.surrogates.reading import reading
from tansaku.models.surrogates.structure_rows import structure_features

TYPE = "kernel_ridge"
SCHEMA_VERSION = 1


def kernel(squares: FloatArray, width: float) -> FloatArray:
    """Gaussian kernel of squared distances, same shape."""
    return np.asarray(np.exp(-0.5 * squares / width**2))


@dataclass(frozen=True)
class KernelRidge:
    """Surrogate of one property of the structure.

    Attributes:
        spec: Hyper-parameters.
        species: Elements, in order.
        mean: Of the features over the training data, shape ``(n_features,)``.
        scale: Standard deviations, shape ``(n_features,)``.
        rows: Standardised features of the training data, shape ``(n, n_features)``.
        width: Of the kernel, in standardised units.
        coefficients: Shape ``(n,)``.
        factor: Lower Cholesky factor of the regularised kernel matrix, shape ``(n, n)``.
        offset: Mean of what was learned.
        error: Deviation by the posterior variance.
        training: The hyper-parameters that training chose, for the record.
    """

    spec: KernelRidgeSpec
    species: tuple[str, ...]
    mean: FloatArray
    scale: FloatArray
    rows: FloatArray
    width: float
    coefficients: FloatArray
    factor: FloatArray
    offset: float
    error: ErrorModel
    training: JsonDict

    @property
    def predicts(self) -> tuple[str, ...]:
        """The property."""
        return (self.spec.property,)

    def predict(self, examples: Sequence[Example]) -> list[Prediction]:
        """Predictions in the order of the examples."""
        return [self._predict(example) for example in examples]

    def rescaled(self, factors: Mapping[str, float]) -> KernelRidge:
        """The same predictions with other deviations, as ``Rescalable`` says."""
        return replace(self, error=self.error.rescaled(factors.get(self.spec.property, 1.0)))

    def weights(self) -> Weights:
        """Returns the weights and metadata from which :func:`restored` rebuilds the model."""
        document: JsonDict = {
            "type": TYPE,
            "schema_version": SCHEMA_VERSION,
            "spec": self.spec.model_dump(mode="json"),
            "species": list(self.species),
            "width": self.width,
            "offset": self.offset,
            "error": self.error.document(),
            "training": self.training,
        }
        names = ("mean", "scale", "rows", "coefficients", "factor")
        return Weights({name: getattr(self, name) for name in names}, document)

    @classmethod
    def from_weights(cls, weights: Weights, _device: DeviceChoice = "cpu") -> KernelRidge:
        """Rebuilds the model from its weights. Raises as :func:`reading` does."""
        document, arrays = weights.document, weights.arrays
        with reading(weights, TYPE, SCHEMA_VERSION):
            return cls(
                spec=KernelRidgeSpec.model_validate(document["spec"]),
                species=tuple(document["species"]),
                mean=arrays["mean"],
                scale=arrays["scale"],
                rows=arrays["rows"],
                width=float(document["width"]),
                coefficients=arrays["coefficients"],
                factor=arrays["factor"],
                offset=float(document["offset"]),
                error=ErrorModel(**document["error"]),
                training=document["training"],
            )

    def _predict(self, example: Example) -> Prediction:
        row = (structure_features(self.spec.descriptors, example, self.species) - self.mean) / self.scale
        near = kernel(cdist(row[None, :], self.rows, "sqeuclidean"), self.width)[0]
        explained = float((solve_triangular(self.factor, near, lower=True) ** 2).sum())
        times = len(example.structure) if self.spec.per_atom else 1
        value = (float(near @ self.coefficients) + self.offset) * times
        deviation = float(self.error.deviation(np.asarray(max(0.0, 1.0 - explained)))) * times
        return {self.spec.property: Estimate(np.asarray(value), np.asarray(deviation))}
