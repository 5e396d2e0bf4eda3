"""Fitted average of sparse linear models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from tansaku.models.averaging.averaging import Average
from tansaku.models.averaging.packing import packed, unpacked
from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.surrogate import SparseSpec
from tansaku.models.domain.surrogates import DeviceChoice, Estimate, Example, Prediction, Weights
from tansaku.models.surrogates.calibration import ErrorModel
from tansaku.models.surrogates.reading import reading
from tansaku.models.surrogates.structure_rows import structure_features

_LARGEST = 1e150
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
        """Rebuilds the model from its weights. Raises as :func:`reading` does."""
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


def keys_of(spec: SparseSpec, examples: Sequence[Example]) -> tuple[str, ...]:
    """Keys of the metadata that the spec names, in order; a pattern takes keys of numbers that all structures have.

    The property itself, and others that are known, belong to no pattern: they are what is to be predicted.

    Raises:
        FitError: A name or a pattern fits none.
    """
    known = {name for example in examples for name in example.properties} | {spec.property}
    everywhere = set.intersection(*({key for key, value in _info(item).items() if _is_number(value)} for item in examples))
    found: list[str] = []
    for wanted in spec.columns:
        pattern = any(letter in wanted for letter in "*?[")
        fitting = sorted(key for key in everywhere - known if fnmatchcase(key, wanted)) if pattern else [wanted]
        if pattern and not fitting:
            there = ", ".join(sorted(everywhere - known)[:12]) or "none"
            raise FitError(f"columns: no number that every structure has fits {wanted!r}; these do: {there}")
        if not pattern and wanted in known:
            raise FitError(f"columns: {wanted!r} is a property of the data set; expected what is known beforehand")
        found += fitting
    return tuple(dict.fromkeys(found))


def row_of(spec: SparseSpec, keys: Sequence[str], species: Sequence[str], example: Example) -> FloatArray:
    """Numbers of the metadata, descriptors and fractions of the elements, shape ``(n_columns,)``.

    Raises:
        FitError: The structure has no such number, or an element that is none of ``species``.
    """
    features = structure_features(spec.descriptors, example, species)
    info = _info(example)
    for key in keys:
        if not _is_number(info.get(key)):
            raise FitError(f"{example.id}: no number {key!r} in its metadata, which this model needs")
    return np.concatenate(([float(info[key]) for key in keys], features))


def _info(example: Example) -> Mapping[str, Any]:
    """Metadata of an example, or of the structure where the caller gave the structure alone."""
    return example.info or example.structure.info


def _is_number(value: object) -> bool:
    # A whole number may be too large for a float.
    return isinstance(value, int | float | np.integer | np.floating) and bool(-_LARGEST < value < _LARGEST)
